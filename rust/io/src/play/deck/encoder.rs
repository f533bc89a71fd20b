//! The encoder of a file that plays, and as it was at some frames that have not left yet.

use std::cell::RefCell;

use isocord_proto::opus::{Encoder, EncoderOptions, Memory, OpusError};

thread_local! {
    /// Those that are nobody's at present: whoever of this thread goes on takes one.
    static IDLE: RefCell<Vec<Encoder>> = const { RefCell::new(Vec::new()) };
}

/// Whose turn was cut short keeps an encoder until the next one, so that several are in use at times; to make one anew
/// takes as long as a tenth of a frame.
const MAX_IDLE: usize = 4;

/// An encoder that is made when it is needed: it takes 49 KB, and a file that passes through needs none. While it
/// sleeps, what it remembers is all that there is of it.
pub(super) struct LazyEncoder {
    options: EncoderOptions,
    awake: Option<Encoder>,
    /// How it is, if it sleeps.
    asleep: Option<Memory>,
    /// As it was before the frame of that number, oldest first.
    saved: Vec<(u64, Memory)>,
    /// Memories to be used again.
    spare: Vec<Memory>,
}

impl LazyEncoder {
    pub(super) fn new(options: &EncoderOptions) -> Self {
        Self { options: *options, awake: None, asleep: None, saved: Vec::new(), spare: Vec::new() }
    }

    /// Goes over to other options with the next frame; the application stays what it was.
    pub(super) fn configure(&mut self, options: &EncoderOptions) -> Result<(), OpusError> {
        self.options = EncoderOptions { application: self.options.application, ..*options };
        self.resume()
    }

    /// Sets what was restored to the options of now.
    pub(super) fn resume(&mut self) -> Result<(), OpusError> {
        let options = self.options;
        if self.is_made() { self.get()?.configure(&options) } else { Ok(()) }
    }

    /// The complexity that the options ask for.
    pub(super) fn asked(&self) -> u8 {
        self.options.complexity
    }

    /// The encoder.
    pub(super) fn get(&mut self) -> Result<&mut Encoder, OpusError> {
        if let Some(memory) = &self.asleep {
            let mut encoder = any(&self.options)?;
            encoder.recall(memory);
            self.awake = Some(encoder);
            self.spare.extend(self.asleep.take());
        }
        match &mut self.awake {
            Some(encoder) => Ok(encoder),
            none => Ok(none.insert(Encoder::new(&self.options)?)),
        }
    }

    /// Begins anew, without a past.
    pub(super) fn renew(&mut self) -> Result<(), OpusError> {
        self.awake = Some(Encoder::new(&self.options)?);
        self.spare.extend(self.asleep.take());
        Ok(())
    }

    /// It is not needed for a while: leaves what others on this thread can use, and keeps what it remembers.
    pub(super) fn sleep(&mut self) {
        if let Some(encoder) = self.awake.take() {
            let mut memory = self.spare.pop().unwrap_or_default();
            encoder.remember(&mut memory);
            self.asleep = Some(memory);
            self.spare.clear();
            IDLE.with_borrow_mut(|idle| {
                if idle.len() < MAX_IDLE {
                    idle.push(encoder);
                }
            });
        }
    }

    /// Nothing is encoded at present: lets the memory go.
    pub(super) fn rest(&mut self) {
        self.saved.clear();
        self.spare.clear();
        (self.awake, self.asleep) = (None, None);
    }

    /// Remembers how it is before frame `number`, unless that of a frame about `distance` before is known. Who has slept
    /// remembers where he wakes, if he can: then what is kept to go back to begins with a fill, and no earlier.
    pub(super) fn save(&mut self, number: u64, distance: u64) -> Result<(), OpusError> {
        let due = match &self.saved[..] {
            [] => true,
            // It lies so near that this one takes its place.
            [.., (before, _), (last, _)]
                if self.asleep.is_some()
                    && 2 * (number - last) < distance
                    && 2 * (number - before) < 3 * distance =>
            {
                self.spare.extend(self.saved.pop().map(|(_, memory)| memory));
                true
            }
            [.., (last, _)] if self.asleep.is_some() && self.saved.len() < 3 => {
                2 * (number - last) >= distance
            }
            // A fill that is a little longer than usual needs none in its midst.
            [.., (last, _)] => number - last >= distance + distance / 2,
        };
        if due && self.is_made() {
            let has_slept = self.asleep.is_some();
            self.get()?;
            // Who wakes leaves on top what he has just recalled.
            let mut memory = self.spare.pop().unwrap_or_default();
            if !has_slept {
                self.get()?.remember(&mut memory);
            }
            self.saved.push((number, memory));
        }
        Ok(())
    }

