//! A real UDP server on 127.0.0.1, and a connection that talks to it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::events::{Event, EventHandler};

pub const BOUND: Duration = Duration::from_secs(20);
pub const KEY: [u8; 32] = [1; 32];

pub struct Hear(pub Mutex<Sender<Event>>);

impl EventHandler for Hear {
    fn on_event(&self, event: Event) {
        let _ = self.0.lock().expect("no panic").send(event);
    }
}

/// One that has just asked the server for its address.
pub fn connect(engine: &Arc<Engine>) -> (Connection, Receiver<Event>, UdpSocket) {
    let (sender, events) = channel();
    let connection =
        Connection::new(Arc::clone(engine), Arc::new(Hear(sender.into()))).expect("a connection");
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    server.set_read_timeout(Some(BOUND)).expect("a timeout");
    connection.open(server.local_addr().expect("bound"), 99, BOUND).expect("a socket");
    (connection, events, server)
}

/// Tells whoever asks next where it is; gives that.
pub fn discover(server: &UdpSocket) -> SocketAddr {
    let mut datagram = [0; 100];
    let (len, from) = server.recv_from(&mut datagram).expect("a request");
    assert_eq!((len, &datagram[..8]), (74, &[0, 1, 0, 70, 0, 0, 0, 99][..]));
    datagram[1] = 2;
    datagram[8..17].copy_from_slice(b"127.0.0.1");
    datagram[72..74].copy_from_slice(&from.port().to_be_bytes());
    server.send_to(&datagram[..74], from).expect("sent");
    from
}
