//! Whether frames may leave: they need a session, and in an encrypted call a key.

use super::SendPath;

/// How long what plays keeps its place for a key that is on its way. A key comes within a moment if
/// there is anybody to agree on one with.
pub(super) const KEY_PATIENCE_MS: u64 = 2_000;

/// What becomes of a frame now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Passage {
    /// No session: what plays keeps its place until there is one.
    Closed,
    /// An encrypted call whose key is on its way: what plays keeps its place.
    Waiting,
    /// An encrypted call without a key, for long: nobody is there to hear. What plays goes on, unsent.
    Withheld,
    /// It leaves.
    Open,
}

/// Remembers since when a key has been missing.
#[derive(Debug, Default)]
pub(super) struct Gate {
    blocked_since_ms: Option<u64>,
}

impl Gate {
    /// What becomes of a frame of this path at `now_ms`.
    pub(super) fn passage(&mut self, path: Option<&SendPath>, now_ms: u64) -> Passage {
        let Some(path) = path else {
            self.blocked_since_ms = None;
            return Passage::Closed;
        };
        if !path.is_blocked() {
            self.blocked_since_ms = None;
            return Passage::Open;
        }
        let since = *self.blocked_since_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since) < KEY_PATIENCE_MS { Passage::Waiting } else { Passage::Withheld }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::{Sealer, TransportMode};
    use crate::dave::SenderChange;

    #[test]
    fn a_key_is_waited_for_but_not_for_ever() {
        let mut gate = Gate::default();
        assert_eq!(gate.passage(None, 0), Passage::Closed);
        let sealer = Sealer::new(TransportMode::Aes256GcmRtpsize, &[0; 32]);
        let mut path = SendPath::new(1, sealer);
        assert_eq!(gate.passage(Some(&path), 10), Passage::Waiting);
        assert_eq!(gate.passage(Some(&path), 10 + KEY_PATIENCE_MS - 1), Passage::Waiting);
        assert_eq!(gate.passage(Some(&path), 10 + KEY_PATIENCE_MS), Passage::Withheld);
        path.change_sender(SenderChange::Passthrough);
        assert_eq!(gate.passage(Some(&path), 5_000), Passage::Open);
        assert_eq!(gate.passage(None, 5_020), Passage::Closed);
    }
}
