//! The clock thread: take commands, prepare the slot, wait for its deadline, send, note the times.
//!
//! It never takes the GIL, waits for another thread, or touches the allocator. Deadlines are absolute: a late tick does
//! not move the later ones, and slots that were missed are counted, not made up for with a burst.

use std::sync::Arc;
use std::time::{Duration, Instant};

use isocord_proto::timetable::{self, SLOT_MS, Seat, Timetable};

use super::outlet::{Outlet, OutletCommand};
use crate::events::EventOutbox;
use crate::threads::ConnectionId;
use crate::threads::inbox::{Commands, Inbox, inbox};
use crate::threads::setup::{park_for, prefer_exact_wakeups};
use crate::threads::wakeup::Wakeup;

const COMMANDS: usize = 4_096;
/// Waking this much early for each packet leaves time to prepare it.
const PREPARE_TIME: Duration = Duration::from_nanos(1_500);
const MAX_PREPARE_TIME: Duration = Duration::from_micros(500);
/// With nothing to send the thread looks up this often.
const IDLE_LOOK_UP: Duration = Duration::from_secs(1);

/// To the clock thread. Boxes are made and dropped elsewhere.
pub(crate) enum ClockCommand {
    Attach(Box<Seat<Outlet>>),
    Detach(ConnectionId),
    To(ConnectionId, OutletCommand),
}

/// The way to the clock thread.
#[derive(Clone)]
pub(crate) struct ClockHandle(Arc<Shared>);

struct Shared {
    inbox: Inbox<ClockCommand>,
    wakeup: Wakeup,
}

impl ClockHandle {
    /// Queues a command, waiting a bounded time if the queue is full; false if it stays full or the
    /// thread has stopped.
    pub(crate) fn send(&self, command: ClockCommand) -> bool {
        self.0.inbox.send(command, || self.0.wakeup.wake()).is_ok()
    }

    pub(crate) fn send_to(&self, id: ConnectionId, command: OutletCommand) -> bool {
        self.send(ClockCommand::To(id, command))
    }

    pub(crate) fn stop(&self) {
        self.0.inbox.stop();
        self.0.wakeup.wake();
    }
}

/// The clock thread's state.
pub(crate) struct ClockThread {
    shared: Arc<Shared>,
    commands: Commands<ClockCommand>,
    out: EventOutbox,
    outlets: Timetable<Outlet>,
    epoch: Instant,
}

impl ClockThread {
    /// A clock whose first slot is at `epoch`.
    pub(crate) fn new(out: EventOutbox, epoch: Instant) -> (Self, ClockHandle) {
        let (inbox, commands) = inbox(COMMANDS);
        let shared = Arc::new(Shared { inbox, wakeup: Wakeup::default() });
        let handle = ClockHandle(Arc::clone(&shared));
        (Self { shared, commands, out, outlets: Timetable::default(), epoch }, handle)
    }

    /// The thread's work.
    pub(crate) fn run(mut self) {
        self.shared.wakeup.here();
        prefer_exact_wakeups(Duration::from_millis(SLOT_MS));
        while !self.commands.is_stopped() {
            self.turn();
        }
        self.close();
    }

    /// Takes what was commanded, then sends one slot, or sleeps until there is something to do.
    fn turn(&mut self) {
        self.outlets.catch_up(self.epoch.elapsed(), Outlet::note_missed);
        self.take_commands();
        let Some(slot) = self.outlets.next() else {
            std::thread::park_timeout(IDLE_LOOK_UP);
            return;
        };
        let deadline = self.epoch + timetable::start_of(slot);
        let prepare = (PREPARE_TIME * self.outlets.members(slot) as u32).min(MAX_PREPARE_TIME);
        let early = deadline.saturating_duration_since(Instant::now());
        if early > prepare {
            // A command cuts the sleep short, so that a key change or a stop is obeyed at once.
            park_for(early - prepare);
            if !self.commands.is_empty() || Instant::now() + prepare < deadline {
                return;
            }
        }
        self.outlets.prepare(slot, |outlet, now_ms| outlet.prepare(now_ms, &mut self.out));
        wait_until(deadline);
        self.outlets.finish(slot).for_each(|outlet| outlet.send(deadline, &mut self.out));
    }

    fn take_commands(&mut self) {
        while let Some(command) = self.commands.take() {
            match command {
                ClockCommand::Attach(outlet) => self.outlets.attach(outlet),
                ClockCommand::Detach(id) => {
                    if let Some(mut seat) = self.outlets.detach(|outlet| outlet.id == id) {
                        seat.member.close(&mut self.out);
                        self.out.discard(seat);
                    }
                }
                ClockCommand::To(id, command) => {
                    let refused = self.outlets.command(
                        self.epoch.elapsed(),
                        |outlet| outlet.id == id,
                        command,
                        |outlet, command, now_ms| outlet.command(command, now_ms, &mut self.out),
                    );
                    if let Err(command) = refused {
                        command.refuse(&mut self.out);
                    }
                }
            }
        }
    }

    /// Carries out what was commanded before the stop, then closes everything.
    fn close(mut self) {
        self.take_commands();
        for mut seat in self.outlets.drain() {
            seat.member.close(&mut self.out);
            self.out.discard(seat);
        }
    }
}

/// The last microseconds, which are too few to sleep.
fn wait_until(deadline: Instant) {
    while Instant::now() < deadline {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests;
