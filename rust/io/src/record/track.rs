//! One user's track from frames to file.

use std::path::PathBuf;
use std::sync::Arc;

use super::assembler::{Assembler, Counts, Held};
use super::clean::Cleaner;
use super::error::SinkError;
use super::lane::{TrackLane, Unpacker};
use super::parts::PartReport;
use super::report::{FileState, TrackReport};
use super::written::Written;

type Result<T> = std::result::Result<T, SinkError>;

/// One user.
pub(crate) struct Track {
    assembler: Assembler,
    written: Written,
    voice: Voice,
    origin: u64,
    parts_told: usize,
    /// The owner knows that it has ended early.
    pub told: bool,
}

/// What a voice of the mixdown is made with.
pub(crate) struct Voice {
    pub unpacker: Unpacker,
    pub cleaner: Option<Cleaner>,
}

impl Track {
    pub(crate) fn new(assembler: Assembler, written: Written, cleaner: Option<Cleaner>) -> Self {
        let origin = assembler.next();
        let voice = Voice { unpacker: Unpacker::default(), cleaner };
        Self { assembler, written, voice, origin, parts_told: 0, told: false }
    }

    pub(crate) fn voice(&mut self) -> (&mut Assembler, &mut Voice) {
        (&mut self.assembler, &mut self.voice)
    }

    pub(crate) fn active(&self) -> bool {
        self.written.active()
    }

    /// Its files that are complete and were not told before.
    pub(crate) fn new_parts(&mut self) -> Vec<PartReport> {
        let parts = self.written.parts(self.parts_told);
        self.parts_told += parts.len();
        parts
    }

    pub(crate) fn state(&self) -> &FileState {
        self.written.state()
    }

    /// Whether it ended because its file is as big as it may be.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self.state(), FileState::SizeLimit)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.assembler.counts
    }

    /// The end of what was written, in the recording's time.
    pub(crate) fn end(&self) -> u64 {
        self.assembler.next()
    }

    pub(crate) fn len(&self) -> u64 {
        self.written.len()
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

    /// The target has been flushed.
    pub(crate) fn note_flushed(&mut self) {
        self.written.note_flushed();
    }

    /// All frames that still wait, whatever silence lies before them.
    pub(crate) fn release(&mut self) {
        self.allow(u64::MAX);
        self.attempt(|assembler, lane| assembler.release(u64::MAX, lane));
    }

    /// Ends the track, filled up to `end` if that is wanted.
    pub(crate) fn finish(&mut self, end: Option<u64>) {
        if let Some(end) = end {
            self.attempt(|assembler, lane| assembler.fill(end, lane));
        }
        self.end_as(FileState::Finished);
    }

    pub(crate) fn fail(&mut self, error: Arc<SinkError>) {
        self.written.fail(error);
    }

    /// Ends the track and removes its file. What is no file of the recorder's own is left to who gave it.
    ///
    /// # Errors
    /// The system's, where the file stays.
    pub(crate) fn discard(&mut self) -> Result<()> {
        self.written.discard()
    }

    /// `shared` is the file of all users, if there is one.
    pub(crate) fn report(&self, user_id: u64, shared: Option<PathBuf>) -> TrackReport {
        let report = self.written.report(Some(user_id), self.origin);
        TrackReport { path: report.path.or(shared), ..report }
    }

    fn end_as(&mut self, state: FileState) {
        if let Err(error) = self.written.finish(state) {
            self.fail(Arc::new(error));
        }
    }

    fn attempt(&mut self, action: impl FnOnce(&mut Assembler, &mut dyn TrackLane) -> Result<()>) {
        let Some(lane) = self.written.lane() else { return };
        match action(&mut self.assembler, lane) {
            Ok(()) => {}
            Err(SinkError::Full) => self.end_as(FileState::SizeLimit),
            Err(error) => self.fail(Arc::new(error)),
        }
    }
}
