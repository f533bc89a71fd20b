//! What was asked of a queue while its frames were already made: it goes back, and they are made anew.

use isocord_proto::frame::SAMPLE_RATE;

use super::loading::{Loading, dispose};
use super::part::{Fade, Part};
use super::player::{FRAME, Player, Silence};
use super::shared::Shared;
use super::state::{Jump, State};
use crate::source::Downstream;

/// After so long in silence what failed is tried again: ten seconds.
const RETRY: u64 = 10 * SAMPLE_RATE as u64;
/// The longest crossfade into what was asked for: half a second.
const SHORT: u64 = SAMPLE_RATE as u64 / 2;

impl Player {
    /// Whether what was made is not what is wanted now.
    pub(super) fn is_changed(&mut self, shared: &Shared) -> bool {
        let mut state = shared.lock();
        state.observe(self.relay.ahead(), &shared.events);
        self.crossfade = state.crossfade;
        if state.jump.is_some() || self.in_vain || self.came_late {
            return true;
        }
        self.retry(&state, shared);
        self.preload(&mut state, shared);
        let changed = state.looked
            || self.first_wrong(&state).is_some()
            || self.is_awaited_ready()
            || self.can_go_on(&mut state, shared);
        drop(state);
        changed || self.parts.iter_mut().any(|part| part.spool.is_changed())
    }

    /// The first of the parts that is not what the list goes on to.
    fn first_wrong(&self, state: &State) -> Option<usize> {
        let wrong = state.list.after(Self::planned_entries(&self.parts, state)).err()?;
        Self::planned(&self.parts, state).nth(wrong).map(|(index, _)| index)
    }

    /// What was asked for has come, or will not.
    fn is_awaited_ready(&mut self) -> bool {
        let awaited = self.silence.as_ref().and_then(|silence| silence.awaited.clone());
        awaited.is_some_and(|(_, entry, place)| self.load(&entry, place).is_some())
    }

    /// Silence was made, or the end told, and now something follows.
    fn can_go_on(&mut self, state: &mut State, shared: &Shared) -> bool {
        let Some(silence) = self.silence.as_ref().filter(|silence| silence.awaited.is_none()) else {
            return false;
        };
        if !self.is_over && silence.since >= self.cursor * FRAME {
            return false;
        }
        match self.prepare_next(state, shared) {
            Some(true) => true,
            Some(false) => !shared.endless,
            None => false,
        }
    }

    /// In silence that does not end by itself, what failed and is repeated is tried again now and then.
    fn retry(&mut self, state: &State, shared: &Shared) {
        let made = self.cursor * FRAME;
        let since =
            self.silence.as_ref().filter(|_| shared.endless).map(|silence| silence.since.max(self.retried));
        if since.is_some_and(|since| made >= since + RETRY) && state.list.following().is_none() {
            self.retried = made;
            state.list.mend();
        }
    }

    /// Goes back by so many frames, and grants what was asked for.
    pub(super) fn revise(&mut self, shared: &Shared, frames: u64) {
        let jump = {
            let mut state = shared.lock();
            state.observe(self.relay.ahead(), &shared.events);
            self.cursor = self.cursor.saturating_sub(frames);
            state.made = self.cursor;
            let now = self.cursor * FRAME;
            while state.runs.len() > 1 && state.runs.back().is_some_and(|run| run.start >= now) {
                state.runs.pop_back();
            }
            self.crossfade = state.crossfade;
            state.looked = false;
            state.jump.take()
        };
        let now = self.cursor * FRAME;
        let in_vain = std::mem::take(&mut self.in_vain);
        self.jumped_at = self.jumped_at.filter(|_| in_vain);
        (self.is_over, self.came_late) = (false, false);
        for part in &mut self.parts {
            part.told &= part.from < now;
            if part.spool.is_changed() {
                let at = part.local(now);
                part.spool.revise(at);
                part.closed = false;
            }
        }
        self.begin_with(now);
        match jump {
            Some(jump) => self.jump(shared, jump, now),
            None => self.replan(shared, now),
        }
        self.settle_silence(shared, now);
        self.parts.iter().for_each(|part| part.note_given(now));
    }

    /// What it gave since it last went back nobody has heard.
    pub(super) fn note_in_vain(&mut self) {
        self.in_vain = self.jumped_at.is_some();
        for part in &mut self.parts {
            part.spool.note_in_vain();
        }
    }

    /// What was asked for or added and would have begun later begins now, and so does what nobody has heard begin.
    fn begin_with(&mut self, now: u64) {
        let unheard = |part: &Part| part.from > now || Some(part.from) == self.jumped_at;
        let early = |part: &Part| part.early.filter(|_| unheard(part)).map(|early| early.max(now));
        let found = self.parts.iter().enumerate().find_map(|(index, part)| Some((index, early(part)?)));
        let Some((index, at)) = found else { return };
        self.jumped_at = Some(at);
        self.drop_from(index + 1);
        self.parts[index].begin_at(at);
        for part in self.parts.iter_mut().take(index).filter(|part| part.end().is_none_or(|end| end > at)) {
            let fade = part.fade_out.map(|fade| Fade { from: at, ..fade });
            part.cut_at(at, fade);
        }
    }

