//! Who sends when, in virtual time.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::time::Duration;

use isocord_proto::frame::FRAME_MS;
use isocord_proto::timetable::{Demand, Room, SLOT_MS, Seat, Ticket, Timetable, start_of};

#[derive(Debug)]
struct Member {
    needs: Demand,
    /// When it had its slots, in milliseconds.
    slots: Vec<u64>,
    missed: Cell<u64>,
}

/// A thread that sends, and the members that it sends for.
struct Thread {
    table: Timetable<Member>,
}

fn ticket(id: u32) -> Ticket {
    Ticket { place: id, id: u64::from(id) }
}

fn seat(ticket: Ticket) -> Box<Seat<Member>> {
    Seat::new(ticket, Member { needs: Demand::None, slots: Vec::new(), missed: Cell::new(0) })
}

impl Thread {
    fn new(members: u32) -> Self {
        let mut table = Timetable::new(Room::new(members));
        (0..members).for_each(|id| table.attach(seat(ticket(id))).expect("room"));
        Self { table }
    }

    fn command(&mut self, now_ms: u64, id: u32, needs: Demand) {
        let now = Duration::from_millis(now_ms);
        self.catch_up(now);
        let obey = |member: &mut Member, needs, _| {
            member.needs = needs;
            needs
        };
        assert!(self.table.command(now, ticket(id), needs, obey).is_ok());
    }

    /// As a thread does that sleeps from one slot to the next until `end_ms`.
    fn run_until(&mut self, end_ms: u64) {
        while let Some(slot) =
            self.table.next().filter(|&slot| start_of(slot) < Duration::from_millis(end_ms))
        {
            self.catch_up(start_of(slot));
            self.table.prepare(slot, |_, _| (), |member, _| member.needs);
            self.table.finish(slot, |_, _| (), |member| member.slots.push(slot * SLOT_MS));
        }
        self.catch_up(Duration::from_millis(end_ms));
    }

    fn catch_up(&mut self, now: Duration) {
        self.table.catch_up(now, |member, count| member.missed.set(member.missed.get() + count));
    }

    fn member(&mut self, id: u32) -> Member {
        self.table.detach(ticket(id)).expect("attached").member
    }

    /// Slots of ten that somebody has.
    fn open(&self) -> usize {
        (0..10).filter(|slot| self.table.members(*slot) > 0).count()
    }
}

#[test]
fn a_member_has_its_first_slot_soon_and_then_one_each_20_ms() {
    let mut thread = Thread::new(1);
    thread.command(1_001, 0, Demand::Slots);
    thread.run_until(1_100);
    assert_eq!(thread.member(0).slots, [1_002, 1_022, 1_042, 1_062, 1_082]);
}

#[test]
fn who_begins_anew_has_the_next_slot_and_who_goes_on_keeps_its_own() {
    let mut thread = Thread::new(1);
    thread.command(1_001, 0, Demand::Slots);
    thread.run_until(1_009);
    thread.command(1_009, 0, Demand::Soon);
    thread.run_until(1_013);
    thread.command(1_013, 0, Demand::Slots);
    thread.run_until(1_060);
    assert_eq!(thread.member(0).slots, [1_002, 1_010, 1_030, 1_050]);
}

#[test]
fn those_who_come_one_by_one_share_few_slots_and_wait_10_ms_at_the_most() {
    // Whenever they come: the times are all places of a frame, in an order without a pattern.
    let mut thread = Thread::new(32);
    let came: Vec<u64> = (0..32).map(|id| 1_000 + id * 47).collect();
    for (id, &now) in came.iter().enumerate() {
        thread.run_until(now);
        thread.command(now, id as u32, Demand::Slots);
    }
    thread.run_until(4_000);
    assert!(thread.open() <= 4, "{} slots", thread.open());
    for (id, came) in came.into_iter().enumerate() {
        let slots = thread.member(id as u32).slots;
        assert!((1..=10).contains(&(slots[0] - came)), "{id} waits for {} ms", slots[0] - came);
        assert!(slots.windows(2).all(|pair| pair[1] - pair[0] == FRAME_MS));
    }
}

#[test]
fn a_slot_is_filled_before_the_next_one_is_opened() {
    let mut thread = Thread::new(32);
    (0..32).for_each(|id| thread.command(0, id, Demand::Slots));
    assert_eq!([1, 2, 3].map(|slot| thread.table.members(slot)), [16, 16, 0]);
}

#[test]
fn where_all_slots_are_full_members_are_spread_over_them() {
    for members in [160, 200, 1_000, 5_000] {
        let mut thread = Thread::new(members);
        (0..members).for_each(|id| thread.command(u64::from(id) * 7, id, Demand::Slots));
        let sizes: Vec<_> = (0..10).map(|slot| thread.table.members(slot)).collect();
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(most - least <= 8, "{members}: {sizes:?}");
    }
}

