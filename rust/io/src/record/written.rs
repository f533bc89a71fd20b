//! A file, or a track of one, from its opening to its end: what every layout has in common.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::SinkError;
use super::lane::TrackLane;
use super::open::Opened;
use super::parts::{PartReport, Shelf};
use super::report::{FileState, TrackReport};

/// A lane that is open, or what it came to.
pub(crate) struct Written {
    lane: Option<Box<dyn TrackLane>>,
    shelf: Shelf,
    /// The first file.
    path: Option<PathBuf>,
    /// Of one that has ended.
    bytes: u64,
    /// Samples that were there at the last flush, and, of one that ended well, at its end.
    flushed: u64,
    samples: u64,
    state: FileState,
}

impl Written {
    /// What `open` came to.
    pub(crate) fn new(opened: Result<Opened, SinkError>) -> Self {
        let (lane, shelf, state) = match opened {
            Ok(opened) => (Some(opened.lane), opened.shelf, FileState::Recording),
            Err(SinkError::Full) => (None, Shelf::default(), FileState::SizeLimit),
            Err(error) => (None, Shelf::default(), FileState::Failed(Arc::new(error))),
        };
        let path = shelf.path();
        Self { lane, shelf, path, bytes: 0, flushed: 0, samples: 0, state }
    }

    /// None once it has ended.
    pub(crate) fn lane(&mut self) -> Option<&mut dyn TrackLane> {
        self.lane.as_mut().map(|lane| lane.as_mut() as &mut dyn TrackLane)
    }

    pub(crate) fn active(&self) -> bool {
        self.lane.is_some()
    }

    pub(crate) fn state(&self) -> &FileState {
        &self.state
    }

    pub(crate) fn len(&self) -> u64 {
        self.lane.as_ref().map_or(self.bytes, |lane| lane.len())
    }

    /// The target has been flushed.
    pub(crate) fn note_flushed(&mut self) {
        if let Some(lane) = &self.lane {
            self.flushed = lane.samples();
        }
    }

    /// Makes the file whole; `state` is what it then is, unless something goes wrong. What was being written may have
    /// found no room.
    ///
    /// # Errors
    /// Those of the target.
    pub(crate) fn finish(&mut self, state: FileState) -> Result<(), SinkError> {
        let Some(lane) = &mut self.lane else { return Ok(()) };
        let state = match lane.finish() {
            Ok(()) => state,
            Err(SinkError::Full) => FileState::SizeLimit,
            Err(error) => return Err(error),
        };
        self.samples = lane.samples();
        self.close(state);
        Ok(())
    }

    /// The first error counts. A file of many tracks can still fail when its tracks have ended.
    pub(crate) fn fail(&mut self, error: Arc<SinkError>) {
        if !matches!(self.state, FileState::Failed(_)) {
            self.close(FileState::Failed(error));
        }
    }

    /// Its files that are complete, from the given index on.
    pub(crate) fn parts(&self, index: usize) -> Vec<PartReport> {
        self.shelf.from(index)
    }

    /// Ends it, whatever comes of that, and removes its files; the first error counts.
    pub(crate) fn discard(&mut self) -> Result<(), SinkError> {
        // An error of the target's does not matter any more.
        let _ = self.finish(FileState::Finished);
        self.lane = None;
        let mut result = Ok(());
        for path in self.shelf.clear() {
            if let Err(source) = std::fs::remove_file(&path)
                && source.kind() != std::io::ErrorKind::NotFound
            {
                result = result.and(Err(SinkError::Remove { path, source }));
            }
        }
        result
    }

    pub(crate) fn report(&self, user_id: Option<u64>, offset: u64) -> TrackReport {
        let whole = matches!(self.state, FileState::Finished | FileState::SizeLimit);
        TrackReport {
            user_id,
            path: self.path.clone(),
            offset,
            samples: if whole { self.samples } else { self.flushed },
            bytes: self.len(),
            state: self.state.clone(),
        }
    }

    fn close(&mut self, state: FileState) {
        self.bytes = self.len();
        self.lane = None;
        self.state = state;
    }
}
