//! The files of many tracks: one after the other, two at once while some tracks have yet to come to the cut.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use super::about::About;
use super::error::SinkError;
use super::matroska::{DocType, Muxer, SharedMuxer};
use super::options::WholeFactory;
use super::output::OpenTarget;
use super::parts::{Extent, Shelf};
use crate::threads::lock;

type Result<T> = std::result::Result<T, SinkError>;

/// What each file is made like.
pub(crate) struct Kind {
    pub doc_type: DocType,
    pub about: About,
    pub limit: Option<u64>,
    pub max_tracks: usize,
    /// A file that is full is followed by another.
    pub by_size: bool,
}

struct File {
    number: u32,
    /// In the recording's time.
    begin: u64,
    muxer: SharedMuxer,
}

/// All files of one recorder, which live on one thread.
#[derive(Clone)]
pub(crate) struct SharedFiles(Arc<Mutex<Files>>);

struct Files {
    make: WholeFactory,
    kind: Kind,
    shelf: Shelf,
    /// The first file's.
    path: Option<PathBuf>,
    open: VecDeque<File>,
    /// Bytes of those that are complete.
    bytes: u64,
    /// What concerns all tracks, until [`SharedFiles::take_error`].
    error: Option<SinkError>,
}

impl SharedFiles {
    /// The first file is opened at once.
    pub(crate) fn new(make: WholeFactory, kind: Kind) -> Result<Self> {
        let mut files = Files {
            make,
            kind,
            shelf: Shelf::default(),
            path: None,
            open: VecDeque::new(),
            bytes: 0,
            error: None,
        };
        files.open(1, 0)?;
        files.path = files.open.front().and_then(|file| file.muxer.get().path().map(Into::into));
        Ok(Self(Arc::new(Mutex::new(files))))
    }

    fn get(&self) -> MutexGuard<'_, Files> {
        lock(&self.0)
    }

    /// The file of a part that begins at `begin`, and that moment.
    pub(crate) fn part(&self, number: u32, begin: u64) -> Result<(SharedMuxer, u64)> {
        let mut files = self.get();
        // Nothing is written to a part that is complete or full: a track that comes late to a cut is in the next one.
        let has_room = |file: &&File| file.number >= number && !file.muxer.get().is_over();
        if let Some(file) = files.open.iter().find(has_room) {
            return Ok((file.muxer.clone(), file.begin));
        }
        let number = number.max(files.open.back().map_or(1, |last| last.number + 1));
        match files.open(number, begin) {
            Ok(muxer) => Ok((muxer, begin)),
            Err(error) => {
                let told = SinkError::NoRoom(format!("there is no file for part {number}"));
                files.error.get_or_insert(error);
                Err(told)
            }
        }
    }

    /// Where the file begins that `at` is in.
    pub(crate) fn begin(&self, at: u64) -> u64 {
        let files = self.get();
        let open = files.open.iter().map(|file| file.begin);
        open.filter(|&begin| begin <= at).max().unwrap_or(at)
    }

    pub(crate) fn path(&self) -> Option<PathBuf> {
        self.get().path.clone()
    }

    pub(crate) fn shelf(&self) -> Shelf {
        self.get().shelf.clone()
    }

    pub(crate) fn len(&self) -> u64 {
        let files = self.get();
        files.bytes + files.open.iter().map(|file| file.muxer.get().len()).sum::<u64>()
    }

    /// Makes all readable up to the last whole cluster, and complete what no track is in any more.
    pub(crate) fn flush(&self) -> Result<()> {
        let mut files = self.get();
        while files.open.len() > 1 && files.open[0].muxer.is_alone() {
            files.complete()?;
        }
        files.open.iter().try_for_each(|file| file.muxer.get().flush())
    }

    pub(crate) fn finish(&self) -> Result<()> {
        let mut files = self.get();
        while !files.open.is_empty() {
            files.complete()?;
        }
        files.error.take().map_or(Ok(()), Err)
    }

    /// The error that ended all, once.
    pub(crate) fn take_error(&self) -> Result<()> {
        let mut files = self.get();
        let error = files.open.iter().find_map(|file| file.muxer.get().take_error());
        error.or_else(|| files.error.take()).map_or(Ok(()), Err)
    }
}

impl Files {
    fn open(&mut self, number: u32, begin: u64) -> Result<SharedMuxer> {
        let target = (self.make)(number).map_err(SinkError::Target)?;
        let out = OpenTarget::open(target, self.kind.limit)?;
        let mut muxer = {
            let Kind { doc_type, max_tracks, by_size, .. } = self.kind;
            Muxer::new(out, doc_type, max_tracks, by_size, self.kind.about.file(None, begin))?
        };
        if let Some(last) = self.open.back() {
            // The tracks of all parts have the same numbers.
            muxer.expect_tracks(&last.muxer.get())?;
        }
        let muxer = SharedMuxer::new(muxer);
        self.open.push_back(File { number, begin, muxer: muxer.clone() });
        Ok(muxer)
    }

    /// Makes the first file complete.
    fn complete(&mut self) -> Result<()> {
        let Some(file) = self.open.front() else { return Ok(()) };
        let mut muxer = file.muxer.get();
        muxer.finish()?;
        muxer.take_error().map_or(Ok(()), Err)?;
        let (bytes, samples) = (muxer.len(), muxer.duration());
        self.bytes += bytes;
        self.shelf.open(muxer.path().map(Into::into));
        let extent = Extent { number: file.number, offset: file.begin, samples, bytes };
        self.shelf.put(None, false, extent);
        drop(muxer);
        self.open.pop_front();
        Ok(())
    }
}
