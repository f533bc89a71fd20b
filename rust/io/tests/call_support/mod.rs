//! A connection, and the real UDP server on 127.0.0.1 that it talks to.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::events::{Event, EventHandler};
use isocord_proto::cipher::{Opener, TransportMode};
use isocord_proto::dave::SenderChange;
use isocord_proto::rtp::{self, Datagram};

pub const BOUND: Duration = Duration::from_secs(20);
pub const KEY: [u8; 32] = [1; 32];
pub const MODE: TransportMode = TransportMode::Aes256GcmRtpsize;

pub struct Hear(pub std::sync::Mutex<Sender<Event>>);

impl EventHandler for Hear {
    fn on_event(&self, event: Event) {
        let _ = self.0.lock().expect("no panic").send(event);
    }
}

pub struct Call {
    pub connection: Connection,
    pub events: Receiver<Event>,
    pub server: UdpSocket,
    pub opener: Opener,
    pub engine: Arc<Engine>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    pub sequence: u16,
    pub timestamp: u32,
    pub opus: Vec<u8>,
}

impl Call {
    pub fn new() -> Self {
        let engine = Engine::start().expect("threads");
        let (sender, events) = channel();
        let connection =
            Connection::new(Arc::clone(&engine), Arc::new(Hear(sender.into()))).expect("a connection");
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        server.set_read_timeout(Some(BOUND)).expect("a timeout");
        connection.open(server.local_addr().expect("bound"), 99, BOUND).expect("a socket");
        let call = Self { connection, events, server, opener: Opener::new(MODE, &KEY), engine };
        call.discover();
        call
    }

    pub fn discover(&self) {
        let mut request = [0; 100];
        let (len, from) = self.server.recv_from(&mut request).expect("a request");
        assert_eq!((len, &request[..8]), (74, &[0, 1, 0, 70, 0, 0, 0, 99][..]));
        let mut answer = request[..74].to_vec();
        answer[1] = 2;
        answer[8..17].copy_from_slice(b"127.0.0.1");
        answer[72..].copy_from_slice(&from.port().to_be_bytes());
        self.server.send_to(&answer, from).expect("sent");
        let Event::Discovered(external) = self.event() else { panic!("not discovered") };
        assert_eq!(external.port, from.port());
    }

    pub fn event(&self) -> Event {
        self.events.recv_timeout(BOUND).expect("an event in time")
    }

    pub fn start(&self) {
        self.connection.start_session(MODE, &KEY).expect("a session");
        self.connection.change_sender(SenderChange::Passthrough).expect("taken");
    }

    pub fn hear(&self) -> Heard {
        let mut datagram = [0; 2_048];
        let len = self.server.recv(&mut datagram).expect("a packet in time");
        let datagram = &mut datagram[..len];
        let Datagram::Rtp(packet) = rtp::parse(datagram) else { panic!("not RTP: {len} bytes") };
        assert_eq!(packet.header.ssrc, 99);
        let len = self.opener.open(datagram, packet.clear_len()).expect("sealed for us");
        let opus = datagram[packet.clear_len()..][..len].to_vec();
        Heard { sequence: packet.header.sequence, timestamp: packet.header.timestamp, opus }
    }
}
