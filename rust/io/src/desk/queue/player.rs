//! The thread's side of a queue: which entries sound in the next frame, and what follows when they end.

use std::collections::VecDeque;
use std::sync::Arc;

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES, SAMPLE_RATE};

use super::entry::Entry;
use super::events::Event;
use super::loading::Loading;
use super::part::Part;
use super::shared::{Relay, Shared};
use super::spool::Spool;
use super::state::State;
use crate::source::{Downstream, FrameBuf, Reached, Want};

pub(super) const FRAME: u64 = FRAME_SAMPLES as u64;
/// What is opened shortly before its turn: so many samples.
const NEAR: u64 = 15 * SAMPLE_RATE as u64;
/// What the next frame can be made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    Frame,
    Searching,
    Starved,
    End,
}

/// Whether what comes next is there.
enum Next {
    There(Box<Spool>),
    Pending,
    Nothing,
}

/// Nothing follows the last part, or not yet.
pub(super) struct Silence {
    pub(super) since: u64,
    pub(super) turn: u64,
    /// The list went on by itself to here.
    pub(super) follows: bool,
    pub(super) told: bool,
    /// What was asked for and is not there yet: its turn, and the place in it.
    pub(super) awaited: Option<(u64, Arc<Entry>, Option<f64>)>,
}

pub(super) struct Player {
    pub(super) relay: Arc<Relay>,
    pub(super) depth: u64,
    /// Number of the frame that is made next.
    pub(super) cursor: u64,
    /// What sounds, will sound, or has just sounded, in this order.
    pub(super) parts: VecDeque<Part>,
    pub(super) silence: Option<Silence>,
    pub(super) loading: Option<Loading>,
    pub(super) crossfade: u64,
    /// The end was told.
    pub(super) is_over: bool,
    /// When what failed was tried again.
    pub(super) retried: u64,
    /// Where what was asked for began when it last went back.
    pub(super) jumped_at: Option<u64>,
    /// Nobody has heard that.
    pub(super) in_vain: bool,
    /// What was waited for came when more silence had been made than has to be heard.
    pub(super) came_late: bool,
    pub(super) room: Box<[f32; FRAME_LEN]>,
}

impl Player {
    pub(super) fn new(relay: Arc<Relay>) -> Self {
        let silence = Silence { since: 0, turn: 0, follows: false, told: true, awaited: None };
        Self {
            relay,
            depth: 0,
            cursor: 0,
            parts: VecDeque::new(),
            silence: Some(silence),
            loading: None,
            crossfade: 0,
            is_over: false,
            retried: 0,
            jumped_at: None,
            in_vain: false,
            came_late: false,
            room: Box::new([0.0; FRAME_LEN]),
        }
    }

    /// It is played, by one who goes back by `depth` frames at the most.
    pub(super) fn attach(&mut self, shared: &Shared, depth: u64) {
        self.depth = depth;
        let (downstream, depth) = (self.downstream(), depth + self.crossfade / FRAME);
        self.parts.iter_mut().for_each(|part| part.spool.attach(&downstream, depth));
        shared.lock().list.mend();
        self.revise(shared, 0);
    }

    /// It is not played any more: what was not heard comes again the next time.
    pub(super) fn detach(&mut self, shared: &Shared) {
        let unheard = {
            let mut state = shared.lock();
            let ahead = self.relay.ahead();
            state.observe(ahead, &shared.events);
            self.cursor.saturating_sub(state.heard(ahead) / FRAME)
        };
        self.revise(shared, unheard);
        self.let_go(shared, self.cursor * FRAME);
    }

    /// Nothing follows: it is over as soon as all is heard.
    pub(super) fn end(&mut self, shared: &Shared) {
        self.is_over = true;
        // The end is told even if it comes between two frames.
        self.tell(shared, self.cursor * FRAME + 1);
    }

