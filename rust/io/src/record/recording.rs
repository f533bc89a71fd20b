//! A recording that runs: a recorder on the thread `isocord-record`, and the handle that its owner has.

mod shared;
mod thread;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use isocord_proto::frame::SAMPLE_RATE;

use super::{PartReport, Recorder, RecorderReport, SinkError};
use crate::receive::common_clock::CommonClock;
use crate::receive::pump::Pump;
use crate::receive::queue::{FrameReader, ReaderWaker};
use crate::send::tap::SentReader;
use crate::threads::lock;
use shared::{Order, Shared, Told};
use thread::RecorderThread;

/// Frames that may wait for the disk: 6 s of 25 speakers.
pub(crate) const CAPACITY: usize = 8_192;
/// After a stop, frames that were said before it are waited for: as long as the jitter buffers hold
/// them, and 60 ms more for the threads,
const LEAST_LINGER: u64 = SAMPLE_RATE as u64 * 60 / 1_000;
/// but no longer than a second.
const MOST_LINGER: u64 = SAMPLE_RATE as u64;

/// The thread of a recording ended by a panic, which is an error of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the recorder's thread died")]
pub struct Died;

/// What a recording does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It records.
    Running,
    /// It is paused.
    Paused,
    /// It takes nothing that is said from now on; its files may not be whole yet.
    Over,
}

/// What the owner should know before the end.
#[derive(Debug, Clone)]
pub enum News {
    /// A track is given up, or the file of all users. Told once for each.
    Failed {
        /// Whose; None for the one file.
        user_id: Option<u64>,
        /// Why.
        error: Arc<SinkError>,
    },
    /// A user has a track from now on.
    Started {
        /// Whose.
        user_id: u64,
    },
    /// What was kept of a user is given up, as was asked for.
    Dropped {
        /// Whose.
        user_id: u64,
        /// Why the file is still there, if it is.
        error: Option<Arc<SinkError>>,
    },
    /// A file is complete.
    Part(PartReport),
    /// A user gets no track, for there are as many as there may be. Told once for each.
    Refused {
        /// Whose.
        user_id: u64,
        /// How many tracks there are.
        most: usize,
    },
}

/// What we say ourselves: as the packets that left, where they left.
pub(crate) struct OwnVoice {
    pub user_id: u64,
    pub sent: SentReader,
}

/// The owner's handle. Dropping it ends the recording without waiting; its files are finished all the same.
pub struct Recording {
    shared: Arc<Shared>,
    pump: Pump<RecorderThread>,
    waker: ReaderWaker,
    clock: CommonClock,
    begun: u64,
    /// Packets of our own that are lost to it, if it records them.
    own_lost: Option<Arc<AtomicU64>>,
}

impl Recording {
    /// Records what comes out of `reader` from now on, in the form that the first recorder
    /// [`wants`](super::FrameSink::wants), until [`Self::stop`], a limit of a recorder's, `ends_at` on the clock, or the
    /// end of the connection. One that fails leaves the others alone.
    ///
    /// # Errors
    /// The system's, if it has no thread to give.
    pub(crate) fn start(
        recorders: Vec<Recorder>,
        reader: FrameReader,
        clock: CommonClock,
        ends_at: Option<u64>,
        own_voice: Option<OwnVoice>,
    ) -> io::Result<Self> {
        let waker = reader.waker();
        let shared = Arc::new(Shared::default());
        let begun = recorders.first().map_or(0, Recorder::start);
        let own_lost = own_voice.as_ref().map(|own| own.sent.lost());
        let thread = RecorderThread::new(recorders, own_voice, Arc::clone(&shared), ends_at);
        let pump = Pump::spawn("isocord-record", reader, thread, clock)?;
        Ok(Self { shared, pump, waker, clock, begun, own_lost })
    }

    /// The position on the common clock where it starts.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.begun
    }

    /// What it does.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.shared.phase()
    }

    /// What is said from `position` on is in no track, nor is its time. Nothing happens but to one that runs.
    pub fn pause(&self, position: u64) {
        self.turn(Phase::Running, Phase::Paused, Order::Pause(position));
    }

    /// Goes on at `position`. Nothing happens but to one that is paused.
    pub fn resume(&self, position: u64) {
        self.turn(Phase::Paused, Phase::Running, Order::Resume(position));
    }

    fn turn(&self, from: Phase, to: Phase, order: Order) {
        // The phase changes with the order, or two owners could pause twice.
        let mut orders = lock(&self.shared.orders);
        if self.phase() != from {
            return;
        }
        orders.push_back(order);
        let _ = self.shared.change(to);
        drop(orders);
        self.nudge();
    }

    /// A user is recorded from `position` on, whoever was not to be.
    pub fn allow(&self, user_id: u64, position: u64) {
        self.order(Order::Allow(user_id, position));
    }

    /// Nothing of a user is recorded from `position` on. With `drops` what was kept before is given up as well, which is
    /// told: the user has to have a file that no other is in.
    pub fn deny(&self, user_id: u64, position: u64, drops: bool) {
        self.order(Order::Deny(user_id, position, drops));
    }

    /// All tracks go on in new files from `position` on.
    pub fn cut(&self, position: u64) {
        self.order(Order::Cut(position));
    }

    /// The moment at `position` has a name, which files with chapters tell.
    pub fn mark(&self, position: u64, title: String) {
        self.order(Order::Mark(position, title));
    }

    fn order(&self, order: Order) {
        lock(&self.shared.orders).push_back(order);
        self.nudge();
    }

    fn nudge(&self) {
        self.shared.ordered.store(true, Release);
        self.pump.nudge();
    }

    /// Records nothing that is said from now on; what was said before is still written, `delay` samples being
    /// the longest that a jitter buffer holds it. Idempotent; does not wait.
    pub fn stop(&self, delay: u64) {
        let now = self.clock.position();
        let linger = delay.saturating_add(LEAST_LINGER).min(MOST_LINGER);
        if self.shared.change(Phase::Over) {
            self.order(Order::Stop(now, now + linger));
        }
    }

    /// Waits until all files are whole; none after `timeout`.
    ///
    /// # Errors
    /// [`Died`].
    pub fn wait(&self, timeout: Duration) -> Result<Option<RecorderReport>, Died> {
        self.wait_while(timeout, |told| told.outcome.is_none()).outcome.clone().transpose()
    }

    /// Waits for news and takes them; none after `timeout`, or once all files are whole.
    pub fn news(&self, timeout: Duration) -> Vec<News> {
        let waits = |told: &mut Told| told.news.is_empty() && told.outcome.is_none();
        std::mem::take(&mut self.wait_while(timeout, waits).news)
    }

    fn wait_while(&self, timeout: Duration, waits: impl FnMut(&mut Told) -> bool) -> MutexGuard<'_, Told> {
        let waited = self.shared.tells.wait_timeout_while(lock(&self.shared.told), timeout, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Frames that became silence because the disk was too slow.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.waker.dropped() + self.own_lost.as_ref().map_or(0, |lost| lost.load(Relaxed))
    }
}
