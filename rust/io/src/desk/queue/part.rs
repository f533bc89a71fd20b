//! A stretch of the queue's own time in which one entry sounds.

use std::f32::consts::FRAC_PI_2;

use isocord_proto::opus::OpusError;

use super::spool::Spool;
use crate::dsp::bend;

/// From where on, and for how many samples, one sound goes over into another.
#[derive(Clone, Copy)]
pub(super) struct Fade {
    pub(super) from: u64,
    pub(super) len: u64,
}

impl Fade {
    /// How far it is at a sample, from 0.0 to a quarter of a turn: the squares of sine and cosine add up to one, and so
    /// does the power of two sounds that have nothing to do with each other.
    fn angle(self, at: u64) -> f32 {
        let way = (at.saturating_sub(self.from) as f32 + 0.5) / self.len.max(1) as f32;
        way.clamp(0.0, 1.0) * FRAC_PI_2
    }

    fn end(self) -> u64 {
        self.from + self.len
    }

    /// Bends what two sounds make together back below full scale, as far as both are heard in the frame at `at`.
    pub(super) fn tame(self, at: u64, pcm: &mut [f32]) {
        for (at, pair) in (at..).zip(pcm.chunks_exact_mut(2)) {
            // All of it soon, for already a little of the one may be too much for the other.
            let both = ((self.angle(at) * 2.0).sin() * 8.0).min(1.0);
            for sample in pair {
                *sample += (bend(*sample) - *sample) * both;
            }
        }
    }
}

pub(super) struct Part {
    pub(super) turn: u64,
    pub(super) spool: Box<Spool>,
    /// When the first sample of the spool is due, in samples of the queue's own time.
    pub(super) origin: i64,
    /// From where on it is heard.
    pub(super) from: u64,
    /// Where it ends, if it is not played to its end.
    pub(super) cut: Option<u64>,
    pub(super) fade_in: Option<Fade>,
    pub(super) fade_out: Option<Fade>,
    /// It began because something was asked for or added, and not where another one ended: it can as well begin
    /// earlier, from here on.
    pub(super) early: Option<u64>,
    /// It is not in the list any more.
    pub(super) stray: bool,
    /// Its run has been told.
    pub(super) told: bool,
    /// That its end is known was taken note of.
    pub(super) closed: bool,
}

impl Part {
    /// A part whose spool begins with a frame of the queue's.
    pub(super) fn at(turn: u64, spool: Box<Spool>, from: u64) -> Self {
        Self {
            turn,
            spool,
            origin: from as i64,
            from,
            cut: None,
            fade_in: None,
            fade_out: None,
            early: None,
            stray: false,
            told: false,
            closed: false,
        }
    }

    /// A part of which the first sample that is meant to be heard comes at `from`.
    pub(super) fn exactly_at(turn: u64, spool: Box<Spool>, from: u64) -> Self {
        let origin = from as i64 - spool.lead() as i64;
        Self { origin, ..Self::at(turn, spool, from) }
    }

    /// Where it ends, as far as that is known.
    pub(super) fn end(&self) -> Option<u64> {
        let own =
            self.spool.len().map(|len| u64::try_from(self.origin + len as i64).unwrap_or(0).max(self.from));
        match (self.cut, own) {
            (Some(cut), Some(own)) => Some(cut.min(own)),
            (cut, own) => cut.or(own),
        }
    }

    /// Whether it sounds between two samples.
    pub(super) fn sounds(&self, from: u64, to: u64) -> bool {
        self.from < to && self.end().is_none_or(|end| end > from)
    }

    /// The sample of the spool that is due at a sample of the queue's.
    pub(super) fn local(&self, at: u64) -> u64 {
        u64::try_from(at as i64 - self.origin).unwrap_or(0)
    }

    /// When the beginning of its entry was due.
    pub(super) fn beginning(&self) -> i64 {
        self.origin + self.spool.lead() as i64 - self.spool.place() as i64
    }

    /// Where in its entry it is at a sample.
    pub(super) fn place(&self, at: u64) -> u64 {
        u64::try_from(at as i64 - self.beginning()).unwrap_or(0)
    }

    /// Begins at another place than it did.
    pub(super) fn begin_at(&mut self, from: u64) {
        self.origin -= self.from as i64 - from as i64;
        if let Some(fade) = &mut self.fade_in {
            fade.from = from;
        }
        (self.from, self.told) = (from, false);
    }

    /// Ends at a sample, after a fade if there is one.
    pub(super) fn cut_at(&mut self, at: u64, fade: Option<Fade>) {
        self.cut = Some(fade.map_or(at, Fade::end));
        self.fade_out = fade;
    }

    /// Whether its level changes between two samples.
    pub(super) fn fades(&self, from: u64, to: u64) -> bool {
        self.fade_in.is_some_and(|fade| fade.end() > from) || self.fade_out.is_some_and(|fade| fade.from < to)
    }

    /// Tells its source what of it has been given, where all before sample `next` of the queue's has been.
    pub(super) fn note_given(&self, next: u64) {
        let end = self.end().unwrap_or(next).min(next);
        self.spool.note_given(self.local(end), next - end);
    }

    /// Adds its sound to that of the frame which begins at sample `at`, with `room` for a frame.
    pub(super) fn add(&mut self, at: u64, out: &mut [f32], room: &mut [f32]) -> Result<(), OpusError> {
        let until = at + out.len() as u64 / 2;
        let (from, to) = (self.from.max(at), self.end().unwrap_or(until).min(until));
        if from >= to {
            return Ok(());
        }
        let range = (from - at) as usize * 2..(to - at) as usize * 2;
        let room = &mut room[range.clone()];
        self.spool.pcm(self.local(from), room)?;
        if self.fades(from, to) {
            for (at, pair) in (from..to).zip(room.chunks_exact_mut(2)) {
                let rising = self.fade_in.map_or(1.0, |fade| fade.angle(at).sin());
                let gain = rising * self.fade_out.map_or(1.0, |fade| fade.angle(at).cos());
                pair[0] *= gain;
                pair[1] *= gain;
            }
        }
        for (sum, sample) in out[range].iter_mut().zip(room) {
            *sum += *sample;
        }
        Ok(())
    }
}
