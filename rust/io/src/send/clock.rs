//! The clock thread: take commands, prepare the slot, wait for its deadline, send, note the times.
//!
//! It never takes the GIL, waits for a lock or allocates for a packet. Deadlines are absolute:
//! a late tick does not move the later ones, and slots that were missed are counted, not made
//! up for with a burst.

use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use crate::messages::{ClockCommand, ConnectionId, OutletCommand};
use crate::send::outlet::Demand;
use crate::send::slots::{PHASES, SLOT_MS, Slots};
use crate::threads::events::{EventSender, Trash};
use crate::threads::inbox::Inbox;
use crate::threads::thread::{park_for, prefer_exact_wakeups};

const COMMANDS: usize = 4_096;
/// From one packet of a connection to its next.
const FRAME: Duration = Duration::from_millis(SLOT_MS * PHASES);
/// Waking this much early for each packet leaves time to prepare it.
const PREPARE_TIME: Duration = Duration::from_nanos(1_500);
const MAX_PREPARE_TIME: Duration = Duration::from_micros(500);
/// With nothing to send the thread looks up this often.
const IDLE_LOOK_UP: Duration = Duration::from_secs(1);

/// The way to the clock thread.
#[derive(Clone)]
pub struct ClockHandle(Arc<Shared>);

struct Shared {
    inbox: Inbox<ClockCommand>,
    thread: OnceLock<Thread>,
    epoch: Instant,
}

impl ClockHandle {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { inbox: Inbox::new(COMMANDS), thread: OnceLock::new(), epoch: Instant::now() }))
    }

    /// Queues a command, waiting a bounded time if the queue is full; false if it stays full or the
    /// thread has stopped.
    pub(crate) fn send(&self, command: ClockCommand) -> bool {
        self.0.inbox.send(command, || self.wake())
    }

    pub(crate) fn send_to(&self, id: ConnectionId, command: OutletCommand) -> bool {
        self.send(ClockCommand::To(id, command))
    }

    pub(crate) fn stop(&self) {
        self.0.inbox.stop();
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = self.0.thread.get() {
            thread.unpark();
        }
    }

    /// The thread's work.
    pub(crate) fn run(&self, events: EventSender) {
        let _ = self.0.thread.set(std::thread::current());
        prefer_exact_wakeups(Duration::from_millis(SLOT_MS));
        let mut clock = Clock { shared: Arc::clone(&self.0), events, slots: Slots::default(), cursor: 0 };
        clock.run();
        clock.close();
    }
}

struct Clock {
    shared: Arc<Shared>,
    events: EventSender,
    slots: Slots,
    /// Slots before this one are over.
    cursor: u64,
}

impl Clock {
    fn run(&mut self) {
        while !self.shared.inbox.is_stopped() {
            self.take_commands();
            let now = Instant::now();
            let Some(slot) = self.slots.next_used(self.cursor) else {
                self.cursor = self.slot_of(now);
                std::thread::park_timeout(IDLE_LOOK_UP);
                continue;
            };
            let deadline = self.deadline(slot);
            if now > deadline + FRAME {
                self.skip_to(now);
                continue;
            }
            let prepare = (PREPARE_TIME * self.slots.at(slot).len() as u32).min(MAX_PREPARE_TIME);
            let early = deadline.saturating_duration_since(now);
            if early > prepare {
                // A command cuts the sleep short, so that a key change or a stop is obeyed at once.
                park_for(early - prepare);
                if !self.shared.inbox.is_empty() || Instant::now() + prepare < deadline {
                    continue;
                }
            }
            self.prepare(slot);
            wait_until(deadline);
            self.send(slot, deadline);
            self.cursor = slot + 1;
        }
    }

    fn take_commands(&mut self) {
        while let Some(command) = self.shared.inbox.take() {
            let now = self.slot_of(Instant::now());
            // A slot that begins now must not lie before the ones that are over.
            let now = now.max(self.cursor.saturating_sub(1));
            match command {
                ClockCommand::Attach(outlet) => self.slots.attach(outlet),
                ClockCommand::Detach(id) => {
                    if let Some(mut outlet) = self.slots.detach(id) {
                        outlet.close();
                        self.events.trash(Trash::Outlet(outlet));
                    }
                }
                ClockCommand::To(id, command) => {
                    // A connection that closed meanwhile needs no command, but a track has to end: it does when it is
                    // dropped.
                    if let Err(OutletCommand::Play(track)) = self.slots.command(id, command, now) {
                        self.events.trash(Trash::Track(track));
                    }
                }
            }
        }
    }

    fn prepare(&mut self, slot: u64) {
        let mut index = 0;
        while let Some(outlet) = self.slots.at(slot).get_mut(index) {
            match outlet.prepare(slot * SLOT_MS) {
                Demand::Slots => index += 1,
                Demand::None => self.slots.rest(slot, index),
            }
        }
    }

    fn send(&mut self, slot: u64, deadline: Instant) {
        for outlet in self.slots.at(slot) {
            outlet.send(deadline);
        }
    }

    /// After a stall: counts what each connection missed and goes on in the present.
    fn skip_to(&mut self, now: Instant) {
        let present = self.slot_of(now);
        let missed = present.saturating_sub(self.cursor) / PHASES;
        self.cursor = present;
        for outlet in self.slots.active() {
            outlet.note_missed(missed.max(1));
        }
        tracing::debug!(frames = missed, "the clock thread could not run; slots were missed");
    }

    fn close(&mut self) {
        for mut outlet in self.slots.drain() {
            outlet.close();
        }
    }

    fn slot_of(&self, time: Instant) -> u64 {
        time.saturating_duration_since(self.shared.epoch).as_millis() as u64 / SLOT_MS
    }

    fn deadline(&self, slot: u64) -> Instant {
        self.shared.epoch + Duration::from_millis(slot * SLOT_MS)
    }
}

/// The last microseconds, which are too few to sleep.
fn wait_until(deadline: Instant) {
    while Instant::now() < deadline {
        std::hint::spin_loop();
    }
}
