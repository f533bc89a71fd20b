//! A connection, and the real UDP server on 127.0.0.1 that it talks to.
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../server_support/mod.rs"]
mod server_support;

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::events::Event;
use isocord_proto::cipher::{Opener, TransportMode};
use isocord_proto::dave::SenderChange;
use isocord_proto::rtp::{self, Datagram};

pub use server_support::*;

pub const MODE: TransportMode = TransportMode::Aes256GcmRtpsize;

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
        let (connection, events, server) = connect(&engine);
        let call = Self { connection, events, server, opener: Opener::new(MODE, &KEY), engine };
        call.discover();
        call
    }

    pub fn discover(&self) {
        let from = discover(&self.server);
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
        heard(&self.server, &self.opener).unwrap_or_else(|len| panic!("not RTP: {len} bytes"))
    }
}

/// What comes next, if that is RTP; else how long it is.
pub fn heard(server: &UdpSocket, opener: &Opener) -> Result<Heard, usize> {
    let mut datagram = [0; 2_048];
    let len = server.recv(&mut datagram).expect("a packet in time");
    let datagram = &mut datagram[..len];
    let Datagram::Rtp(packet) = rtp::parse(datagram) else { return Err(len) };
    assert_eq!(packet.header.ssrc, 99);
    let len = opener.open(datagram, packet.clear_len()).expect("sealed for us");
    let opus = datagram[packet.clear_len()..][..len].to_vec();
    Ok(Heard { sequence: packet.header.sequence, timestamp: packet.header.timestamp, opus })
}
