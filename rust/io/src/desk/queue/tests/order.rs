//! The list alone: what follows, what was, whatever is repeated.

use std::sync::Arc;

use super::stand::counting;
use crate::desk::queue::list::{List, Repeat};
use crate::desk::queue::{Entry, MAX_ENTRIES};

struct Names(Vec<Arc<Entry>>);

impl Names {
    fn of(&self, list: &List) -> String {
        let name = |entry: &Arc<Entry>| {
            let index = self.0.iter().position(|other| Arc::ptr_eq(other, entry)).unwrap();
            char::from(b'a' + index as u8)
        };
        let all = |entries: &mut dyn Iterator<Item = &Arc<Entry>>| entries.map(name).collect::<String>();
        let (history, now) = (all(&mut list.history.iter()), all(&mut list.now.iter()));
        format!("{history}|{now}|{}", all(&mut list.upcoming.iter()))
    }
}

fn list(repeat: Repeat) -> (Names, List) {
    let entries = counting(&[1, 1, 1]);
    let mut list = List { repeat, ..List::default() };
    entries.iter().for_each(|entry| assert!(list.insert(usize::MAX, entry.clone())));
    (Names(entries), list)
}

#[test]
fn the_list_goes_on_and_back() {
    let steps: [(Repeat, &[&str]); 3] = [
        (Repeat::Off, &["|a|bc", "a|b|c", "ab|c|", "abc||", "abc||"]),
        (Repeat::One, &["|a|bc", "|a|bc"]),
        (Repeat::All, &["|a|bc", "a|b|c", "ab|c|", "|a|bc", "a|b|c"]),
    ];
    for (repeat, states) in steps {
        let (names, mut list) = list(repeat);
        for state in states {
            let next = list.following().cloned();
            list.advance(None);
            assert_eq!(names.of(&list), *state);
            assert!(next.as_ref().map(Arc::as_ptr) == list.now.as_ref().map(Arc::as_ptr));
        }
    }
    let (names, mut list) = list(Repeat::All);
    for state in ["|a|bc", "ab|c|", "a|b|c", "|a|bc", "ab|c|"] {
        list.back();
        assert_eq!(names.of(&list), state);
    }
}

#[test]
fn a_skip_leaves_what_is_repeated() {
    let (names, mut list) = list(Repeat::One);
    list.advance(None);
    list.pass();
    assert_eq!(names.of(&list), "a|b|c");
    list.back();
    list.back();
    assert_eq!(names.of(&list), "|a|bc");
}

#[test]
fn what_is_planned_is_what_comes() {
    for repeat in [Repeat::Off, Repeat::One, Repeat::All] {
        let (_, mut list) = list(repeat);
        list.advance(None);
        let mut planned = Vec::new();
        for _ in 0..7 {
            planned.extend(list.after(&planned).unwrap().cloned());
        }
        assert_eq!(planned.len(), if repeat == Repeat::Off { 2 } else { 7 });
        for (place, entry) in planned.iter().enumerate() {
            // One that breaks off after it was planned is heard.
            list.fail(entry, true);
            assert!(list.after(&planned[place..]).is_ok());
            list.advance(Some(entry));
            assert!(Arc::ptr_eq(entry, list.now.as_ref().unwrap()));
            list.mend();
        }
    }
}

#[test]
fn broken_ones_are_left_out() {
    let (names, mut list) = list(Repeat::All);
    list.advance(None);
    list.fail(&names.0[1], false);
    assert_eq!(names.of(&list), "b|a|c");
    list.advance(None);
    assert_eq!(names.of(&list), "ba|c|");
    list.advance(None);
    assert_eq!(names.of(&list), "b|a|c");
    list.mend();
    list.advance(None);
    list.advance(None);
    assert_eq!(names.of(&list), "|b|ac");
}

#[test]
fn there_is_a_bound() {
    let (_, mut list) = list(Repeat::Off);
    let entry = counting(&[1])[0].clone();
    (3..MAX_ENTRIES).for_each(|_| assert!(list.insert(0, entry.clone())));
    assert!(!list.insert(0, entry));
    (0..MAX_ENTRIES).for_each(|_| list.advance(None));
    assert!(list.history.len() <= 100);
}
