//! The clock thread: take commands, prepare the slot, wait for its deadline, send, note the times.
//!
//! It never takes the GIL, waits for another thread, or touches the allocator. Deadlines are absolute: a late tick does
//! not move the later ones, and slots that were missed are counted, not made up for with a burst.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use isocord_proto::send::{MAX_PACKET_LEN, PacketBuffer};
use isocord_proto::timetable::{self, Demand, Room, SLOT_MS, Seat, Ticket, Timetable};
use isocord_volley::Volley;

use super::outlet::{Outlet, OutletCommand};
use crate::events::EventOutbox;
use crate::threads::inbox::{Commands, Inbox, inbox};
use crate::threads::lock;
use crate::threads::setup::{park_for, prefer_exact_wakeups};
use crate::threads::wakeup::Wakeup;

const COMMANDS: usize = 4_096;
/// Connections that a new clock has room for. As long as there are no more, packets leave one by one.
const ROOM: u32 = 64;
/// Waking this much early for each packet leaves time to prepare it.
const PREPARE_TIME: Duration = Duration::from_nanos(1_200);
const MAX_PREPARE_TIME: Duration = Duration::from_micros(500);
/// With nothing to send the thread looks up this often.
const IDLE_LOOK_UP: Duration = Duration::from_secs(1);

/// To the clock thread. Boxes are made and dropped elsewhere.
pub(crate) enum ClockCommand {
    /// Room for more connections.
    Room(Box<Space>),
    Attach(Box<Seat<Outlet>>),
    Detach(Ticket),
    To(Ticket, OutletCommand),
}

/// Room for connections, and for the packets of all of them, should they share a slot. Those of one slot lie side by side,
/// where those of the one before have been, so that they are near: a connection has no room of its own.
pub(crate) struct Space {
    room: Room<Outlet>,
    packets: Vec<PacketBuffer>,
    /// Has them leave together, where the system can.
    volley: Option<Volley>,
}

impl Space {
    fn new(places: u32) -> Self {
        let count = places as usize;
        Self {
            room: Room::new(places),
            packets: vec![[0; MAX_PACKET_LEN]; count],
            volley: (places > ROOM).then(|| Volley::new(count).ok()).flatten(),
        }
    }
}

/// The way to the clock thread.
#[derive(Clone)]
pub(crate) struct ClockHandle(Arc<Shared>);

struct Shared {
    inbox: Inbox<ClockCommand>,
    wakeup: Wakeup,
    /// The thread itself never locks it.
    places: Mutex<Places>,
}

/// Which places in the timetable are free.
struct Places {
    room: u32,
    /// Those below have been given away.
    given: u32,
    free: Vec<u32>,
}

impl Places {
    fn taken(&self) -> u32 {
        self.given - self.free.len() as u32
    }
}

/// The way to one connection on its clock thread.
#[derive(Clone)]
pub(crate) struct OutletHandle {
    clock: ClockHandle,
    ticket: Ticket,
}

impl OutletHandle {
    /// Queues a command, waiting a bounded time if the queue is full; false if it stays full or the
    /// thread has stopped.
    pub(crate) fn send(&self, command: OutletCommand) -> bool {
        self.clock.send(ClockCommand::To(self.ticket, command))
    }

    /// Takes the connection off the clock. Comes once; what is sent to it later goes nowhere.
    pub(crate) fn detach(&self) {
        // Whoever gets the place is attached behind this command.
        if self.clock.send(ClockCommand::Detach(self.ticket)) {
            lock(&self.clock.0.places).free.push(self.ticket.place);
        }
    }
}

impl ClockHandle {
    /// Takes in a connection of a number that no other one ever has; none if the thread takes no commands.
    pub(crate) fn attach(&self, id: u64, outlet: Outlet) -> Option<OutletHandle> {
        let mut places = lock(&self.0.places);
        let place = match places.free.pop() {
            Some(place) => place,
            None => {
                if places.given == places.room {
                    let room = places.room * 2;
                    if !self.send(ClockCommand::Room(Box::new(Space::new(room)))) {
                        return None;
                    }
                    places.room = room;
                }
                places.given += 1;
                places.given - 1
            }
        };
        let ticket = Ticket { place, id };
        if self.send(ClockCommand::Attach(Seat::new(ticket, outlet))) {
            return Some(OutletHandle { clock: self.clone(), ticket });
        }
        places.free.push(place);
        None
    }

