//! Where bytes go: a file, any object that writes and perhaps seeks, or a process that encodes them.

use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

/// An object that writes and seeks.
pub trait WriteSeek: Write + Seek + Send {}
impl<T: Write + Seek + Send> WriteSeek for T {}

/// Takes PCM and writes a file of it somewhere else.
pub trait Encoding: Write + Send {
    /// Its file, if it has one of its own.
    fn path(&self) -> Option<&Path>;

    /// Bytes of its file so far.
    fn bytes(&self) -> u64;

    /// Samples in those; all that it took once it has closed well.
    fn samples(&self) -> u64;

    /// Whether its file is as big as it may be; more PCM is refused.
    fn is_full(&self) -> bool;

    /// Ends its input and waits until its file is whole.
    ///
    /// # Errors
    /// Why the file is not what it should be.
    fn close(&mut self) -> io::Result<()>;
}

/// What a track or a whole recording is written to.
pub enum Target {
    /// A file, made anew or emptied.
    Path(PathBuf),
    /// An object that can seek: headers are kept up to date. Writing starts at its present position.
    Seekable(Box<dyn WriteSeek>),
    /// An object that can only write: headers say "unknown length".
    Stream(Box<dyn Write + Send>),
    /// A process that encodes.
    Process(Box<dyn Encoding>),
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => f.debug_tuple("Path").field(path).finish(),
            Self::Seekable(_) => f.write_str("Seekable"),
            Self::Stream(_) => f.write_str("Stream"),
            Self::Process(_) => f.write_str("Process"),
        }
    }
}
