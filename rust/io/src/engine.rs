//! The threads of one process and what leads to them.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use isocord_proto::cipher::{KEY_LEN, NonceLedger, Sealer, TransportMode};

use crate::desk::Errands;
use crate::events::EventErrands;
use crate::play::{FeederPool, Relays};
use crate::receive::common_clock::CommonClock;
use crate::receive::receiver::{Receiver, ReceiverHandle};
use crate::send::clocks::Clocks;
use crate::threads::outbox::{Dispatcher, DispatcherHandle};
use crate::threads::{ConnectionId, lock, setup};

/// Receive threads at most, unless another number is asked for: none waits for another, and one reads thousands of sockets.
const MAX_RECEIVERS: usize = 16;
/// The most clock threads: each is a real-time one, where that is allowed.
const MAX_CLOCKS: usize = 16;

/// Clock, receive and event threads, and the pool that feeds native sources.
pub struct Engine {
    pub(crate) clocks: Clocks,
    /// Each has the connections of its own.
    receivers: Vec<ReceiverHandle>,
    dispatcher: DispatcherHandle,
    pub(crate) epoch: Instant,
    pool: FeederPool,
    relays: Relays,
    errands: Arc<EventErrands>,
    next_id: AtomicU64,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// One for the process: a key may come again on another connection.
    nonces: Mutex<NonceLedger>,
}

impl Engine {
    /// Starts the threads; those that receive are as many as there are cores for this process, 16 at most.
    ///
    /// # Errors
    /// The system's, if it has no thread or poll to give.
    pub fn start() -> io::Result<Arc<Self>> {
        Self::start_with(cores().min(MAX_RECEIVERS))
    }

    /// Starts the threads, with so many that receive, one at least.
    ///
    /// # Errors
    /// As [`Self::start`]'s.
    pub fn start_with(receivers: usize) -> io::Result<Arc<Self>> {
        let epoch = Instant::now();
        let (mut events, dispatcher) = Dispatcher::new();
        let outboxes = (0..cores().min(MAX_CLOCKS)).map(|_| events.outbox()).collect();
        let receivers = (0..receivers.max(1)).map(|_| Receiver::new(events.outbox(), epoch));
        let (receivers, handles): (Vec<_>, Vec<_>) =
            receivers.collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
        let errands = Arc::new(EventErrands::new(events.outbox()));
        let engine = Arc::new(Self {
            errands,
            clocks: Clocks::start(outboxes, epoch)?,
            receivers: handles,
            dispatcher,
            epoch,
            pool: FeederPool::new(),
            relays: Relays::default(),
            next_id: AtomicU64::new(0),
            threads: Mutex::new(Vec::new()),
            nonces: Mutex::default(),
        });
        let mut receivers = receivers.into_iter().enumerate();
        let started = receivers
            .try_for_each(|(n, receiver)| engine.spawn(&format!("isocord-recv-{n}"), move || receiver.run()))
            .and_then(|()| engine.spawn("isocord-events", move || events.run()));
        if let Err(error) = started {
            engine.stop();
            return Err(error);
        }
        Ok(engine)
    }

    /// Stops the threads; tracks that play end as closed. False if a thread did not stop in time.
    pub fn stop(&self) -> bool {
        let threads = std::mem::take(&mut *lock(&self.threads));
        self.clocks.stop();
        self.receivers.iter().for_each(ReceiverHandle::stop);
        let mut all = self.relays.stop();
        all &= self.pool.stop(setup::JOIN_BOUND);
        all &= self.clocks.join();
        // The event thread was started last and goes last, so that it still reports what the others ended.
        let last = threads.len().saturating_sub(1);
        for (index, handle) in threads.into_iter().enumerate() {
            if index == last {
                self.dispatcher.stop();
            }
            all &= setup::join(handle);
        }
        all
    }

    /// The pool that feeds native sources.
    #[must_use]
    pub fn pool(&self) -> &FeederPool {
        &self.pool
    }

    /// The tracks whose frames leave elsewhere.
    #[must_use]
    pub fn relays(&self) -> &Relays {
        &self.relays
    }

    /// What the event thread does for others.
    #[must_use]
    pub fn errands(&self) -> Arc<dyn Errands> {
        Arc::clone(&self.errands) as Arc<dyn Errands>
    }

    /// The clock that positions of received sound refer to; all connections share it.
    #[must_use]
    pub fn common_clock(&self) -> CommonClock {
        CommonClock::since(self.epoch)
    }

    /// A sealer that uses no nonce which any connection has used with this key.
    pub(crate) fn sealer(&self, mode: TransportMode, key: &[u8; KEY_LEN]) -> Sealer {
        lock(&self.nonces).sealer(mode, key)
    }

    /// The receive thread of a connection.
    pub(crate) fn receiver(&self, id: ConnectionId) -> &ReceiverHandle {
        &self.receivers[id.0 as usize % self.receivers.len()]
    }

    pub(crate) fn new_id(&self) -> ConnectionId {
        ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let handle = setup::spawn(name, run)?;
        lock(&self.threads).push(handle);
        Ok(())
    }
}

/// Cores that this process may use.
fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.clocks.stop();
        self.receivers.iter().for_each(ReceiverHandle::stop);
        self.dispatcher.stop();
    }
}
