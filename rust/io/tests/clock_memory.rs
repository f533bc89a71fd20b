//! The clock thread leaves the allocator alone, for a lock in it is one that others hold.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod call_support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};

use call_support::{BOUND, Call, Hear, KEY, MODE};
use isocord_io::connection::Connection;
use isocord_io::events::Event;
use isocord_io::play::track::{TrackEnd, TrackReader, TrackWriter, track};
use isocord_io::record::{Format, Layout as FileLayout, RecorderOptions, directory};
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::frame::OpusFrame;

thread_local! {
    static IS_CLOCK: Cell<bool> = const { Cell::new(false) };
}
static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);
static KNOWN: AtomicBool = AtomicBool::new(false);
/// The counts are the process's own: one test at a time.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

struct Counting;

fn count(counter: &AtomicU64) {
    if IS_CLOCK.try_with(Cell::get).unwrap_or(false) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(&ALLOCATED);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(&FREED);
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A track whose end tells which thread is the clock's.
fn telling_track(lookahead: usize) -> (TrackWriter, TrackReader) {
    let (writer, reader) = track(lookahead);
    // The waker runs on the clock thread, which is how it is told apart from the others.
    writer.state().set_waker(Box::new(|_| {
        IS_CLOCK.set(true);
        KNOWN.store(true, Ordering::Relaxed);
    }));
    (writer, reader)
}

fn ended_track(frames: u8) -> (TrackWriter, TrackReader) {
    let (mut writer, reader) = track(25);
    for byte in 0..frames {
        assert!(writer.push(&OpusFrame::new(&[0xFC, byte]).expect("short")));
    }
    writer.finish();
    (writer, reader)
}

fn counts() -> (u64, u64) {
    (ALLOCATED.load(Ordering::Relaxed), FREED.load(Ordering::Relaxed))
}

fn wait_end(events: &Receiver<Event>, expected: TrackEnd) {
    loop {
        if let Event::TrackEnded(_, end) = events.recv_timeout(BOUND).expect("an event in time") {
            assert_eq!(end, expected);
            return;
        }
    }
}

/// From now on the clock thread is known, and has done what was commanded before.
fn meet_the_clock(call: &Call) {
    let (_writer, reader) = telling_track(1);
    call.connection.play(reader).expect("taken");
    call.connection.stop().expect("taken");
    wait_end(&call.events, TrackEnd::Stopped);
    assert!(KNOWN.load(Ordering::Relaxed), "the clock thread was never told apart");
}

/// A call whose clock thread is known.
fn met() -> Call {
    let call = Call::new();
    call.start();
    meet_the_clock(&call);
    call
}

/// The same, with a track that is heard.
fn playing() -> (Call, TrackWriter) {
    let call = met();
    let (writer, reader) = track(8);
    call.connection.play(reader).expect("taken");
    (call, writer)
}

/// Pushes sixty frames as fast as they are heard.
fn push_sixty(writer: &mut TrackWriter, call: &Call) {
    for byte in 0..60u8 {
        while !writer.push(&OpusFrame::new(&[0xFC, byte]).expect("short")) {
            call.hear();
        }
    }
}

#[test]
fn packets_are_sent_without_the_allocator() {
    let _alone = ALONE.lock();
    let (call, mut writer) = playing();
    let before = counts();
    push_sixty(&mut writer, &call);
    assert_eq!(counts(), before);
    assert!(call.connection.stats().packets_sent > 50);
    call.engine.stop();
}

#[test]
fn packets_of_many_leave_together_without_the_allocator() {
    let _alone = ALONE.lock();
    let (call, mut writer) = playing();
    let before = counts();
    // More than a new clock has room for.
    let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let connect = |_| {
        let events = Arc::new(Hear(channel().0.into()));
        let connection = Connection::new(Arc::clone(&call.engine), events).expect("a connection");
        connection.open(elsewhere.local_addr().expect("bound"), 99, BOUND).expect("a socket");
        connection
    };
    let others: Vec<Connection> = (0..100).map(connect).collect();
    push_sixty(&mut writer, &call);
    assert_eq!(counts(), before);
    assert_eq!(others.iter().map(|other| other.stats().packets_sent).sum::<u64>(), 0);
    call.engine.stop();
}

#[test]
fn what_is_sent_is_recorded_without_the_allocator() {
    let _alone = ALONE.lock();
    let (call, mut writer) = playing();
    let before = counts();
    let options = || RecorderOptions { format: Format::OggOpus, ..RecorderOptions::default() };
    let path_of =
        |name: &str| std::env::temp_dir().join(format!("isocord-own-{name}-{}", std::process::id()));
    let start = |name: &str| {
        let path = path_of(name);
        std::fs::create_dir_all(&path).expect("made");
        let layout = FileLayout::PerUser(directory(path, "ogg".to_owned()));
        call.connection.record(options(), layout, None, None, Some(42)).expect("it runs")
    };
    let recordings = ["one", "two"].map(start);
    push_sixty(&mut writer, &call);
    for recording in recordings {
        recording.stop(0);
        let report = recording.wait(BOUND).expect("alive").expect("in time");
        assert_eq!(report.tracks.iter().map(|track| track.user_id).collect::<Vec<_>>(), [Some(42)]);
        assert!(report.stats.frames > 40, "{:?}", report.stats);
    }
    // Their taps are given away.
    push_sixty(&mut writer, &call);
    assert_eq!(counts(), before);
    call.engine.stop();
    ["one", "two"].iter().for_each(|name| std::fs::remove_dir_all(path_of(name)).expect("removed"));
}

#[test]
fn a_broadcast_is_sent_without_the_allocator() {
    let _alone = ALONE.lock();
    let call = met();
    let (mut writer, reader) = track(8);
    let shared = reader.share();
    let elsewhere = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let other =
        Connection::new(Arc::clone(&call.engine), Arc::new(Hear(channel().0.into()))).expect("a connection");
    other.open(elsewhere.local_addr().expect("bound"), 99, BOUND).expect("a socket");
    other.start_session(MODE, &KEY).expect("taken");
    other.change_sender(SenderChange::Passthrough).expect("taken");
    for connection in [&call.connection, &other] {
        connection.play(TrackReader::of(&shared)).expect("taken");
    }
    let before = counts();
    push_sixty(&mut writer, &call);
    assert_eq!(counts(), before);
    assert!([&call.connection, &other].iter().all(|connection| connection.stats().packets_sent > 40));
    call.engine.stop();
}

#[test]
fn whatever_is_commanded_is_done_without_the_allocator() {
    let _alone = ALONE.lock();
    let call = met();
    let before = counts();

    let server = call.server.local_addr().expect("bound");
    // So many that a list of them would have grown.
    let guilds: Vec<(Connection, Receiver<Event>)> = (0..20)
        .map(|_| {
            let (sender, events) = channel();
            let handler = Arc::new(Hear(sender.into()));
            (Connection::new(Arc::clone(&call.engine), handler).expect("a connection"), events)
        })
        .collect();
    for (connection, events) in &guilds {
        connection.open(server, 99, BOUND).expect("a socket");
        connection.start_session(MODE, &KEY).expect("taken");
        // More than may wait for a key.
        for _ in 0..12 {
            connection.send_packet(OpusFrame::SILENCE).expect("taken");
        }
        connection.change_sender(SenderChange::key(SenderRatchet::new(&[1; 16]))).expect("taken");
        connection.change_sender(SenderChange::key(SenderRatchet::new(&[2; 16]))).expect("taken");
        connection.change_sender(SenderChange::Passthrough).expect("taken");
        connection.play(ended_track(20).1).expect("taken");
        connection.play(ended_track(2).1).expect("taken");
        wait_end(events, TrackEnd::Replaced);
        wait_end(events, TrackEnd::Finished);
        connection.pause().expect("taken");
        connection.resume().expect("taken");
        connection.start_session(MODE, &KEY).expect("taken");
        connection.open(server, 99, BOUND).expect("another socket");
        connection.start_session(MODE, &KEY).expect("taken");
        connection.end_session().expect("taken");
        connection.play(ended_track(1).1).expect("taken");
    }
    for (connection, events) in &guilds {
        connection.close();
        wait_end(events, TrackEnd::Closed);
        // Nobody is there any more to carry these out.
        connection.start_session(MODE, &KEY).expect("taken");
        connection.change_sender(SenderChange::key(SenderRatchet::new(&[3; 16]))).expect("taken");
        connection.send_packet(OpusFrame::SILENCE).expect("taken");
        let (mut writer, reader) = track(5);
        connection.play(reader).expect("taken");
        assert!(writer.push(&OpusFrame::SILENCE));
        wait_end(events, TrackEnd::Closed);
    }
    meet_the_clock(&call);
    assert_eq!(counts(), before, "allocated, freed");
    call.engine.stop();
}
