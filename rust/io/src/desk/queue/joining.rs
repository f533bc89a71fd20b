//! Where and how one entry follows another.

use super::loading::Loading;
use super::part::{Fade, Part};
use super::player::{FRAME, Player};
use super::shared::Shared;
use super::spool::Spool;
use crate::source::{FrameBuf, Want};

/// -45 dBFS: where nothing louder is, some milliseconds more or less between two entries are not heard.
const QUIET: f32 = 0.0056;

/// Entries that may begin in one frame. To open them takes longer than they would last, if they are that short.
const MANY: usize = 4;

impl Player {
    /// Where what follows the last part begins.
    pub(super) fn handover(&self, end: u64) -> u64 {
        let end = end.max(self.parts.iter().rev().nth(MANY - 1).map_or(0, |part| part.from + FRAME));
        let Some(last) = self.parts.back().filter(|last| self.crossfade > 0 && last.spool.error().is_none())
        else {
            return end;
        };
        let theirs = self.loading.as_ref().and_then(Loading::duration).unwrap_or(u64::MAX);
        let before = self.parts.iter().rev().nth(1).and_then(Part::end).unwrap_or(0);
        let alone = end.saturating_sub(before.max(last.from));
        end - self.crossfade.min(last.place(end) / 2).min(theirs / 2).min(alone)
    }

    /// What follows begins at a sample, while the part before it sounds until its end.
    pub(super) fn join(
        &mut self,
        shared: &Shared,
        buffer: &mut FrameBuf,
        mut spool: Box<Spool>,
        want: Want,
        (begin, end): (u64, u64),
    ) {
        let turn = shared.lock().new_turn();
        if begin < end {
            let fade = Some(Fade { from: begin, len: end - begin });
            if let Some(last) = self.parts.back_mut() {
                last.fade_out = fade;
            }
            self.parts.push_back(Part { fade_in: fade, ..Part::exactly_at(turn, spool, begin) });
            return;
        }
        let lead = spool.lead();
        let passes = want.packets && spool.packet(0).is_some();
        let waits = passes
            && (begin % FRAME, lead) != (0, 0)
            && (self.is_silent_before(begin) || self.is_quiet(begin, &mut spool, buffer));
        self.parts.push_back(match waits {
            true => Part::at(turn, spool, begin.next_multiple_of(FRAME)),
            false => Part::exactly_at(turn, spool, begin),
        });
    }

    /// Whether little sounds right before a sample, and at the beginning of a spool.
    fn is_quiet(&mut self, begin: u64, spool: &mut Spool, buffer: &mut FrameBuf) -> bool {
        // What is not there yet is taken for silence.
        spool.read_to(spool.lead() + FRAME, buffer, false);
        let ends = self.parts.back_mut().is_none_or(|last| {
            let at = last.local(begin);
            last.spool.is_quiet(at.saturating_sub(FRAME), at, QUIET).unwrap_or(false)
        });
        ends && spool.is_quiet(0, spool.lead() + FRAME, QUIET).unwrap_or(false)
    }

    /// Whether nothing sounds right before a sample.
    fn is_silent_before(&self, at: u64) -> bool {
        at == 0 || self.parts.back().is_none_or(|last| last.end().is_some_and(|end| end < at))
    }
}
