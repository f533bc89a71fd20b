//! What brings a stream's bytes, on a thread of its own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What is known of a stream before its first byte is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Length in bytes, where it is told.
    pub(crate) len: Option<u64>,
    /// It can be read from any place.
    pub(crate) seekable: bool,
    /// It has no end: nobody goes back in it.
    pub(crate) live: bool,
    /// What its server says that it is: a MIME type.
    pub(crate) kind: Option<String>,
}

/// Brings bytes, and waits for the network as long as it must, but not for ever.
pub(crate) trait Supply: Send {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// It has given up. What it says is told as it is.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize>;

    /// The next bytes are to be those from `to` on. Only for what is seekable.
    fn go_to(&mut self, to: u64);

    /// What is heard from the next byte on is called so.
    fn take_title(&mut self) -> Option<String> {
        None
    }

    /// Has it stop waiting.
    fn stopper(&self) -> Arc<dyn Stop>;
}

/// Tells a supply on another thread that waiting is over.
pub(crate) trait Stop: Send + Sync {
    /// What is waited for is not wanted any more; something else will be.
    fn interrupt(&self);

    /// Nothing more is wanted.
    fn close(&self);
}

/// How long a reader waits for a byte before the stream is given up, whatever its supply says.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
