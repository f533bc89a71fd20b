//! Turns what a jitter buffer says into sound: decodes, restores, conceals.

use super::framer::{Framer, Source, Whole};
use super::output::FrameKind;
use super::slip::Slip;
use super::stretch::{MIN_PIECE, stretch};
use crate::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES};
use crate::opus::{Decoder, MAX_DECODED_LEN, OpusError};

/// Samples that are concealed in a row before silence: five frames.
const MAX_CONCEALED: usize = 5 * FRAME_SAMPLES;
/// libopus conceals in units of 2.5 ms.
const UNIT: usize = 120;

/// Room for the longest packet, shared by the streams of a connection.
pub(super) type Scratch = [i16; MAX_DECODED_LEN];

/// What a lost packet was replaced with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    Recovered,
    Concealed,
}

/// The decoder of one stream.
pub(super) struct Playout {
    /// Made with the first packet, given back in long silence.
    decoder: Option<Decoder>,
    framer: Framer,
    slip: Slip,
    /// Samples concealed since the last packet.
    concealed: usize,
}

impl Playout {
    /// Sound before the position `end` is cut off.
    pub(super) fn new(end: i64) -> Self {
        Self { decoder: None, framer: Framer::new(end), slip: Slip::default(), concealed: 0 }
    }

    /// The end of the sound that has been handed out.
    pub(super) fn end(&self) -> i64 {
        self.framer.end()
    }

    /// The stream's place on the clock has moved by so many samples: the next packets are made longer or
    /// shorter until the sound is in its place again.
    pub(super) fn shift(&mut self, by: i64) {
        self.slip.shift(by);
    }

    /// How much earlier than its place the sound is put.
    pub(super) fn ahead(&self) -> u32 {
        (-self.slip.get()).max(0) as u32
    }

    /// A packet that came at `at`. If it cannot be decoded, its time is concealed.
    ///
    /// # Errors
    /// libopus's; what it could not decode has been concealed.
    pub(super) fn packet(
        &mut self,
        position: i64,
        samples: u32,
        at: i64,
        packet: &[u8],
        scratch: &mut Scratch,
        emit: impl FnMut(Whole<'_>),
    ) -> Result<(), OpusError> {
        let position = self.slip.place(position, i64::from(samples), self.framer.covered());
        match self.decoder()?.decode(packet, scratch) {
            Ok(decoded) => {
                self.concealed = 0;
                let len = self.make_up(scratch, decoded);
                self.framer.push(
                    position,
                    &scratch[..len * CHANNELS],
                    Source(FrameKind::Voice, Some(at)),
                    emit,
                );
                Ok(())
            }
            Err(error) => {
                self.conceal(position, samples as usize, scratch, emit);
                Err(error)
            }
        }
    }

    /// A lost packet; `next` is the one after it, with the samples of each of its Opus frames, if it
    /// holds FEC.
    pub(super) fn lost(
        &mut self,
        position: i64,
        samples: u32,
        next: Option<(&[u8], u32)>,
        scratch: &mut Scratch,
        mut emit: impl FnMut(Whole<'_>),
    ) -> Replaced {
        let position = self.slip.place(position, i64::from(samples), self.framer.covered());
        let samples = samples as usize;
        let Some((packet, frame)) = next.filter(|(_, frame)| *frame as usize <= samples) else {
            self.conceal(position, samples, scratch, emit);
            return Replaced::Concealed;
        };
        // FEC reaches back one Opus frame; what is missing before that is concealed.
        let before = samples - frame as usize;
        self.conceal(position, before, scratch, &mut emit);
        let room = &mut scratch[..frame as usize * CHANNELS];
        let restored = self.decoder().and_then(|decoder| decoder.recover(packet, room));
        let Ok(restored) = restored else {
            self.conceal(position + before as i64, frame as usize, scratch, emit);
            return Replaced::Concealed;
        };
        self.concealed = 0;
        self.framer.push(
            position + before as i64,
            &scratch[..restored * CHANNELS],
            Source(FrameKind::Recovered, None),
            emit,
        );
        Replaced::Recovered
    }

    /// The talk spurt is over: hands out what is left.
    pub(super) fn end_spurt(&mut self, emit: impl FnMut(Whole<'_>)) {
        self.framer.flush(emit);
        self.concealed = 0;
    }

    /// Forgets the past; the next packet is decoded as a first one.
    pub(super) fn reset(&mut self) {
        if let Some(decoder) = &mut self.decoder
            && decoder.reset().is_err()
        {
            self.decoder = None;
        }
    }

    /// Gives the decoder's memory back.
    pub(super) fn release(&mut self) {
        self.decoder = None;
    }

    /// Whether there is a decoder.
    pub(super) fn is_ready(&self) -> bool {
        self.decoder.is_some()
    }

    /// Makes decoded sound longer or shorter, towards its place; returns its new length.
    fn make_up(&mut self, scratch: &mut Scratch, decoded: usize) -> usize {
        let late = self.slip.get();
        if late.unsigned_abs() < MIN_PIECE as u64 {
            return decoded;
        }
        let len = stretch(scratch, decoded, -late);
        self.slip.make_up(len as i64 - decoded as i64);
        len
    }

    fn conceal(
        &mut self,
        mut position: i64,
        samples: usize,
        scratch: &mut Scratch,
        mut emit: impl FnMut(Whole<'_>),
    ) {
        let mut left = samples / UNIT * UNIT;
        while left > 0 && self.concealed < MAX_CONCEALED {
            let len = left.min(FRAME_SAMPLES).min(MAX_CONCEALED - self.concealed);
            let room = &mut scratch[..len * CHANNELS];
            let made = self.decoder().and_then(|decoder| decoder.conceal(room));
            let Ok(made) = made else { return };
            self.concealed += made;
            let sound = &mut scratch[..made * CHANNELS];
            if self.concealed >= MAX_CONCEALED {
                fade_out(sound);
            }
            self.framer.push(position, sound, Source(FrameKind::Concealed, None), &mut emit);
            position += made as i64;
            left -= made.min(left);
            if made == 0 {
                return;
            }
        }
    }

    fn decoder(&mut self) -> Result<&mut Decoder, OpusError> {
        match &mut self.decoder {
            Some(decoder) => Ok(decoder),
            empty => Ok(empty.insert(Decoder::new()?)),
        }
    }
}

/// To silence within the last frame at most, in a straight line.
fn fade_out(sound: &mut [i16]) {
    let start = sound.len().saturating_sub(FRAME_LEN);
    let sound = &mut sound[start..];
    let steps = (sound.len() / CHANNELS) as i32;
    for (index, sample) in sound.chunks_exact_mut(CHANNELS).enumerate() {
        let weight = steps - 1 - index as i32;
        sample.iter_mut().for_each(|value| *value = (i32::from(*value) * weight / steps) as i16);
    }
}
