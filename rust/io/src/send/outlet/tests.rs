//! A connection whose track is interrupted, slot by slot in virtual time.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::frame::SAMPLES_PER_MS;
use isocord_proto::send::MAX_PACKET_LEN;

use super::*;
use crate::play::track::{Interrupter, TrackState, TrackWriter, track};
use crate::send::tap::{SentReader, tap};
use crate::threads::outbox::Dispatcher;

struct Deaf;

impl EventHandler for Deaf {
    fn on_event(&self, _: Event) {}
}

/// Sees the frames leave at the stage's time.
struct Watch(Arc<TrackState>, Arc<AtomicU64>);

impl Monitor for Watch {
    fn taken(&mut self, _: &[u8]) {}

    fn sent(&mut self) {
        self.0.interruption().note_sent(self.1.load(Relaxed));
    }

    fn is_over(&self) -> bool {
        self.0.interruption().is_over(self.1.load(Relaxed))
    }
}

struct Stage {
    outlet: Outlet,
    packet: PacketBuffer,
    out: EventOutbox,
    now_ms: u64,
    clock: Arc<AtomicU64>,
}

impl Stage {
    fn new() -> Self {
        let outlet = Outlet::new(Timeline::new(0, 0), Arc::new(Counters::default()));
        let out = Dispatcher::new().0.outbox();
        let mut stage =
            Self { outlet, packet: [0; MAX_PACKET_LEN], out, now_ms: 1_000, clock: Arc::default() };
        stage.begin();
        stage
    }

    fn begin(&mut self) {
        let sealer = Sealer::new(TransportMode::Aes256GcmRtpsize, &[0; 32]);
        self.command(OutletCommand::Session(Box::new(SendPath::new(1, sealer))));
        self.command(OutletCommand::Sender(SenderChange::Passthrough));
    }

    fn command(&mut self, command: OutletCommand) {
        self.outlet.command(command, self.now_ms, &mut self.packet, &mut self.out);
    }

    /// Plays a track of so many frames, fed by one who fades, or not.
    fn play(&mut self, frames: usize, fades: bool) -> TrackWriter {
        let (mut writer, reader) = track(25);
        (0..frames).for_each(|_| assert!(writer.push(&OpusFrame::SILENCE)));
        if fades {
            writer.state().interruption().will_fade();
        }
        let monitor = Watch(Arc::clone(writer.state()), Arc::clone(&self.clock));
        let track = PlayedTrack { reader, handler: Arc::new(Deaf), monitor: Some(Box::new(monitor)) };
        self.command(OutletCommand::Play(Box::new(track)));
        writer
    }

    /// What so many slots are used for.
    fn slots(&mut self, count: usize) -> String {
        let slot = |_| {
            self.now_ms += 20;
            self.clock.store(self.now_ms * SAMPLES_PER_MS, Relaxed);
            self.outlet.prepare(self.now_ms, &mut self.packet, &mut self.out);
            let used = match self.outlet.prepared {
                SlotUse::Frame(_) => 'F',
                SlotUse::Silence(_) => 's',
                SlotUse::Nothing | SlotUse::Rest => '-',
                other => panic!("{other:?}"),
            };
            self.outlet.send(Instant::now(), &self.packet, None, &mut self.out);
            used
        };
        (0..count).map(slot).collect()
    }

    /// Somebody has spoken enough right now.
    fn interrupt(&self, track: &TrackWriter) {
        let at = self.now_ms * SAMPLES_PER_MS;
        track.state().interrupt(Interrupter { user_id: 7, began: at - 9_600, at });
    }
}

/// As the pool does.
fn go_out(writer: &mut TrackWriter) {
    writer.replace_all(&OpusFrame::SILENCE);
    writer.state().interruption().settle(true);
    writer.finish();
}

fn heard(track: &TrackWriter) -> Option<u64> {
    track.state().interrupted().map(|interrupted| interrupted.heard)
}

