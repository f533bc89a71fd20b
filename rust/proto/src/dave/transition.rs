//! Transitions that the gateway has prepared (opcodes 21, 29, 30) and not executed (opcode 22) yet.

use std::collections::VecDeque;

use super::ratchet::SenderRatchet;

/// Transitions and keys that are kept at most; the oldest goes first.
const MAX_PENDING: usize = 64;

/// Numbers the groups and epochs that this member has been in, in the order of time.
///
/// MLS epochs begin anew with each group, so they cannot say which key is the later one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct KeyEpoch(u64);

impl KeyEpoch {
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Where a transition leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Transport encryption only.
    Plain,
    /// The keys of this epoch.
    Encrypted(KeyEpoch),
}

/// The pending transitions, and the sender's keys that wait for them.
///
/// A key is put in once for each epoch and taken out once, so no nonce is ever used twice.
#[derive(Debug, Default)]
pub(super) struct Transitions {
    pending: VecDeque<(u16, Target)>,
    keys: VecDeque<(KeyEpoch, SenderRatchet)>,
    /// The newest epoch whose key the sender has had.
    in_force: Option<KeyEpoch>,
}

impl Transitions {
    /// Notes a transition; one with the same id that was noted before is replaced.
    pub fn prepare(&mut self, transition_id: u16, target: Target) {
        self.pending.retain(|(id, _)| *id != transition_id);
        if self.pending.len() == MAX_PENDING {
            self.pending.pop_front();
        }
        self.pending.push_back((transition_id, target));
    }

    /// Takes a transition out, to execute it.
    pub fn take(&mut self, transition_id: u16) -> Option<Target> {
        let index = self.pending.iter().position(|(id, _)| *id == transition_id)?;
        self.pending.remove(index).map(|(_, target)| target)
    }

    /// Where a pending transition leads.
    pub fn target(&self, transition_id: u16) -> Option<Target> {
        self.pending.iter().find(|(id, _)| *id == transition_id).map(|(_, target)| *target)
    }

    /// Keeps the sender's key of a new epoch until a transition leads there.
    pub fn keep(&mut self, epoch: KeyEpoch, key: SenderRatchet) {
        if self.keys.len() == MAX_PENDING {
            self.keys.pop_front();
        }
        self.keys.push_back((epoch, key));
    }

    /// The sender's key of `epoch`, which is then in force. Those of earlier epochs are dropped.
    pub fn take_key(&mut self, epoch: KeyEpoch) -> Option<SenderRatchet> {
        while self.keys.front().is_some_and(|(found, _)| *found < epoch) {
            self.keys.pop_front();
        }
        self.keys.front().filter(|(found, _)| *found == epoch)?;
        let (_, key) = self.keys.pop_front()?;
        self.in_force = Some(epoch);
        Some(key)
    }

    /// The newest epoch whose key the sender has had.
    pub fn in_force(&self) -> Option<KeyEpoch> {
        self.in_force
    }

    /// Forgets the transitions of a connection that is over.
    pub fn drop_pending(&mut self) {
        self.pending.clear();
    }

    /// Forgets all keys that wait, as the call goes on without encryption.
    pub fn drop_keys(&mut self) {
        self.keys.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transitions(epochs: u64) -> Transitions {
        let mut transitions = Transitions::default();
        for epoch in 1..=epochs {
            transitions.keep(KeyEpoch(epoch), SenderRatchet::new(&[epoch as u8; 16]));
        }
        transitions
    }

    #[test]
    fn a_key_is_taken_once_and_never_an_older_one() {
        let mut transitions = transitions(3);
        assert!(transitions.take_key(KeyEpoch(2)).is_some());
        assert!(transitions.take_key(KeyEpoch(2)).is_none());
        assert!(transitions.take_key(KeyEpoch(1)).is_none());
        assert_eq!(transitions.in_force(), Some(KeyEpoch(2)));
        assert!(transitions.take_key(KeyEpoch(3)).is_some());
    }

    #[test]
    fn a_transition_is_executed_once() {
        let mut transitions = Transitions::default();
        transitions.prepare(5, Target::Plain);
        transitions.prepare(5, Target::Encrypted(KeyEpoch(1)));
        assert_eq!(transitions.take(5), Some(Target::Encrypted(KeyEpoch(1))));
        assert_eq!(transitions.take(5), None);
    }

    #[test]
    fn a_flood_of_transitions_is_bounded() {
        let mut transitions = transitions(1000);
        for id in 0..1000 {
            transitions.prepare(id, Target::Plain);
        }
        assert_eq!((transitions.pending.len(), transitions.keys.len()), (MAX_PENDING, MAX_PENDING));
        assert_eq!(transitions.take(999), Some(Target::Plain));
        assert_eq!(transitions.take(0), None);
    }
}