#[test]
fn those_who_stay_keep_their_order_in_a_slot() {
    let mut thread = Thread::new(6);
    (0..5).for_each(|id| thread.command(0, id, Demand::Slots));
    thread.command(0, 2, Demand::None);
    thread.run_until(10);
    drop(thread.member(0));
    drop(thread.member(4));
    thread.command(19, 5, Demand::Slots);
    thread.command(19, 2, Demand::Slots);
    let mut order = Vec::new();
    let mut number = 0;
    thread.table.prepare(
        11,
        |_, _| (),
        |member, _| {
            member.missed.set(number);
            number += 1;
            Demand::Slots
        },
    );
    for id in [1, 3, 5, 2] {
        order.push(thread.member(id).missed.get());
    }
    assert_eq!(order, [0, 1, 2, 3]);
    assert_eq!(thread.table.next(), None);
}

#[test]
fn who_rests_has_no_slots_until_the_next_command() {
    let mut thread = Thread::new(1);
    thread.command(0, 0, Demand::Slots);
    thread.run_until(10);
    thread.command(10, 0, Demand::None);
    thread.run_until(1_000);
    assert_eq!(thread.table.next(), None);
    thread.command(1_000, 0, Demand::Slots);
    thread.run_until(1_010);
    assert_eq!(thread.member(0).slots, [2, 1_002]);
}

#[test]
fn a_stall_is_counted_and_not_made_up_for() {
    let mut thread = Thread::new(2);
    thread.command(0, 0, Demand::Slots);
    thread.run_until(4);
    // Its company's slot is too far away.
    thread.command(4, 1, Demand::Slots);
    thread.run_until(40);
    // The thread does not run for 85 ms, in which one member has five slots and the other four.
    thread.catch_up(Duration::from_millis(125));
    thread.run_until(160);
    let (first, second) = (thread.member(0), thread.member(1));
    assert_eq!((first.missed.get(), second.missed.get()), (5, 4));
    assert_eq!((first.slots, second.slots), (vec![2, 22, 142], vec![6, 26, 126, 146]));
}

#[test]
fn slots_are_late_and_not_missed_within_a_frame() {
    let mut thread = Thread::new(1);
    thread.command(0, 0, Demand::Slots);
    thread.catch_up(start_of(1) + Duration::from_millis(FRAME_MS));
    assert_eq!(thread.table.next(), Some(1));
    assert_eq!(thread.member(0).missed.get(), 0);
}

#[test]
fn nobody_misses_slots_while_nobody_has_any() {
    let mut thread = Thread::new(1);
    for pause in 1..50u64 {
        // The thread looks up once a second, and whenever it is told something.
        let began = pause * 10_000;
        thread.command(began, 0, Demand::Slots);
        thread.run_until(began + 100);
        thread.command(began + 100, 0, Demand::None);
        thread.run_until(began + 200);
    }
    assert_eq!(thread.member(0).missed.get(), 0);
}

#[test]
fn who_begins_after_a_stall_has_missed_nothing_of_it() {
    let mut thread = Thread::new(2);
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
fn commands_for_nobody_come_back_also_where_somebody_else_sits_now() {
    let mut thread = Thread::new(1);
    thread.member(0);
    let command = |thread: &mut Thread, ticket| {
        thread.table.command(Duration::ZERO, ticket, "stop", |_, _, _| Demand::None)
    };
    assert_eq!(command(&mut thread, ticket(0)), Err("stop"));
    assert!(thread.table.detach(ticket(0)).is_none());
    let next = Ticket { place: 0, id: 7 };
    assert!(thread.table.attach(seat(next)).is_ok());
    assert_eq!(command(&mut thread, ticket(0)), Err("stop"));
    assert!(thread.table.detach(ticket(0)).is_none());
    assert_eq!(command(&mut thread, next), Ok(()));
    // Nobody's place is given away.
    assert!(thread.table.attach(seat(ticket(0))).is_err());
    assert!(thread.table.attach(seat(ticket(99))).is_err());
}

#[test]
fn in_a_bigger_room_all_goes_on() {
    let mut thread = Thread::new(3);
    (0..3).for_each(|id| thread.command(0, id, Demand::Slots));
    thread.run_until(10);
    thread.table.move_to(&mut Room::new(9));
    assert!(thread.table.attach(seat(ticket(8))).is_ok());
    thread.command(19, 8, Demand::Slots);
    thread.run_until(30);
    assert_eq!([0, 1, 2, 8].map(|id| thread.member(id).slots.len()), [2, 2, 2, 1]);
}

#[test]
fn everybody_can_be_taken_out_at_once() {
    let mut thread = Thread::new(100_000);
    (0..1_000).for_each(|id| thread.command(0, id, Demand::Slots));
    assert_eq!(thread.table.drain().count(), 100_000);
    assert_eq!(thread.table.next(), None);
}
