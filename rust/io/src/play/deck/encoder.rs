//! The encoder of a file that plays, and as it was at some frames that have not left yet.

use isocord_proto::opus::{Encoder, EncoderOptions, OpusError};

/// An encoder that is made when it is needed: it takes 50 KB, and a file that passes through needs none.
pub(super) struct LazyEncoder {
    options: EncoderOptions,
    made: Option<Encoder>,
    /// As it was before the frame of that number, oldest first.
    saved: Vec<(u64, Encoder)>,
    spare: Option<Encoder>,
}

impl LazyEncoder {
    pub(super) fn new(options: &EncoderOptions) -> Self {
        Self { options: *options, made: None, saved: Vec::new(), spare: None }
    }

    /// Goes over to other options with the next frame; the application stays what it was.
    pub(super) fn configure(&mut self, options: &EncoderOptions) -> Result<(), OpusError> {
        self.options = EncoderOptions { application: self.options.application, ..*options };
        self.resume()
    }

    /// Sets what was restored to the options of now.
    pub(super) fn resume(&mut self) -> Result<(), OpusError> {
        match &mut self.made {
            Some(encoder) => encoder.configure(&self.options),
            None => Ok(()),
        }
    }

    /// The complexity that the options ask for.
    pub(super) fn asked(&self) -> u8 {
        self.options.complexity
    }

    /// The encoder.
    pub(super) fn get(&mut self) -> Result<&mut Encoder, OpusError> {
        match &mut self.made {
            Some(encoder) => Ok(encoder),
            made => Ok(made.insert(Encoder::new(&self.options)?)),
        }
    }

    /// Begins anew, without a past.
    pub(super) fn renew(&mut self) -> Result<(), OpusError> {
        self.made = Some(Encoder::new(&self.options)?);
        Ok(())
    }

    /// Nothing is encoded at present: lets the memory go.
    pub(super) fn rest(&mut self) {
        self.forget_all();
        (self.made, self.spare) = (None, None);
    }

    /// Remembers how it is before frame `number`, unless that of a frame less than `distance` before is known.
    pub(super) fn save(&mut self, number: u64, distance: u64) {
        let due = self.saved.last().is_none_or(|(last, _)| number >= last + distance);
        if let Some(encoder) = self.made.as_ref().filter(|_| due) {
            let copy = match self.spare.take() {
                Some(mut room) => {
                    room.become_like(encoder);
                    room
                }
                None => encoder.clone(),
            };
            self.saved.push((number, copy));
        }
    }

    /// Goes back to how it was before frame `number` or an earlier one, whose number it gives; none if it is not known.
    pub(super) fn restore(&mut self, number: u64) -> Option<u64> {
        self.forget_after(number);
        let (saved, before) = self.saved.last()?;
        self.made.as_mut()?.become_like(before);
        Some(*saved)
    }

    /// Forgets what is not needed to go back to frame `number` or a later one. Gives the oldest frame that is known.
    pub(super) fn forget_before(&mut self, number: u64) -> Option<u64> {
        while self.saved.get(1).is_some_and(|(saved, _)| *saved <= number) {
            self.spare = Some(self.saved.remove(0).1);
        }
        self.saved.first().map(|(saved, _)| *saved)
    }

    /// Forgets how it was before frames after number `number`.
    pub(super) fn forget_after(&mut self, number: u64) {
        while self.saved.last().is_some_and(|(saved, _)| *saved > number) {
            self.spare = self.saved.pop().map(|(_, encoder)| encoder);
        }
    }

    /// Forgets how it was.
    pub(super) fn forget_all(&mut self) {
        if let Some((_, encoder)) = self.saved.pop() {
            self.spare = Some(encoder);
        }
        self.saved.clear();
    }

    /// All numbers become greater by `count`.
    pub(super) fn shift(&mut self, count: u64) {
        self.saved.iter_mut().for_each(|(number, _)| *number += count);
    }
}
