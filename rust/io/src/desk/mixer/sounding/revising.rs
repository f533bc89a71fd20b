//! A layer goes back, and grants what was asked for.

use std::sync::Arc;

use isocord_proto::frame::FRAME_SAMPLES;

use super::{Phase, Sounding};
use crate::desk::mixer::layer::Fade;

impl Sounding {
    /// What it gave since it last went back nobody has heard.
    pub(in crate::desk::mixer) fn in_vain(&mut self) {
        if let Some(source) = &mut self.source {
            source.in_vain();
        }
    }

    /// Goes back so that it gives its part to frame `number` next. What it gave since it last went back nobody has heard
    /// if that was `in_vain`.
    pub(in crate::desk::mixer) fn back_to(&mut self, number: u64, in_vain: bool) {
        if !in_vain {
            self.heard_begun = self.state.begun;
        } else if self.heard_begun.is_none_or(|begun| begun >= number) {
            self.begin_later(number);
        }
        self.go_back(number);
    }

    fn go_back(&mut self, number: u64) {
        let taken = self.state.taken;
        if let Some(state) = self.past.back_to(number) {
            self.state = state;
            self.layer.runs().back_to(number);
            self.layer.note_next(number);
            self.layer.note_begun(state.phase != Phase::Waiting);
            self.layer.note_underruns(state.underruns);
        }
        let frames = taken - self.state.taken;
        if let Some(source) = self.source.as_mut()
            && (source.is_changed() || frames > 0)
        {
            source.revise(frames);
        }
    }

    /// Its beginning before frame `number` is heard by nobody, so it has not begun there.
    fn begin_later(&mut self, number: u64) {
        let Some(begun) = self.state.begun.filter(|begun| *begun < number) else { return };
        self.go_back(begun);
        while self.past.next() < number {
            self.past.note(self.state);
        }
    }

    /// Grants what was asked for, from the next frame on.
    pub(in crate::desk::mixer) fn grant(&mut self) {
        let at = self.next() * FRAME_SAMPLES as u64;
        self.state.own = self.own.get();
        let layer = Arc::clone(&self.layer);
        let controls = layer.controls();
        let state = &mut self.state;
        if let Some(Fade { to, len }) = controls.volume.news(&mut state.seen.volume)
            && matches!(state.phase, Phase::Waiting | Phase::Sounding)
        {
            state.volume.turn(*to, at, *len);
        }
        state.paused = controls.paused;
        let stop = controls.stop.news(&mut state.seen.stop).copied();
        let seek = controls.seek.news(&mut state.seen.seek).copied();
        drop(controls);
        if let Some(len) = stop {
            self.stop(at, len);
        }
        if let Some(seconds) = seek {
            self.seek(seconds);
        }
    }

    fn stop(&mut self, at: u64, len: u64) {
        match self.state.phase {
            Phase::Stopping if at + len >= self.state.volume.end() && !self.state.paused => {}
            Phase::Sounding | Phase::Stopping if len > 0 && !self.state.paused => {
                self.state.volume.turn(0.0, at, len);
                self.state.phase = Phase::Stopping;
            }
            Phase::Stopped(_) => {}
            _ => {
                self.end(Phase::Stopped(self.next()));
            }
        }
    }

    fn seek(&mut self, seconds: f64) {
        let Some(source) = &mut self.source else { return };
        if matches!(self.state.phase, Phase::Stopped(_)) {
            return;
        }
        let sought = source.seek(seconds);
        self.state.expected = None;
        if let Phase::Ended(_) = self.state.phase {
            self.state.phase = Phase::Sounding;
        }
        if let Err(error) = sought {
            self.fail(error.to_string());
        }
        self.layer.note_sought(self.next());
    }
}
