//! What leaves between tracks, slot by slot.

use isocord_proto::cipher::{KEY_LEN, Sealer, TransportMode};
use isocord_proto::dave::SenderChange;

use super::*;
use crate::play::track::{TrackWriter, track};

struct Deaf;

impl EventHandler for Deaf {
    fn on_event(&self, _: Event) {}
}

/// An outlet with a session and no socket: what it prepares is seen, and nothing leaves the machine.
fn outlet() -> Outlet {
    let counters = Arc::new(Counters::default());
    let mut outlet =
        Outlet::new(ConnectionId(1), Timeline::new(0, 0), counters, Arc::new(Deaf), EventSender::new());
    let path = SendPath::new(1, Sealer::new(TransportMode::Aes256GcmRtpsize, &[0; KEY_LEN]));
    outlet.command(OutletCommand::Session(Box::new(path)), 0);
    outlet.command(OutletCommand::Sender(SenderChange::Passthrough), 0);
    outlet
}

fn ready(frames: usize) -> (TrackWriter, TrackReader) {
    let (mut writer, reader) = track(25);
    for _ in 0..frames {
        assert!(writer.push(&OpusFrame::new(&[0xfc, 1]).expect("two bytes")));
    }
    (writer, reader)
}

/// What the slots at these times are used for: a letter for a frame, a dot for silence, a space for nothing.
fn slots(outlet: &mut Outlet, numbers: std::ops::Range<u64>) -> String {
    numbers
        .map(|number| {
            outlet.prepare(number * SLOT_MS);
            let used = match outlet.prepared {
                Prepared::Frame(_) => 'f',
                Prepared::Silence(_) => '.',
                Prepared::Nothing | Prepared::Unsent => ' ',
            };
            outlet.send(Instant::now());
            used
        })
        .collect()
}

#[test]
fn the_end_is_told_with_the_last_frame_and_five_frames_of_silence_follow() {
    let mut outlet = outlet();
    let (mut writer, reader) = ready(3);
    let state = Arc::clone(reader.state());
    writer.finish();
    outlet.command(OutletCommand::Play(reader), 0);
    assert_eq!(slots(&mut outlet, 0..2), "ff");
    assert_eq!(state.end(), None);
    assert_eq!(slots(&mut outlet, 2..3), "f");
    assert_eq!((state.end(), state.frames_sent()), (Some(TrackEnd::Finished), 3));
    assert_eq!(slots(&mut outlet, 3..10), ".....  ");
}

#[test]
fn a_track_that_is_played_before_the_next_slot_follows_without_silence() {
    let mut outlet = outlet();
    let (mut writer, reader) = ready(2);
    writer.finish();
    outlet.command(OutletCommand::Play(reader), 0);
    assert_eq!(slots(&mut outlet, 0..2), "ff");
    let (_writer, reader) = ready(2);
    outlet.command(OutletCommand::Play(reader), SLOT_MS + 10);
    assert_eq!(slots(&mut outlet, 2..4), "ff");
}

#[test]
fn what_plays_goes_on_until_the_next_has_a_frame() {
    let mut outlet = outlet();
    let (_first, reader) = ready(20);
    let first = Arc::clone(reader.state());
    outlet.command(OutletCommand::Play(reader), 0);
    assert_eq!(slots(&mut outlet, 0..1), "f");
    let (mut second, reader) = ready(0);
    outlet.command(OutletCommand::Play(reader), SLOT_MS);
    assert_eq!(slots(&mut outlet, 1..4), "fff");
    assert_eq!((first.end(), first.frames_sent()), (None, 4));
    assert!(second.push(&OpusFrame::SILENCE));
    assert_eq!(slots(&mut outlet, 4..5), "f");
    assert_eq!(first.end(), Some(TrackEnd::Replaced));
    assert_eq!(second.state().frames_sent(), 1);
    assert_eq!(second.state().underruns() + first.underruns(), 0);
}

#[test]
fn a_next_track_that_is_slow_is_not_waited_for_for_ever_and_obeys_meanwhile() {
    let mut outlet = outlet();
    let (_first, reader) = ready(25);
    let first = Arc::clone(reader.state());
    outlet.command(OutletCommand::Play(reader), 0);
    let (_second, reader) = ready(0);
    outlet.command(OutletCommand::Play(reader), 0);
    assert_eq!(slots(&mut outlet, 0..16), "ffffffffff..... ", "200 ms of the old one");
    assert_eq!(first.end(), Some(TrackEnd::Replaced));

    for (command, end) in [(OutletCommand::Stop, Some(TrackEnd::Stopped)), (OutletCommand::Pause, None)] {
        let mut outlet = self::outlet();
        let (_first, reader) = ready(25);
        let first = Arc::clone(reader.state());
        outlet.command(OutletCommand::Play(reader), 0);
        assert_eq!(slots(&mut outlet, 0..1), "f");
        let (_second, reader) = ready(0);
        let second = Arc::clone(reader.state());
        outlet.command(OutletCommand::Play(reader), SLOT_MS);
        outlet.command(command, SLOT_MS);
        assert_eq!(slots(&mut outlet, 1..7), "..... ");
        assert_eq!((first.end(), second.end()), (Some(TrackEnd::Replaced), end));
    }
}

#[test]
fn a_connection_that_closes_ends_both() {
    let mut outlet = outlet();
    let (_first, reader) = ready(5);
    let (_second, next) = ready(0);
    let states = [Arc::clone(reader.state()), Arc::clone(next.state())];
    outlet.command(OutletCommand::Play(reader), 0);
    outlet.command(OutletCommand::Play(next), 0);
    outlet.close();
    assert_eq!(states.map(|state| state.end()), [Some(TrackEnd::Replaced), Some(TrackEnd::Closed)]);
}
