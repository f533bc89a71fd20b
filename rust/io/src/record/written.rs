//! A file, or a track of one, from its opening to its end: what every layout has in common.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::SinkError;
use super::lane::TrackLane;
use super::open::Opened;
use super::report::{TrackReport, TrackState};

/// A lane that is open, or what it came to.
pub(crate) struct Written {
    lane: Option<Box<dyn TrackLane>>,
    path: Option<PathBuf>,
    /// Of one that has ended.
    bytes: u64,
    /// Samples that a reader finds: up to the last flush, or, of one that ended well, all.
    samples: u64,
    state: TrackState,
}

impl Written {
    /// What `open` came to.
    pub(crate) fn new(opened: Result<Opened, SinkError>) -> Self {
        let (lane, path, state) = match opened {
            Ok(opened) => (Some(opened.lane), opened.path, TrackState::Recording),
            Err(SinkError::Full) => (None, None, TrackState::SizeLimit),
            Err(error) => (None, None, TrackState::Failed(Arc::new(error))),
        };
        Self { lane, path, bytes: 0, samples: 0, state }
    }

    /// None once it has ended.
    pub(crate) fn lane(&mut self) -> Option<&mut dyn TrackLane> {
        self.lane.as_mut().map(|lane| lane.as_mut() as &mut dyn TrackLane)
    }

    pub(crate) fn active(&self) -> bool {
        self.lane.is_some()
    }

    pub(crate) fn state(&self) -> &TrackState {
        &self.state
    }

    pub(crate) fn len(&self) -> u64 {
        self.lane.as_ref().map_or(self.bytes, |lane| lane.len())
    }

    /// The target has been flushed.
    pub(crate) fn note_flushed(&mut self) {
        if let Some(lane) = &self.lane {
            self.samples = lane.samples();
        }
    }

    /// Makes the file whole; `state` is what it then is, unless something goes wrong. What was being written may have
    /// found no room.
    ///
    /// # Errors
    /// Those of the target.
    pub(crate) fn finish(&mut self, state: TrackState) -> Result<(), SinkError> {
        let Some(lane) = &mut self.lane else { return Ok(()) };
        let state = match lane.finish() {
            Ok(()) => state,
            Err(SinkError::Full) => TrackState::SizeLimit,
            Err(error) => return Err(error),
        };
        self.note_flushed();
        self.close(state);
        Ok(())
    }

    pub(crate) fn fail(&mut self, error: Arc<SinkError>) {
        self.close(TrackState::Failed(error));
    }

    pub(crate) fn report(&self, user_id: Option<u64>, offset: u64) -> TrackReport {
        TrackReport {
            user_id,
            path: self.path.clone(),
            offset,
            samples: self.samples,
            bytes: self.len(),
            state: self.state.clone(),
        }
    }

    fn close(&mut self, state: TrackState) {
        if let Some(lane) = self.lane.take() {
            self.bytes = lane.len();
            self.state = state;
        }
    }
}