    /// Sees to it that all is there of which the next frame is made.
    pub(super) fn ready(&mut self, shared: &Shared, buffer: &mut FrameBuf, want: Want) -> Ready {
        let (from, to) = (self.cursor * FRAME, (self.cursor + 1) * FRAME);
        loop {
            for part in self.parts.iter_mut().filter(|part| part.sounds(from, to)) {
                match part.spool.read_to(part.local(to), buffer, want.now) {
                    Reached::There | Reached::End => {}
                    Reached::Searching => return Ready::Searching,
                    Reached::Starved => return Ready::Starved,
                }
            }
            let settled = match &self.silence {
                None => self.go_on(shared, buffer, want, (from, to)),
                Some(silence) if silence.awaited.is_some() => self.begin_awaited(shared, from),
                Some(_) => self.end_silence(shared, buffer, want, (from, to)),
            };
            if let Some(ready) = settled {
                return ready;
            }
        }
    }

    /// The last part sounds: if it ends in this frame, another follows. None if there is more to see to.
    fn go_on(
        &mut self,
        shared: &Shared,
        buffer: &mut FrameBuf,
        want: Want,
        (from, to): (u64, u64),
    ) -> Option<Ready> {
        let Some(end) = self.parts.back().and_then(Part::end) else { return Some(Ready::Frame) };
        let begin = self.handover(end).max(from);
        if begin >= to {
            return Some(Ready::Frame);
        }
        self.close_last(shared);
        match self.next(shared) {
            Next::There(spool) => self.join(shared, buffer, spool, want, (begin, end.max(from))),
            _ if end >= to => return Some(Ready::Frame),
            Next::Pending => return Some(Ready::Starved),
            Next::Nothing => {
                let turn = shared.lock().new_turn();
                self.silence = Some(Silence { since: end, turn, follows: true, told: false, awaited: None });
            }
        }
        None
    }

    /// What was asked for begins, if it is there.
    fn begin_awaited(&mut self, shared: &Shared, from: u64) -> Option<Ready> {
        let silence = self.silence.as_mut()?;
        let (turn, entry, place) = silence.awaited.clone()?;
        let mut state = shared.lock();
        match self.load(&entry, place) {
            None => return Some(Ready::Frame),
            Some(Ok(())) => {
                drop(state);
                let spool = self.loading.take().and_then(Loading::take)?;
                self.parts.push_back(Part { early: Some(0), ..Part::at(turn, spool, from) });
                self.came_late |= self.silence.take().is_some_and(|silence| silence.since < from);
            }
            Some(Err(error)) => {
                self.loading = None;
                self.fail(&mut state, shared, &entry, error);
                let mut awaited = None;
                if state.turn == turn {
                    state.list.advance(None);
                    state.turn = state.new_turn();
                    awaited = state.list.now.clone().map(|now| (state.turn, now, None));
                }
                let silence = self.silence.as_mut()?;
                silence.awaited = awaited;
            }
        }
        None
    }

    /// Silence ends where something follows; or all does.
    fn end_silence(
        &mut self,
        shared: &Shared,
        buffer: &mut FrameBuf,
        want: Want,
        (from, to): (u64, u64),
    ) -> Option<Ready> {
        let since = self.silence.as_ref()?.since;
        match self.next(shared) {
            Next::There(spool) => {
                let at = since.max(from);
                self.silence = None;
                self.join(shared, buffer, spool, want, (at, at));
                if let Some(part) = self.parts.back_mut().filter(|_| since < from) {
                    part.early = Some(since);
                    self.came_late = true;
                }
                None
            }
            Next::Pending if since < from => Some(Ready::Frame),
            Next::Pending => Some(Ready::Starved),
            Next::Nothing if shared.endless || since >= to => Some(Ready::Frame),
            Next::Nothing => Some(if since <= from { Ready::End } else { Ready::Frame }),
        }
    }

    /// Takes note, once, of an error that ends the last part.
    fn close_last(&mut self, shared: &Shared) {
        let Some(last) = self.parts.back_mut().filter(|last| !last.closed) else { return };
        last.closed = true;
        if let Some(error) = last.spool.error() {
            let mut state = shared.lock();
            state.note_error(last.turn, error);
            last.spool.entry().note_broke_off(Some(error));
            let planned = last.turn > state.turn && !last.stray;
            state.list.fail(last.spool.entry(), planned);
        }
    }

