//! One file that plays: what it is, its frames, volume and place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::budget::Meter;
use super::contents::{Contents, FileInfo, PANICKED};
use super::error::{SeekError, SourceError, StageError};
use super::ffmpeg::ExitCode;
use super::frame::{Downstream, FrameBuf, FrameSource, SAMPLE_RATE, SourceFrame, Want};
use super::stream::{StreamTitle, Window};
use super::tags::Cover;
use crate::dsp::{Volume, apply_gain};

/// Positions beyond this (a hundred days) are the end of any file.
const MAX_SECONDS: f64 = 8_640_000.0;

/// A file as a source of frames of 20 ms.
pub struct AudioFile {
    pub(super) contents: Contents,
    pub(super) info: FileInfo,
    pub(super) cover: Option<Cover>,
    pub(super) volume: Volume,
    /// The gain of the last frame of [`AudioFile::next_frame`].
    pub(super) gain: f32,
    pub(super) position: u64,
    pub(super) over: bool,
    pub(super) meter: Arc<Meter>,
    /// Where it comes over a network.
    pub(super) window: Option<Arc<Window>>,
    pub(super) seekable: bool,
    /// Of the process that decodes it, if one does.
    pub(super) exit: Option<ExitCode>,
}

/// Closes a file from another thread than the one that reads it.
#[derive(Clone, Debug)]
pub struct Closer(pub(super) Arc<Meter>);

impl Closer {
    /// Nothing more is read: who reads is given an error as soon as the system gives back what was asked of it.
    pub fn close(&self) {
        self.0.close();
    }
}

