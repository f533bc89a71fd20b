//! What is made ahead of time, and can be made again: sound -> gain -> encoder -> packet, or a packet as it stands.
//!
//! The sound of what has not left is kept, and so is the encoder as it was every few frames. When the gain changes, the
//! frames from the next one on are encoded again, by an encoder that has heard exactly what the listener's decoder has:
//! so a change is heard at once, without a click, however far ahead the encoder was.
//!
//! Where sound begins, the listener's decoder has heard silence, or another encoder. A frame that refers to what its own
//! encoder remembers would be heard as loud as that was: the first 100 ms of a sentence would fade in. So the frame with
//! which sound begins refers to nothing.
//!
//! An encoder's sound is heard later than what went in, a packet of the source at once. In a source with packets what
//! is encoded is therefore taken that much earlier, so that the two follow one another without a seam.

mod encoding;
mod revising;

use isocord_proto::frame::{FRAME_LEN, OpusFrame};
use isocord_proto::opus::{EncoderOptions, OpusError};

use super::encoder::LazyEncoder;
use super::error::FeedError;
use super::made::{History, Made};
use crate::dsp::splice;
use crate::play::Pressure;
use crate::source::{DECODER_LEAD, FrameBuf, FrameSource, Pcm, Reached, Tape, Want};

/// Frames that an encoder hears before it takes over from packets that passed through. With three a chord has an
/// audible seam at the highest complexity, with five it has none.
const ENCODER_LEAD: u64 = 5;

/// How soon the next frame leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Later,
    /// See [`Want::now`].
    Soon,
    /// If it is not there, nothing leaves.
    Next,
}

/// What changes from frame to frame.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// The gain at the frame's end.
    pub gain: f32,
    pub pressure: Pressure,
    pub due: Due,
}

/// What became of the next frame.
pub(super) enum NextFrame {
    /// It is there.
    Made {
        /// With a lower complexity than asked.
        simplified: bool,
    },
    /// Its sound is still looked for.
    Later,
    /// The source waits for others, who say when there is more.
    Starved,
    /// There is none.
    End,
}

pub(super) struct Ahead {
    tape: Tape,
    made: History,
    encoder: LazyEncoder,
    /// Frames between two memories of the encoder.
    distance: u64,
    /// Number of the frame that is made next.
    cursor: u64,
    /// Gain before the oldest frame that is kept.
    gain_before: f32,
    /// Number of the last frame with which sound begins after silence.
    begun: u64,
    /// Number of the frame that the source gives next.
    given: u64,
    /// What that was when the source last went back.
    given_before: u64,
    /// The sound that frame of that number begins with, for what follows has changed.
    splice: Option<(u64, Box<Pcm>)>,
    has_packets: bool,
    /// The source has packets and could not give one: it decodes by itself what is to be encoded.
    mixed: bool,
}

impl Ahead {
    pub(super) fn new(options: &EncoderOptions, lookahead: usize, has_packets: bool, gain: f32) -> Self {
        Self {
            tape: Tape::new(),
            made: History::new(),
            encoder: LazyEncoder::new(options),
            distance: lookahead.div_ceil(2) as u64,
            cursor: 0,
            begun: 0,
            gain_before: gain,
            given: 0,
            given_before: 0,
            splice: None,
            has_packets,
            mixed: false,
        }
    }

    /// Has brought near what is needed soon.
    pub(super) fn fetch(&self) {
        self.tape.fetch();
    }

    /// Number of the frame that is made next.
    pub(super) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// The listener has heard silence: the next frame does not refer to what was before. Gives the number of the last
    /// one that did not.
    pub(super) fn begin_anew(&mut self) -> u64 {
        std::mem::replace(&mut self.begun, self.cursor)
    }

    /// It has not come to that: the last frame that refers to nothing is this one.
    pub(super) fn begin_at(&mut self, number: u64) {
        self.begun = number;
    }

