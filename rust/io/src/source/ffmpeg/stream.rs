//! The frames of what ffmpeg decodes.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::budget::{Call, Meter};
use super::super::error::StageError;
use super::super::frame::{FRAME_SAMPLES, FrameBuf, SAMPLE_RATE, SourceFrame};
use super::super::input::MediaFile;
use super::super::stream::Decode;
use super::process::{ExitCode, Run};
use super::said::Described;

/// Bytes of a sample pair.
const PAIR: usize = 8;
/// What it says of its input comes with the first sound.
const WORDS: std::time::Duration = std::time::Duration::from_secs(1);

/// A file that ffmpeg decodes, 32-bit floats in stereo at 48 kHz.
pub(crate) struct FfmpegStream {
    program: PathBuf,
    file: MediaFile,
    /// Counts what is read for ffmpeg; `meter` counts what it gives.
    fed: Arc<Meter>,
    meter: Arc<Meter>,
    code: ExitCode,
    /// None between two, and after one that could not be started. Dropped before a new one begins.
    run: Option<(Run, MediaFile)>,
    /// Where the run began, and how many bytes of it are read.
    begins: u64,
    at: u64,
    bytes: Box<[u8; FRAME_SAMPLES * PAIR]>,
}

impl FfmpegStream {
    /// Has ffmpeg decode the file, and waits for its first sound.
    ///
    /// # Errors
    /// It cannot be started, or there is none: why, in its own words.
    pub(crate) fn open(program: PathBuf, file: MediaFile) -> Result<(Self, Described), StageError> {
        let (fed, meter) = (Meter::new(), Arc::clone(file.meter()));
        fed.opened();
        let bytes = Box::new([0; FRAME_SAMPLES * PAIR]);
        let code = ExitCode::default();
        let mut stream = Self { program, file, fed, meter, code, run: None, begins: 0, at: 0, bytes };
        stream.start(0)?;
        stream.meter.begin(Call::Packet);
        let Some((run, sound)) = &stream.run else { return Err(StageError::broken("there is no ffmpeg")) };
        if sound.bytes_at::<PAIR>(0)?.is_none() {
            return Err(StageError::broken("ffmpeg finds no sound in it"));
        }
        let described = run.process.said.described(WORDS);
        Ok((stream, described))
    }

    /// How it ended, if that was a failure.
    pub(crate) fn exit_code(&self) -> ExitCode {
        Arc::clone(&self.code)
    }

    fn start(&mut self, place: u64) -> Result<(), StageError> {
        self.run = None;
        let seconds = place as f64 / f64::from(SAMPLE_RATE);
        let run = Run::start(&self.program, &self.file, &self.fed, seconds, &self.code)?;
        let (sound, input) = (Arc::clone(&run.window), self.file.window().cloned());
        self.meter.on_close(move || {
            sound.close();
            if let Some(input) = &input {
                input.close();
            }
        });
        run.window.opened();
        let sound = MediaFile::of_window(Arc::clone(&run.window), Arc::clone(&self.meter));
        self.run = Some((run, sound));
        (self.begins, self.at) = (place, 0);
        Ok(())
    }
}

impl Decode for FfmpegStream {
    fn next_frame(&mut self, out: &mut FrameBuf) -> Result<Option<SourceFrame>, StageError> {
        let Some((_, sound)) = &self.run else { return Ok(Some(SourceFrame::End)) };
        self.meter.begin(Call::Packet);
        let count = sound.read_at(&mut *self.bytes, self.at)? / PAIR;
        if count == 0 {
            return Ok(Some(SourceFrame::End));
        }
        self.meter.heard();
        self.fed.heard();
        out.pcm.fill(0.0);
        let (pairs, _) = self.bytes[..count * PAIR].as_chunks::<4>();
        for (sample, bytes) in out.pcm.iter_mut().zip(pairs) {
            let value = f32::from_le_bytes(*bytes);
            *sample = if value.is_finite() { value } else { 0.0 };
        }
        out.position = self.begins + self.at / PAIR as u64;
        out.samples = count as u16;
        self.at += (count * PAIR) as u64;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, target: i64) -> Result<(), StageError> {
        self.start(u64::try_from(target).unwrap_or(0))
    }

    fn broken(&self) -> u64 {
        0
    }
}
