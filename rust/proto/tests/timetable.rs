//! Who sends when, in virtual time.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::time::Duration;

use isocord_proto::frame::FRAME_MS;
use isocord_proto::timetable::{Demand, SLOT_MS, Seat, Timetable, start_of};

struct Member {
    id: u32,
    needs: Demand,
    /// When it had its slots, in milliseconds.
    slots: Vec<u64>,
    missed: Cell<u64>,
}

/// A thread that sends, and the members that it sends for.
#[derive(Default)]
struct Thread {
    table: Timetable<Member>,
}

impl Thread {
    fn attach(&mut self, id: u32) {
        let member = Member { id, needs: Demand::None, slots: Vec::new(), missed: Cell::new(0) };
        self.table.attach(Seat::new(member));
    }

    fn command(&mut self, now_ms: u64, id: u32, needs: Demand) {
        let now = Duration::from_millis(now_ms);
        self.catch_up(now);
        let obey = |member: &mut Member, needs, _| {
            member.needs = needs;
            needs
        };
        assert!(self.table.command(now, |member| member.id == id, needs, obey).is_ok());
    }

    /// As a thread does that sleeps from one slot to the next until `end_ms`.
    fn run_until(&mut self, end_ms: u64) {
        while let Some(slot) =
            self.table.next().filter(|&slot| start_of(slot) < Duration::from_millis(end_ms))
        {
            self.catch_up(start_of(slot));
            self.table.prepare(slot, |member, _| member.needs);
            self.table.finish(slot).for_each(|member| member.slots.push(slot * SLOT_MS));
        }
        self.catch_up(Duration::from_millis(end_ms));
    }

    fn catch_up(&mut self, now: Duration) {
        self.table.catch_up(now, |member, count| member.missed.set(member.missed.get() + count));
    }

    fn member(&mut self, id: u32) -> Member {
        self.table.detach(|member| member.id == id).expect("attached").member
    }
}

#[test]
fn a_member_has_its_first_slot_soon_and_then_one_each_20_ms() {
    let mut thread = Thread::default();
    thread.attach(1);
    thread.command(1_001, 1, Demand::Slots);
    thread.run_until(1_100);
    assert_eq!(thread.member(1).slots, [1_002, 1_022, 1_042, 1_062, 1_082]);
}

#[test]
fn who_begins_anew_has_the_next_slot_and_who_goes_on_keeps_its_own() {
    let mut thread = Thread::default();
    thread.attach(1);
    thread.command(1_001, 1, Demand::Slots);
    thread.run_until(1_009);
    thread.command(1_009, 1, Demand::Soon);
    thread.run_until(1_013);
    thread.command(1_013, 1, Demand::Slots);
    thread.run_until(1_060);
    assert_eq!(thread.member(1).slots, [1_002, 1_010, 1_030, 1_050]);
}

#[test]
fn members_are_spread_over_the_slots() {
    let mut thread = Thread::default();
    for id in 0..100 {
        thread.attach(id);
        thread.command(0, id, Demand::Slots);
    }
    assert!((0..10).all(|slot| (7..=13).contains(&thread.table.members(slot))));
}

#[test]
fn who_rests_has_no_slots_until_the_next_command() {
    let mut thread = Thread::default();
    thread.attach(1);
    thread.command(0, 1, Demand::Slots);
    thread.run_until(10);
    thread.command(10, 1, Demand::None);
    thread.run_until(1_000);
    assert_eq!(thread.table.next(), None);
    thread.command(1_000, 1, Demand::Slots);
    thread.run_until(1_010);
    assert_eq!(thread.member(1).slots, [2, 1_002]);
}

#[test]
fn a_stall_is_counted_and_not_made_up_for() {
    let mut thread = Thread::default();
    for id in 0..2 {
        thread.attach(id);
        thread.command(0, id, Demand::Slots);
    }
    thread.run_until(40);
    // The thread does not run for 85 ms, in which one member has five slots and the other four.
    thread.catch_up(Duration::from_millis(125));
    thread.run_until(160);
    let (first, second) = (thread.member(0), thread.member(1));
    assert_eq!((first.missed.get(), second.missed.get()), (5, 4));
    assert_eq!((first.slots, second.slots), (vec![2, 22, 142], vec![4, 24, 124, 144]));
}

#[test]
fn slots_are_late_and_not_missed_within_a_frame() {
    let mut thread = Thread::default();
    thread.attach(1);
    thread.command(0, 1, Demand::Slots);
    thread.catch_up(start_of(1) + Duration::from_millis(FRAME_MS));
    assert_eq!(thread.table.next(), Some(1));
    assert_eq!(thread.member(1).missed.get(), 0);
}

#[test]
fn nobody_misses_slots_while_nobody_has_any() {
    let mut thread = Thread::default();
    thread.attach(1);
    for pause in 1..50u64 {
        // The thread looks up once a second, and whenever it is told something.
        let began = pause * 10_000;
        thread.command(began, 1, Demand::Slots);
        thread.run_until(began + 100);
        thread.command(began + 100, 1, Demand::None);
        thread.run_until(began + 200);
    }
    assert_eq!(thread.member(1).missed.get(), 0);
}

#[test]
fn who_begins_after_a_stall_has_missed_nothing_of_it() {
    let mut thread = Thread::default();
    for id in 0..2 {
        thread.attach(id);
    }
    thread.command(0, 0, Demand::Slots);
    thread.run_until(100);
    // What was commanded during the stall is seen at its end.
    thread.command(1_100, 1, Demand::Slots);
    thread.run_until(1_200);
    assert_eq!(thread.member(0).missed.get(), 50);
    let begun = thread.member(1);
    assert_eq!((begun.missed.get(), begun.slots.len()), (0, 5));
}

#[test]
fn commands_for_nobody_come_back() {
    let mut thread = Thread::default();
    thread.attach(1);
    thread.member(1);
    let result = thread.table.command(Duration::ZERO, |_| true, "stop", |_, _, _| Demand::None);
    assert_eq!(result, Err("stop"));
    assert!(thread.table.detach(|_| true).is_none());
}

#[test]
fn thousands_go_one_by_one() {
    let mut thread = Thread::default();
    for id in 0..100_000 {
        thread.attach(id);
    }
    assert_eq!(thread.table.drain().take(50_000).count(), 50_000);
    // The rest goes with the timetable: on the small stack of a thread, without recursion.
    std::thread::Builder::new()
        .stack_size(64 * 1_024)
        .spawn(move || drop(thread.table))
        .unwrap()
        .join()
        .unwrap();
}