    /// Whether frame `number` refers to nothing.
    pub(super) fn begins_anew(&self, number: u64) -> bool {
        self.begun == number
    }

    /// Number of the frame that the source gives next.
    pub(super) fn given(&self) -> u64 {
        self.given
    }

    /// Whether all frames from `from` on have this gain.
    pub(super) fn is_all(&self, from: u64, gain: f32) -> bool {
        (from..=self.cursor).all(|number| self.gain_at(number) == gain)
    }

    /// Goes over to other options of the encoder with the next frame.
    pub(super) fn configure(&mut self, options: &EncoderOptions) -> Result<(), OpusError> {
        self.encoder.configure(options)?;
        self.encoder.save(self.cursor, 1)
    }

    /// Where in the source the frames begin that were read since the last [`Self::jump`], in samples.
    pub(super) fn place(&self) -> Option<u64> {
        self.tape.place()
    }

    /// Makes the next frame, in `frame`.
    pub(super) fn make(
        &mut self,
        source: &mut dyn FrameSource,
        buffer: &mut FrameBuf,
        wanted: Wanted,
        frame: &mut OpusFrame,
    ) -> Result<NextFrame, FeedError> {
        let number = self.cursor;
        let (before, mut gain) = (self.gain_at(number), wanted.gain);
        let (plain, now) = (before == 1.0 && gain == 1.0, wanted.due != Due::Later);
        match self.read(source, buffer, number, plain, now)? {
            Reached::There => {}
            Reached::End => return Ok(NextFrame::End),
            Reached::Searching => return Ok(NextFrame::Later),
            Reached::Starved => return Ok(NextFrame::Starved),
        }
        if let Some(packet) = self.tape.packet(number)
            && plain
        {
            frame.fill(|out| {
                out[..packet.len()].copy_from_slice(packet);
                Ok::<_, OpusError>(packet.len())
            })?;
            self.made.set(number, Made::Passed);
            self.cursor += 1;
            return Ok(NextFrame::Made { simplified: false });
        }
        if self.has_packets {
            match self.read(source, buffer, number + 1, plain, now)? {
                Reached::There | Reached::End => {}
                Reached::Searching => return Ok(NextFrame::Later),
                // What is there is not held back by what may come: it goes out, and that comes in.
                Reached::Starved if wanted.due == Due::Next => gain = 0.0,
                Reached::Starved => return Ok(NextFrame::Starved),
            }
        }
        let made_before = number.checked_sub(1).map_or(Made::No, |last| self.made.get(last));
        let alone = self.has_packets && !matches!(made_before, Made::Encoded { .. });
        if alone {
            self.take_over(number)?;
        }
        let asked = self.encoder.asked();
        let complexity = wanted.pressure.complexity(asked);
        let fresh = alone || number == self.begun;
        self.encoder.save(number, if fresh { 1 } else { self.distance })?;
        self.encode(number, before, Made::Encoded { complexity, gain }, fresh, frame)?;
        self.cursor += 1;
        Ok(NextFrame::Made { simplified: complexity < asked })
    }

    /// The encoder as it was before frame `number`: from the last memory on it hears again what it heard.
    fn go_to(&mut self, number: u64) -> Result<(), FeedError> {
        self.cursor = number;
        let last = number.checked_sub(1).map_or(Made::No, |last| self.made.get(last));
        if !matches!(last, Made::Encoded { .. }) {
            match number.checked_sub(1) {
                Some(last) => self.encoder.forget_after(last),
                None => self.encoder.forget_all(),
            }
            // Where packets have passed, an encoder is made when it is needed.
            return if self.has_packets { Ok(()) } else { Ok(self.encoder.renew()?) };
        }
        let Some(from) = self.encoder.restore(number)? else { return Ok(self.encoder.renew()?) };
        let mut unheard = OpusFrame::SILENCE;
        for number in from..number {
            let (made, before) = (self.made.get(number), self.gain_at(number));
            let made_before = number.checked_sub(1).map_or(Made::No, |last| self.made.get(last));
            let alone = self.has_packets && !matches!(made_before, Made::Encoded { .. });
            self.encode(number, before, made, alone || number == self.begun, &mut unheard)?;
        }
        Ok(self.encoder.resume()?)
    }