#[test]
fn it_goes_out_and_ends_once_with_what_was_heard_before() {
    let mut stage = Stage::new();
    let mut track = stage.play(20, true);
    assert_eq!(stage.slots(5), "FFFFF");
    stage.interrupt(&track);
    stage.interrupt(&track);
    go_out(&mut track);
    assert_eq!(stage.slots(8), "Fsssss--");
    let told = track.state().interrupted().expect("it was interrupted");
    assert_eq!((told.heard, told.by.user_id), (5, 7));
    // The last packet left one slot after it was enough.
    assert_eq!(told.last - told.by.at, 20 * SAMPLES_PER_MS);
    assert_eq!(track.state().frames_sent(), 6);
}

#[test]
fn if_nobody_makes_a_last_frame_in_time_it_is_cut() {
    for (fades, slots) in [(true, "FFsssss-"), (false, "sssss---")] {
        let mut stage = Stage::new();
        let track = stage.play(20, fades);
        stage.slots(5);
        stage.interrupt(&track);
        assert_eq!(stage.slots(8), slots, "two slots, or none");
        assert_eq!(heard(&track), Some(if fades { 7 } else { 5 }));
    }
}

#[test]
fn who_speaks_as_it_ends_by_itself_interrupts_nothing_or_all() {
    // Before, between and after the last frames; the pool comes first, or never.
    for spoken in 0..=3 {
        for pool in [true, false] {
            let mut stage = Stage::new();
            let mut track = stage.play(3, true);
            track.finish();
            stage.slots(spoken);
            stage.interrupt(&track);
            if pool && spoken < 3 {
                go_out(&mut track);
            }
            stage.slots(10);
            let end = track.state().end();
            let interrupted = spoken < 3 && pool || spoken == 0;
            let expected = if interrupted { TrackEnd::Interrupted } else { TrackEnd::Finished };
            assert_eq!(end, Some(expected), "{spoken} {pool}");
            if pool && spoken < 3 {
                assert_eq!(heard(&track), Some(spoken as u64));
            }
        }
    }
}

#[test]
fn what_is_held_or_without_a_session_ends_at_once_and_is_not_heard_later() {
    for held in [OutletCommand::Pause, OutletCommand::EndSession] {
        let pauses = matches!(held, OutletCommand::Pause);
        let mut stage = Stage::new();
        let mut track = stage.play(20, true);
        stage.slots(5);
        stage.interrupt(&track);
        go_out(&mut track);
        stage.command(held);
        assert_eq!(heard(&track), Some(5));
        if !pauses {
            stage.begin();
        }
        stage.command(OutletCommand::Resume);
        assert!(!stage.slots(8).contains('F'));
    }
}

#[test]
fn who_speaks_right_after_it_was_held_or_lost_its_session_interrupts_it_too() {
    for held in [OutletCommand::Pause, OutletCommand::EndSession] {
        let mut stage = Stage::new();
        let mut track = stage.play(20, true);
        stage.slots(5);
        stage.command(held);
        stage.interrupt(&track);
        go_out(&mut track);
        // The pool has the clock look.
        stage.command(OutletCommand::Ready);
        assert_eq!(heard(&track), Some(5));
    }
}

#[test]
fn what_takes_its_place_plays() {
    let mut stage = Stage::new();
    let mut old = stage.play(20, true);
    stage.slots(5);
    stage.interrupt(&old);
    go_out(&mut old);
    let new = stage.play(20, true);
    assert_eq!(stage.slots(6), "FFFFFF");
    assert_eq!((old.state().end(), new.state().end()), (Some(TrackEnd::Replaced), None));
}

#[test]
fn stopping_is_no_interruption() {
    let mut stage = Stage::new();
    let track = stage.play(20, true);
    stage.slots(5);
    stage.interrupt(&track);
    stage.command(OutletCommand::Stop);
    assert_eq!(track.state().end(), Some(TrackEnd::Stopped));
    assert_eq!(heard(&track), None);
}

/// Has what leaves from now on, which goes to a socket of ours if `connected`.
fn tapped(stage: &mut Stage, connected: bool) -> (SentReader, UdpSocket) {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    if connected {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.connect(server.local_addr().expect("bound")).expect("connected");
        stage.command(OutletCommand::Socket(Box::new(socket.into())));
        stage.begin();
    }
    let (tap, sent) = tap();
    stage.command(OutletCommand::Tap(tap));
    (sent, server)
}