    /// An entry could not be opened.
    fn fail(&self, state: &mut State, shared: &Shared, entry: &Arc<Entry>, error: String) {
        let planned = Self::planned_entries(&self.parts, state).any(|other| Arc::ptr_eq(other, entry));
        state.list.fail(entry, planned);
        state.told_empty = false;
        shared.events.put(Event::Failed(Arc::clone(entry), error));
    }

    /// Parts that the list has still to go on to.
    pub(super) fn planned<'a>(
        parts: &'a VecDeque<Part>,
        state: &State,
    ) -> impl Iterator<Item = (usize, &'a Part)> {
        let turn = state.turn;
        parts.iter().enumerate().filter(move |(_, part)| part.turn > turn && !part.stray)
    }

    /// Their entries.
    pub(super) fn planned_entries<'a>(
        parts: &'a VecDeque<Part>,
        state: &State,
    ) -> impl Iterator<Item = &'a Arc<Entry>> {
        Self::planned(parts, state).map(|(_, part)| part.spool.entry())
    }

    /// What follows, if it is there.
    fn next(&mut self, shared: &Shared) -> Next {
        match self.prepare_next(&mut shared.lock(), shared) {
            Some(true) => match self.loading.take().and_then(Loading::take) {
                Some(spool) => Next::There(spool),
                None => Next::Pending,
            },
            Some(false) => Next::Pending,
            None => Next::Nothing,
        }
    }

    /// Has what follows loaded: whether it is there. None if nothing follows.
    pub(super) fn prepare_next(&mut self, state: &mut State, shared: &Shared) -> Option<bool> {
        if state.jump.is_some() {
            return Some(false);
        }
        loop {
            // What is wrong is planned anew, and then it is known what follows.
            let Ok(following) = state.list.after(Self::planned_entries(&self.parts, state)) else {
                return Some(false);
            };
            let entry = Arc::clone(following?);
            match self.load(&entry, None) {
                None => return Some(false),
                Some(Ok(())) => return Some(true),
                Some(Err(error)) => {
                    self.loading = None;
                    self.fail(state, shared, &entry, error);
                }
            }
        }
    }

    /// Begins to load what follows, if it is time.
    pub(super) fn preload(&mut self, state: &mut State, shared: &Shared) {
        let is_awaited = self.silence.as_ref().is_some_and(|silence| silence.awaited.is_some());
        let following = state.list.after(Self::planned_entries(&self.parts, state)).unwrap_or_default();
        let Some(entry) = following.filter(|_| !is_awaited) else { return };
        if let Some(last) = self.parts.back() {
            let is_far = || {
                let rest = last
                    .spool
                    .entry()
                    .duration()
                    .map(|all| all.saturating_sub(last.place(self.cursor * FRAME)));
                rest.is_some_and(|rest| rest > NEAR + self.crossfade)
            };
            // A radio that is repeated should it break off is not opened twice as long as it sounds.
            let is_endless = || {
                let present = last.spool.entry();
                Arc::ptr_eq(present, entry) && present.duration().is_none() && last.end().is_none()
            };
            if self.silence.is_none()
                && (entry.opening().is_brief() && is_far() || !entry.opening().is_free() || is_endless())
            {
                return;
            }
        }
        self.prepare_next(state, shared);
    }

    /// Whether an entry is loaded, or why it cannot be; None while it is on its way.
    pub(super) fn load(&mut self, entry: &Arc<Entry>, place: Option<f64>) -> Option<Result<(), String>> {
        if let Some(loading) = self.loading.as_ref().filter(|loading| loading.is_of(entry, place)) {
            return loading.outcome();
        }
        self.loading = None;
        if !entry.opening().is_free() {
            let now = self.cursor * FRAME;
            let over =
                |part: &&mut Part| part.spool.len().is_some() || part.cut.is_some_and(|cut| cut <= now);
            let holds = |part: &&mut Part| Arc::ptr_eq(part.spool.entry(), entry);
            self.parts.iter_mut().filter(holds).filter(over).for_each(|part| part.spool.release());
            if !entry.opening().is_free() {
                return None;
            }
        }
        let depth = self.depth + self.crossfade / FRAME;
        self.loading = Some(Loading::begin(entry, place, self.downstream(), depth));
        None
    }

    pub(super) fn downstream(&self) -> Arc<dyn Downstream> {
        Arc::clone(&self.relay) as _
    }
}
