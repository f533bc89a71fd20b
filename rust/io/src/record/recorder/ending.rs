//! What ends early: a track, the file that all are in, the whole recording.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::error::SinkError;
use super::super::report::{EndReason, FileState, RecorderEvent};
use super::super::track::Track;
use super::{BARREN, Recorder};

impl Recorder {
    pub(super) fn end(&mut self, reason: EndReason) {
        if self.ended.is_none() {
            self.ended = Some(reason);
            self.events.push_back(RecorderEvent::Ended(reason));
        }
    }

    /// What became of the one file that all users are in, if there is one.
    pub(super) fn check_whole(&mut self, result: Result<(), SinkError>) {
        match (result, &mut self.mix) {
            (Err(SinkError::Full), Some(mix)) => {
                let whole = mix.end_at_limit();
                self.end(EndReason::SizeLimit);
                if let Err(error) = whole {
                    self.fail_whole(error);
                }
            }
            (Err(error), _) => self.fail_whole(error),
            (Ok(()), _) if self.maker.is_shared() && self.tracks.values().any(Track::is_full) => {
                self.end(EndReason::SizeLimit);
            }
            (Ok(()), _) => {}
        }
    }

    fn fail_whole(&mut self, error: SinkError) {
        // Told once; whatever is tried on a broken file fails again.
        if self.ended == Some(EndReason::Failed) {
            return;
        }
        let error = Arc::new(error);
        tracing::warn!(%error, "a recording failed");
        match &mut self.mix {
            Some(mix) => mix.fail(Arc::clone(&error)),
            None => {
                for track in self.tracks.values_mut() {
                    track.fail(Arc::clone(&error));
                    track.told = true;
                }
            }
        }
        let state = FileState::Failed(error);
        self.events.push_back(RecorderEvent::TrackEnded { user_id: None, state });
        self.end(EndReason::Failed);
        // A limit that was reached before does not make the file whole.
        self.ended = Some(EndReason::Failed);
    }

    /// Tells once that a track has ended early.
    pub(super) fn note(events: &mut VecDeque<RecorderEvent>, user_id: Option<u64>, track: &mut Track) {
        if track.told || track.active() {
            return;
        }
        let state = track.state().clone();
        if let FileState::Failed(error) = &state {
            tracing::warn!(%error, "a track of a recording failed");
        }
        track.told = true;
        if matches!(state, FileState::Failed(_) | FileState::SizeLimit) {
            events.push_back(RecorderEvent::TrackEnded { user_id, state });
        }
    }

    /// Ends the recording if nobody can be written.
    pub(super) fn check_barren(&mut self, clock: u64) {
        let failed = |track: &Track| matches!(track.state(), FileState::Failed(_));
        if self.tracks.is_empty() || !self.tracks.values().all(failed) {
            self.barren = None;
        } else if clock - *self.barren.get_or_insert(clock) >= BARREN {
            self.end(EndReason::Failed);
        }
    }
}
