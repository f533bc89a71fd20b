//! Old Shoutcast servers answer `ICY 200 OK`, which is no HTTP: it is read as `HTTP/1.0 200 OK`.

use std::fmt;

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

const ICY: &[u8] = b"ICY ";
const HTTP: &[u8] = b"HTTP/1.0 ";

/// Puts [`StatusLine`] around a connection.
#[derive(Debug, Default)]
pub(crate) struct StatusLineConnector;

impl<In: Transport> Connector<In> for StatusLineConnector {
    type Out = StatusLine<In>;

    fn connect(&self, _: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| StatusLine { inner, looked: false, left: Vec::new() }))
    }
}

/// A connection whose first bytes are looked at.
pub(crate) struct StatusLine<T> {
    inner: T,
    looked: bool,
    /// What had no room in the buffer.
    left: Vec<u8>,
}

impl<T: Transport> fmt::Debug for StatusLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: Transport> Transport for StatusLine<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        if !self.left.is_empty() {
            let left = std::mem::take(&mut self.left);
            self.append(&left);
            return Ok(true);
        }
        let mut more = self.inner.await_input(timeout)?;
        while !self.looked {
            let buffers = self.inner.buffers();
            let input = buffers.input();
            if input.len() < ICY.len() && ICY.starts_with(input) && more {
                more = self.inner.await_input(timeout)?;
                continue;
            }
            self.looked = true;
            if let Some(rest) = input.strip_prefix(ICY) {
                let line = [HTTP, rest].concat();
                let len = input.len();
                buffers.input_consume(len);
                self.append(&line);
            }
        }
        Ok(more)
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

impl<T: Transport> StatusLine<T> {
    fn append(&mut self, bytes: &[u8]) {
        let buffers = self.inner.buffers();
        let room = buffers.input_append_buf();
        let count = bytes.len().min(room.len());
        room[..count].copy_from_slice(&bytes[..count]);
        buffers.input_appended(count);
        self.left = bytes[count..].to_vec();
    }
}
