//! The place of the end-to-end encryption on the way in: after the user is known, before the jitter buffer.

use core::time::Duration;

/// Why a frame was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No key that is here opens it; one that is on its way may. The frame waits.
    NoKey,
    /// No key ever will: it is plain where it must not be, or was opened before.
    Final,
}

/// Opens the frames of all users of a connection.
pub trait EndToEnd {
    /// Opens a user's frame into the front of `out`, which is at least as long, and returns the length
    /// of the Opus packet. `now` is the time since any fixed moment, the same one in every call.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    fn open(
        &mut self,
        user_id: u64,
        frame: &[u8],
        out: &mut [u8],
        now: Duration,
    ) -> Result<usize, Refusal>;
}

/// A call without end-to-end encryption.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl EndToEnd for Plain {
    fn open(&mut self, _: u64, frame: &[u8], out: &mut [u8], _: Duration) -> Result<usize, Refusal> {
        out.get_mut(..frame.len()).ok_or(Refusal::Final)?.copy_from_slice(frame);
        Ok(frame.len())
    }
}
