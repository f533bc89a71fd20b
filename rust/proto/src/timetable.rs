//! The timetable of a thread that sends for many: slots 2 ms apart, ten of them in a frame of 20 ms.
//!
//! A member keeps the slot that it got, so its packets are 20 ms apart; members are spread over the slots, so that
//! thousands do not burst together. Slots are numbered from the beginning of time, which the caller chooses; a member
//! comes with a [`Seat`] of its own and goes with it, so that nothing here allocates or frees.

use core::time::Duration;

use crate::frame::FRAME_MS;

/// Milliseconds from one slot to the next.
pub const SLOT_MS: u64 = 2;
/// From a slot of a member to its next.
const FRAME: Duration = Duration::from_millis(FRAME_MS);
/// Slots in a frame.
const PHASES: u64 = FRAME_MS / SLOT_MS;
/// Members that outweigh waiting one slot longer for the first packet.
const CROWD: u64 = 2;

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

/// A member, and its seat among the others.
#[derive(Debug)]
pub struct Seat<T> {
    /// The member.
    pub member: T,
    next: Option<Box<Seat<T>>>,
}

impl<T> Seat<T> {
    /// For a member that comes.
    #[must_use]
    pub fn new(member: T) -> Box<Self> {
        Box::new(Self { member, next: None })
    }
}

/// Who has which slot, and who rests.
#[derive(Debug)]
pub struct Timetable<T> {
    phases: [Row<T>; PHASES as usize],
    resting: Row<T>,
    /// Slots before this one are over.
    cursor: u64,
}

impl<T> Default for Timetable<T> {
    fn default() -> Self {
        Self { phases: Default::default(), resting: Row::default(), cursor: 0 }
    }
}

impl<T> Timetable<T> {
    /// Takes in a member; it rests until a command makes it need slots.
    pub fn attach(&mut self, seat: Box<Seat<T>>) {
        self.resting.push(seat);
    }

    /// Takes out a member.
    pub fn detach(&mut self, is_it: impl Fn(&T) -> bool) -> Option<Box<Seat<T>>> {
        self.rows().find_map(|row| row.remove(&is_it))
    }

    /// Takes out everybody.
    pub fn drain(&mut self) -> impl Iterator<Item = Box<Seat<T>>> + '_ {
        self.rows().flat_map(|row| core::iter::from_fn(|| row.pop()))
    }

    /// Lets a member carry out a command, at the moment that it is told in milliseconds; one that rests and then needs
    /// slots gets one soon, and so does one that has slots and wants to begin anew.
    ///
    /// # Errors
    /// Gives the command back if nobody here [is meant](Self::detach).
    pub fn command<C>(
        &mut self,
        now: Duration,
        is_it: impl Fn(&T) -> bool,
        command: C,
        carry_out: impl FnOnce(&mut T, C, u64) -> Demand,
    ) -> Result<(), C> {
        // A moment before the slots that are over would be in the past for who has had one of them.
        let slot = slot_at(now).max(self.cursor.saturating_sub(1));
        if let Some(member) = self.phases.iter_mut().find_map(|row| row.find(&is_it)) {
            let demand = carry_out(member, command, slot * SLOT_MS);
            let mut moving = self.phases.iter_mut().filter(|_| demand == Demand::Soon);
            if let Some(seat) = moving.find_map(|row| row.remove(&is_it)) {
                self.quietest(slot + 1).push(seat);
            }
            return Ok(());
        }
        let Some(mut seat) = self.resting.remove(&is_it) else { return Err(command) };
        match carry_out(&mut seat.member, command, slot * SLOT_MS) {
            Demand::Slots | Demand::Soon => self.quietest(slot + 1).push(seat),
            Demand::None => self.resting.push(seat),
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
            self.phases[phase(slot)].iter().for_each(|member| missed(member, count));
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
        self.phases[phase(slot)].len
    }

    /// Asks those who have this slot what they need, at its moment in milliseconds; who needs none rests.
    pub fn prepare(&mut self, slot: u64, mut ask: impl FnMut(&mut T, u64) -> Demand) {
        let mut stay = Row::default();
        let row = &mut self.phases[phase(slot)];
        while let Some(mut seat) = row.pop() {
            match ask(&mut seat.member, slot * SLOT_MS) {
                Demand::Slots | Demand::Soon => stay.push(seat),
                Demand::None => self.resting.push(seat),
            }
        }
        // In the order that they had, so that each is sent at its own moment of the slot.
        while let Some(seat) = stay.pop() {
            row.push(seat);
        }
    }

    /// Those who have this slot, which is over with that.
    pub fn finish(&mut self, slot: u64) -> impl Iterator<Item = &mut T> {
        self.cursor = slot + 1;
        self.phases[phase(slot)].iter_mut()
    }

    fn rows(&mut self) -> impl Iterator<Item = &mut Row<T>> {
        self.phases.iter_mut().chain([&mut self.resting])
    }

    /// Soon, but not where many are.
    fn quietest(&mut self, from: u64) -> &mut Row<T> {
        let cost = |slot: &u64| (slot - from) + CROWD * self.members(*slot) as u64;
        let slot = (from..from + PHASES).min_by_key(cost).unwrap_or(from);
        &mut self.phases[phase(slot)]
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

/// Places one after the other, the last one first.
#[derive(Debug)]
struct Row<T> {
    first: Option<Box<Seat<T>>>,
    len: usize,
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Self { first: None, len: 0 }
    }
}

impl<T> Row<T> {
    fn push(&mut self, mut seat: Box<Seat<T>>) {
        seat.next = self.first.take();
        self.first = Some(seat);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<Box<Seat<T>>> {
        let mut seat = self.first.take()?;
        self.first = seat.next.take();
        self.len -= 1;
        Some(seat)
    }

    /// Takes the one out that is meant; the others keep their order.
    fn remove(&mut self, is_it: impl Fn(&T) -> bool) -> Option<Box<Seat<T>>> {
        let mut before = Self::default();
        let mut found = None;
        while let Some(seat) = self.pop() {
            if is_it(&seat.member) {
                found = Some(seat);
                break;
            }
            before.push(seat);
        }
        while let Some(seat) = before.pop() {
            self.push(seat);
        }
        found
    }

    fn find(&mut self, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.iter_mut().find(|member| is_it(member))
    }

    fn iter(&self) -> impl Iterator<Item = &T> {
        core::iter::successors(self.first.as_deref(), |seat| seat.next.as_deref()).map(|seat| &seat.member)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let mut next = self.first.as_deref_mut();
        core::iter::from_fn(move || {
            let Seat { member, next: after } = next.take()?;
            next = after.as_deref_mut();
            Some(member)
        })
    }
}

impl<T> Drop for Row<T> {
    fn drop(&mut self) {
        // One by one: seats dropped inside each other would take a stack as deep as the row is long.
        while self.pop().is_some() {}
    }
}
