//! The other end of connections, and one who wants to know nothing of them.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use isocord_io::events::{Event, EventHandler};

/// Hears of no event.
pub struct Deaf;

impl EventHandler for Deaf {
    fn on_event(&self, _: Event) {}
}

/// What IP discovery is answered: where it came from. None if the datagram is something else.
#[must_use]
pub fn answer(datagram: &[u8], from: SocketAddr) -> Option<[u8; 74]> {
    let mut answer: [u8; 74] = datagram.try_into().ok()?;
    if answer[..2] != [0, 1] {
        return None;
    }
    answer[1] = 2;
    answer[8..18].copy_from_slice(b"127.0.0.1\0");
    answer[72..].copy_from_slice(&from.port().to_be_bytes());
    Some(answer)
}

/// Answers IP discovery and takes in the rest, until told to stop; tells who has asked before they are answered.
///
/// # Panics
/// If the system has no timeouts for sockets.
#[expect(clippy::expect_used)]
pub fn serve(socket: &UdpSocket, stop: &AtomicBool, mut asked: impl FnMut(SocketAddr)) {
    socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let mut datagram = [0; 2_048];
    while !stop.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut datagram) else { continue };
        if let Some(answer) = answer(&datagram[..len], from) {
            asked(from);
            let _ = socket.send_to(&answer, from);
        }
    }
}
