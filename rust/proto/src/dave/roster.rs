//! Which users the gateway has announced for the call (opcodes 11 and 13).

use std::collections::BTreeSet;

/// Users in a call at most; no call that is encrypted end to end comes near it.
const MAX_HERE: usize = 16_384;

/// The users of a call as the gateway tells them.
#[derive(Debug, Default)]
pub(super) struct Announced(BTreeSet<u64>);

impl Announced {
    pub fn connect(&mut self, user_id: u64) {
        if self.0.len() < MAX_HERE {
            self.0.insert(user_id);
        }
    }

    pub fn disconnect(&mut self, user_id: u64) {
        self.0.remove(&user_id);
    }

    /// Whether the user is in the call, so that a proposal may add it.
    pub fn is_here(&self, user_id: u64) -> bool {
        self.0.contains(&user_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_users_is_bounded() {
        let mut announced = Announced::default();
        (0..100_000).for_each(|user_id| announced.connect(user_id));
        assert_eq!(announced.0.len(), MAX_HERE);
        announced.disconnect(5);
        announced.connect(1 << 60);
        assert!(announced.is_here(1 << 60) && !announced.is_here(5));
    }
}
