//! The timetable of a thread that sends for many: slots 2 ms apart, ten of them in a frame of 20 ms.
//!
//! A member keeps the slot that it got, and its place in it, so its packets are 20 ms apart. A thread that wakes up
//! pays for that more than for a packet, so members share a slot, up to 16 of them, before another one is opened; but
//! nobody waits for company longer than 10 ms. Where all slots are that full, members are spread over them, so that
//! thousands do not burst together. Slots are numbered from the beginning of time, which the caller chooses; a member
//! comes with a [`Seat`] of its own and goes with it, and is found by its [`Ticket`], so that nothing here allocates,
//! frees or searches.

use core::time::Duration;

use isocord_prefetch::prefetch_front;

use crate::frame::FRAME_MS;

/// Milliseconds from one slot to the next.
pub const SLOT_MS: u64 = 2;
/// From a slot of a member to its next.
const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// Slots in a frame.
const PHASES: u64 = FRAME_MS / SLOT_MS;
/// Members that share a slot as long as there is another one for those who come.
const FULL: u64 = 16;
/// Slots that who comes rather waits than opens one.
const PATIENCE: u64 = 5;
/// Slots that who comes rather waits than shares one with each member beyond those.
const CROWD: u64 = 2;
/// Members of a row whose memory is on its way while another is asked.
const AHEAD: usize = 6;
/// Bytes of a seat that are fetched; what of a member lies behind them it fetches itself.
const FRONT: usize = 512;
/// The end of a row.
const NOBODY: u32 = u32::MAX;

/// Whether a member needs slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Every 20 ms.
    Slots,
    /// The same, from the next moment on: none of the slots until now was used.
    Soon,
    /// None until the next command.
    None,
}

/// By what a member is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// No two members have the same at a time.
    pub place: u32,
    /// No two members ever have the same.
    pub id: u64,
}

/// A member, and its seat among the others.
#[derive(Debug)]
pub struct Seat<T> {
    /// The member.
    pub member: T,
    ticket: Ticket,
    /// Whose row it is in; none while it rests.
    phase: Option<u8>,
    before: u32,
    after: u32,
}

impl<T> Seat<T> {
    /// For a member that comes.
    #[must_use]
    pub fn new(ticket: Ticket, member: T) -> Box<Self> {
        Box::new(Self { member, ticket, phase: None, before: NOBODY, after: NOBODY })
    }
}

/// Room for members, by their places.
#[derive(Debug)]
pub struct Room<T>(Vec<Option<Box<Seat<T>>>>);

impl<T> Room<T> {
    /// For places below this one.
    #[must_use]
    pub fn new(places: u32) -> Self {
        Self((0..places).map(|_| None).collect())
    }
}

/// Who has which slot, and who rests.
#[derive(Debug)]
pub struct Timetable<T> {
    room: Room<T>,
    phases: [Row; PHASES as usize],
    /// Slots before this one are over.
    cursor: u64,
}

/// The members of a slot, each of whom knows its neighbours.
#[derive(Debug, Clone, Copy)]
struct Row {
    first: u32,
    last: u32,
    len: u32,
}

impl<T> Timetable<T> {
    /// With room for some members.
    #[must_use]
    pub fn new(room: Room<T>) -> Self {
        let row = Row { first: NOBODY, last: NOBODY, len: 0 };
        Self { room, phases: [row; PHASES as usize], cursor: 0 }
    }

    /// Moves all members into a bigger room, and leaves the one that they had in its place.
    pub fn move_to(&mut self, room: &mut Room<T>) {
        for (to, from) in room.0.iter_mut().zip(&mut self.room.0) {
            core::mem::swap(to, from);
        }
        core::mem::swap(room, &mut self.room);
    }

    /// Takes in a member; it rests until a command makes it need slots.
    ///
    /// # Errors
    /// Gives it back if there is no such place, or another member has it.
    pub fn attach(&mut self, seat: Box<Seat<T>>) -> Result<(), Box<Seat<T>>> {
        match self.room.0.get_mut(seat.ticket.place as usize) {
            Some(place @ None) => *place = Some(seat),
            _ => return Err(seat),
        }
        Ok(())
    }

    /// Takes out a member.
    pub fn detach(&mut self, ticket: Ticket) -> Option<Box<Seat<T>>> {
        self.seat(ticket)?;
        self.rest(ticket.place);
        self.room.0[ticket.place as usize].take()
    }

