//! A target that is open: buffered, patched where it can seek, with holes where it is silent for long.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use isocord_proto::frame::CHANNELS;

use super::error::SinkError;
use super::shape::SampleShape;
use super::target::{Encoding, Target, WriteSeek};

/// Bytes of a sample of each channel.
pub(crate) const PAIR: u64 = 2 * CHANNELS as u64;
const BUFFER: usize = 64 * 1_024;
/// From this many zeros on a file gets a hole instead, which costs neither time nor disk.
const HOLE: u64 = 256 * 1_024;

enum Inner {
    File(File),
    Seekable(Box<dyn WriteSeek>),
    Stream(Box<dyn Write + Send>),
    Process(Box<dyn Encoding>),
}

/// A target that is open. Offsets count from where the target stood at the start.
pub(crate) struct OpenTarget {
    inner: Inner,
    path: Option<PathBuf>,
    buffer: Vec<u8>,
    base: u64,
    /// Bytes that have left the buffer.
    written: u64,
    limit: u64,
    /// Of those, so many are kept for the end.
    kept: u64,
    broken: bool,
}

impl OpenTarget {
    /// `limit` is the most bytes that may be written; a process keeps to one of its own.
    pub(crate) fn open(target: Target, limit: Option<u64>) -> Result<Self, SinkError> {
        let mut limit = limit.unwrap_or(u64::MAX);
        let mut path = None;
        let mut base = 0;
        let inner = match target {
            Target::Path(at) => {
                let mut file =
                    File::create(&at).map_err(|source| SinkError::Open { path: at.clone(), source })?;
                path = Some(at);
                // A FIFO or a terminal opens like a file but has no position.
                if file.stream_position().is_ok() { Inner::File(file) } else { Inner::Stream(Box::new(file)) }
            }
            Target::Seekable(mut object) => {
                base = object
                    .stream_position()
                    .map_err(|source| SinkError::Write { target: "the file object".into(), source })?;
                Inner::Seekable(object)
            }
            Target::Stream(object) => Inner::Stream(object),
            Target::Process(process) => {
                path = process.path().map(Into::into);
                limit = u64::MAX;
                Inner::Process(process)
            }
        };
        Ok(Self {
            inner,
            path,
            buffer: Vec::with_capacity(BUFFER),
            base,
            written: 0,
            limit,
            kept: 0,
            broken: false,
        })
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether [`Self::patch`] works.
    pub(crate) fn seekable(&self) -> bool {
        !matches!(self.inner, Inner::Stream(_) | Inner::Process(_))
    }

    /// Bytes written so far, those in the buffer too; where a process encodes, those that it wrote.
    pub(crate) fn len(&self) -> u64 {
        self.process().map_or_else(|| self.taken(), Encoding::bytes)
    }

    /// The most bytes that it may come to.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Has so many of the last bytes be kept for the end, in place of those before.
    pub(crate) fn keep(&mut self, bytes: u64) {
        self.kept = bytes;
    }

    /// Bytes that may still come.
    pub(crate) fn room(&self) -> u64 {
        self.limit.saturating_sub(self.taken() + self.kept)
    }

    /// What encodes, if that is not us.
    pub(crate) fn process(&self) -> Option<&dyn Encoding> {
        match &self.inner {
            Inner::Process(process) => Some(process.as_ref()),
            _ => None,
        }
    }

    fn taken(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// All of `bytes`, or, where they find no room, none.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        if bytes.len() as u64 > self.room() {
            return Err(SinkError::Full);
        }
        if self.buffer.len() + bytes.len() > BUFFER {
            self.drain()?;
        }
        if bytes.len() >= BUFFER {
            return self.raw(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// As much of the stereo sound as there is room for.
    pub(crate) fn put_samples(&mut self, pcm: &[i16], shape: SampleShape) -> Result<(), SinkError> {
        let room = CHANNELS as u64 * (self.room() / shape.bytes());
        let now = &pcm[..room.min(pcm.len() as u64) as usize];
        for chunk in now.chunks(BUFFER / 4) {
            if self.buffer.len() + chunk.len() / CHANNELS * shape.bytes() as usize > BUFFER {
                self.drain()?;
            }
            shape.write(chunk, &mut self.buffer);
        }
        if self.process().is_some() {
            // It encodes meanwhile, and a crash takes with it what waits here.
            self.drain()?;
        }
        if now.len() < pcm.len() { Err(SinkError::Full) } else { Ok(()) }
    }

    /// As much silence as there is room for.
    pub(crate) fn put_silence(&mut self, samples: u64, shape: SampleShape) -> Result<(), SinkError> {
        let now = samples.min(self.room() / shape.bytes());
        self.zeros(now * shape.bytes())?;
        if now < samples { Err(SinkError::Full) } else { Ok(()) }
    }

    fn zeros(&mut self, mut count: u64) -> Result<(), SinkError> {
        if count >= HOLE && matches!(self.inner, Inner::File(_)) {
            self.drain()?;
            return self.hole(count);
        }
        let zeros = [0; 4_096];
        while count > 0 {
            let step = count.min(zeros.len() as u64);
            self.put(&zeros[..step as usize])?;
            count -= step;
        }
        Ok(())
    }

    /// Overwrites what was written at `offset`; the end stays where it is.
    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        self.drain()?;
        let (start, end) = (self.base + offset, self.base + self.written);
        self.attempt(|inner| {
            let object: &mut dyn WriteSeek = match inner {
                Inner::File(file) => file,
                Inner::Seekable(object) => object,
                Inner::Stream(_) | Inner::Process(_) => return Err(io::ErrorKind::NotSeekable.into()),
            };
            object.seek(SeekFrom::Start(start))?;
            let written = object.write_all(bytes);
            object.seek(SeekFrom::Start(end))?;
            written
        })
    }

    /// Hands everything to the system.
    pub(crate) fn flush(&mut self) -> Result<(), SinkError> {
        self.drain()?;
        self.attempt(|inner| inner.writer().flush())
    }

    /// Nothing more comes: a process that encodes writes the rest of its file.
    pub(crate) fn close(&mut self) -> Result<(), SinkError> {
        self.flush()?;
        self.attempt(|inner| match inner {
            Inner::Process(process) => process.close(),
            _ => Ok(()),
        })
    }

    fn drain(&mut self) -> Result<(), SinkError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        let result = self.raw(&buffer);
        self.buffer = buffer;
        self.buffer.clear();
        result
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), SinkError> {
        self.attempt(|inner| inner.writer().write_all(bytes))?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn hole(&mut self, count: u64) -> Result<(), SinkError> {
        let end = self.base + self.written + count;
        self.attempt(|inner| {
            if let Inner::File(file) = inner {
                file.set_len(end)?;
                file.seek(SeekFrom::Start(end))?;
            }
            Ok(())
        })?;
        self.written += count;
        Ok(())
    }

    /// The path, or what kind of object it is.
    pub(crate) fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "the file object".into(), |path| path.display().to_string())
    }

    fn attempt(&mut self, action: impl FnOnce(&mut Inner) -> io::Result<()>) -> Result<(), SinkError> {
        action(&mut self.inner).map_err(|source| {
            if self.process().is_some_and(Encoding::is_full) {
                return SinkError::Full;
            }
            self.broken = true;
            SinkError::Write { target: self.name(), source }
        })
    }
}

/// For libraries that write for themselves.
impl Write for OpenTarget {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes).map_err(system)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::flush(self).map_err(system)
    }
}

/// As the system would tell it.
pub(crate) fn system(error: SinkError) -> io::Error {
    match error {
        SinkError::Write { source, .. } | SinkError::Open { source, .. } => source,
        SinkError::Full => io::ErrorKind::FileTooLarge.into(),
        other => io::Error::other(other),
    }
}

impl Drop for OpenTarget {
    fn drop(&mut self) {
        // A broken target would only fail again.
        if !self.broken {
            let _ = Self::flush(self);
        }
    }
}

impl Inner {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::File(file) => file,
            Self::Seekable(object) => object,
            Self::Stream(object) => object,
            Self::Process(process) => process,
        }
    }
}
