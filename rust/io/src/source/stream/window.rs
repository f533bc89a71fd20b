//! The part of a stream that is in memory: a thread brings bytes at one end, a reader takes them at the other and may
//! look back a little. How far the thread runs ahead is bounded.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::supply::{Outline, PATIENCE, Stop};

/// Bytes that are brought before they are read: a minute of music.
pub(crate) const AHEAD: usize = 2 << 20;
/// Bytes that stay after they were read.
const BEHIND: usize = 256 << 10;
/// Until it is open: what stands in front of the sound, pictures for the most part, is looked at twice.
const MAX_OPENING: usize = 16 << 20;
/// Of what is left by a jump, so much stays until the stream is open: its index may be at the other end.
const KEPT: usize = 512 << 10;
/// What lies no further ahead is waited for, not asked for.
const WORTH_WAITING: u64 = 512 << 10;
/// Titles on their way; of more than these the oldest is forgotten.
const MAX_TITLES: usize = 64;

/// Bytes, and where the first of them stands in the stream.
#[derive(Default)]
struct Run {
    start: u64,
    bytes: VecDeque<u8>,
}

impl Run {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    fn holds(&self, offset: u64) -> bool {
        (self.start..self.end()).contains(&offset)
    }

    fn copy(&self, buf: &mut [u8], offset: u64) -> usize {
        let skip = (offset - self.start) as usize;
        let (first, second) = self.bytes.as_slices();
        let mut done = 0;
        for part in [first.get(skip..), second.get(skip.saturating_sub(first.len())..)].into_iter().flatten()
        {
            let count = part.len().min(buf.len() - done);
            buf[done..done + count].copy_from_slice(&part[..count]);
            done += count;
        }
        done
    }

    fn forget_before(&mut self, offset: u64) {
        let count = offset.saturating_sub(self.start).min(self.bytes.len() as u64);
        self.bytes.drain(..count as usize);
        self.start += count;
    }
}

/// How it stands with the thread that brings bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Flow {
    /// It brings more.
    Running,
    /// It was told to go on elsewhere.
    Jumping(u64),
    /// There is no more.
    Ended,
    /// There is no more, and this is why.
    Failed(String),
}

struct State {
    run: Run,
    kept: Option<Run>,
    /// It is not open yet, so that what a jump leaves is kept.
    opening: bool,
    /// Up to here it has been read.
    at: u64,
    flow: Flow,
    titles: VecDeque<(u64, String)>,
    title: Option<String>,
    closed: bool,
}

/// What the thread is to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// Bring so many bytes at most.
    Bring(usize),
    /// Go on from here.
    Jump(u64),
    /// Nobody reads any more.
    Stop,
}

/// See above.
pub(crate) struct Window {
    outline: Outline,
    state: Mutex<State>,
    /// For the reader.
    brought: Condvar,
    /// For the thread.
    wanted: Condvar,
    stop: Arc<dyn Stop>,
}

impl Window {
    pub(crate) fn new(outline: Outline, stop: Arc<dyn Stop>) -> Self {
        let state = State {
            run: Run::default(),
            kept: None,
            opening: true,
            at: 0,
            flow: Flow::Running,
            titles: VecDeque::new(),
            title: None,
            closed: false,
        };
        Self { outline, state: Mutex::new(state), brought: Condvar::new(), wanted: Condvar::new(), stop }
    }

    pub(crate) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// What it is called that was read last, if its server tells.
    pub(crate) fn title(&self) -> Option<String> {
        self.lock().title.clone()
    }

    /// It is open: from now on it is mostly read from front to back.
    pub(crate) fn opened(&self) {
        let mut state = self.lock();
        state.opening = false;
        state.kept = None;
    }

    /// Nothing more is read or brought.
    pub(crate) fn close(&self) {
        {
            let mut state = self.lock();
            state.closed = true;
            // Who asks for its title may hold it for long.
            (state.run, state.kept) = (Run::default(), None);
        }
        self.brought.notify_all();
        self.wanted.notify_all();
        self.stop.close();
    }

