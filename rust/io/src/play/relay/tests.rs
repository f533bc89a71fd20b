//! A relay by hand, beside the ring that the far clock reads.

use std::time::{Duration, Instant};

use isocord_proto::frame::OpusFrame;

use super::*;
use crate::play::track::{TrackWriter, track};

const LOOKAHEAD: usize = 12;

/// Both ends, and the far clock.
struct Pair {
    now: Instant,
    writer: TrackWriter,
    relay: Relay,
    far: TrackWriter,
    clock: TrackReader,
    heard: Vec<u8>,
    messages: usize,
    late: u64,
}

impl Pair {
    fn new() -> Self {
        let (writer, reader) = track(LOOKAHEAD);
        let (far, clock) = track(Relay::capacity(LOOKAHEAD));
        let relay = Relay::new(reader, LOOKAHEAD);
        Self { now: Instant::now(), writer, relay, far, clock, heard: Vec::new(), messages: 0, late: 0 }
    }

    fn push(&mut self, bytes: impl IntoIterator<Item = u8>) -> &mut Self {
        bytes
            .into_iter()
            .for_each(|byte| assert!(self.writer.push(&frame(byte)), "there is room for {byte}"));
        self
    }

    fn send(&mut self) -> &mut Self {
        if let Some(shown) = self.relay.poll(self.now) {
            self.messages += 1;
            let frames: Vec<_> = shown.frames.iter().map(|packet| OpusFrame::new(packet).unwrap()).collect();
            self.late += self.far.rewrite(shown.from, &frames) as u64;
            self.far.state().note_rests(shown.rests);
            if shown.is_all {
                self.far.finish();
            }
        }
        self
    }

    /// So many slots: the far clock takes a frame in each; word of it comes every fifth.
    fn slots(&mut self, count: usize) -> &mut Self {
        for slot in 0..count {
            let taken = self.clock.take();
            self.heard.extend(taken.map(|frame| frame.as_bytes()[0]));
            if slot % 5 == 0 {
                self.tell();
            }
            for _ in 0..2 {
                self.send();
                self.now += Duration::from_millis(10);
            }
        }
        self
    }

    fn tell(&mut self) {
        self.relay.note_left(self.clock.state().next_heard(), true, std::mem::take(&mut self.late), self.now);
    }

    /// Another machine takes over.
    fn elsewhere(&mut self) {
        (self.far, self.clock) = track(Relay::capacity(LOOKAHEAD));
        self.relay.begin();
    }
}

fn frame(byte: u8) -> OpusFrame {
    OpusFrame::new(&[byte]).expect("one byte")
}

#[test]
fn frames_leave_there_in_order_with_all_of_the_lookahead_at_hand() {
    let mut pair = Pair::new();
    pair.push(0..12).send();
    assert_eq!(pair.clock.supply(), isocord_proto::pacing::Supply::Ready);
    assert_eq!(pair.far.queued(), 12);
    pair.slots(6).push(12..18).slots(6).push(18..24);
    pair.writer.finish();
    pair.slots(20);
    assert_eq!(pair.heard, (0..24).collect::<Vec<_>>());
    assert_eq!(pair.clock.supply(), isocord_proto::pacing::Supply::Exhausted);
    assert_eq!(pair.relay.reader().state().frames_sent(), 24);
    assert!(pair.messages <= 5, "{} messages for four", pair.messages);
}

#[test]
fn what_is_made_anew_is_heard_five_frames_on_at_the_latest() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(4);
    let from = pair.writer.next();
    assert!(pair.writer.replace_from(from + 1, &(100..105).map(frame).collect::<Vec<_>>()).is_ok());
    pair.slots(10);
    let old = pair.heard.iter().take_while(|&&byte| byte < 100).count();
    assert!((4..=4 + 1 + FIRST_MARGIN as usize).contains(&old), "{:?}", pair.heard);
    assert_eq!(pair.heard[old..], (100..105).collect::<Vec<_>>());
}

