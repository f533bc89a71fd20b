//! Sound -> gain -> encoder -> packet, by an encoder that has heard what the listener's decoder has.

use isocord_proto::frame::{FRAME_LEN, OpusFrame};
use isocord_proto::opus::OpusError;

use super::{Ahead, ENCODER_LEAD};
use crate::dsp::apply_gain;
use crate::play::deck::error::FeedError;
use crate::play::deck::made::Made;

impl Ahead {
    /// Has the encoder ready, so that its options are checked now.
    pub(in crate::play::deck) fn prepare(&mut self) -> Result<(), OpusError> {
        self.encoder.get().map(drop)
    }

    /// Nothing is encoded for a while.
    pub(in crate::play::deck) fn sleep(&mut self) {
        self.encoder.sleep();
    }

    /// An encoder that goes on where packets have passed through, or sound has begun: it hears what went before, and
    /// then a frame that refers to nothing, for the listener's decoder has heard other packets.
    pub(super) fn take_over(&mut self, number: u64) -> Result<(), FeedError> {
        self.encoder.renew()?;
        let from = number.saturating_sub(ENCODER_LEAD).max(self.tape.first());
        let gain = self.gain_at(number);
        let asked = self.encoder.asked();
        let mut unheard = OpusFrame::SILENCE;
        if from == number {
            self.encode_between(None, number, gain, (asked, gain), &mut unheard)?;
        }
        for number in from..number {
            self.encode_between(Some(number), number + 1, gain, (asked, gain), &mut unheard)?;
        }
        Ok(())
    }

    /// By how many values of sound frames are encoded earlier than they are in the source.
    pub(super) fn early(&mut self) -> Result<usize, OpusError> {
        if self.has_packets { Ok(self.encoder.get()?.delay()? * 2) } else { Ok(0) }
    }

    /// Encodes the sound of frame `number`, and notes how.
    pub(super) fn encode(
        &mut self,
        number: u64,
        before: f32,
        made: Made,
        alone: bool,
        out: &mut OpusFrame,
    ) -> Result<(), FeedError> {
        let Made::Encoded { complexity, gain } = made else { return Ok(()) };
        self.encoder.get()?.stand_alone(alone)?;
        self.encode_between(Some(number), number + 1, before, (complexity, gain), out)?;
        self.made.set(number, made);
        Ok(())
    }

    /// Encodes a frame of sound that begins in frame `first`, or in silence, as early as the source asks for.
    fn encode_between(
        &mut self,
        first: Option<u64>,
        second: u64,
        before: f32,
        (complexity, gain): (u8, f32),
        out: &mut OpusFrame,
    ) -> Result<(), FeedError> {
        let mut pcm = [0.0; FRAME_LEN];
        let early = self.early()?;
        if let Some(first) = first {
            self.tape.pcm(first, &mut pcm)?;
            pcm.copy_within(early.., 0);
        }
        if early > 0 {
            let mut next = [0.0; FRAME_LEN];
            self.tape.pcm(second, &mut next)?;
            pcm[FRAME_LEN - early..].copy_from_slice(&next[..early]);
        }
        apply_gain(before, gain, &mut pcm);
        let encoder = self.encoder.get()?;
        encoder.set_complexity(complexity)?;
        out.fill(|out| encoder.encode_float(&pcm, out))?;
        Ok(())
    }
}
