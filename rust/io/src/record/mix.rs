//! The mixdown: all users summed in one file.

use std::sync::Arc;

use isocord_proto::frame::FRAME_SAMPLES;

use super::assembler::{Assembler, Held};
use super::clean::{Cleaned, Cleaner};
use super::error::SinkError;
use super::lane::{Lane, TrackLane, Unpacker};
use super::open::{Plan, open};
use super::options::{RecorderOptions, WholeFactory};
use super::parts::{Cuts, PartReport};
use super::report::{FileState, TrackReport};
use super::track::Track;
use super::written::Written;
use crate::dsp::mixdown::{Mixdown, PcmRow};

/// The shortest window that a mixdown can have, 40 ms.
const MIN_MIX_WINDOW: u64 = 2 * FRAME_SAMPLES as u64;

type Result<T> = std::result::Result<T, SinkError>;

/// A voice waits for its earlier frames half as long as the mixdown waits for the voice.
pub(crate) fn patience(mix_window: u64) -> u64 {
    mix_window.max(MIN_MIX_WINDOW) / 2
}

/// The one file that all users are summed in.
pub(crate) struct Mix {
    mixdown: Mixdown,
    written: Written,
    window: u64,
}

impl Mix {
    pub(crate) fn new(options: &RecorderOptions, make: WholeFactory, cuts: &Cuts) -> Result<Self> {
        let opened = open(&Plan::new(options, cuts, None, 0, true), make)?;
        let window = options.mix_window.max(MIN_MIX_WINDOW);
        Ok(Self { mixdown: Mixdown::new(window), written: Written::new(Ok(opened)), window })
    }

    /// How long a voice waits for an earlier frame.
    pub(crate) fn patience(&self) -> u64 {
        patience(self.window)
    }

    /// Samples that came too late.
    pub(crate) fn late(&self) -> u64 {
        self.mixdown.late
    }

    pub(crate) fn len(&self) -> u64 {
        self.written.len()
    }

    pub(crate) fn frame(&mut self, track: &mut Track, at: u64, frame: Held) -> Result<()> {
        self.with(track, |assembler, lane| assembler.frame(at, frame, lane))
    }

    /// A voice's frames are not waited for before `until`.
    pub(crate) fn release(&mut self, track: &mut Track, until: u64) -> Result<()> {
        self.with(track, |assembler, lane| assembler.release(until, lane))
    }

    /// Nothing more comes of a voice.
    pub(crate) fn end(&mut self, track: &mut Track) -> Result<()> {
        self.release(track, u64::MAX)?;
        self.voice(track, |_, cleaner, lane| cleaner.map_or(Ok(()), |cleaner| cleaner.flush(lane)))
    }

    pub(crate) fn advance(&mut self, now: u64, flush: bool) -> Result<()> {
        let Some(lane) = self.written.lane() else { return Ok(()) };
        self.mixdown.flush(now.saturating_sub(self.window), &mut Sum(lane))?;
        if flush {
            lane.flush()?;
            self.written.note_flushed();
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, end: u64) -> Result<()> {
        let Some(lane) = self.written.lane() else { return Ok(()) };
        self.mixdown.finish(end, &mut Sum(lane))?;
        self.written.finish(FileState::Finished)
    }

    /// The file is as big as it may be.
    pub(crate) fn end_at_limit(&mut self) -> Result<()> {
        self.written.finish(FileState::SizeLimit)
    }

    pub(crate) fn fail(&mut self, error: Arc<SinkError>) {
        self.written.fail(error);
    }

    /// Its files that are complete, from the given index on.
    pub(crate) fn parts(&self, index: usize) -> Vec<PartReport> {
        self.written.parts(index)
    }

    pub(crate) fn report(&self) -> TrackReport {
        self.written.report(None, 0)
    }

    fn with(
        &mut self,
        track: &mut Track,
        action: impl FnOnce(&mut Assembler, &mut dyn Lane) -> Result<()>,
    ) -> Result<()> {
        self.voice(track, |assembler, cleaner, to| match cleaner {
            Some(cleaner) => action(assembler, &mut Cleaned { cleaner, to }),
            None => action(assembler, to),
        })
    }

    /// Has what cleans a voice, and its way into the sum.
    fn voice(
        &mut self,
        track: &mut Track,
        action: impl FnOnce(&mut Assembler, Option<&mut Cleaner>, &mut dyn Lane) -> Result<()>,
    ) -> Result<()> {
        let Some(out) = self.written.lane() else { return Ok(()) };
        let (assembler, voice) = track.voice();
        let lag = voice.cleaner.as_ref().map_or(0, Cleaner::lag);
        let at = assembler.next().saturating_sub(lag);
        let unpacker = &mut voice.unpacker;
        let mut lane = VoiceLane { mixdown: &mut self.mixdown, out: Sum(out), unpacker, at };
        action(assembler, voice.cleaner.as_mut(), &mut lane)
    }
}

/// The sum on its way into the file.
struct Sum<'a>(&'a mut dyn TrackLane);

impl PcmRow for Sum<'_> {
    type Error = SinkError;

    fn gap(&mut self, samples: u64) -> Result<()> {
        self.0.gap(samples)
    }
    fn pcm(&mut self, pcm: &[i16]) -> Result<()> {
        self.0.pcm(pcm)
    }
}

/// Adds one user's row of sound to the sum.
struct VoiceLane<'a> {
    mixdown: &'a mut Mixdown,
    out: Sum<'a>,
    unpacker: &'a mut Unpacker,
    at: u64,
}

impl Lane for VoiceLane<'_> {
    fn gap(&mut self, samples: u64) -> Result<()> {
        self.at += samples;
        Ok(())
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<()> {
        self.mixdown.add(self.at, pcm, &mut self.out)?;
        self.at += pcm.len() as u64 / 2;
        Ok(())
    }

    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<()> {
        let pcm = &self.unpacker.decode(packet, samples)?[2 * behind as usize..];
        self.mixdown.add(self.at, pcm, &mut self.out)?;
        self.at += u64::from(samples - behind);
        Ok(())
    }
}

/// Stands where a track of its own would have its file.
pub(crate) struct VoiceTrack;

impl Lane for VoiceTrack {
    fn gap(&mut self, _: u64) -> Result<()> {
        Ok(())
    }
    fn pcm(&mut self, _: &[i16]) -> Result<()> {
        Ok(())
    }
    fn opus(&mut self, _: &[u8], _: u32, _: u32) -> Result<()> {
        Ok(())
    }
}

impl TrackLane for VoiceTrack {
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
    fn len(&self) -> u64 {
        0
    }
    fn samples(&self) -> u64 {
        0
    }
}
