//! Units to sound, where their packets do not pass.

use super::super::super::error::StageError;
use super::super::super::frame::{FrameBuf, SourceFrame};
use super::super::decode::OpusDecoder;
use super::{FRAME_VALUES, OpusStream, Unit};

impl OpusStream {
    /// Decode a unit and append what is to be heard of it.
    pub(super) fn decode(&mut self, unit: Unit) -> Result<(), StageError> {
        let mut decoder = match self.decoder.take() {
            Some(decoder) => decoder,
            None => self.take_over(unit)?,
        };
        self.history.push(self.bytes.clone(), unit.start, unit.samples);
        let before = self.pending.len();
        match decoder.decode(&self.bytes, unit.samples, &mut self.pending) {
            Ok(_) => self.broken_run = 0,
            Err(_) => self.count_broken()?,
        }
        self.decoder = Some(decoder);
        // A broken packet leaves silence, so that what follows keeps its time.
        self.pending.resize(before + unit.samples * 2, 0.0);
        if before == 0 {
            self.pending_start = unit.start;
        }
        let audible = unit.end.saturating_sub(unit.start).clamp(0, unit.samples as i64) as usize;
        self.pending.truncate(before + audible * 2);
        if self.may_pass(unit) {
            let inaudible = (self.audible_from - unit.start).clamp(0, audible as i64) as usize;
            self.pending[before..before + inaudible * 2].fill(0.0);
        } else if before == 0 {
            let from = self.audible_from.max(self.target);
            let inaudible = (from - unit.start).clamp(0, audible as i64) as usize;
            self.pending.drain(..inaudible * 2);
            self.pending_start += inaudible as i64;
        }
        Ok(())
    }

    /// A decoder that has converged on the packets before `unit`.
    fn take_over(&mut self, unit: Unit) -> Result<OpusDecoder, StageError> {
        let mut decoder = OpusDecoder::new(&self.head).map_err(StageError::Broken)?;
        let mut unheard = Vec::new();
        for (packet, samples) in self.history.leading_to(unit.start) {
            // A packet that fails here only makes the start less smooth.
            let _ = decoder.decode(packet, samples, &mut unheard);
        }
        Ok(decoder)
    }

    /// How many of the samples from `start` on come before the first audible one.
    pub(super) fn lead(&self, start: i64, samples: u16) -> u16 {
        (self.audible_from - start).clamp(0, i64::from(samples)) as u16
    }

    /// Take one frame off the decoded sound, padded with zeros.
    pub(super) fn cut(&mut self, out: &mut FrameBuf) -> SourceFrame {
        let len = self.pending.len().min(FRAME_VALUES);
        out.pcm[..len].copy_from_slice(&self.pending[..len]);
        out.pcm[len..].fill(0.0);
        out.position = u64::try_from(self.pending_start).unwrap_or(0);
        out.samples = (len / 2) as u16;
        out.lead = self.lead(self.pending_start, out.samples);
        self.pending.drain(..len);
        self.pending_start += (len / 2) as i64;
        SourceFrame::Pcm
    }
}