    /// Copies what stands at `offset`, and waits for it. None where the stream has ended before. Gives also how many
    /// bytes in front of it were brought and not read.
    ///
    /// # Errors
    /// It will not come: what the supply says.
    pub(crate) fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<(usize, u64)> {
        let began = Instant::now();
        let mut skipped = 0;
        let mut state = self.lock();
        loop {
            if state.closed {
                return Err(io::Error::other("it is closed"));
            }
            if buf.is_empty() || self.outline.len.is_some_and(|len| offset >= len) {
                return Ok((0, skipped));
            }
            if state.run.holds(offset) {
                let count = state.run.copy(buf, offset);
                state.read_to(offset + count as u64);
                self.wanted.notify_one();
                return Ok((count, skipped));
            }
            match &state.flow {
                Flow::Failed(reason) => return Err(io::Error::other(reason.clone())),
                Flow::Ended if offset >= state.run.end() => return Ok((0, skipped)),
                _ => {}
            }
            skipped += self.ask_for(&mut state, offset)?;
            if state.run.holds(offset) {
                continue;
            }
            let Some(left) = PATIENCE.checked_sub(began.elapsed()) else {
                return Err(io::Error::other("its server has sent nothing for long"));
            };
            state = self.brought.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Has the thread bring what stands at `offset`.
    fn ask_for(&self, state: &mut State, offset: u64) -> io::Result<u64> {
        if state.flow == Flow::Jumping(offset) {
            return Ok(0);
        }
        let end = state.run.end();
        let near = matches!(state.flow, Flow::Running) && offset >= end;
        if near && (offset - end < WORTH_WAITING || !self.outline.seekable) {
            // What lies between is not wanted.
            let skipped = end.saturating_sub(state.at);
            state.read_to(end);
            self.wanted.notify_one();
            return Ok(skipped);
        }
        if !self.outline.seekable {
            return Err(io::Error::other("its server cannot go back to what was sent before"));
        }
        let kept = state.kept.take().filter(|kept| kept.holds(offset));
        let to = kept.as_ref().map_or(offset, Run::end);
        let next = kept.unwrap_or(Run { start: offset, bytes: VecDeque::new() });
        let mut left = std::mem::replace(&mut state.run, next);
        if state.opening && !left.bytes.is_empty() {
            left.bytes.truncate(KEPT);
            state.kept = Some(left);
        }
        state.at = offset;
        state.titles.clear();
        state.flow = Flow::Jumping(to);
        self.stop.interrupt();
        self.wanted.notify_one();
        Ok(0)
    }

    /// What the thread is to do; waits while there is nothing.
    pub(super) fn errand(&self) -> Errand {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Errand::Stop;
            }
            if let Flow::Jumping(to) = state.flow {
                state.flow = Flow::Running;
                return Errand::Jump(to);
            }
            let ahead = state.run.end().saturating_sub(state.at) as usize;
            // A piece at a time.
            if state.flow == Flow::Running && ahead < AHEAD {
                return Errand::Bring(AHEAD - ahead);
            }
            state = self.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The thread has brought these, or none at the end.
    pub(super) fn bring(&self, brought: io::Result<&[u8]>, title: Option<String>) {
        let mut state = self.lock();
        if state.flow != Flow::Running {
            // They are from where nobody reads any more.
            return;
        }
        if let Some(title) = title {
            let from = state.run.end();
            if state.titles.len() >= MAX_TITLES {
                state.titles.pop_front();
            }
            state.titles.push_back((from, title));
        }
        match brought {
            Ok([]) => state.flow = Flow::Ended,
            Ok(bytes) => state.run.bytes.extend(bytes),
            Err(error) => state.flow = Flow::Failed(error.to_string()),
        }
        drop(state);
        self.brought.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn read_to(&mut self, at: u64) {
        self.at = at;
        let behind = if self.opening { MAX_OPENING } else { BEHIND };
        self.run.forget_before(at.saturating_sub(behind as u64));
        while self.titles.front().is_some_and(|(from, _)| *from < at) {
            self.title = self.titles.pop_front().map(|(_, title)| title);
        }
    }
}