#[test]
fn what_takes_the_place_of_all_that_waits_takes_it_there_too() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(4);
    pair.writer.replace_all(&frame(100));
    pair.push(101..104).slots(12);
    let old = pair.heard.iter().take_while(|&&byte| byte < 100).count();
    assert!(old <= 4 + 1 + FIRST_MARGIN as usize, "{:?}", pair.heard);
    assert_eq!(pair.heard[old..], [100, 101, 102, 103]);
}

#[test]
fn frames_that_are_about_to_be_put_in_the_place_of_others_are_waited_for() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(2);
    let from = pair.writer.next() + 4;
    pair.writer.finish_at(from);
    pair.writer.rewrite(from, &[frame(100)]);
    let before = pair.messages;
    pair.slots(3);
    assert_eq!(pair.messages, before + 1);
    pair.slots(20);
    assert_eq!(pair.heard.last(), Some(&100));
}

#[test]
fn another_machine_goes_on_with_what_has_not_left() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(6);
    // Two slots on, of which no word came any more.
    pair.heard.clear();
    pair.elsewhere();
    pair.send();
    assert!(pair.far.queued() >= 6);
    pair.writer.finish();
    pair.slots(20);
    assert_eq!(pair.heard, (6..12).collect::<Vec<_>>());
    assert_eq!(pair.relay.reader().state().frames_sent(), 12);
}

#[test]
fn a_source_that_rests_rests_there_and_goes_on_at_once() {
    let mut pair = Pair::new();
    pair.writer.state().note_rests(true);
    pair.push([1, 2]).send().slots(8);
    assert_eq!(pair.heard, [1, 2]);
    assert_eq!(pair.clock.supply(), isocord_proto::pacing::Supply::Resting);
    assert!(pair.relay.starve());
    pair.push([3]).send().slots(1);
    assert_eq!(pair.heard, [1, 2, 3]);
}

#[test]
fn where_word_comes_late_more_is_left_as_it_is() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(2);
    // Nothing passes for four slots.
    assert_eq!((0..4).filter_map(|_| pair.clock.take()).count(), 4);
    let from = pair.writer.next();
    pair.writer.rewrite(from, &(100..110).map(frame).collect::<Vec<_>>());
    pair.send().slots(2);
    assert!(pair.writer.next() >= 2 + FIRST_MARGIN + 2, "{}", pair.writer.next());
    let margin = pair.relay.margin;
    (0..2 * CALM).for_each(|_| pair.tell());
    assert_eq!(pair.relay.margin, margin, "where nothing is made anew, nothing can come too late");
    for _ in 0..CALM {
        pair.relay.is_rewritten = true;
        pair.tell();
    }
    assert_eq!(pair.relay.margin, margin - 1);
}

#[test]
fn time_in_which_there_is_nothing_to_leave_does_not_count() {
    let mut pair = Pair::new();
    pair.relay.go_on(pair.now);
    pair.now += Duration::from_secs(1);
    pair.send();
    pair.push(0..12).send();
    // Long enough that it is not only that frames are taken one by one.
    for _ in 0..11 {
        pair.send();
        pair.now += Duration::from_millis(10);
    }
    assert_eq!(pair.writer.next(), 5 + FIRST_MARGIN);
}

#[test]
fn a_pause_lets_out_what_is_about_to_leave_and_loses_nothing() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(3);
    pair.relay.hold();
    pair.slots(8);
    let heard = pair.heard.len();
    assert!((3..=3 + 1 + FIRST_MARGIN as usize).contains(&heard), "{:?}", pair.heard);
    assert_eq!(pair.clock.supply(), isocord_proto::pacing::Supply::Resting);
    assert_eq!(pair.relay.reader().state().silences(), 1);
    let messages = pair.messages;
    pair.slots(50);
    assert_eq!((pair.heard.len(), pair.messages), (heard, messages));
    pair.relay.go_on(pair.now);
    pair.writer.finish();
    pair.slots(20);
    assert_eq!(pair.heard, (0..12).collect::<Vec<_>>());
    assert_eq!(pair.clock.supply(), isocord_proto::pacing::Supply::Exhausted);
}

