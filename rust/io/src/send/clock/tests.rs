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

/// A clock that began a second ago, and a connection that rests.
fn resting() -> (ClockThread, ClockHandle, OutletHandle, Arc<Counters>) {
    let epoch = Instant::now().checked_sub(Duration::from_secs(1)).expect("the system is up for longer");
    let (clock, handle) = ClockThread::new(Dispatcher::new().0.outbox(), epoch);
    let counters = Arc::new(Counters::default());
    let outlet = Outlet::new(Timeline::new(0, 0), Arc::clone(&counters));
    let outlet = handle.attach(1, outlet).expect("taken");
    (clock, handle, outlet, counters)
}

fn play(outlet: &OutletHandle) -> TrackWriter {
    let (writer, reader) = track(1);
    let track = PlayedTrack { reader, handler: Arc::new(Deaf), monitor: None };
    assert!(outlet.send(OutletCommand::Play(Box::new(track))));
    writer
}

/// From now on the connection needs slots: it plays, and waits for a key.
fn begin(outlet: &OutletHandle) -> TrackWriter {
    let sealer = Sealer::new(TransportMode::Aes256GcmRtpsize, &[0; 32]);
    assert!(outlet.send(OutletCommand::Session(Box::new(SendPath::new(1, sealer)))));
    play(outlet)
}

#[test]
fn who_rested_has_missed_nothing() {
    let (mut clock, _, outlet, counters) = resting();
    let _writer = begin(&outlet);
    clock.turn();
    assert!(clock.outlets.next().is_some(), "it has slots");
    assert_eq!(counters.snapshot().missed_slots, 0);
}

#[test]
fn slots_of_a_stall_are_missed() {
    let (mut clock, _, outlet, counters) = resting();
    let _writer = begin(&outlet);
    clock.turn();
    // As if the thread had not run for 100 ms.
    clock.epoch -= Duration::from_millis(100);
    clock.turn();
    assert!(counters.snapshot().missed_slots >= 4);
}

#[test]
fn at_the_stop_what_was_commanded_before_is_carried_out() {
    let (clock, handle, outlet, _) = resting();
    let writer = play(&outlet);
    handle.stop();
    assert!(!outlet.send(OutletCommand::Stop));
    clock.close();
    assert_eq!(writer.state().end(), Some(TrackEnd::Closed));
}

#[test]
fn many_connections_come_and_go_and_each_hears_its_own_commands() {
    let (mut clock, handle, first, _) = resting();
    let connect = |id| {
        let counters = Arc::new(Counters::default());
        let outlet = Outlet::new(Timeline::new(0, 0), Arc::clone(&counters));
        (handle.attach(id, outlet).expect("taken"), counters)
    };
    let mut kept: Vec<_> = (2..600).map(connect).collect();
    clock.turn();
    let (gone, _) = kept.swap_remove(100);
    gone.detach();
    let (next, _) = connect(600);
    assert_eq!(handle.connections(), 599);
    // Who had the place before is not heard any more, nor is anybody else meant.
    let (gone, next, first, last) = (play(&gone), play(&next), play(&first), play(&kept[500].0));
    clock.take_commands();
    assert_eq!(gone.state().end(), Some(TrackEnd::Closed));
    assert!([&next, &first, &last].iter().all(|track| track.state().end().is_none()));
    handle.stop();
    clock.close();
    assert!([&next, &first, &last].iter().all(|track| track.state().end() == Some(TrackEnd::Closed)));
}
