//! What a recorder tells: counters, states, events and the closing report.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::SinkError;
use super::survey::VoiceReport;

/// Counters of a recording. Frames unless said otherwise.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct RecorderStats {
    /// All that came.
    pub frames: u64,
    /// Of users who are not to be recorded.
    pub filtered: u64,
    /// Before the start.
    pub before_start: u64,
    /// During a pause.
    pub paused: u64,
    /// After a limit, an error of the whole recording, or the end.
    pub after_end: u64,
    /// For a track that has ended by an error or its size limit.
    pub track_ended: u64,
    /// For a track that was far behind, when too many waited already.
    pub no_room: u64,
    /// No Opus packet, no PCM, or too long.
    pub invalid: u64,
    /// More than ten seconds ahead of the clock; also steps of the clock by more than an hour.
    pub ahead: u64,
    /// After their place had been written.
    pub late: u64,
    /// On the place of another frame of the same user.
    pub overlapping: u64,
    /// Samples of silence put where no frame was, over all tracks.
    pub filled_samples: u64,
    /// Samples that came too late for the mixdown.
    pub late_samples: u64,
    /// Tracks started.
    pub tracks: u64,
    /// Users who got no track because there were [`max_tracks`](super::RecorderOptions::max_tracks); each counts once.
    pub refused_users: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Length of the recording so far, in samples, pauses cut out.
    pub samples: u64,
}

/// Why a recording takes no more frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// It is as long as it may be.
    TimeLimit,
    /// It is as big as it may be.
    SizeLimit,
    /// Its one file could not be written, or no track of anybody; see the events.
    Failed,
    /// [`finish`](super::Recorder::finish) was called.
    Finished,
}

/// What a recorder does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecorderState {
    /// Takes frames.
    Recording,
    /// Drops frames; its time stands still.
    Paused,
    /// Drops frames for good.
    Ended(EndReason),
}

/// What became of a track.
#[derive(Debug, Clone)]
pub enum FileState {
    /// Being written.
    Recording,
    /// Whole.
    Finished,
    /// Whole, but cut by [`max_file_bytes`](super::RecorderOptions::max_file_bytes).
    SizeLimit,
    /// Given up; what was written before may well be readable.
    Failed(Arc<SinkError>),
}

/// Something the owner should know at once.
#[derive(Debug, Clone)]
pub enum RecorderEvent {
    /// A track has begun at `offset` samples of the recording.
    TrackStarted {
        /// Whose.
        user_id: u64,
        /// Where its first sample lies.
        offset: u64,
    },
    /// A track ended before the recording: [`FileState::SizeLimit`] or [`FileState::Failed`]. Told once.
    TrackEnded {
        /// Whose; None for a file of all users.
        user_id: Option<u64>,
        /// Why.
        state: FileState,
    },
    /// What was kept of a user is given up, as was asked for.
    Dropped {
        /// Whose.
        user_id: u64,
        /// Why the file is still there, if it is.
        removed: Result<(), Arc<SinkError>>,
    },
    /// A user gets no track: there are as many as there may be. Told once for each.
    UserRefused {
        /// Whose.
        user_id: u64,
        /// How many tracks there are.
        most: usize,
    },
    /// The recording takes no more frames; [`finish`](super::Recorder::finish) is still to be called.
    Ended(EndReason),
}

/// One track, at the end.
#[derive(Debug, Clone)]
pub struct TrackReport {
    /// Whose; None for the mixdown.
    pub user_id: Option<u64>,
    /// The file, if it is one that the recorder opened.
    pub path: Option<PathBuf>,
    /// Where the track's first sample lies in the recording, in samples.
    pub offset: u64,
    /// Its length in samples; of one that failed, what is surely there.
    pub samples: u64,
    /// Its bytes; in a file of many tracks those of its packets.
    pub bytes: u64,
    /// How it ended.
    pub state: FileState,
}

impl TrackReport {
    /// What is whole was ended by a size limit.
    pub(crate) fn cut(&mut self) {
        if matches!(self.state, FileState::Finished) {
            self.state = FileState::SizeLimit;
        }
    }
}

/// The whole recording, at the end.
#[derive(Debug, Clone)]
pub struct RecorderReport {
    /// By user id; a mixdown is one track, the last.
    pub tracks: Vec<TrackReport>,
    /// Length in samples, pauses cut out.
    pub samples: u64,
    /// Why it took no more frames.
    pub reason: EndReason,
    /// The counters.
    pub stats: RecorderStats,
    /// Who spoke when, by user id, if [that](super::RecorderOptions::survey) was asked for.
    pub voices: Vec<VoiceReport>,
}

impl RecorderReport {
    /// With what another recorder made of the same frames; the counts are this one's, which has the tracks.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.tracks.extend(other.tracks);
        self.samples = self.samples.max(other.samples);
        self.stats.late_samples += other.stats.late_samples;
        self.stats.bytes += other.stats.bytes;
        self
    }
}
