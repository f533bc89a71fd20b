//! Which stream belongs to whom, as the voice gateway says (opcode 5, Speaking).

use std::collections::HashMap;

/// Streams of one connection that are known at once; the biggest stages have fewer speakers.
const MAX_STREAMS: usize = 4_096;

/// What a new assignment changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assigned {
    /// Nothing: it was known.
    Known,
    /// The stream is the user's first.
    New,
    /// The user had another stream, which is over.
    Restarted,
    /// The stream was another user's, who now has none.
    TakenFrom(u64),
    /// Too many streams; it stays unknown.
    Full,
}

/// SSRC to user and back; a user has one stream of voice at a time.
#[derive(Debug, Default)]
pub struct SsrcMap {
    users: HashMap<u32, u64>,
    streams: HashMap<u64, u32>,
}

impl SsrcMap {
    /// The stream's user.
    #[must_use]
    pub fn user(&self, ssrc: u32) -> Option<u64> {
        self.users.get(&ssrc).copied()
    }

    /// The user's stream.
    #[must_use]
    pub fn ssrc(&self, user_id: u64) -> Option<u32> {
        self.streams.get(&user_id).copied()
    }

    /// Gives the stream to a user.
    pub fn assign(&mut self, ssrc: u32, user_id: u64) -> Assigned {
        let owner = self.user(ssrc);
        if owner == Some(user_id) {
            return Assigned::Known;
        }
        if owner.is_none() && self.users.len() >= MAX_STREAMS {
            return Assigned::Full;
        }
        if let Some(other) = owner {
            self.streams.remove(&other);
        }
        let old = self.streams.insert(user_id, ssrc);
        if let Some(old) = old {
            self.users.remove(&old);
        }
        self.users.insert(ssrc, user_id);
        match (owner, old) {
            (Some(other), _) => Assigned::TakenFrom(other),
            (None, Some(_)) => Assigned::Restarted,
            (None, None) => Assigned::New,
        }
    }

    /// Forgets a user and the stream.
    pub fn remove(&mut self, user_id: u64) {
        if let Some(ssrc) = self.streams.remove(&user_id) {
            self.users.remove(&ssrc);
        }
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.users.clear();
        self.streams.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_change_hands() {
        let mut map = SsrcMap::default();
        assert_eq!(map.assign(1, 100), Assigned::New);
        assert_eq!(map.assign(1, 100), Assigned::Known);
        assert_eq!(map.assign(2, 100), Assigned::Restarted);
        assert_eq!((map.user(1), map.user(2), map.ssrc(100)), (None, Some(100), Some(2)));
        assert_eq!(map.assign(2, 200), Assigned::TakenFrom(100));
        assert_eq!((map.user(2), map.ssrc(100), map.ssrc(200)), (Some(200), None, Some(2)));
        map.remove(200);
        map.remove(100);
        assert_eq!(map.user(2), None);
    }

    #[test]
    fn both_directions_agree_and_stay_bounded() {
        let mut map = SsrcMap::default();
        for step in 0..20_000u32 {
            map.assign(
                step.wrapping_mul(2_654_435_761) % 6_000,
                u64::from(step.wrapping_mul(40_503) % 5_000),
            );
            if step % 7 == 0 {
                map.remove(u64::from(step % 5_000));
            }
        }
        assert_eq!(map.users.len(), map.streams.len());
        assert!(map.users.len() <= MAX_STREAMS);
        assert!(map.users.iter().all(|(ssrc, user)| map.streams[user] == *ssrc));
    }
}
