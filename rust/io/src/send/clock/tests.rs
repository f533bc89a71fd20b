//! The clock thread's turns, taken by hand.

use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::send::SendPath;
use isocord_proto::timeline::Timeline;

use super::super::outlet::PlayedTrack;
use super::*;
use crate::events::{Event, EventHandler};
use crate::play::track::{TrackEnd, TrackWriter, track};
use crate::stats::Counters;
use crate::threads::outbox::Dispatcher;

struct Deaf;

impl EventHandler for Deaf {
    fn on_event(&self, _: Event) {}
}

const ID: ConnectionId = ConnectionId(1);

/// A clock that began a second ago, and a connection that rests.
fn resting() -> (ClockThread, ClockHandle, Arc<Counters>) {
    let epoch = Instant::now().checked_sub(Duration::from_secs(1)).expect("the system is up for longer");
    let (clock, handle) = ClockThread::new(Dispatcher::new().0.outbox(), epoch);
    let counters = Arc::new(Counters::default());
    let outlet = Outlet::new(ID, Timeline::new(0, 0), Arc::clone(&counters));
    assert!(handle.send(ClockCommand::Attach(Seat::new(outlet))));
    (clock, handle, counters)
}

fn play(handle: &ClockHandle) -> TrackWriter {
    let (writer, reader) = track(1);
    let track = PlayedTrack { reader, handler: Arc::new(Deaf), monitor: None };
    assert!(handle.send_to(ID, OutletCommand::Play(Box::new(track))));
    writer
}

/// From now on the connection needs slots: it plays, and waits for a key.
fn begin(handle: &ClockHandle) -> TrackWriter {
    let sealer = Sealer::new(TransportMode::Aes256GcmRtpsize, &[0; 32]);
    assert!(handle.send_to(ID, OutletCommand::Session(Box::new(SendPath::new(1, sealer)))));
    play(handle)
}

#[test]
fn who_rested_has_missed_nothing() {
    let (mut clock, handle, counters) = resting();
    let _writer = begin(&handle);
    clock.turn();
    assert!(clock.outlets.next().is_some(), "it has slots");
    assert_eq!(counters.snapshot().missed_slots, 0);
}

#[test]
fn slots_of_a_stall_are_missed() {
    let (mut clock, handle, counters) = resting();
    let _writer = begin(&handle);
    clock.turn();
    // As if the thread had not run for 100 ms.
    clock.epoch -= Duration::from_millis(100);
    clock.turn();
    assert!(counters.snapshot().missed_slots >= 4);
}

#[test]
fn at_the_stop_what_was_commanded_before_is_carried_out() {
    let (clock, handle, _) = resting();
    let writer = play(&handle);
    handle.stop();
    assert!(!handle.send_to(ID, OutletCommand::Stop));
    clock.close();
    assert_eq!(writer.state().end(), Some(TrackEnd::Closed));
}
