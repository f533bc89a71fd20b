//! The receive thread's turns, taken by hand.

use std::net::UdpSocket;

use isocord_proto::discovery::Discovery;

use super::*;
use crate::events::{Event, EventHandler};
use crate::receive::intake::{AT_ONCE, Line};
use crate::receive::sieve::Sieve;
use crate::stats::Counters;
use crate::threads::outbox::Dispatcher;

struct Deaf;

impl EventHandler for Deaf {
    fn on_event(&self, _: Event) {}
}

struct Thread {
    receiver: Receiver,
    handle: ReceiverHandle,
    ready: Events,
    intake: Intake,
}

/// Datagrams of one socket's turn.
const BATCH: usize = READS * AT_ONCE;

/// A socket of the thread's and the server that it talks to.
struct Call {
    server: UdpSocket,
    counters: Arc<Counters>,
    sieve: Arc<Sieve>,
    socket: Arc<UdpSocket>,
}

impl Thread {
    fn new() -> Self {
        let (receiver, handle) = Receiver::new(Dispatcher::new().0.outbox(), Instant::now()).unwrap();
        Self { receiver, handle, ready: Events::with_capacity(16), intake: Intake::new() }
    }

    fn call(&self, id: u64) -> Call {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server.local_addr().unwrap()).unwrap();
        server.connect(socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = Arc::new(socket);
        let (counters, sieve) = (Arc::new(Counters::default()), Arc::<Sieve>::default());
        let voice = VoiceSocket::new(
            Line::new(&socket).unwrap(),
            Arc::clone(&sieve),
            Discovery::new(1, 0, u64::MAX / 2),
            0,
            Arc::clone(&counters),
            Arc::new(Deaf),
        );
        assert!(self.handle.send(ReceiveCommand::Attach(ConnectionId(id), Arc::default())));
        assert!(self.handle.send(ReceiveCommand::Open(ConnectionId(id), Box::new(voice))));
        Call { server, counters, sieve, socket }
    }

    fn turn(&mut self) -> Duration {
        self.receiver.turn(&mut self.ready, &mut self.intake, Duration::ZERO)
    }
}

impl Call {
    /// On the loopback device a datagram is there when `send` returns.
    fn send(&self, count: usize) {
        (0..count).for_each(|_| assert!(self.server.send(&[0x80; 60]).is_ok()));
    }

    fn received(&self) -> usize {
        self.counters.snapshot().packets_received as usize
    }
}

#[test]
fn what_a_batch_leaves_is_read_without_a_further_datagram() {
    let mut thread = Thread::new();
    let (many, few) = (thread.call(1), thread.call(2));
    thread.turn();
    many.send(2 * BATCH + 10);
    few.send(3);
    assert_eq!(thread.turn(), Duration::ZERO, "more is there");
    assert_eq!((many.received(), few.received()), (BATCH, 3), "everybody has a turn");
    // Who comes in between does not wait until the crowd has been read.
    few.send(5);
    assert_eq!(thread.turn(), Duration::ZERO);
    assert_eq!((many.received(), few.received()), (2 * BATCH, 8));
    assert_ne!(thread.turn(), Duration::ZERO);
    assert_eq!(many.received(), 2 * BATCH + 10);
}

#[test]
fn a_full_batch_that_was_all_costs_one_more_look() {
    let mut thread = Thread::new();
    let call = thread.call(1);
    thread.turn();
    call.send(BATCH);
    assert_eq!(thread.turn(), Duration::ZERO);
    assert_ne!(thread.turn(), Duration::ZERO);
    assert_eq!(call.received(), BATCH);
    call.send(1);
    // Windows may tell of what has been read already first.
    let came = (0..3).any(|_| {
        thread.turn();
        call.received() == BATCH + 1
    });
    assert!(came, "the poll looks at the socket again");
}

#[cfg(target_os = "linux")]
#[test]
fn who_is_listened_to_no_more_is_read_no_more() {
    use crate::receive::queue::{Form, frame_queue};

    let mut thread = Thread::new();
    let call = thread.call(1);
    call.sieve.watch(Some(Arc::clone(&call.socket)));
    thread.turn();
    for round in 0..3 {
        let (writer, reader) = frame_queue(Form::Opus, 10);
        let listen = InletCommand::Listen(writer, call.sieve.hear());
        assert!(thread.handle.send(ReceiveCommand::To(ConnectionId(1), listen)));
        let (read, dropped) = (call.received(), call.sieve.dropped());
        call.send(5);
        thread.turn();
        assert_eq!((call.received(), call.sieve.dropped()), (read + 5, dropped), "{round}");
        drop(reader);
        // It is noticed with what comes.
        let deadline = Instant::now() + Duration::from_secs(15);
        while call.sieve.dropped() == dropped {
            assert!(Instant::now() < deadline);
            call.send(1);
            std::thread::sleep(thread.turn());
        }
        let (read, dropped) = (call.received(), call.sieve.dropped());
        call.send(100);
        thread.turn();
        assert_eq!((call.received(), call.sieve.dropped()), (read, dropped + 100));
    }
}

#[test]
fn each_has_its_turn_in_time_and_those_who_left_have_none() {
    let mut thread = Thread::new();
    let calls: Vec<_> = (0..50).map(|id| thread.call(id)).collect();
    thread.turn();
    assert_eq!(thread.receiver.timers.len(), 50);
    // Each asks for its own address at once.
    let mut datagram = [0; 100];
    for call in &calls {
        call.server.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        assert_eq!(call.server.recv(&mut datagram).unwrap(), 74);
    }
    (0..50).for_each(|id| assert!(thread.handle.send(ReceiveCommand::Close(ConnectionId(id)))));
    thread.turn();
    assert!(thread.receiver.timers.is_empty() && thread.receiver.members.is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn a_socket_is_watched_only_while_it_may_bring_something() {
    let mut thread = Thread::new();
    let call = thread.call(1);
    call.sieve.watch(Some(Arc::clone(&call.socket)));
    call.server.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let answer = |port: u16| {
        let mut datagram = [0; 100];
        while call.server.recv(&mut datagram).unwrap() != 74 {}
        datagram[1] = 2;
        datagram[8..18].copy_from_slice(b"127.0.0.1\0");
        datagram[72..74].copy_from_slice(&port.to_be_bytes());
        assert_eq!(call.server.send(&datagram[..74]).unwrap(), 74);
    };
    let watched = |thread: &Thread| thread.receiver.members[&ConnectionId(1)].watched;
    for round in 0..3 {
        // It asks for its own address, now and every five seconds.
        thread.turn();
        assert!(watched(&thread), "{round}");
        answer(1_000 + round);
        thread.turn();
        assert!(!watched(&thread), "{round}");
        thread.receiver.epoch -= Duration::from_secs(5);
    }
}