    /// Takes out everybody.
    pub fn drain(&mut self) -> impl Iterator<Item = Box<Seat<T>>> + '_ {
        self.phases = [Row { first: NOBODY, last: NOBODY, len: 0 }; PHASES as usize];
        self.room.0.iter_mut().filter_map(Option::take)
    }

    /// Lets a member carry out a command, at the moment that it is told in milliseconds; one that rests and then needs
    /// slots gets one soon, and so does one that has slots and wants to begin anew.
    ///
    /// # Errors
    /// Gives the command back if nobody here has this ticket.
    pub fn command<C>(
        &mut self,
        now: Duration,
        ticket: Ticket,
        command: C,
        carry_out: impl FnOnce(&mut T, C, u64) -> Demand,
    ) -> Result<(), C> {
        // A moment before the slots that are over would be in the past for who has had one of them.
        let slot = slot_at(now).max(self.cursor.saturating_sub(1));
        let Some(seat) = self.seat(ticket) else { return Err(command) };
        let demand = carry_out(&mut seat.member, command, slot * SLOT_MS);
        if demand == Demand::Soon || (demand == Demand::Slots && seat.phase.is_none()) {
            self.rest(ticket.place);
            let phase = phase(self.best(slot + 1));
            self.join(phase, ticket.place);
        }
        Ok(())
    }

    /// Goes on in the present if more than a frame was slept through, and tells each member whose slots were missed how
    /// many. Comes before the commands of this moment: who rested till now has missed nothing.
    pub fn catch_up(&mut self, now: Duration, mut missed: impl FnMut(&T, u64)) {
        let present = slot_at(now).max(self.cursor);
        let late = match self.next() {
            None => true,
            Some(slot) => now > start_of(slot) + FRAME,
        };
        if !late {
            return;
        }
        for slot in self.cursor..present.min(self.cursor + PHASES) {
            let count = (present - slot).div_ceil(PHASES);
            self.each(
                slot,
                |_, _| (),
                |member| {
                    missed(member, count);
                    Demand::Slots
                },
            );
        }
        self.cursor = present;
    }

    /// The next slot that somebody has; none while all rest.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        (self.cursor..self.cursor + PHASES).find(|&slot| self.members(slot) > 0)
    }

    /// How many have this slot.
    #[must_use]
    pub fn members(&self, slot: u64) -> usize {
        self.phases[phase(slot)].len as usize
    }

    /// Asks those who have this slot what they need, at its moment in milliseconds; who needs none rests. Before its
    /// turn each is told to have its memory `fetch`ed, in steps from 0 to 4 that are a member's turn apart.
    pub fn prepare(
        &mut self,
        slot: u64,
        fetch: impl FnMut(&T, usize),
        mut ask: impl FnMut(&mut T, u64) -> Demand,
    ) {
        self.each(slot, fetch, |member| ask(member, slot * SLOT_MS));
    }

    /// Calls `tell` for those who have this slot, which is over with that; memory is fetched as for [`Self::prepare`].
    pub fn finish(&mut self, slot: u64, fetch: impl FnMut(&T, usize), mut tell: impl FnMut(&mut T)) {
        self.cursor = slot + 1;
        self.each(slot, fetch, |member| {
            tell(member);
            Demand::Slots
        });
    }

    /// In their order, so that each has its own moment of the slot.
    fn each(&mut self, slot: u64, mut fetch: impl FnMut(&T, usize), mut ask: impl FnMut(&mut T) -> Demand) {
        let mut coming = [NOBODY; AHEAD];
        let mut newest = self.phases[phase(slot)].first;
        loop {
            let now = coming[0];
            coming.copy_within(1.., 0);
            coming[AHEAD - 1] = newest;
            if now == NOBODY && coming == [NOBODY; AHEAD] {
                return;
            }
            if let Some(seat) = self.at(newest) {
                prefetch_front(seat, FRONT);
            }
            for (step, &place) in coming[..AHEAD - 1].iter().rev().enumerate() {
                if let Some(seat) = self.at(place) {
                    fetch(&seat.member, step);
                }
            }
            if let Some(seat) = self.at(now)
                && ask(&mut seat.member) == Demand::None
            {
                self.rest(now);
            }
            // By now its seat has come.
            newest = self.at(newest).map_or(NOBODY, |seat| seat.after);
        }
    }

    fn seat(&mut self, ticket: Ticket) -> Option<&mut Seat<T>> {
        let seat = self.at(ticket.place)?;
        (seat.ticket == ticket).then_some(seat)
    }

    fn at(&mut self, place: u32) -> Option<&mut Seat<T>> {
        self.room.0.get_mut(place as usize)?.as_deref_mut()
    }

    /// The slot for who comes.
    fn best(&self, from: u64) -> u64 {
        let cost = |slot: &u64| {
            let company = match self.members(*slot) as u64 {
                0 => PATIENCE,
                members if members < FULL => 0,
                members => PATIENCE + CROWD * (members + 1 - FULL),
            };
            slot - from + company
        };
        (from..from + PHASES).min_by_key(cost).unwrap_or(from)
    }

    /// To the end of a row: who was there before keeps its moment.
    fn join(&mut self, phase: usize, place: u32) {
        let last = core::mem::replace(&mut self.phases[phase].last, place);
        self.phases[phase].len += 1;
        match self.at(last) {
            Some(seat) => seat.after = place,
            None => self.phases[phase].first = place,
        }
        if let Some(seat) = self.at(place) {
            (seat.phase, seat.before, seat.after) = (Some(phase as u8), last, NOBODY);
        }
    }

    /// Out of its row, if it is in one.
    fn rest(&mut self, place: u32) {
        let Some(seat) = self.at(place) else { return };
        let Some(phase) = seat.phase.take() else { return };
        let (before, after) = (seat.before, seat.after);
        let phase = usize::from(phase);
        self.phases[phase].len -= 1;
        match self.at(before) {
            Some(seat) => seat.after = after,
            None => self.phases[phase].first = after,
        }
        match self.at(after) {
            Some(seat) => seat.before = before,
            None => self.phases[phase].last = before,
        }
    }
}

/// When a slot begins.
#[must_use]
pub fn start_of(slot: u64) -> Duration {
    Duration::from_millis(slot * SLOT_MS)
}

fn slot_at(now: Duration) -> u64 {
    now.as_millis() as u64 / SLOT_MS
}

fn phase(slot: u64) -> usize {
    (slot % PHASES) as usize
}
