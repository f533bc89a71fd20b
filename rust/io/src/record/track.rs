//! One user's track from frames to file.

use std::path::PathBuf;
use std::sync::Arc;

use super::assembler::{Assembler, Counts, Held};
use super::error::SinkError;
use super::lane::{TrackLane, Unpacker};
use super::report::{TrackReport, TrackState};

type Result<T> = std::result::Result<T, SinkError>;

/// One user.
pub(crate) struct Track {
    assembler: Assembler,
    /// None once the track has ended.
    lane: Option<Box<dyn TrackLane>>,
    /// For a voice of the mixdown.
    unpacker: Unpacker,
    path: Option<PathBuf>,
    origin: u64,
    /// Of a track that has ended.
    bytes: u64,
    state: TrackState,
    /// The owner knows that it has ended early.
    pub told: bool,
}

impl Track {
    /// A track that is open, or, without a lane, one that could not be opened.
    pub(crate) fn new(
        assembler: Assembler,
        lane: Option<Box<dyn TrackLane>>,
        path: Option<PathBuf>,
        state: TrackState,
    ) -> Self {
        let origin = assembler.next();
        Self { assembler, lane, unpacker: Unpacker::default(), path, origin, bytes: 0, state, told: false }
    }

    /// What a voice of the mixdown is made of.
    pub(crate) fn voice(&mut self) -> (&mut Assembler, &mut Unpacker) {
        (&mut self.assembler, &mut self.unpacker)
    }

    pub(crate) fn active(&self) -> bool {
        self.lane.is_some()
    }

    pub(crate) fn state(&self) -> &TrackState {
        &self.state
    }

    pub(crate) fn counts(&self) -> Counts {
        self.assembler.counts
    }

    /// The end of what was written, in the recording's time.
    pub(crate) fn end(&self) -> u64 {
        self.assembler.next()
    }

    pub(crate) fn len(&self) -> u64 {
        self.lane.as_ref().map_or(self.bytes, |lane| lane.len())
    }

    pub(crate) fn frame(&mut self, at: u64, frame: Held) {
        self.attempt(|assembler, lane| assembler.frame(at, frame, lane));
    }

    /// A new round, in which so many samples may be written of silence and of frames that waited.
    pub(crate) fn allow(&mut self, samples: u64) {
        self.assembler.allow(samples);
    }

    /// Whether more is owed than the round allows; frames wait for it.
    pub(crate) fn is_behind(&self) -> bool {
        self.active() && self.assembler.is_behind()
    }

    pub(crate) fn held_bytes(&self) -> usize {
        if self.active() { self.assembler.held_bytes() } else { 0 }
    }

    /// Frames are not waited for before `until`; if `due`, silence up to `fill` and the file made readable.
    pub(crate) fn advance(&mut self, until: u64, fill: u64, due: bool) {
        self.attempt(|assembler, lane| {
            assembler.release(until, lane)?;
            if due || assembler.is_behind() {
                assembler.fill(fill, lane)?;
            }
            if due { lane.flush() } else { Ok(()) }
        });
    }

    /// All frames that still wait, whatever silence lies before them.
    pub(crate) fn release(&mut self) {
        self.allow(u64::MAX);
        self.attempt(|assembler, lane| assembler.release(u64::MAX, lane));
    }

    /// Ends the track, filled up to `end` if that is wanted.
    pub(crate) fn finish(&mut self, end: Option<u64>) {
        self.attempt(|assembler, lane| {
            if let Some(end) = end {
                assembler.fill(end, lane)?;
            }
            lane.finish()
        });
        self.close(TrackState::Finished);
    }

    pub(crate) fn stop_at_limit(&mut self) {
        self.attempt(|_, lane| lane.finish());
        self.close(TrackState::SizeLimit);
    }

    pub(crate) fn fail(&mut self, error: Arc<SinkError>) {
        self.close(TrackState::Failed(error));
    }

    /// `shared` is the file of all users, if there is one.
    pub(crate) fn report(&self, user_id: u64, shared: Option<PathBuf>) -> TrackReport {
        TrackReport {
            user_id: Some(user_id),
            path: self.path.clone().or(shared),
            offset: self.origin,
            samples: self.end().saturating_sub(self.origin),
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

    fn attempt(&mut self, action: impl FnOnce(&mut Assembler, &mut dyn TrackLane) -> Result<()>) {
        if let Some(lane) = &mut self.lane
            && let Err(error) = action(&mut self.assembler, lane.as_mut())
        {
            self.fail(Arc::new(error));
        }
    }
}
