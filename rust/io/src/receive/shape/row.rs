//! An unbroken row of sound, cut into frames of 20 ms.

use std::convert::Infallible;

use isocord_proto::frame::{CHANNELS, FRAME_LEN};
use isocord_proto::recv::FrameKind;

use crate::dsp::mixdown::PcmRow;

/// Where a frame's sound comes from, none being silence, and when its packet came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Origin(pub Option<FrameKind>, pub Option<u64>);

/// A whole frame, and the place of its first sample.
pub(crate) type Whole = (u64, Origin, Box<[i16; FRAME_LEN]>);

/// Makes whole frames of what lies side by side. Silence is frames too, or is left out.
pub(crate) struct Row {
    /// Whether silence is handed out.
    fill: bool,
    at: u64,
    part: Option<(u64, Origin, Box<[i16; FRAME_LEN]>, usize)>,
    whole: Vec<Whole>,
}

impl Row {
    /// One that begins at the position `at`.
    pub(crate) fn new(fill: bool, at: u64) -> Self {
        Self { fill, at, part: None, whole: Vec::new() }
    }

    /// It begins at the position `at`; nothing is in it yet.
    pub(crate) fn start_at(&mut self, at: u64) {
        self.at = at;
    }

    /// What it has come to.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// The frames that are whole.
    pub(crate) fn take(&mut self) -> Vec<Whole> {
        std::mem::take(&mut self.whole)
    }

    /// Ends a frame that has begun with silence.
    pub(crate) fn end(&mut self) {
        if let Some((at, origin, pcm, _)) = self.part.take() {
            self.at = at + (FRAME_LEN / CHANNELS) as u64;
            self.whole.push((at, origin, pcm));
        }
    }

    /// Silence up to the position `until`.
    pub(crate) fn silence(&mut self, until: u64) {
        while self.at < until {
            if self.part.is_none() && !self.fill {
                self.at = until;
                return;
            }
            let len = self.part.as_ref().map_or(0, |(.., len)| *len);
            let step = ((until - self.at) as usize).min((FRAME_LEN - len) / CHANNELS) * CHANNELS;
            self.grow(Origin::default(), step, |_| {});
        }
    }

    /// Sound, which follows what is there.
    pub(crate) fn sound(&mut self, origin: Origin, mut pcm: &[i16]) {
        while !pcm.is_empty() {
            let len = self.part.as_ref().map_or(0, |(.., len)| *len);
            let step = pcm.len().min(FRAME_LEN - len);
            self.grow(origin, step, |room| room.copy_from_slice(&pcm[..step]));
            pcm = &pcm[step..];
        }
    }

    /// Lets `write` fill the next `step` values of the frame in the making.
    fn grow(&mut self, origin: Origin, step: usize, write: impl FnOnce(&mut [i16])) {
        let at = self.at;
        let (_, known, pcm, len) = self.part.get_or_insert_with(|| (at, origin, Box::new([0; FRAME_LEN]), 0));
        known.0 = known.0.or(origin.0);
        known.1 = known.1.max(origin.1);
        write(&mut pcm[*len..*len + step]);
        *len += step;
        self.at += (step / CHANNELS) as u64;
        if *len == FRAME_LEN {
            self.end();
        }
    }
}

impl PcmRow for Row {
    type Error = Infallible;

    fn gap(&mut self, samples: u64) -> Result<(), Infallible> {
        self.silence(self.at + samples);
        Ok(())
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<(), Infallible> {
        // Zeros do not begin a frame of sound.
        let silent =
            if self.part.is_none() { pcm.iter().take_while(|&&sample| sample == 0).count() } else { 0 };
        let (silent, sound) = pcm.split_at(silent / CHANNELS * CHANNELS);
        self.silence(self.at + (silent.len() / CHANNELS) as u64);
        self.sound(Origin(Some(FrameKind::Voice), None), sound);
        Ok(())
    }
}