    /// Nothing has been heard yet, so the first frame begins with this gain. Gives the one that it would have begun with.
    pub(super) fn begin_with(&mut self, gain: f32) -> f32 {
        std::mem::replace(&mut self.gain_before, gain)
    }

    /// What was made from frame `number` on is not heard: the next sound of the source is, as frame `number`.
    pub(super) fn jump(&mut self, number: u64) {
        self.gain_before = self.gain_at(self.cursor);
        self.tape.restart(number);
        self.made.restart(number);
        self.encoder.forget_all();
        (self.cursor, self.given, self.splice) = (number, number, None);
        self.begun = number;
    }

    /// Frame `from` has become frame `to`, and so on.
    pub(super) fn renumber(&mut self, from: u64, to: u64) {
        let count = to - from;
        self.tape.shift(count);
        self.made.shift(count);
        self.encoder.shift(count);
        self.cursor += count;
        self.given += count;
        self.begun += count;
    }

    /// Frames before number `next` have left: what nobody goes back to is forgotten.
    pub(super) fn left(&mut self, next: u64) {
        let all_pass =
            (next.saturating_sub(1)..self.cursor).all(|number| self.made.get(number) == Made::Passed);
        if self.has_packets && all_pass {
            self.encoder.rest();
            self.tape.rest();
        }
        let needed = self.encoder.forget_before(next).unwrap_or(next).min(next);
        // Before it packets are only heard by decoders.
        self.tape.forget_sound_before(needed.saturating_sub(1));
        let lead = if self.has_packets { DECODER_LEAD + ENCODER_LEAD + 1 } else { 1 };
        let from = needed.saturating_sub(lead).min(self.cursor);
        if from > self.tape.first() {
            self.gain_before = self.gain_at(from);
            self.tape.forget_before(from);
            self.made.forget_before(self.tape.first());
        }
    }

    /// The gain in force when frame `number` begins.
    fn gain_at(&self, number: u64) -> f32 {
        match number.checked_sub(1).filter(|last| *last >= self.tape.first()).map(|last| self.made.get(last))
        {
            Some(Made::Encoded { gain, .. }) => gain,
            Some(Made::Passed) => 1.0,
            Some(Made::No) | None => self.gain_before,
        }
    }

    /// Reads the source until frame `number` is kept.
    fn read(
        &mut self,
        source: &mut dyn FrameSource,
        buffer: &mut FrameBuf,
        number: u64,
        plain: bool,
        now: bool,
    ) -> Result<Reached, FeedError> {
        while self.tape.end() <= number {
            let next = self.tape.end();
            let begins = self.splice.as_ref().is_some_and(|(at, _)| *at == next);
            let want = Want { packets: (plain || !self.mixed) && !begins, now };
            let reached = self.tape.read(source, buffer, next, want)?;
            match reached {
                Reached::There => self.given += 1,
                // The old sound goes out.
                Reached::End if begins => {}
                // So it does if what comes next may never come; it takes the place of a frame of the source.
                Reached::Starved if begins && source.rests() => self.given += 1,
                _ => return Ok(reached),
            }
            if begins && let Some((at, old)) = self.splice.take() {
                let mut new = [0.0; FRAME_LEN];
                self.tape.pcm(at, &mut new)?;
                // What was taken earlier has been encoded in the frame before.
                let early = self.early()?;
                new[..early].copy_from_slice(&old[..early]);
                splice(&old[early..], &mut new[early..]);
                self.tape.replace(at, &new);
            }
            self.mixed |= self.has_packets && self.tape.is_pcm(next);
        }
        Ok(Reached::There)
    }
}
