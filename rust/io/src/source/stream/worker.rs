//! The thread that reads a stream and decodes it, for those who must not wait; and the pieces that it has ready.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::super::budget::Meter;
use super::super::error::StageError;
use super::super::frame::Downstream;

/// Pieces that are ready at most: frames of 20 ms, or packets.
const READY: usize = 32;
/// So many are ready again before who has found none is woken: sound that comes and goes is worse than none.
const ENOUGH: usize = 10;
/// Decoders live on it.
const STACK: usize = 2 << 20;

/// Makes pieces of a stream, and waits for the network where it must.
pub(crate) trait Maker: Send {
    type Piece: Default + Send;

    /// Makes the next piece, in the room of an old one; false at the end.
    fn make(&mut self, piece: &mut Self::Piece) -> Result<bool, StageError>;

    /// Goes to a place, in samples of 48 kHz.
    fn seek(&mut self, target: i64) -> Result<(), StageError>;

    /// Damaged pieces so far.
    fn broken(&self) -> u64;
}

/// What [`Pieces::take`] has found.
#[derive(Debug)]
pub(crate) enum Taken {
    /// A piece is in the room that was given.
    Piece,
    /// There is none yet.
    Starved,
    /// There will be no more.
    End,
}

struct State<P> {
    ready: VecDeque<P>,
    /// Room for further ones.
    spare: Vec<P>,
    /// What comes after them.
    end: Option<Result<(), StageError>>,
    ended: bool,
    seek: Option<i64>,
    /// Somebody has found none.
    starved: bool,
    /// And was told that there is enough again.
    told: bool,
    closed: bool,
    broken: u64,
    downstream: Option<Arc<dyn Downstream>>,
}

struct Shared<P> {
    state: Mutex<State<P>>,
    /// For the thread.
    room: Condvar,
    /// For who waits all the same.
    more: Condvar,
}

impl<P> Shared<P> {
    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of it for who takes the pieces. Dropping it ends the thread.
pub(crate) struct Pieces<P> {
    shared: Arc<Shared<P>>,
    meter: Arc<Meter>,
}

impl<P: Default + Send + 'static> Pieces<P> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn start<M: Maker<Piece = P> + 'static>(
        name: &str,
        maker: M,
        meter: Arc<Meter>,
    ) -> io::Result<Self> {
        let state = State {
            ready: VecDeque::with_capacity(READY),
            spare: Vec::new(),
            end: None,
            ended: false,
            seek: None,
            starved: false,
            told: false,
            closed: false,
            broken: maker.broken(),
            downstream: None,
        };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), room: Condvar::new(), more: Condvar::new() });
        let theirs = Arc::clone(&shared);
        thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(move || work(&theirs, maker))?;
        Ok(Self { shared, meter })
    }

    /// Exchanges `piece` for the next one, if there is one. Never waits for the network.
    ///
    /// # Errors
    /// Why there will be no more; told once.
    pub(crate) fn take(&self, piece: &mut P) -> Result<Taken, StageError> {
        let mut state = self.shared.lock();
        if state.starved && !state.is_enough() {
            return Ok(Taken::Starved);
        }
        state.starved = false;
        match state.ready.pop_front() {
            Some(next) => {
                state.spare.push(std::mem::replace(piece, next));
                if state.ready.len() == READY / 2 {
                    self.shared.room.notify_one();
                }
                Ok(Taken::Piece)
            }
            None => match state.end.take() {
                Some(Err(error)) => Err(error),
                Some(Ok(())) => Ok(Taken::End),
                None if state.ended && state.seek.is_none() => Ok(Taken::End),
                None => {
                    (state.starved, state.told) = (true, false);
                    self.shared.room.notify_one();
                    Ok(Taken::Starved)
                }
            },
        }
    }

    /// Waits until [`Self::take`] gives something.
    pub(crate) fn wait(&self) {
        let mut state = self.shared.lock();
        while state.starved && !state.is_enough() {
            state = self.shared.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next piece is to be from there. Does not wait until it is.
    pub(crate) fn seek(&self, target: i64) {
        let mut state = self.shared.lock();
        state.seek = Some(target);
        state.clear();
        drop(state);
        self.shared.room.notify_one();
    }

    pub(crate) fn broken(&self) -> u64 {
        self.shared.lock().broken
    }

    /// Who is woken when there is more again.
    pub(crate) fn attach(&self, downstream: &Arc<dyn Downstream>) {
        self.shared.lock().downstream = Some(Arc::clone(downstream));
    }
}

impl<P> Drop for Pieces<P> {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.room.notify_one();
        // It may wait for the network.
        self.meter.close();
    }
}

impl<P> State<P> {
    fn is_enough(&self) -> bool {
        self.ready.len() >= ENOUGH || self.ended && self.seek.is_none()
    }

    fn clear(&mut self) {
        self.spare.extend(self.ready.drain(..));
        self.end = None;
        self.ended = false;
    }

    fn finish(&mut self, end: Result<(), StageError>) {
        self.end = Some(end);
        self.ended = true;
    }
}

fn work<M: Maker>(shared: &Shared<M::Piece>, mut maker: M) {
    let mut state = shared.lock();
    loop {
        if state.closed {
            return;
        }
        let seek = state.seek;
        // After half of it was taken, it is filled in one go.
        if seek.is_none() && (state.ended || state.ready.len() >= READY) {
            state = shared.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let mut piece = state.spare.pop().unwrap_or_default();
        drop(state);
        let made = guarded(|| match seek {
            Some(target) => maker.seek(target).map(|()| None),
            None => maker.make(&mut piece).map(Some),
        });
        let broken = maker.broken();
        state = shared.lock();
        state.broken = broken;
        match made {
            Ok(None) => {
                if state.seek == seek {
                    state.seek = None;
                }
                state.spare.push(piece);
            }
            // What was made for another place is not wanted.
            Ok(Some(_)) | Err(_) if state.seek != seek => state.spare.push(piece),
            Ok(Some(true)) => state.ready.push_back(piece),
            Ok(Some(false)) => state.finish(Ok(())),
            Err(error) => {
                state.seek = None;
                state.finish(Err(error));
            }
        }
        if state.starved && !state.told && state.is_enough() {
            state.told = true;
            let downstream = state.downstream.clone();
            drop(state);
            shared.more.notify_all();
            if let Some(downstream) = downstream {
                downstream.wake();
            }
            state = shared.lock();
        }
    }
}

fn guarded<T>(work: impl FnOnce() -> Result<T, StageError>) -> Result<T, StageError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(StageError::broken("the decoder failed on it")))
}
