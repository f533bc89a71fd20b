//! The place of the end-to-end encryption on the way in: after the user is known, before the jitter buffer.

use core::time::Duration;

use crate::dave::{FrameOpenError, Openers};

/// Why a frame was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOpened {
    /// Nothing that is here opens it; a key or a transition that is on its way may. The frame waits.
    NoKey,
    /// Nothing ever will.
    Final,
}

/// Opens the frames of all users of a connection.
pub trait EndToEnd {
    /// Opens a user's frame into the front of `out`, which is at least as long, and returns the length
    /// of the Opus packet. `now` is the time since any fixed moment, the same one in every call.
    ///
    /// # Errors
    /// [`NotOpened`]; nothing has changed then.
    fn open(&mut self, user_id: u64, frame: &[u8], out: &mut [u8], now: Duration)
    -> Result<usize, NotOpened>;
}

/// DAVE. Members change their sending keys when they see a commit, and UDP is quicker than the gateway:
/// frames of the next epoch come before its keys, and plain ones before a downgrade is executed.
impl EndToEnd for Openers {
    fn open(
        &mut self,
        user_id: u64,
        frame: &[u8],
        out: &mut [u8],
        now: Duration,
    ) -> Result<usize, NotOpened> {
        match self.open(user_id, frame, out, now) {
            Ok(opened) => Ok(opened.len()),
            Err(FrameOpenError::NoKey | FrameOpenError::NotAuthentic | FrameOpenError::NotEncrypted) => {
                Err(NotOpened::NoKey)
            }
            Err(FrameOpenError::Replayed | FrameOpenError::BufferTooSmall { .. }) => Err(NotOpened::Final),
        }
    }
}

/// A call without end-to-end encryption.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainFrames;

impl EndToEnd for PlainFrames {
    fn open(&mut self, _: u64, frame: &[u8], out: &mut [u8], _: Duration) -> Result<usize, NotOpened> {
        out.get_mut(..frame.len()).ok_or(NotOpened::Final)?.copy_from_slice(frame);
        Ok(frame.len())
    }
}
