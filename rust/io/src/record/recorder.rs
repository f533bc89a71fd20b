//! The recorder: one timeline, many tracks, their limits and their end.

mod cutting;
mod ending;
mod intake;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;

use isocord_proto::frame::SAMPLE_RATE;

use super::consent::Consent;
use super::error::SinkError;
use super::maker::Maker;
use super::mix::Mix;
use super::open::check_limit;
use super::options::{Layout, RecorderOptions, Split};
use super::parts::{Cuts, PartReport};
use super::report::{EndReason, RecorderEvent, RecorderReport, RecorderState, RecorderStats, TrackReport};
use super::survey::Survey;
use super::timeline::RecordingTime;
use super::track::Track;

/// Files are brought up to date this often, in samples: a crash costs no more of a track, and what was on its way.
const REFRESH: u64 = SAMPLE_RATE as u64 / 4;
/// A mixdown is one file, and late already: it waits for the latest voice.
const MIX_REFRESH: u64 = SAMPLE_RATE as u64 / 10;
/// A silent user's track follows the clock at this distance.
const LAG: u64 = SAMPLE_RATE as u64;
/// The clock makes no bigger step than an hour; silence would be written for all of it.
const MAX_STEP: u64 = 3_600 * SAMPLE_RATE as u64;
/// When no track of anybody could be written for so long, the recording is over: others may begin to speak meanwhile.
const BARREN: u64 = 2 * SAMPLE_RATE as u64;
/// The shortest part, by time.
const LEAST_PART: u64 = SAMPLE_RATE as u64;
const HOUR: u64 = 3_600 * SAMPLE_RATE as u64;
/// What one step may write for the tracks that are far behind, all together.
const ROUND: u64 = 10 * SAMPLE_RATE as u64;
/// But each of them at least that much.
const LEAST: u64 = SAMPLE_RATE as u64;

/// Writes what many users say to files that share one timeline.
///
/// It blocks while a target does; [`Recording`](crate::record::recording::Recording) has a thread for it.
pub struct Recorder {
    options: RecorderOptions,
    maker: Maker,
    mix: Option<Mix>,
    timeline: RecordingTime,
    consent: Consent,
    tracks: BTreeMap<u64, Track>,
    survey: Option<Survey>,
    /// Who got no track.
    refused: HashSet<u64>,
    /// What the owner of the clock said last.
    clock: Option<u64>,
    /// The recording's length so far.
    now: u64,
    refreshed: u64,
    /// Since when all tracks have failed.
    barren: Option<u64>,
    ended: Option<EndReason>,
    events: VecDeque<RecorderEvent>,
    cuts: Cuts,
    /// Where the hour is full, on the common clock.
    next_hour: Option<u64>,
    parts: VecDeque<PartReport>,
    /// Of the files that all users are in.
    parts_told: usize,
    stats: RecorderStats,
    report: Option<RecorderReport>,
}

impl Recorder {
    /// A recorder that is running.
    ///
    /// # Errors
    /// [`SinkError::Option`] for options that do not go together, [`SinkError::Limit`] where files would have no room
    /// for sound, others if a target given here cannot be opened.
    pub fn new(options: RecorderOptions, layout: Layout) -> Result<Self, SinkError> {
        let options = RecorderOptions { about: options.about.apart(), ..options };
        options.opus.check()?;
        options.format.check(options.shape)?;
        options.cleaning.check()?;
        check_limit(&options)?;
        if options.start > u64::MAX / 4 {
            return Err(SinkError::Option("start lies too far in the future"));
        }
        let (every, next_hour) = match options.split {
            Some(Split::Samples(samples)) if samples < LEAST_PART => {
                return Err(SinkError::Option("a part is a second long at the least"));
            }
            Some(Split::Samples(samples)) => (Some(samples), None),
            Some(Split::Hours(first)) => (None, Some(options.start.saturating_add(first))),
            Some(Split::Bytes(_)) | None => (None, None),
        };
        let cuts = Cuts::every(every);
        let (maker, mix) = Maker::new(&options, layout, &cuts)?;
        Ok(Self {
            timeline: RecordingTime::new(options.start),
            consent: Consent::new(options.users.clone(), options.exclude.clone()),
            maker,
            mix,
            tracks: BTreeMap::new(),
            survey: options.survey.then(Survey::default),
            refused: HashSet::new(),
            clock: None,
            now: 0,
            refreshed: 0,
            barren: None,
            ended: None,
            events: VecDeque::new(),
            cuts,
            next_hour,
            parts: VecDeque::new(),
            parts_told: 0,
            stats: RecorderStats::default(),
            report: None,
            options,
        })
    }

