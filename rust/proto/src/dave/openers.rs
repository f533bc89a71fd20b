//! Opening of all senders' frames, on the receive thread.

use core::time::Duration;
use std::collections::HashMap;

use super::frame::{Frame, SILENCE};
use super::opener::{FrameOpenError, FrameOpener, Opened, RETENTION};
use super::ratchet::SenderRatchet;

/// What the receivers do from now on; handed over as a whole by the session.
#[derive(Debug)]
pub enum ReceiverChange {
    /// The group has moved to a new epoch: the ratchet of every other member. Earlier keys stay for ten seconds.
    Epoch(Vec<(u64, SenderRatchet)>),
    /// The call has lost its encryption: all keys go after ten seconds.
    Expire,
    /// Plain frames pass from now on: the call is not encrypted or is about to be so no longer.
    AllowPlain,
    /// Plain frames pass for ten seconds more: the call has become encrypted.
    RefusePlain,
}

/// Whether frames that are no DAVE frames pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Plain {
    #[default]
    Refused,
    Allowed,
    AllowedUntil(Duration),
}

/// The openers of all senders of a call. A new set refuses plain frames.
///
/// Whether plain frames pass is a matter of the whole call, so it also holds for senders that come later.
#[derive(Debug, Default)]
pub struct Openers {
    senders: HashMap<u64, FrameOpener>,
    plain: Plain,
}

impl Openers {
    /// A set without keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Obeys the session. `now` is the time since any fixed moment, the same one in every call.
    pub fn apply(&mut self, change: ReceiverChange, now: Duration) {
        match change {
            ReceiverChange::Epoch(ratchets) => self.install(ratchets, now),
            ReceiverChange::Expire => self.expire(now),
            ReceiverChange::AllowPlain => self.plain = Plain::Allowed,
            ReceiverChange::RefusePlain => {
                if self.plain == Plain::Allowed {
                    self.plain = Plain::AllowedUntil(now + RETENTION);
                }
            }
        }
    }

    /// Opens one frame of `user_id` into the front of `out`; see [`FrameOpener::open`].
    ///
    /// # Errors
    /// [`FrameOpenError`]; the frame is to be dropped and counted.
    pub fn open(
        &mut self,
        user_id: u64,
        frame: &[u8],
        out: &mut [u8],
        now: Duration,
    ) -> Result<Opened, FrameOpenError> {
        let allow_plain = self.allows_plain(now);
        match self.senders.get_mut(&user_id) {
            Some(opener) => opener.open(frame, out, allow_plain, now),
            None => FrameOpener::new().open(frame, out, allow_plain, now),
        }
    }

    /// Whether the bytes would have to be opened with a key: they are no silence and no plain frame.
    pub fn is_encrypted(frame: &[u8]) -> bool {
        frame != SILENCE && Frame::parse(frame).is_some()
    }

    /// Whether a key of `user_id` is known.
    pub fn has_key(&self, user_id: u64) -> bool {
        self.senders.get(&user_id).is_some_and(|opener| !opener.is_empty())
    }

    fn allows_plain(&mut self, now: Duration) -> bool {
        if matches!(self.plain, Plain::AllowedUntil(until) if now >= until) {
            self.plain = Plain::Refused;
        }
        self.plain != Plain::Refused
    }

    fn install(&mut self, ratchets: Vec<(u64, SenderRatchet)>, now: Duration) {
        // Those who are no members of the new epoch keep their old keys for a while, and then go.
        self.expire(now);
        for (user_id, ratchet) in ratchets {
            self.senders.entry(user_id).or_default().install(ratchet, now);
        }
    }

    fn expire(&mut self, now: Duration) {
        self.senders.retain(|_, opener| {
            opener.expire(now);
            !opener.is_empty()
        });
    }
}
