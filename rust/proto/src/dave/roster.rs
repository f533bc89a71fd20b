//! Which users the gateway has announced for the call (opcodes 11 and 13).

use std::collections::BTreeSet;

/// Users who have left and are still remembered at most.
const MAX_GONE: usize = 1024;

/// The users of a call as the gateway tells them.
#[derive(Debug, Default)]
pub(super) struct Announced {
    here: BTreeSet<u64>,
    gone: BTreeSet<u64>,
}

impl Announced {
    pub fn connect(&mut self, user_id: u64) {
        self.gone.remove(&user_id);
        self.here.insert(user_id);
    }

    pub fn disconnect(&mut self, user_id: u64) {
        if self.here.remove(&user_id) {
            if self.gone.len() >= MAX_GONE {
                self.gone.pop_first();
            }
            self.gone.insert(user_id);
        }
    }

    /// Whether a proposal may add the user: the user is in the call.
    pub fn may_be_added(&self, user_id: u64) -> bool {
        self.here.contains(&user_id)
    }

    /// Whether a group that is joined may have the user: the user is in the call or has been.
    ///
    /// Who leaves while others join is still in the group that those are welcomed to.
    pub fn may_be_member(&self, user_id: u64) -> bool {
        self.here.contains(&user_id) || self.gone.contains(&user_id)
    }

    /// Forgets users who have left both the call and the group.
    pub fn settle(&mut self, members: impl Iterator<Item = u64>) {
        let members: BTreeSet<u64> = members.collect();
        self.gone.retain(|user_id| members.contains(user_id));
    }
}
