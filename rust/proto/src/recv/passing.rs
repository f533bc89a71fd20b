//! Hands out Opus packets as they came, each with its place.

use super::output::{Frame, FrameKind, FrameOutput, Sound};
use super::slip::Slip;

/// The packets of one stream.
pub(super) struct Passing {
    /// The end of what has been handed out.
    end: i64,
    slip: Slip,
}

impl Passing {
    /// Nothing is handed out before the position `end`.
    pub(super) fn new(end: i64) -> Self {
        Self { end, slip: Slip::default() }
    }

    /// The end of what has been handed out.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// The stream's place on the clock has moved by so many samples.
    pub(super) fn shift(&mut self, by: i64) {
        self.slip.shift(by);
    }

    /// A packet was lost: a gap stands for it.
    pub(super) fn lost(&mut self, position: i64, samples: u32) {
        self.slip.place(position, i64::from(samples), self.end);
    }

    /// A packet, unless its time has been handed out already. It cannot be cut or stretched: where the
    /// stream's place has moved by half its length it is left out, or follows a gap of its length.
    pub(super) fn packet<O: FrameOutput + ?Sized>(
        &mut self,
        user_id: u64,
        position: i64,
        samples: u32,
        received: i64,
        payload: &[u8],
        out: &mut O,
    ) {
        let length = i64::from(samples);
        let mut at = self.slip.place(position, length, self.end);
        if 2 * self.slip.get() > length {
            self.slip.make_up(-length);
            return;
        }
        if 2 * self.slip.get() < -length {
            self.slip.make_up(length);
            at += length;
        }
        if at + length / 2 < self.end {
            return;
        }
        let position = at.max(self.end).max(0);
        self.end = position + length;
        let (position, kind) = (position as u64, FrameKind::Voice);
        let received = Some(received.max(0) as u64);
        out.frame(Frame { user_id, position, samples, kind, received, sound: Sound::Opus(payload) });
    }
}