    /// Connections that it has.
    pub(crate) fn connections(&self) -> u32 {
        lock(&self.0.places).taken()
    }

    fn send(&self, command: ClockCommand) -> bool {
        self.0.inbox.send(command, || self.0.wakeup.wake()).is_ok()
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
    packets: Vec<PacketBuffer>,
    volley: Option<Volley>,
    epoch: Instant,
}

impl ClockThread {
    /// A clock whose first slot is at `epoch`.
    pub(crate) fn new(out: EventOutbox, epoch: Instant) -> (Self, ClockHandle) {
        let (inbox, commands) = inbox(COMMANDS);
        let places = Mutex::new(Places { room: ROOM, given: 0, free: Vec::new() });
        let shared = Arc::new(Shared { inbox, wakeup: Wakeup::default(), places });
        let handle = ClockHandle(Arc::clone(&shared));
        let Space { room, packets, volley } = Space::new(ROOM);
        (Self { shared, commands, out, outlets: Timetable::new(room), packets, volley, epoch }, handle)
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
        // Who rests from now on leaves its packet's place to the next one, and is not there any more when the slot ends.
        let mut place = 0;
        self.volley.iter_mut().for_each(Volley::clear);
        self.outlets.prepare(slot, Outlet::fetch, |outlet, now_ms| {
            let demand = outlet.prepare(now_ms, &mut self.packets[place], &mut self.out);
            if let (Some(volley), Some((socket, len))) = (&mut self.volley, outlet.loaded()) {
                volley.load(socket, place, len);
            }
            place += usize::from(demand != Demand::None);
            demand
        });
        wait_until(deadline);
        self.volley.iter_mut().for_each(|volley| volley.fire(&self.packets));
        let mut departed = self.volley.iter().flat_map(Volley::departed).peekable();
        let mut packets = self.packets.iter().enumerate();
        self.outlets.finish(slot, Outlet::fetch_sent, |outlet| {
            if let Some((place, packet)) = packets.next() {
                let departed = departed.next_if(|departed| departed.place == place);
                outlet.send(deadline, packet, departed, &mut self.out);
            }
        });
    }

    fn take_commands(&mut self) {
        while let Some(command) = self.commands.take() {
            match command {
                ClockCommand::Room(mut space) => {
                    self.outlets.move_to(&mut space.room);
                    std::mem::swap(&mut self.packets, &mut space.packets);
                    std::mem::swap(&mut self.volley, &mut space.volley);
                    self.out.discard(space);
                }
                ClockCommand::Attach(seat) => {
                    if let Err(seat) = self.outlets.attach(seat) {
                        let_go(seat, &mut self.out);
                    }
                }
                ClockCommand::Detach(ticket) => {
                    if let Some(seat) = self.outlets.detach(ticket) {
                        let_go(seat, &mut self.out);
                    }
                }
                ClockCommand::To(ticket, command) => {
                    let refused = self.outlets.command(
                        self.epoch.elapsed(),
                        ticket,
                        command,
                        |outlet, command, now_ms| {
                            outlet.command(command, now_ms, &mut self.packets[0], &mut self.out)
                        },
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
        self.outlets.drain().for_each(|seat| let_go(seat, &mut self.out));
    }
}

/// What plays there ends as closed; who frees what is left is another thread.
fn let_go(mut seat: Box<Seat<Outlet>>, out: &mut EventOutbox) {
    seat.member.close(out);
    out.discard(seat);
}

/// The last microseconds, which are too few to sleep.
fn wait_until(deadline: Instant) {
    while Instant::now() < deadline {
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests;
