//! Where the bytes come from: a path, an open file or memory, seen as a window with corrected bytes.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use symphonia::core::io::MediaSource;

use super::budget::Meter;
use super::error::OpenError;
use super::hls::Presented;
use super::http::{Address, HttpOptions};
use super::stream::Window;
use super::url::open_url;

/// What a stream says of itself is looked for in so much of its beginning.
const FRONT: u64 = 1 << 20;

/// Longer than anything.
const UNKNOWN: u64 = u64::MAX;

/// A whole file in memory, whoever owns it; shared, never copied.
#[derive(Clone)]
pub struct Bytes(Arc<dyn AsRef<[u8]> + Send + Sync>);

impl Bytes {
    fn get(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({})", self.get().len())
    }
}

/// What to play.
#[derive(Debug)]
pub enum Input {
    /// A file by its path.
    Path(PathBuf),
    /// See [`Input::bytes`].
    Bytes(Bytes),
    /// A file that is open for reading. It is read by position: its own offset is neither used nor moved (except on
    /// Windows, where reading by position moves it).
    File(File),
    /// An http or https URL, of a file or of a radio without end.
    Url {
        /// The URL, with its secrets.
        url: String,
        /// How to ask for it.
        options: HttpOptions,
    },
}

impl Input {
    /// A whole file in memory.
    pub fn bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::Bytes(Bytes(Arc::new(bytes)))
    }

    /// The URL again, if it is one.
    pub(crate) fn url(&self) -> Option<Self> {
        match self {
            Self::Url { url, options } => Some(Self::Url { url: url.clone(), options: options.clone() }),
            _ => None,
        }
    }

    /// What errors call it before it is open: a path as it was given, for it may be the wrong one.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            _ => self.name(),
        }
    }

    /// What errors call it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            Self::Bytes(_) => "bytes in memory".to_owned(),
            Self::File(_) => "the open file".to_owned(),
            Self::Url { url, .. } => {
                Address::parse(url).map_or_else(|_| "the URL".to_owned(), |address| address.to_string())
            }
        }
    }

    pub(crate) fn open(self, name: &str, meter: Arc<Meter>) -> Result<MediaFile, OpenError> {
        let fail = |source| OpenError::Io { name: name.to_owned(), source };
        let backing = match self {
            Self::Path(path) => {
                // To open a device may already do something.
                if !fs::metadata(&path).map_err(fail)?.is_file() {
                    return Err(OpenError::NotAFile { name: name.to_owned() });
                }
                Backing::File(open_at_once(&path).map_err(fail)?)
            }
            Self::File(file) => Backing::File(file),
            Self::Bytes(bytes) => Backing::Bytes(bytes),
            Self::Url { url, options } => {
                let (window, presented) = open_url(&url, options, &meter)
                    .map_err(|reason| OpenError::Network { name: name.to_owned(), reason })?;
                Backing::Window(Brought { window, presented })
            }
        };
        let len = match &backing {
            Backing::Window(Brought { window, .. }) => window.outline().len.unwrap_or(UNKNOWN),
            Backing::Bytes(bytes) => bytes.get().len() as u64,
            Backing::File(file) => {
                let metadata = file.metadata().map_err(fail)?;
                if !metadata.is_file() {
                    return Err(OpenError::NotAFile { name: name.to_owned() });
                }
                metadata.len()
            }
        };
        if len == 0 {
            return Err(OpenError::Empty { name: name.to_owned() });
        }
        Ok(MediaFile { backing: Arc::new(backing), start: 0, len, position: 0, patches: Vec::new(), meter })
    }
}

/// What is a pipe by now does not wait for its writer.
#[cfg(unix)]
fn open_at_once(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    fs::OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open_at_once(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[derive(Debug)]
enum Backing {
    File(File),
    Bytes(Bytes),
    Window(Brought),
}

/// A window that nobody reads any more once this is gone.
struct Brought {
    window: Arc<Window>,
    /// What it is the first part of, if it is one.
    presented: Option<Presented>,
}

impl fmt::Debug for Brought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Brought({:?})", self.window.outline())
    }
}

impl Drop for Brought {
    fn drop(&mut self) {
        self.window.close();
    }
}

impl Backing {
    fn read_at(&self, buf: &mut [u8], offset: u64, meter: &Meter) -> io::Result<usize> {
        match self {
            Self::File(file) => read_file_at(file, buf, offset),
            Self::Bytes(bytes) => Ok(copy_at(bytes.get(), buf, offset)),
            Self::Window(Brought { window, .. }) => {
                let (count, skipped) = window.read_at(buf, offset).inspect_err(|error| meter.fail(error))?;
                meter.count(usize::try_from(skipped).unwrap_or(usize::MAX));
                Ok(count)
            }
        }
    }
}

fn rewound(file: &File) -> io::Result<File> {
    let mut again = file.try_clone()?;
    again.rewind()?;
    Ok(again)
}

