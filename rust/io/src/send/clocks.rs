//! The clock threads of a process: as many as its connections need and its cores allow.

use std::io;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Instant;

use super::clock::{ClockHandle, ClockThread, OutletHandle};
use super::outlet::Outlet;
use crate::events::EventOutbox;
use crate::threads::{lock, setup};

/// Connections of one thread before another one is started: 50,000 packets a second, a quarter to a half of a core. Two
/// threads for fewer would wake up twice as often to send as much.
const CONNECTIONS: u32 = 1_000;

/// Those that run, and what the next ones need.
pub(crate) struct Clocks {
    running: Mutex<Running>,
    epoch: Instant,
}

struct Running {
    clocks: Vec<ClockHandle>,
    threads: Vec<JoinHandle<()>>,
    /// One for each thread that may still be started.
    outboxes: Vec<EventOutbox>,
}

impl Clocks {
    /// Starts the first one; there will be one for each outbox at the most.
    ///
    /// # Errors
    /// The system's, if it has no thread to give.
    pub(crate) fn start(outboxes: Vec<EventOutbox>, epoch: Instant) -> io::Result<Self> {
        let mut running = Running { clocks: Vec::new(), threads: Vec::new(), outboxes };
        running.start(epoch)?;
        Ok(Self { running: Mutex::new(running), epoch })
    }

    /// Takes in a connection of a number that no other one ever has; none if the threads take no commands.
    pub(crate) fn attach(&self, id: u64, outlet: Outlet) -> Option<OutletHandle> {
        let mut running = lock(&self.running);
        if let Some(clock) = running.clocks.iter().find(|clock| clock.connections() < CONNECTIONS) {
            return clock.attach(id, outlet);
        }
        if let Err(error) = running.start(self.epoch) {
            tracing::warn!(%error, "no thread for another clock: those that run take more");
        }
        running.clocks.iter().min_by_key(|clock| clock.connections())?.attach(id, outlet)
    }

    /// Tells the threads to end.
    pub(crate) fn stop(&self) {
        let mut running = lock(&self.running);
        running.outboxes.clear();
        running.clocks.iter().for_each(ClockHandle::stop);
    }

    /// Waits for those that were told to; false if one did not end in time.
    pub(crate) fn join(&self) -> bool {
        let threads = std::mem::take(&mut lock(&self.running).threads);
        // Each is waited for, also after one that did not end.
        threads.into_iter().map(setup::join).filter(|ended| !ended).count() == 0
    }
}

impl Running {
    /// Starts the next one, if there is an outbox for it.
    fn start(&mut self, epoch: Instant) -> io::Result<()> {
        let Some(outbox) = self.outboxes.pop() else { return Ok(()) };
        let (clock, handle) = ClockThread::new(outbox, epoch);
        let name = format!("isocord-clock-{}", self.clocks.len());
        self.threads.push(setup::spawn(&name, move || clock.run())?);
        self.clocks.push(handle);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isocord_proto::timeline::Timeline;

    use super::*;
    use crate::stats::Counters;
    use crate::threads::outbox::Dispatcher;

    #[test]
    fn a_thread_is_full_before_another_one_is_started_and_the_last_ones_take_the_rest() {
        let mut events = Dispatcher::new().0;
        let clocks =
            Clocks::start((0..2).map(|_| events.outbox()).collect(), Instant::now()).expect("a thread");
        let outlet = || Outlet::new(Timeline::new(0, 0), Arc::new(Counters::default()));
        let has =
            || -> Vec<u32> { lock(&clocks.running).clocks.iter().map(ClockHandle::connections).collect() };
        let mut ways: Vec<_> =
            (0..u64::from(CONNECTIONS)).map(|id| clocks.attach(id, outlet()).expect("taken")).collect();
        assert_eq!(has(), [CONNECTIONS]);
        let more = u64::from(CONNECTIONS)..u64::from(CONNECTIONS) * 2 + 10;
        ways.extend(more.map(|id| clocks.attach(id, outlet()).expect("taken")));
        assert_eq!(has(), [CONNECTIONS + 5, CONNECTIONS + 5]);
        // Who comes when many have gone has company on the first thread.
        ways.drain(..100).for_each(|way| way.detach());
        let _last = clocks.attach(9_999, outlet()).expect("taken");
        assert_eq!(has(), [CONNECTIONS - 94, CONNECTIONS + 5]);
        clocks.stop();
        assert!(clocks.join());
        assert!(clocks.attach(10_000, outlet()).is_none());
    }
}
