//! Sound from a real UDP server on 127.0.0.1 to those who listen.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::events::{Event, EventHandler};
use isocord_io::receive::pump::{Appetite, FrameConsumer, Pump};
use isocord_io::receive::queue::{Form, FrameReader, Item};
use isocord_io::receive::report::ReceiveReport;
use isocord_proto::cipher::{Sealer, TransportMode};
use isocord_proto::dave::{ReceiverChange, SenderChange};
use isocord_proto::frame::{FRAME_LEN, MAX_OPUS_LEN, OpusFrame};
use isocord_proto::opus::{Encoder, EncoderOptions};
use isocord_proto::recv::{FrameKind, Sound, Speaking};
use isocord_proto::send::{MAX_PACKET_LEN, SendPath};
use isocord_proto::timeline::Timeline;

const BOUND: Duration = Duration::from_secs(20);
const KEY: [u8; 32] = [1; 32];
const MODE: TransportMode = TransportMode::XChaCha20Poly1305Rtpsize;

struct Hear(Mutex<Sender<Event>>);

impl EventHandler for Hear {
    fn on_event(&self, event: Event) {
        let _ = self.0.lock().expect("no panic").send(event);
    }
}

struct Call {
    connection: Connection,
    engine: Arc<Engine>,
    server: UdpSocket,
    client: SocketAddr,
    _events: Receiver<Event>,
}

/// Somebody else in the call.
struct Speaker {
    path: SendPath,
    timeline: Timeline,
    slot: u64,
    encoder: Encoder,
}

impl Call {
    fn new() -> Self {
        let engine = Engine::start().expect("threads");
        let (sender, events) = channel();
        let connection =
            Connection::new(Arc::clone(&engine), Arc::new(Hear(sender.into()))).expect("a connection");
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        server.set_read_timeout(Some(BOUND)).expect("a timeout");
        connection.open(server.local_addr().expect("bound"), 99, BOUND).expect("a socket");
        let client = discover(&server);
        let Ok(Event::Discovered(_)) = events.recv_timeout(BOUND) else { panic!("not discovered") };
        connection.start_session(MODE, &KEY).expect("taken");
        connection.change_receivers(ReceiverChange::AllowPlain).expect("taken");
        Self { connection, engine, server, client, _events: events }
    }

    fn send(&self, packet: &[u8]) {
        self.server.send_to(packet, self.client).expect("sent");
    }

