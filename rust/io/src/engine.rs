//! The threads of one process and what leads to them.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use isocord_proto::cipher::{KEY_LEN, NonceLedger, Sealer, TransportMode};

use crate::desk::Errands;
use crate::events::EventErrands;
use crate::play::FeederPool;
use crate::receive::common_clock::CommonClock;
use crate::receive::receiver::{Receiver, ReceiverHandle};
use crate::send::clocks::Clocks;
use crate::threads::ConnectionId;
use crate::threads::outbox::{Dispatcher, DispatcherHandle};
use crate::threads::setup;

/// Clock threads, receive and event thread, and the pool that feeds native sources.
pub struct Engine {
    pub(crate) clocks: Clocks,
    pub(crate) receiver: ReceiverHandle,
    dispatcher: DispatcherHandle,
    pub(crate) epoch: Instant,
    pool: FeederPool,
    errands: Arc<EventErrands>,
    next_id: AtomicU64,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// One for the process: a key may come again on another connection.
    nonces: Mutex<NonceLedger>,
}

impl Engine {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system's, if it has no thread or poll to give.
    pub fn start() -> io::Result<Arc<Self>> {
        let epoch = Instant::now();
        let (mut events, dispatcher) = Dispatcher::new();
        let outboxes = (0..clock_threads()).map(|_| events.outbox()).collect();
        let (receiver, receiver_handle) = Receiver::new(events.outbox(), epoch)?;
        let errands = Arc::new(EventErrands::new(events.outbox()));
        let engine = Arc::new(Self {
            errands,
            clocks: Clocks::start(outboxes, epoch)?,
            receiver: receiver_handle,
            dispatcher,
            epoch,
            pool: FeederPool::new(),
            next_id: AtomicU64::new(0),
            threads: Mutex::new(Vec::new()),
            nonces: Mutex::default(),
        });
        let started = engine
            .spawn("isocord-recv", move || receiver.run())
            .and_then(|()| engine.spawn("isocord-events", move || events.run()));
        if let Err(error) = started {
            engine.stop();
            return Err(error);
        }
        Ok(engine)
    }

    /// Stops the threads; tracks that play end as closed. False if a thread did not stop in time.
    pub fn stop(&self) -> bool {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        self.clocks.stop();
        self.receiver.stop();
        // The event thread goes last, so that it still reports what the others ended.
        let mut all = self.pool.stop(setup::JOIN_BOUND);
        all &= self.clocks.join();
        for (index, handle) in threads.into_iter().enumerate() {
            if index == EVENT_THREAD {
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
        self.nonces.lock().unwrap_or_else(PoisonError::into_inner).sealer(mode, key)
    }

    pub(crate) fn new_id(&self) -> ConnectionId {
        ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let handle = setup::spawn(name, run)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
        Ok(())
    }
}

/// Its place in the order of starting.
const EVENT_THREAD: usize = 1;
/// The most clock threads: each is a real-time one, where that is allowed.
const MAX_CLOCKS: usize = 16;

/// Clock threads that this machine has cores for.
fn clock_threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MAX_CLOCKS)
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.clocks.stop();
        self.receiver.stop();
        self.dispatcher.stop();
    }
}