#[cfg(unix)]
fn read_file_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buf, offset)
}

#[cfg(windows)]
fn read_file_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buf, offset)
}

fn copy_at(bytes: &[u8], buf: &mut [u8], offset: u64) -> usize {
    let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let count = buf.len().min(bytes.len() - from);
    buf[..count].copy_from_slice(&bytes[from..from + count]);
    count
}

/// A window of a file. Reading is by position, so that a handle shared with others does not disturb it.
#[derive(Debug)]
pub(crate) struct MediaFile {
    backing: Arc<Backing>,
    start: u64,
    len: u64,
    position: u64,
    /// Bytes (by position in the window) that readers see changed, sorted.
    patches: Vec<(u64, u8)>,
    meter: Arc<Meter>,
}

impl MediaFile {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The same, where it is told; what has no end has none.
    pub(crate) fn told_len(&self) -> Option<u64> {
        (self.start + self.len < UNKNOWN).then_some(self.len)
    }

    /// What is there of it, where it comes over a network.
    pub(crate) fn window(&self) -> Option<&Arc<Window>> {
        match &*self.backing {
            Backing::Window(Brought { window, .. }) => Some(window),
            Backing::File(_) | Backing::Bytes(_) => None,
        }
    }

    /// What it is the first part of, if it is one.
    pub(crate) fn presented(&self) -> Option<&Presented> {
        match &*self.backing {
            Backing::Window(Brought { presented, .. }) => presented.as_ref(),
            Backing::File(_) | Backing::Bytes(_) => None,
        }
    }

    /// What comes through a window.
    pub(crate) fn of_window(window: Arc<Window>, meter: Arc<Meter>) -> Self {
        let backing = Arc::new(Backing::Window(Brought { window, presented: None }));
        Self { backing, start: 0, len: UNKNOWN, position: 0, patches: Vec::new(), meter }
    }

    /// All of it as a file of the system, at its beginning, if it is one.
    pub(crate) fn plain(&self) -> Option<io::Result<File>> {
        match &*self.backing {
            Backing::File(file) if self.start == 0 && self.patches.is_empty() => Some(rewound(file)),
            _ => None,
        }
    }

    /// What can be looked at without waiting for long: all of a file, the beginning of a stream.
    pub(crate) fn front(&self) -> Self {
        let mut front = self.again(Arc::clone(&self.meter));
        if self.window().is_some() {
            front.len = front.len.min(FRONT);
        }
        front
    }

    /// The same bytes, counted by another.
    pub(crate) fn again(&self, meter: Arc<Meter>) -> Self {
        let backing = Arc::clone(&self.backing);
        Self { backing, start: self.start, len: self.len, position: 0, patches: Vec::new(), meter }
    }

    /// What is counted of it.
    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Fill `buf` from `offset` on; less than all of it only at the end.
    ///
    /// # Errors
    /// The system's, or the budget is spent.
    pub(crate) fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.fill(buf, offset, usize::MAX)
    }

    /// As [`Self::read_at`], but so many bytes are enough where not all are there.
    fn fill(&self, buf: &mut [u8], offset: u64, enough: usize) -> io::Result<usize> {
        let left = self.len.saturating_sub(offset);
        let want = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.meter.check()?;
        let mut done = 0;
        while done < want {
            let at = self.start + offset + done as u64;
            match self.backing.read_at(&mut buf[done..want], at, &self.meter) {
                Ok(0) => break,
                Ok(count) => {
                    done += count;
                    if done >= enough {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.meter.count(done);
        let first = self.patches.partition_point(|patch| patch.0 < offset);
        for &(at, byte) in &self.patches[first..] {
            match usize::try_from(at - offset) {
                Ok(index) if index < done => buf[index] = byte,
                _ => break,
            }
        }
        Ok(done)
    }

    /// Read exactly `N` bytes at `offset`, or None where the file ends before.
    pub(crate) fn bytes_at<const N: usize>(&self, offset: u64) -> io::Result<Option<[u8; N]>> {
        let mut buf = [0; N];
        Ok((self.read_at(&mut buf, offset)? == N).then_some(buf))
    }

    /// Cut the window to `from..to` of what it is now.
    pub(crate) fn narrow(&mut self, from: u64, to: u64) {
        let to = to.min(self.len);
        let from = from.min(to);
        self.start += from;
        self.len = to - from;
        self.position = 0;
    }

    /// Make readers see other bytes.
    pub(crate) fn patch(&mut self, mut patches: Vec<(u64, u8)>) {
        patches.sort_unstable();
        self.patches = patches;
    }
}

impl Read for MediaFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.fill(buf, self.position, 1)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for MediaFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.told_len().and_then(|len| len.checked_add_signed(by)),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

impl MediaSource for MediaFile {
    fn is_seekable(&self) -> bool {
        self.window().is_none_or(|window| window.outline().seekable)
    }

    fn byte_len(&self) -> Option<u64> {
        self.told_len()
    }
}
