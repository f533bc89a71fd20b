//! Where the system has nothing of the kind.

use std::io;
use std::net::UdpSocket;

use crate::Departed;

/// There is none: packets are sent one by one.
#[derive(Debug)]
pub enum Volley {}

impl Volley {
    /// None.
    ///
    /// # Errors
    /// Always.
    pub fn new(_: usize) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        match *self {}
    }

    /// Has a packet sent with the next [`Self::fire`].
    pub fn load(&mut self, _: &UdpSocket, _: usize, _: usize) {
        match *self {}
    }

    /// Sends all that are loaded.
    pub fn fire<const N: usize>(&mut self, _: &[[u8; N]]) {
        match *self {}
    }

    /// What became of them.
    pub fn departed(&self) -> impl Iterator<Item = Departed> + '_ {
        match *self {}
        #[expect(unreachable_code, reason = "it tells what would be returned")]
        std::iter::empty()
    }
}