    /// Goes back to how it was before frame `number` or an earlier one, whose number it gives; none if it is not known.
    pub(super) fn restore(&mut self, number: u64) -> Result<Option<u64>, OpusError> {
        self.forget_after(number);
        let Some((saved, before)) = self.saved.last().filter(|_| self.is_made()) else { return Ok(None) };
        let encoder = match &mut self.awake {
            Some(encoder) => encoder,
            none => none.insert(any(&self.options)?),
        };
        encoder.recall(before);
        self.spare.extend(self.asleep.take());
        Ok(Some(*saved))
    }

    /// Forgets what is not needed to go back to frame `number` or a later one. Gives the oldest frame that is known.
    pub(super) fn forget_before(&mut self, number: u64) -> Option<u64> {
        while self.saved.get(1).is_some_and(|(saved, _)| *saved <= number) {
            self.spare.push(self.saved.remove(0).1);
        }
        self.saved.first().map(|(saved, _)| *saved)
    }

    /// Forgets how it was before frames after number `number`.
    pub(super) fn forget_after(&mut self, number: u64) {
        while let Some((_, memory)) = self.saved.pop_if(|(saved, _)| *saved > number) {
            self.spare.push(memory);
        }
    }

    /// Forgets how it was.
    pub(super) fn forget_all(&mut self) {
        self.spare.extend(self.saved.drain(..).map(|(_, memory)| memory));
    }

    /// All numbers become greater by `count`.
    pub(super) fn shift(&mut self, count: u64) {
        self.saved.iter_mut().for_each(|(number, _)| *number += count);
    }

    fn is_made(&self) -> bool {
        self.awake.is_some() || self.asleep.is_some()
    }
}

/// An encoder that is about to recall another one.
fn any(options: &EncoderOptions) -> Result<Encoder, OpusError> {
    IDLE.with_borrow_mut(Vec::pop).map_or_else(|| Encoder::new(options), Ok)
}

#[cfg(test)]
mod tests {
    use isocord_proto::frame::{FRAME_LEN, MAX_OPUS_LEN};

    use super::*;

    /// Encodes frame `number` of a tone.
    fn encode(encoder: &mut Encoder, number: u64) -> Vec<u8> {
        let sample = |at: usize| ((number as usize * FRAME_LEN / 2 + at / 2) as f32 * 0.05).sin() * 0.4;
        let pcm: [f32; FRAME_LEN] = std::array::from_fn(sample);
        let mut out = [0; MAX_OPUS_LEN];
        let len = encoder.encode_float(&pcm, &mut out).unwrap();
        out[..len].to_vec()
    }

    fn numbers(encoder: &LazyEncoder) -> Vec<u64> {
        encoder.saved.iter().map(|(number, _)| *number).collect()
    }

    #[test]
    fn who_has_slept_goes_on_as_if_he_had_not_whatever_others_did_with_what_he_left() {
        let options = EncoderOptions::default();
        let mut plain = Encoder::new(&options).unwrap();
        let mut lazy = [LazyEncoder::new(&options), LazyEncoder::new(&options)];
        for number in 0..40 {
            let expected = encode(&mut plain, number);
            for one in &mut lazy {
                one.save(number, 6).unwrap();
                assert!(encode(one.get().unwrap(), number) == expected);
                one.sleep();
            }
        }
        let from = lazy[0].restore(39).unwrap().unwrap();
        let mut again = Encoder::new(&options).unwrap();
        let expected: Vec<_> = (0..39).map(|number| encode(&mut again, number)).collect();
        for number in from..39 {
            assert!(encode(lazy[0].get().unwrap(), number) == expected[number as usize]);
        }
    }

    #[test]
    fn who_wakes_for_each_frame_does_not_go_back_further_for_it() {
        let mut encoder = LazyEncoder::new(&EncoderOptions::default());
        encoder.get().unwrap();
        for number in 0..200u64 {
            let next = number.saturating_sub(20);
            encoder.forget_before(next);
            encoder.save(number, 13).unwrap();
            encoder.sleep();
            assert!(next - encoder.saved[0].0 < 20 && encoder.saved.len() < 5, "{:?}", numbers(&encoder));
        }
    }

    #[test]
    fn memories_are_made_where_a_fill_begins() {
        let mut encoder = LazyEncoder::new(&EncoderOptions::default());
        encoder.get().unwrap();
        for number in 0..27 {
            encoder.save(number, 13).unwrap();
        }
        assert_eq!(numbers(&encoder), [0, 19]);
        // Two had left while it was filled for the first time.
        let mut cursor = 27;
        let saved = [15, 28, 43, 56].map(|next| {
            encoder.sleep();
            encoder.forget_before(next);
            let filled = next + 25;
            for number in cursor..filled {
                encoder.save(number, 13).unwrap();
            }
            cursor = filled;
            numbers(&encoder)
        });
        assert_eq!(saved, [vec![0, 19, 27], vec![27, 40], vec![40, 53], vec![53, 68]]);
    }
}