fn taken(sent: &mut SentReader) -> Vec<(u64, Vec<u8>)> {
    std::iter::from_fn(|| sent.take_before(u64::MAX))
        .map(|sent| (sent.position / SAMPLES_PER_MS, sent.frame.as_bytes().to_vec()))
        .collect()
}

fn packet(byte: u8) -> OpusFrame {
    OpusFrame::new(&[0xFC, byte]).expect("short")
}

#[test]
fn whatever_leaves_comes_out_of_every_tap_at_its_time() {
    let mut stage = Stage::new();
    let (mut first, _server) = tapped(&mut stage, true);
    let (mut writer, reader) = track(25);
    (0..3).for_each(|byte| assert!(writer.push(&packet(byte))));
    writer.finish();
    let track = PlayedTrack { reader, handler: Arc::new(Deaf), monitor: None };
    stage.command(OutletCommand::Play(Box::new(track)));
    assert_eq!(stage.slots(1), "F");
    let (mut second, _) = tapped(&mut stage, false);
    assert_eq!(stage.slots(8), "FFsssss-");
    // A burst of single packets lies one behind the other, as their timestamps do.
    for byte in [7, 8] {
        stage.command(OutletCommand::Packet(Box::new(packet(byte))));
    }
    let silence = OpusFrame::SILENCE.as_bytes().to_vec();
    let mut expected: Vec<(u64, Vec<u8>)> =
        (0..3).map(|byte| (1_020 + 20 * u64::from(byte), vec![0xFC, byte])).collect();
    expected.extend((0..5).map(|n| (1_080 + 20 * n, silence.clone())));
    expected.extend([(1_180, vec![0xFC, 7]), (1_200, vec![0xFC, 8])]);
    assert_eq!(taken(&mut first), expected);
    assert_eq!(taken(&mut second), expected[1..]);
    assert_eq!(first.lost().load(Relaxed), 0);
}

#[test]
fn what_does_not_leave_comes_out_of_no_tap() {
    let mut stage = Stage::new();
    let (mut sent, _server) = tapped(&mut stage, false);
    let _track = stage.play(5, false);
    assert_eq!(stage.slots(3), "FFF");
    assert_eq!(taken(&mut sent), []);
}

#[test]
fn a_tap_that_nobody_empties_loses_what_is_new_and_counts_it() {
    let mut stage = Stage::new();
    let (mut sent, _server) = tapped(&mut stage, true);
    let (mut writer, reader) = track(25);
    let track = PlayedTrack { reader, handler: Arc::new(Deaf), monitor: None };
    stage.command(OutletCommand::Play(Box::new(track)));
    let mut left = 0;
    for _ in 0..400 {
        assert!(writer.push(&packet(1)));
        let before = stage.outlet.counters.snapshot().packets_sent;
        stage.slots(1);
        left += stage.outlet.counters.snapshot().packets_sent - before;
    }
    let lost = sent.lost().load(Relaxed);
    assert!(lost > 0);
    let kept = taken(&mut sent);
    assert_eq!(kept.len() as u64 + lost, left);
    assert_eq!(kept[0].0, 1_020);
    // It has room again.
    assert!(writer.push(&packet(2)));
    while taken(&mut sent).is_empty() {
        stage.slots(1);
        assert!(writer.push(&packet(2)));
    }
}

#[test]
fn a_tap_whose_other_end_is_gone_is_given_away() {
    let mut stage = Stage::new();
    let (sent, _server) = tapped(&mut stage, true);
    let (mut kept, _) = tapped(&mut stage, false);
    drop(sent);
    let (mut writer, reader) = track(25);
    (0..3).for_each(|byte| assert!(writer.push(&packet(byte))));
    stage.command(OutletCommand::Play(Box::new(PlayedTrack {
        reader,
        handler: Arc::new(Deaf),
        monitor: None,
    })));
    stage.slots(3);
    assert_eq!(taken(&mut kept).len(), 3);
    assert_eq!(stage.outlet.taps.count(), 1);
}