    fn report_with(&self, wanted: impl Fn(&ReceiveReport) -> bool) -> ReceiveReport {
        let deadline = Instant::now() + BOUND;
        loop {
            let report = self.connection.receive_report();
            if wanted(&report) {
                return report;
            }
            assert!(Instant::now() < deadline, "{report:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Lets them speak for so many frames, in real time.
fn speak(call: &Call, speakers: &mut [Speaker], frames: u32) {
    let start = Instant::now();
    for slot in 0..frames {
        let due = start + Duration::from_millis(20) * slot;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        for speaker in &mut *speakers {
            call.send(&speaker.packet(&tone()));
        }
    }
}

fn discover(server: &UdpSocket) -> SocketAddr {
    let mut datagram = [0; 100];
    let (_, from) = server.recv_from(&mut datagram).expect("a request");
    datagram[1] = 2;
    datagram[8..17].copy_from_slice(b"127.0.0.1");
    datagram[72..74].copy_from_slice(&from.port().to_be_bytes());
    server.send_to(&datagram[..74], from).expect("sent");
    from
}

impl Speaker {
    fn new(ssrc: u32) -> Self {
        let mut path = SendPath::new(ssrc, Sealer::new(MODE, &KEY));
        path.change_sender(SenderChange::Passthrough);
        Self {
            path,
            timeline: Timeline::new(60_000, u32::MAX - 5_000),
            slot: 0,
            encoder: Encoder::new(&EncoderOptions::default()).expect("an encoder"),
        }
    }

    fn packet(&mut self, pcm: &[i16; FRAME_LEN]) -> Vec<u8> {
        let mut opus = [0; MAX_OPUS_LEN];
        let len = self.encoder.encode(pcm, &mut opus).expect("encoded");
        let frame = OpusFrame::new(&opus[..len]).expect("a frame");
        let mut out = [0; MAX_PACKET_LEN];
        let len =
            self.path.packet(&frame, &mut self.timeline, self.slot * 20, &mut out).expect("nonces left");
        self.slot += 1;
        out[..len].to_vec()
    }
}

/// 20 ms of 1 kHz.
fn tone() -> [i16; FRAME_LEN] {
    std::array::from_fn(|i| (((i / 2) as f64 * std::f64::consts::TAU / 48.0).sin() * 10_000.0) as i16)
}

/// Positions, kinds and loudest samples of the frames up to the one that is the `count`th of what was sent.
fn hear(reader: &mut FrameReader, count: usize) -> Vec<(u64, u64, FrameKind, i16)> {
    let mut heard: Vec<(u64, u64, FrameKind, i16)> = Vec::new();
    while heard.iter().filter(|(.., kind, _)| *kind == FrameKind::Voice).count() < count {
        assert!(reader.wait(BOUND) && (!reader.is_closed() || !reader.is_empty()), "{} heard", heard.len());
        reader.drain(usize::MAX, |item| {
            if let Item::Frame(frame) = item {
                let loudest = match frame.sound {
                    Sound::Pcm(pcm) => pcm.iter().map(|sample| sample.saturating_abs()).max(),
                    Sound::Opus(_) => None,
                };
                heard.push((frame.user_id, frame.position, frame.kind, loudest.unwrap_or(0)));
            }
        });
    }
    heard
}

#[test]
fn several_listen_to_several() {
    let call = Call::new();
    let mut pcm = call.connection.listen(Form::Pcm, 1_000).expect("taken");
    let mut opus = call.connection.listen(Form::Opus, 1_000).expect("taken");
    call.connection.assign_ssrc(1, 100).expect("taken");
    let mut speakers = [Speaker::new(1), Speaker::new(2)];
    speak(&call, &mut speakers, 50);
    // The second one is known later.
    call.connection.assign_ssrc(2, 200).expect("taken");
    let report =
        call.report_with(|report| report.users.iter().map(|(_, user)| user.received).sum::<u64>() == 100);
    // On a machine that stands still for a moment some come too late to be handed out.
    let late: u64 = report.users.iter().map(|(_, user)| user.late).sum();
    for (reader, is_pcm) in [(&mut pcm, true), (&mut opus, false)] {
        let heard = hear(reader, 100 - late as usize);
        for (user_id, user) in &report.users {
            let of_user: Vec<_> = heard.iter().filter(|(id, ..)| id == user_id).collect();
            assert!(of_user.windows(2).all(|pair| pair[1].1 >= pair[0].1 + 960), "user {user_id}");
            let voice = of_user.iter().filter(|(.., kind, _)| *kind == FrameKind::Voice);
            assert_eq!(voice.clone().count() as u64, 50 - user.late, "user {user_id}");
            let loud = voice.filter(|(.., loudest)| *loudest > 8_000).count();
            assert!(!is_pcm || loud > 25, "user {user_id}: {loud} loud frames");
        }
    }
    assert_eq!((report.connection.rtp, report.connection.forged, report.users.len()), (100, 0, 2));
    assert!(call.engine.stop());
}

#[test]
fn who_does_not_drain_loses_frames_and_nobody_else_does() {
    let call = Call::new();
    let slow = call.connection.listen(Form::Opus, 10).expect("taken");
    let mut quick = call.connection.listen(Form::Opus, 1_000).expect("taken");
    call.connection.assign_ssrc(1, 100).expect("taken");
    speak(&call, &mut [Speaker::new(1)], 50);
    // On a machine that stands still for a moment some come too late to be handed out.
    let report = call.report_with(|report| report.users.iter().any(|(_, user)| user.received == 50));
    let in_time = 50 - report.users[0].1.late;
    assert_eq!(hear(&mut quick, in_time as usize).len() as u64, in_time);
    assert_eq!((slow.len() as u64, slow.len() as u64 + slow.dropped()), (10, in_time + 1));
}

#[test]
fn nobody_listens_and_packets_are_only_counted() {
    let call = Call::new();
    call.connection.assign_ssrc(1, 100).expect("taken");
    let mut speakers = [Speaker::new(1)];
    speak(&call, &mut speakers, 20);
    let report = call.report_with(|report| report.connection.unheard == 20);
    assert!(report.users.is_empty());
    // One comes, goes, and then they are only counted again.
    let mut reader = call.connection.listen(Form::Pcm, 100).expect("taken");
    speak(&call, &mut speakers, 20);
    assert_eq!(hear(&mut reader, 20).len(), 20);
    drop(reader);
    let deadline = Instant::now() + BOUND;
    while call.connection.receive_report().connection.unheard == 20 {
        speak(&call, &mut speakers, 2);
        assert!(Instant::now() < deadline);
    }
}

#[derive(Default)]
struct Notes {
    frames: Vec<u64>,
    speaking: Vec<Speaking>,
    clock: Vec<u64>,
}

impl FrameConsumer for Notes {
    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Frame(frame) => self.frames.push(frame.position),
            Item::Speaking(100, speaking, _) => self.speaking.push(speaking),
            Item::Speaking(..) | Item::Left(_) => panic!("a stranger speaks, or leaves"),
        }
    }

    fn advance(&mut self, position: u64) -> Appetite {
        self.clock.push(position);
        Appetite::More
    }

    fn finish(&mut self, position: u64) {
        self.clock.push(position);
    }
}

#[test]
fn a_native_consumer_has_a_thread_of_its_own_and_a_new_server_does_not_end_it() {
    let mut call = Call::new();
    let reader = call.connection.listen(Form::Pcm, 1_000).expect("taken");
    let mut pump =
        Pump::spawn("isocord-test", reader, Notes::default(), call.engine.common_clock()).expect("a thread");
    for ssrc in [1, 2] {
        call.connection.assign_ssrc(ssrc, 100).expect("taken");
        speak(&call, &mut [Speaker::new(ssrc)], 25);
        call.report_with(|report| report.users.iter().any(|(_, user)| user.received == 25 * u64::from(ssrc)));
        if ssrc == 1 {
            call.connection.open(call.server.local_addr().expect("bound"), 99, BOUND).expect("a socket");
            call.client = discover(&call.server);
            call.connection.start_session(MODE, &KEY).expect("taken");
        }
    }
    call.connection.close();
    let deadline = Instant::now() + BOUND;
    while !pump.is_finished() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let notes = pump.finish(BOUND).expect("it ended with the connection");
    assert_eq!(notes.frames.len(), 50);
    assert!(notes.frames.is_sorted() && notes.clock.is_sorted());
    let last = notes.clock.last().copied().unwrap_or(0);
    assert!(last >= notes.frames[24] + 960);
    assert_eq!(notes.speaking.first(), Some(&Speaking::Started));
    assert_eq!(notes.speaking.last(), Some(&Speaking::Stopped));
}
