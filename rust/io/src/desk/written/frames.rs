//! What becomes of the next frame.

use isocord_proto::frame::FRAME_SAMPLES;

use super::body::Body;
use super::log::{Pause, Run};
use super::sound::TAIL;
use crate::source::{FrameBuf, SourceFrame, Want};

const FRAME: u64 = FRAME_SAMPLES as u64;

impl Body {
    /// Makes the next frame.
    pub(super) fn frame(&mut self, frame: &mut FrameBuf, want: Want) -> SourceFrame {
        if self.closed.is_some() {
            return SourceFrame::End;
        }
        let before = self.log.now;
        frame.position = before.played;
        frame.samples = FRAME_SAMPLES as u16;
        let made = self.sounding(frame, want).unwrap_or_else(|| self.resting(frame, want));
        if made == SourceFrame::Pcm {
            self.log.note(before);
            self.moves += 1;
            self.ahead += u64::from(self.downstream.is_some());
            let oldest = self.log.oldest();
            self.sound
                .forget_before(oldest.run.map_or(oldest.next, |run| self.sound.place(run.from, run.given)));
        } else {
            self.log.now = before;
        }
        made
    }

    /// A frame of the sound that runs, or begins; none if none does.
    fn sounding(&mut self, frame: &mut FrameBuf, want: Want) -> Option<SourceFrame> {
        let end = self.sound.end();
        if let Some(over) = self.log.now.run.and_then(|run| run.end)
            && over < end
        {
            // It has gone out already: what came after is another.
            self.rest(if self.flushed >= over { Pause::Rest } else { Pause::Dry });
        }
        let run = self.log.now.run.or_else(|| self.begin())?;
        let whole = self.is_whole();
        let settled = run.end.is_none() && self.sound.needed(run.from, run.given) <= end;
        if !settled {
            if !whole && !want.now {
                self.wanted = true;
                return Some(SourceFrame::Starved);
            }
            self.open = true;
        }
        self.sound.frame(run.from, run.given, end, &mut frame.pcm);
        let length = self.sound.samples(run.from, end);
        let given = run.given + FRAME;
        let now = &mut self.log.now;
        now.closing = false;
        now.played += length.min(given) - length.min(run.given);
        let goes_out = !settled && length < given;
        now.starved += u64::from(goes_out && run.end.is_none() && !whole);
        now.run = Some(Run { given, end: run.end.or(goes_out.then_some(end)), ..run });
        if !settled && length + TAIL <= given {
            if self.finished {
                frame.samples = (length + TAIL - run.given) as u16;
            }
            self.rest(if whole { Pause::Rest } else { Pause::Dry });
        }
        Some(SourceFrame::Pcm)
    }

    /// The sound that begins now, if enough of it is there.
    fn begin(&self) -> Option<Run> {
        let now = &self.log.now;
        let there = self.sound.end().saturating_sub(now.next);
        let least = match now.pause {
            Pause::Rest => self.prebuffer.max(self.least),
            Pause::Dry if self.hold => self.prebuffer.max(self.least),
            Pause::Dry => self.least,
            Pause::Held => 1,
        };
        let enough = there > 0 && (there >= least || self.is_whole());
        (enough && !now.paused && !self.paused).then_some(Run { from: now.next, given: 0, end: None })
    }

    /// Nothing sounds.
    fn resting(&mut self, frame: &mut FrameBuf, want: Want) -> SourceFrame {
        let now = &mut self.log.now;
        if std::mem::take(&mut now.closing) {
            frame.pcm.fill(0.0);
            self.open = true;
            return SourceFrame::Pcm;
        }
        let over = self.finished && now.next >= self.sound.end();
        if over {
            return SourceFrame::End;
        }
        self.wanted = true;
        self.open |= want.now;
        SourceFrame::Starved
    }

    /// Whether it waits for a writer who is not late: all that was begun has been said, or it is held.
    pub(super) fn rests(&self) -> bool {
        let now = &self.log.now;
        self.paused || self.is_whole() || (now.run.is_none() && now.pause != Pause::Dry)
    }

    /// No sound runs any more.
    fn rest(&mut self, pause: Pause) {
        let next = self.next_place();
        let now = &mut self.log.now;
        (now.run, now.pause, now.next) = (None, pause, next);
    }

    fn next_place(&self) -> u64 {
        let now = &self.log.now;
        let read =
            |run: Run| run.end.unwrap_or_else(|| self.sound.place(run.from, run.given).min(self.sound.end()));
        now.run.map_or(now.next, read)
    }

    /// What was last gone back by is heard all the same, and what was asked for is to be granted.
    pub(super) fn go_on(&mut self) {
        let before = self.log.given;
        self.log.undo_back();
        self.moves += 1;
        self.ahead = (self.ahead + self.log.given).saturating_sub(before);
        self.changed = true;
    }

    /// Goes back and grants what was asked.
    pub(super) fn go_back(&mut self, frames: u64) {
        let undone = self.log.back(frames);
        self.moves += 1;
        self.unsettled = self.downstream.is_some();
        self.ahead = self.ahead.saturating_sub(frames);
        self.changed = false;
        let sounded = undone || self.log.now.run.is_some();
        if self.log.now.clears != self.clears {
            self.log.now.clears = self.clears;
            self.rest(Pause::Rest);
            self.log.now.next = self.cleared;
            self.log.now.closing |= sounded;
        }
        if self.log.now.paused != self.paused {
            self.log.now.paused = self.paused;
            if self.paused {
                let begun = self.log.now.run.is_some();
                if begun {
                    self.rest(Pause::Held);
                }
                self.log.now.closing |= sounded;
            }
        }
    }
}
