//! Who may be recorded, and from when on.

use std::collections::{HashMap, HashSet, VecDeque};

/// Changes of a user's that are remembered one by one; frames older than those are far too late anyway.
const REMEMBERED: usize = 64;

/// Of one user who was allowed or denied while the recording ran.
struct History {
    /// Before the first of the changes.
    first: bool,
    /// Position on the common clock, and whether the user may be recorded from there on.
    changes: VecDeque<(u64, bool)>,
}

/// Who may be recorded at which position of the common clock.
#[derive(Default)]
pub(crate) struct Consent {
    only: Option<HashSet<u64>>,
    except: HashSet<u64>,
    users: HashMap<u64, History>,
}

impl Consent {
    pub(crate) fn new(only: Option<HashSet<u64>>, except: HashSet<u64>) -> Self {
        Self { only, except, users: HashMap::new() }
    }

    /// From `position` on a user may be recorded, or may not.
    pub(crate) fn change(&mut self, user_id: u64, position: u64, given: bool) {
        let first = self.at_first(user_id);
        let history =
            self.users.entry(user_id).or_insert_with(|| History { first, changes: VecDeque::new() });
        let position = history.changes.back().map_or(position, |&(last, _)| position.max(last));
        history.changes.push_back((position, given));
        if history.changes.len() > REMEMBERED
            && let Some((_, given)) = history.changes.pop_front()
        {
            history.first = given;
        }
    }

    /// A user may not be recorded, whatever was said before about any time.
    pub(crate) fn revoke(&mut self, user_id: u64) {
        self.users.insert(user_id, History { first: false, changes: VecDeque::new() });
    }

    /// Whether a user may be recorded from `from` to `to`, all of it.
    pub(crate) fn covers(&self, user_id: u64, from: u64, to: u64) -> bool {
        let Some(history) = self.users.get(&user_id) else { return self.at_first(user_id) };
        let mut given = history.first;
        for &(at, then) in history.changes.iter().take_while(|&&(at, _)| at < to) {
            if at > from && !given {
                return false;
            }
            given = then;
        }
        given
    }

    fn at_first(&self, user_id: u64) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&user_id)) && !self.except.contains(&user_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_at_first_holds_until_it_changes() {
        let mut consent = Consent::new(Some(HashSet::from([1, 2])), HashSet::from([2]));
        assert!(consent.covers(1, 0, 960) && !consent.covers(2, 0, 960) && !consent.covers(3, 0, 960));
        consent.change(3, 1_000, true);
        consent.change(1, 1_000, false);
        assert!(consent.covers(3, 1_000, 1_960) && consent.covers(1, 40, 1_000));
    }

    #[test]
    fn a_frame_is_in_only_if_all_of_it_may_be() {
        let mut consent = Consent::default();
        consent.change(1, 1_000, false);
        consent.change(1, 2_000, true);
        for (from, to, want) in [
            (0, 1_000, true),
            (0, 1_001, false),
            (999, 2_001, false),
            (1_500, 2_500, false),
            (1_999, 2_001, false),
            (2_000, 2_960, true),
        ] {
            assert_eq!(consent.covers(1, from, to), want, "{from} {to}");
        }
    }

    #[test]
    fn what_is_revoked_was_never_given() {
        let mut consent = Consent::default();
        consent.change(1, 500, true);
        consent.revoke(1);
        consent.change(1, 2_000, true);
        assert!(!consent.covers(1, 0, 960) && !consent.covers(1, 1_000, 1_960));
        assert!(consent.covers(1, 2_000, 2_960));
    }

    #[test]
    fn many_changes_keep_the_last() {
        let mut consent = Consent::default();
        for n in 0..1_001u64 {
            consent.change(1, n, n % 2 == 1);
        }
        assert!(!consent.covers(1, 2_000, 2_001) && consent.covers(1, 999, 1_000));
        assert_eq!(consent.users[&1].changes.len(), REMEMBERED);
    }
}