impl AudioFile {
    /// Whether [`AudioFile::seek`] is possible: not where a server gives it from front to back only.
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        self.seekable
    }

    /// What a radio says that it plays; to be asked from any thread.
    #[must_use]
    pub fn stream_title(&self) -> StreamTitle {
        StreamTitle::new(self.window.clone())
    }

    /// How the process that decodes it ended, if one does and that was a failure: its exit status; below zero, the
    /// signal that ended it. To be asked from any thread.
    pub fn exit_code(&self) -> impl Fn() -> Option<i32> + Send + Sync + use<> {
        let exit = self.exit.clone();
        move || exit.as_ref().and_then(|exit| exit.get().copied())
    }

    /// What the file is.
    #[must_use]
    pub fn info(&self) -> &FileInfo {
        &self.info
    }

    /// Its picture, if it has one. It can be read while the file plays.
    pub fn take_cover(&mut self) -> Option<Cover> {
        self.cover.take()
    }

    /// Length in seconds, where the file tells it.
    #[must_use]
    pub fn duration(&self) -> Option<f64> {
        self.info.duration.map(|samples| samples as f64 / f64::from(SAMPLE_RATE))
    }

    /// The volume; clones of it change this file's volume from any thread.
    #[must_use]
    pub fn volume(&self) -> &Volume {
        &self.volume
    }

    /// True if the file holds Opus, so that its frames may be [`SourceFrame::Opus`].
    #[must_use]
    pub fn is_opus(&self) -> bool {
        matches!(self.contents, Contents::Opus(_))
    }

    /// True if, as the volume is now, the next frame is a packet of the file as it stands.
    #[must_use]
    pub fn passthrough(&self) -> bool {
        self.volume.get() == 1.0 && self.passes()
    }

    /// Source time after the last frame, in samples of 48 kHz: where the next one begins.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Damaged packets and pages that were skipped so far.
    #[must_use]
    pub fn broken(&self) -> u64 {
        self.contents.broken()
    }

    /// Bytes read so far, at every place and however often.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.meter.read()
    }

    /// Closes it from another thread.
    #[must_use]
    pub fn closer(&self) -> Closer {
        Closer(Arc::clone(&self.meter))
    }

    /// Produce the next frame. After [`SourceFrame::End`] or an error every call gives [`SourceFrame::End`], until a seek.
    ///
    /// # Errors
    /// Reading failed, nothing more can be decoded, or there is no sound within reason. Single damaged packets are
    /// counted, not reported.
    pub fn next_frame(&mut self, out: &mut FrameBuf) -> Result<SourceFrame, SourceError> {
        loop {
            match self.try_next_frame(out)? {
                Some(SourceFrame::Starved) => self.contents.wait(),
                Some(frame) => return Ok(frame),
                None => {}
            }
        }
    }

    /// As [`AudioFile::next_frame`], but None where the frame takes longer to find than others should wait: half a MiB
    /// of reading, or 5 ms. The next call looks on.
    ///
    /// # Errors
    /// As [`AudioFile::next_frame`].
    pub fn try_next_frame(&mut self, out: &mut FrameBuf) -> Result<Option<SourceFrame>, SourceError> {
        let (before, now) = (self.gain, self.volume.get());
        let frame = self.next(out, if before == 1.0 && now == 1.0 { Want::PACKETS } else { Want::PCM })?;
        if frame == Some(SourceFrame::Pcm) {
            apply_gain(before, now, &mut out.pcm);
        }
        if frame.is_some_and(|frame| frame != SourceFrame::Starved) {
            self.gain = now;
        }
        Ok(frame)
    }

    /// Go to a place in the file; beyond its end the next frame is [`SourceFrame::End`].
    ///
    /// Decoded files begin at the exact sample. Opus that may pass through begins, whatever the volume, at the packet
    /// that holds the sample, up to 20 ms earlier; [`AudioFile::position`] then tells where.
    ///
    /// # Errors
    /// `seconds` is negative or not a number, or the file cannot be read.
    pub fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.begin_seek(seconds)?;
        self.settle().map_err(|error| self.failed_seek(error))
    }

    /// As [`AudioFile::seek`], but where the file has no index and the way is long, it is gone by
    /// [`AudioFile::try_next_frame`], slice by slice. Until then [`AudioFile::position`] is what was asked for.
    ///
    /// # Errors
    /// As [`AudioFile::seek`].
    pub fn begin_seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        if !(seconds >= 0.0 && seconds.is_finite()) {
            return Err(SeekError::Position(seconds));
        }
        if !self.is_seekable() {
            return Err(SeekError::NotSeekable { name: self.info.name.clone() });
        }
        self.go_to(seconds).map_err(|error| self.failed_seek(error))
    }

    fn failed_seek(&mut self, error: StageError) -> SeekError {
        self.over = true;
        SeekError::Source(error.into_source(&self.info.name))
    }

    fn guard<T>(
        &mut self,
        work: impl FnOnce(&mut Contents) -> Result<T, StageError>,
    ) -> Result<T, StageError> {
        let contents = &mut self.contents;
        match catch_unwind(AssertUnwindSafe(|| work(contents))) {
            Ok(result) => result.map_err(|error| self.meter.explain(error)),
            Err(_) => {
                self.contents = Contents::Failed;
                Err(StageError::broken(PANICKED))
            }
        }
    }

    pub(super) fn go_to(&mut self, seconds: f64) -> Result<(), StageError> {
        let target = (seconds.min(MAX_SECONDS) * f64::from(SAMPLE_RATE)).round() as i64;
        self.meter.heard();
        self.meter.begin_slice();
        self.position = self.guard(|contents| contents.seek(target))?;
        self.over = false;
        Ok(())
    }

    /// Go all the way to where the last seek goes.
    pub(super) fn settle(&mut self) -> Result<(), StageError> {
        self.meter.begin_slice();
        while !self.guard(|contents| contents.settle())? {
            self.meter.begin_slice();
        }
        if let Some(position) = self.contents.position() {
            self.position = position;
        }
        Ok(())
    }
}

impl FrameSource for AudioFile {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        if self.over {
            return Ok(Some(SourceFrame::End));
        }
        self.meter.begin_slice();
        match self.guard(|contents| contents.next_frame(frame, want)) {
            Ok(Some(SourceFrame::End)) => {
                self.over = true;
                Ok(Some(SourceFrame::End))
            }
            Ok(Some(SourceFrame::Starved)) => Ok(Some(SourceFrame::Starved)),
            Ok(Some(kind)) => {
                self.position = frame.position + u64::from(frame.samples);
                Ok(Some(kind))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                self.over = true;
                Err(error.into_source(&self.info.name))
            }
        }
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.begin_seek(seconds)
    }

    fn position(&self) -> u64 {
        self.position
    }

    fn has_packets(&self) -> bool {
        self.is_opus()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, _: u64) {
        self.contents.attach(downstream);
    }

    fn passes(&self) -> bool {
        match &self.contents {
            Contents::Opus(stream) => stream.passes(),
            Contents::Pcm(_) | Contents::Decoded(_) | Contents::Failed => false,
        }
    }
}