    fn jump(&mut self, shared: &Shared, jump: Jump, now: u64) {
        let Jump { turn, entry, place } = jump;
        let Some(entry) = entry else {
            self.cut(now, None);
            self.loading = None;
            self.silence = Some(Silence { since: now, turn, follows: false, told: false, awaited: None });
            return;
        };
        if let Some(place) = place
            && let Some(index) = self.parts.iter().position(|part| part.turn == turn)
            && self.seek(index, place, now)
        {
            return;
        }
        if let Some(Ok(())) = self.load(&entry, place)
            && let Some(spool) = self.loading.take().and_then(Loading::take)
        {
            let len = self.crossfade.min(SHORT);
            let fade = Some(Fade { from: now, len }).filter(|_| len > 0 && place.is_none());
            let sounds = self.cut(now, fade);
            let fade_in = fade.filter(|_| sounds);
            self.parts.push_back(Part { early: Some(0), fade_in, ..Part::at(turn, spool, now) });
            self.jumped_at = Some(now);
            self.silence = None;
            return;
        }
        self.cut(now, None);
        let awaited = Some((turn, entry, place));
        let turn = shared.lock().new_turn();
        self.silence = Some(Silence { since: now, turn, follows: false, told: false, awaited });
    }

    /// Goes to a place within a part; false if its source is needed elsewhere.
    fn seek(&mut self, index: usize, place: f64, now: u64) -> bool {
        self.drop_from(index + 1);
        let part = &mut self.parts[index];
        match part.spool.seek(place) {
            None => return false,
            Some(Err(error)) => part.spool.break_off(error.to_string()),
            Some(Ok(())) => {}
        }
        (part.from, part.origin, part.cut) = (now, now as i64, None);
        (part.fade_in, part.fade_out) = (None, None);
        (part.early, part.told, part.closed) = (Some(0), false, false);
        for part in self.parts.iter_mut().take(index).filter(|part| part.end().is_none_or(|end| end > now)) {
            part.cut_at(now, None);
        }
        self.silence = None;
        true
    }

    /// Ends all that sounds, after a fade if there is one; whether anything did.
    fn cut(&mut self, now: u64, fade: Option<Fade>) -> bool {
        let later = self.parts.iter().position(|part| part.from >= now).unwrap_or(self.parts.len());
        self.drop_from(later);
        let mut sounds = false;
        let last = self.parts.len().saturating_sub(1);
        for (index, part) in self.parts.iter_mut().enumerate().filter(|(_, part)| part.sounds(now, now + 1)) {
            sounds = true;
            // Of two that go over into each other the first one does not go on.
            part.cut_at(now, fade.filter(|_| index == last));
        }
        sounds
    }

    /// What the list does not go on to any more is not played.
    fn replan(&mut self, shared: &Shared, now: u64) {
        let mut state = shared.lock();
        let Some(wrong) = self.first_wrong(&state) else { return };
        let begun = self.parts[wrong].from < now;
        if begun {
            // It is heard already: it ends here.
            let part = &mut self.parts[wrong];
            (part.stray, part.early) = (true, None);
            part.cut_at(now, None);
            let turn = part.turn;
            state.runs.iter_mut().filter(|run| run.turn == turn).for_each(|run| run.follows = false);
        }
        let turn = state.new_turn();
        drop(state);
        self.drop_from(wrong + usize::from(begun));
        if let Some(last) = self.parts.back_mut().filter(|_| !begun) {
            // It goes over into something else, or nothing.
            (last.cut, last.fade_out) = (None, None);
        }
        if (begun || self.parts.is_empty()) && self.silence.is_none() {
            self.silence = Some(Silence { since: now, turn, follows: true, told: false, awaited: None });
        }
    }

    /// Silence that has not begun yet is none: what follows is looked for again.
    fn settle_silence(&mut self, shared: &Shared, now: u64) {
        let Some(silence) = &mut self.silence else { return };
        if silence.since < now {
            // One that is to be the end waits for what follows.
            silence.since = if shared.endless { silence.since } else { now };
        } else if silence.follows && !self.parts.is_empty() {
            self.silence = None;
        } else {
            (silence.since, silence.told) = (now, false);
        }
    }

    pub(super) fn drop_from(&mut self, index: usize) {
        while self.parts.len() > index {
            if let Some(part) = self.parts.pop_back() {
                dispose(part.spool, self.downstream());
            }
        }
    }
}
