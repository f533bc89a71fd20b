//! Where nobody listens the system itself drops what is said, before it wakes anybody; so it does from the moment on in
//! which the last one ceases to listen, up to that in which the first one asks.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex};

use crate::threads::lock;

#[cfg(target_os = "linux")]
#[path = "sieve/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "sieve/none.rs"]
mod system;

/// What the system may drop of one connection, over all of its sockets.
#[derive(Default)]
pub(crate) struct Sieve(Mutex<State>);

#[derive(Default)]
struct State {
    socket: Option<Arc<UdpSocket>>,
    /// Those who listen, or are on their way to the receive thread in order to.
    listeners: usize,
    /// The system's count when the filter came onto the socket; none while it is not there.
    counted: Option<u32>,
    dropped: u64,
}

/// While somebody has one, all that comes is to be had.
pub(crate) struct Hearing(Arc<Sieve>);

impl Sieve {
    /// Somebody is going to listen: what comes from now on comes through.
    pub(crate) fn hear(self: &Arc<Self>) -> Hearing {
        let mut state = lock(&self.0);
        state.listeners += 1;
        state.settle();
        Hearing(Arc::clone(self))
    }

    /// The connection has another socket, or none any more.
    pub(crate) fn watch(&self, socket: Option<Arc<UdpSocket>>) {
        let mut state = lock(&self.0);
        state.take_off();
        state.socket = socket;
        state.settle();
    }

    /// Whether the system drops what is said.
    pub(crate) fn is_on(&self) -> bool {
        lock(&self.0).counted.is_some()
    }

    /// Packets that the system has dropped.
    pub(crate) fn dropped(&self) -> u64 {
        let mut state = lock(&self.0);
        state.count();
        state.dropped
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.listeners -= 1;
        state.settle();
    }
}

impl State {
    /// Puts the filter on or takes it off, as those who listen want it.
    fn settle(&mut self) {
        if self.listeners > 0 {
            return self.take_off();
        }
        if let (None, Some(socket)) = (self.counted, &self.socket) {
            self.counted = system::put_on(socket);
        }
    }

    fn take_off(&mut self) {
        if let (Some(_), Some(socket)) = (self.counted, &self.socket) {
            system::take_off(socket);
        }
        self.count();
        self.counted = None;
    }

    /// Keeps up with the system's count, which begins anew after 2^32 packets: weeks of a big call.
    fn count(&mut self) {
        if let (Some(before), Some(socket)) = (self.counted, &self.socket)
            && let Some(now) = system::dropped(socket)
        {
            self.dropped += u64::from(now.wrapping_sub(before));
            self.counted = Some(now);
        }
    }
}

#[cfg(test)]
mod tests;