    /// From `position` on frames are dropped and the recording's time stands still.
    pub fn pause(&mut self, position: u64) {
        self.timeline.pause(position);
    }

    /// Frames are taken again from `position` on.
    pub fn resume(&mut self, position: u64) {
        self.timeline.resume(position);
        let at = self.timeline.map(position);
        self.options.about.pause(at, position.saturating_sub(self.options.start + at));
    }

    /// The moment at `position` has a name, which files that have chapters tell when they are complete.
    pub fn mark(&mut self, position: u64, title: String) {
        self.options.about.mark(self.timeline.map(position), title);
    }

    /// A user is recorded from `position` on, whoever was not to be.
    pub fn allow(&mut self, user_id: u64, position: u64) {
        self.consent.change(user_id, position, true);
    }

    /// Nothing of a user is recorded that lies at `position` or later, until the user is allowed again.
    pub fn deny(&mut self, user_id: u64, position: u64) {
        self.consent.change(user_id, position, false);
    }

    /// Denies a user and gives up what was kept before; [`RecorderEvent::Dropped`] tells it. The user has to have a file
    /// that no other is in. One who is allowed again gets a new track.
    ///
    /// # Errors
    /// [`SinkError::Option`] where the user is in one file with others.
    pub fn drop_user(&mut self, user_id: u64) -> Result<(), SinkError> {
        if self.mix.is_some() || self.maker.is_shared() {
            return Err(SinkError::Option("what is in one file with others cannot be taken out again"));
        }
        self.consent.revoke(user_id);
        let Some(mut track) = self.tracks.remove(&user_id) else { return Ok(()) };
        if let Some(survey) = &mut self.survey {
            survey.forget(user_id);
        }
        let counts = track.counts();
        self.stats.late += counts.late;
        self.stats.overlapping += counts.overlapping;
        self.stats.filled_samples += counts.filled;
        let removed = track.discard().map_err(Arc::new);
        self.events.push_back(RecorderEvent::Dropped { user_id, removed });
        Ok(())
    }

