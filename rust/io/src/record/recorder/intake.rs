//! What comes in: which frames are taken, and to which track they go.

use isocord_proto::frame::SAMPLE_RATE;

use super::super::assembler::Held;
use super::super::report::{EndReason, RecorderEvent};
use super::super::timeline::Place;
use super::super::track::Track;
use super::super::{FrameSink, Payload, Wants, packet};
use super::{LEAST, MAX_STEP, Recorder};

/// No frame comes from further in the future.
const AHEAD: u64 = 10 * SAMPLE_RATE as u64;
/// The longest frame of PCM that is taken.
const MAX_PCM: usize = 2 * SAMPLE_RATE as usize;

/// What may wait, of all tracks, while those far behind catch up: 11 minutes of one user's PCM.
const MAX_HELD_BYTES: usize = 128 << 20;
/// The most users in a mixdown, who need no files: as many as the receive path knows at once.
const MAX_VOICES: usize = 1_024;
/// Of that many users it is remembered that they were refused; further ones are not counted.
const MAX_REFUSED: usize = 4_096;

impl Recorder {
    /// Makes the user's track at the first call; false if there are too many.
    fn ensure_track(&mut self, user_id: u64, at: u64, opus: bool) -> bool {
        if self.tracks.contains_key(&user_id) {
            return true;
        }
        let most = if self.mix.is_some() { MAX_VOICES } else { self.options.max_tracks };
        if self.tracks.len() >= most {
            self.refuse(user_id, most);
            return false;
        }
        // In a file of many tracks all begin with their part: those before it are complete.
        let origin = match self.options.sync_start {
            true => self.maker.begin(at),
            false if self.mix.is_some() => 0,
            false => at,
        };
        let mut track = self.maker.track(&self.options, user_id, origin, opus, &self.cuts);
        if self.mix.is_none() {
            // Its share comes with the next step.
            track.allow(LEAST);
        }
        if track.active() {
            self.events.push_back(RecorderEvent::TrackStarted { user_id, offset: origin });
        }
        self.tracks.insert(user_id, track);
        true
    }

    /// Whether frames wait to be written: then nothing is listened to that is not for the files.
    pub(crate) fn hurry(&mut self, hurries: bool) {
        if let Some(survey) = &mut self.survey {
            survey.hurry(hurries);
        }
    }

    fn refuse(&mut self, user_id: u64, most: usize) {
        if self.refused.len() < MAX_REFUSED && self.refused.insert(user_id) {
            self.stats.refused_users += 1;
            self.events.push_back(RecorderEvent::UserRefused { user_id, most });
        }
    }

    fn take(&mut self, user_id: u64, at: u64, frame: Held) {
        let opus = matches!(frame, Held::Opus(..));
        if !self.ensure_track(user_id, at, opus) {
            return;
        }
        if self.is_crowded(user_id) {
            self.stats.no_room += 1;
            return;
        }
        let Some(track) = self.tracks.get_mut(&user_id) else { return };
        if !track.active() {
            self.stats.track_ended += 1;
            Self::note(&mut self.events, Some(user_id), track);
            return;
        }
        if let Some(survey) = &mut self.survey {
            survey.frame(user_id, at, &frame);
        }
        let result = match &mut self.mix {
            Some(mix) => mix.frame(track, at, frame),
            None => {
                track.frame(at, frame);
                Self::note(&mut self.events, Some(user_id), track);
                self.maker.broken()
            }
        };
        self.check_whole(result);
    }

    /// Whether the user's frames would have to wait, and too many do.
    fn is_crowded(&self, user_id: u64) -> bool {
        self.tracks.get(&user_id).is_some_and(Track::is_behind)
            && self.tracks.values().map(Track::held_bytes).sum::<usize>() >= MAX_HELD_BYTES
    }
}

impl FrameSink for Recorder {
    fn wants(&self) -> Wants {
        let passes = self.options.format.takes_opus() && self.options.cleaning.is_none();
        if self.mix.is_none() && passes { Wants::Opus } else { Wants::Pcm }
    }

    fn frame(&mut self, user_id: u64, position: u64, payload: Payload<'_>) {
        self.stats.frames += 1;
        if self.ended.is_some() {
            self.stats.after_end += 1;
            return;
        }
        let samples = match payload {
            Payload::Pcm(pcm) => Some(pcm.len() as u32 / 2).filter(|_| (2..=MAX_PCM).contains(&pcm.len())),
            Payload::Opus(packet) => packet::samples(packet),
        };
        let Some(samples) = samples else {
            self.stats.invalid += 1;
            return;
        };
        let latest = match self.clock {
            Some(clock) => clock.saturating_add(AHEAD),
            None => self.options.start.saturating_add(MAX_STEP),
        };
        if position > latest {
            self.stats.ahead += 1;
            return;
        }
        if !self.consent.covers(user_id, position, position + u64::from(samples)) {
            self.stats.filtered += 1;
            return;
        }
        self.cut_at_hours(position + u64::from(samples));
        let limit = self.options.max_samples.unwrap_or(u64::MAX);
        let (at, skip, keep) = match self.timeline.place(position, samples) {
            Place::Before => {
                self.stats.before_start += 1;
                return;
            }
            Place::Paused => {
                self.stats.paused += 1;
                return;
            }
            Place::At { at, .. } if at >= limit => {
                self.stats.after_end += 1;
                self.end(EndReason::TimeLimit);
                return;
            }
            Place::At { at, skip, keep } => (at, skip, u64::from(keep).min(limit - at)),
        };
        match payload {
            Payload::Pcm(pcm) => {
                let from = 2 * skip as usize;
                self.take(user_id, at, Held::Pcm(pcm[from..from + 2 * keep as usize].to_vec()));
            }
            // A packet cannot be cut: it is in with its bigger half.
            Payload::Opus(packet) if 2 * keep >= u64::from(samples) => {
                let at = at.saturating_sub(u64::from(skip));
                self.take(user_id, at, Held::Opus(packet.to_vec(), samples));
            }
            Payload::Opus(_) if skip > 0 => self.stats.before_start += 1,
            Payload::Opus(_) => self.stats.after_end += 1,
        }
        self.now = self.now.max(at + keep);
        if self.now >= self.refreshed + self.refresh() {
            self.tick();
        }
    }

    fn advance(&mut self, position: u64) {
        let clock = self.clock.unwrap_or(self.options.start);
        if self.ended.is_some() || position < clock {
            return;
        }
        if position - clock > MAX_STEP {
            self.stats.ahead += 1;
            return;
        }
        self.clock = Some(position);
        self.cut_at_hours(position);
        let limit = self.options.max_samples.unwrap_or(u64::MAX);
        self.now = self.now.max(self.timeline.map(position)).min(limit);
        self.share_out();
        self.tick();
        self.check_barren(position);
    }
}
