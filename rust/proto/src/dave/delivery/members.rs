//! Who is in the group, and at which leaf of its tree.

use std::collections::BTreeMap;

/// A member as the delivery service knows it.
#[derive(Clone, Debug)]
pub struct Member {
    pub user_id: u64,
    pub signature_key: Vec<u8>,
}

/// The members of an established group by their leaf index.
#[derive(Clone, Debug, Default)]
pub struct Members {
    leaves: BTreeMap<u32, Member>,
}

impl Members {
    pub fn leaf_of(&self, user_id: u64) -> Option<u32> {
        self.leaves.iter().find(|(_, member)| member.user_id == user_id).map(|(leaf, _)| *leaf)
    }

    pub fn at(&self, leaf: u32) -> Option<&Member> {
        self.leaves.get(&leaf)
    }

    pub fn users(&self) -> impl Iterator<Item = u64> + '_ {
        self.leaves.values().map(|member| member.user_id)
    }

    pub fn remove(&mut self, leaf: u32) -> Option<Member> {
        self.leaves.remove(&leaf)
    }

    /// Adds a member at the leftmost free leaf, as RFC 9420 section 12.1.1 has it.
    pub fn add(&mut self, member: Member) {
        let free = (0..).zip(self.leaves.keys()).find(|(index, leaf)| index != *leaf).map(|(index, _)| index);
        self.leaves.insert(free.unwrap_or(self.leaves.len() as u32), member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leftmost_free_leaf_is_taken() {
        let mut members = Members::default();
        let member = |user_id| Member { user_id, signature_key: Vec::new() };
        (10..15).for_each(|user_id| members.add(member(user_id)));
        members.remove(1);
        members.remove(3);
        (20..23).for_each(|user_id| members.add(member(user_id)));
        let leaves = [10, 20, 12, 21, 14, 22].map(|user_id| members.leaf_of(user_id).unwrap());
        assert_eq!(leaves, [0, 1, 2, 3, 4, 5]);
    }
}