    /// The position where it starts.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.options.start
    }

    /// What it does now.
    #[must_use]
    pub fn state(&self) -> RecorderState {
        match self.ended {
            Some(reason) => RecorderState::Ended(reason),
            None if self.timeline.paused() => RecorderState::Paused,
            None => RecorderState::Recording,
        }
    }

    /// Whether a track has far more silence before it than one step writes: [`advance`](FrameSink::advance) should
    /// come again soon. Frames wait in memory meanwhile.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.tracks.values().any(Track::is_behind)
    }

    /// The oldest event that was not taken yet.
    pub fn next_event(&mut self) -> Option<RecorderEvent> {
        self.events.pop_front()
    }

    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> RecorderStats {
        let mut stats = self.stats;
        for track in self.tracks.values() {
            stats.late += track.counts().late;
            stats.overlapping += track.counts().overlapping;
            stats.filled_samples += if self.mix.is_some() { 0 } else { track.counts().filled };
        }
        stats.late_samples = self.mix.as_ref().map_or(0, Mix::late);
        stats.tracks = self.tracks.len() as u64;
        stats.bytes = self.bytes();
        stats.samples = self.now;
        stats
    }

    /// Ends all tracks, at `position` if it lies later than what was recorded (by an hour at most), and says what there is.
    /// Called again it says the same.
    pub fn finish(&mut self, position: Option<u64>) -> RecorderReport {
        self.finish_for(position, EndReason::Finished)
    }

    /// [`Self::finish`] by an owner who has a `reason`; one that the recorder found itself counts for more.
    pub fn finish_for(&mut self, position: Option<u64>, reason: EndReason) -> RecorderReport {
        if let Some(report) = &self.report {
            return report.clone();
        }
        let limit = self.options.max_samples.unwrap_or(u64::MAX);
        let end = position.map_or(0, |position| self.timeline.map(position));
        let mut end = end.min(self.now.saturating_add(MAX_STEP)).max(self.now).min(limit);
        let mut whole = Ok(());
        for track in self.tracks.values_mut() {
            match &mut self.mix {
                Some(mix) => whole = whole.and_then(|()| mix.end(track)),
                None => track.release(),
            }
            end = end.max(track.end());
        }
        self.now = end;
        for (&user_id, track) in &mut self.tracks {
            if self.mix.is_none() {
                track.finish(self.options.pad_end.then_some(end));
                Self::note(&mut self.events, Some(user_id), track);
            }
        }
        whole = whole.and_then(|()| match &mut self.mix {
            Some(mix) => mix.finish(end),
            None => self.maker.finish(),
        });
        self.check_whole(whole);
        self.gather_parts();
        let mut tracks = self.track_reports();
        if self.ended == Some(EndReason::SizeLimit) {
            // The one file had no more room: all that are in it are cut.
            tracks.iter_mut().for_each(TrackReport::cut);
        }
        let reason = *self.ended.get_or_insert(reason);
        let voices = self.survey.as_mut().map(Survey::finish).unwrap_or_default();
        let report = RecorderReport { tracks, samples: self.now, reason, stats: self.stats(), voices };
        self.report = Some(report.clone());
        report
    }

    fn track_reports(&self) -> Vec<TrackReport> {
        match &self.mix {
            Some(mix) => vec![mix.report()],
            None => {
                let shared = self.maker.path();
                let report = |(&user_id, track): (&u64, &Track)| track.report(user_id, shared.clone());
                self.tracks.iter().map(report).collect()
            }
        }
    }

    fn bytes(&self) -> u64 {
        match (&self.mix, self.maker.shared_len()) {
            (Some(mix), _) => mix.len(),
            (None, Some(len)) => len,
            (None, None) => self.tracks.values().map(Track::len).sum(),
        }
    }

    /// Shares out what a step may write.
    fn share_out(&mut self) {
        let is_behind =
            |track: &&Track| track.is_behind() || track.active() && track.end() + ROUND < self.now;
        let behind = self.tracks.values().filter(is_behind).count() as u64;
        let each = (ROUND / behind.max(1)).max(LEAST);
        if self.mix.is_none() {
            self.tracks.values_mut().for_each(|track| track.allow(each));
        }
    }

    fn refresh(&self) -> u64 {
        if self.mix.is_some() { MIX_REFRESH } else { REFRESH }
    }

    /// What has to happen as time goes by.
    fn tick(&mut self) {
        let due = self.now >= self.refreshed + self.refresh();
        let mut result = Ok(());
        if let Some(mix) = &mut self.mix {
            let until = self.now.saturating_sub(mix.patience());
            for track in self.tracks.values_mut() {
                result = result.and_then(|()| mix.release(track, until));
            }
            result = result.and_then(|()| mix.advance(self.now, due));
        } else {
            let until = self.now.saturating_sub(self.options.reorder);
            let fill = self.now.saturating_sub(LAG.max(self.options.reorder));
            for (&user_id, track) in &mut self.tracks {
                track.advance(until, fill, due);
                Self::note(&mut self.events, Some(user_id), track);
            }
        }
        if due {
            self.refreshed = self.now;
            result = result.and_then(|()| self.maker.flush());
            if result.is_ok() {
                self.tracks.values_mut().for_each(Track::note_flushed);
            }
        }
        self.check_whole(result.and_then(|()| self.maker.broken()));
        self.gather_parts();
        if self.options.max_samples.is_some_and(|most| self.now >= most) {
            self.end(EndReason::TimeLimit);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish(None);
    }
}