#[test]
fn what_is_made_anew_while_it_is_paused_is_what_goes_on() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(3);
    pair.relay.hold();
    pair.slots(8);
    let (from, heard) = (pair.writer.next(), pair.heard.len());
    pair.writer.rewrite(from, &(100..105).map(frame).collect::<Vec<_>>());
    pair.relay.go_on(pair.now);
    pair.send().slots(10);
    assert_eq!(pair.heard[heard..], (100..105).collect::<Vec<_>>());
}

#[test]
fn a_clock_that_stands_still_loses_nothing() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(3);
    pair.now += Duration::from_secs(60);
    pair.writer.finish();
    pair.slots(20);
    assert_eq!(pair.heard, (0..12).collect::<Vec<_>>());
}

#[test]
fn who_heard_more_of_the_old_than_there_is_of_the_new_hears_all_that_comes_later() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(4);
    // Nothing passes for six slots.
    assert_eq!((0..6).filter_map(|_| pair.clock.take()).count(), 6);
    pair.writer.replace_all(&frame(100));
    pair.send().slots(10).push(101..106).slots(10);
    assert!(pair.heard.ends_with(&[101, 102, 103, 104, 105]), "{:?}", pair.heard);
}

#[test]
fn a_pause_of_which_word_comes_late_loses_nothing_and_says_nothing_twice() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(3);
    assert_eq!((0..5).filter_map(|_| pair.clock.take()).count(), 5);
    pair.relay.hold();
    pair.send().slots(8);
    pair.relay.go_on(pair.now);
    pair.writer.finish();
    pair.slots(20);
    assert_eq!(pair.heard, [0, 1, 2, 8, 9, 10, 11]);
    assert_eq!(pair.relay.reader().state().frames_sent(), 12);
}

#[test]
fn a_short_lookahead_that_ran_dry_gets_ahead_again() {
    let (mut writer, reader) = track(1);
    let (mut relay, mut now, mut sent) = (Relay::new(reader, 1), Instant::now(), 0);
    assert!(writer.push(&frame(0)) && relay.poll(now).is_some());
    relay.note_left(1, false, 0, now);
    for byte in 1..7 {
        let _ = writer.push(&frame(byte));
        sent += relay.poll(now).map_or(0, |shown| shown.frames.len());
        now += Duration::from_millis(10);
    }
    assert!(sent >= 3, "{sent} before any word of the first");
}

#[test]
fn frames_that_come_one_by_one_do_not_wait_for_others_where_nothing_moves() {
    let mut pair = Pair::new();
    pair.push([0]).send();
    pair.relay.note_left(1, false, 0, pair.now);
    for byte in 1..10 {
        // Word of the first comes late.
        pair.push([byte]).send();
        pair.relay.pace = None;
    }
    assert_eq!(pair.messages, 10);
}

#[test]
fn where_nothing_leaves_what_changes_is_sent_twice_a_second() {
    let mut pair = Pair::new();
    let shared = std::mem::replace(&mut pair.relay, Relay::new(track(1).1, 1)).ended().share();
    let mut others = TrackReader::of(&shared);
    pair.relay = Relay::new(TrackReader::of(&shared), LOOKAHEAD);
    pair.push(0..12).send();
    for byte in 12..62 {
        // The others go on.
        assert!(others.take().is_some());
        pair.push([byte]).send();
        pair.now += Duration::from_millis(20);
    }
    assert!(pair.messages <= 4, "{} messages in a second", pair.messages);
}

#[test]
fn what_is_held_needs_no_looking_at() {
    let mut pair = Pair::new();
    pair.push(0..12).send().slots(3);
    pair.relay.hold();
    pair.slots(8);
    assert!(!pair.relay.is_busy() && pair.relay.starve());
}
