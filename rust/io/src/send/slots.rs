//! The clock's timetable: slots 2 ms apart, ten of them in a frame of 20 ms.
//!
//! A connection keeps the slot that it got, so its packets are 20 ms apart; connections are spread
//! over the slots, so that thousands do not burst together. Pure bookkeeping: slots are numbers here.

use crate::messages::{ConnectionId, OutletCommand};
use crate::send::outlet::{Demand, Outlet};

/// Milliseconds between slots.
pub(crate) const SLOT_MS: u64 = 2;
/// Slots in 20 ms.
pub(crate) const PHASES: u64 = 10;
/// Connections that outweigh waiting one slot longer for the first packet.
const CROWD: u64 = 2;

/// Who has which slot, and who rests.
#[expect(clippy::vec_box, reason = "outlets move between the lists; a move is then one pointer")]
#[derive(Default)]
pub(crate) struct Slots {
    phases: [Vec<Box<Outlet>>; PHASES as usize],
    resting: Vec<Box<Outlet>>,
}

impl Slots {
    /// Takes in a connection; it rests until a command makes it need slots.
    pub(crate) fn attach(&mut self, outlet: Box<Outlet>) {
        self.resting.push(outlet);
    }

    /// Takes out a connection.
    pub(crate) fn detach(&mut self, id: ConnectionId) -> Option<Box<Outlet>> {
        let places = self.phases.iter_mut().chain([&mut self.resting]);
        for place in places {
            if let Some(index) = place.iter().position(|outlet| outlet.id == id) {
                return Some(place.swap_remove(index));
            }
        }
        None
    }

    /// Carries out a command at slot `now`; a resting connection that needs slots gets one soon.
    /// Gives the command back if the connection is not here.
    pub(crate) fn command(
        &mut self,
        id: ConnectionId,
        command: OutletCommand,
        now: u64,
    ) -> Result<(), OutletCommand> {
        let now_ms = now * SLOT_MS;
        if let Some(outlet) = self.phases.iter_mut().flatten().find(|outlet| outlet.id == id) {
            outlet.command(command, now_ms);
            return Ok(());
        }
        let Some(index) = self.resting.iter().position(|outlet| outlet.id == id) else {
            return Err(command);
        };
        if self.resting[index].command(command, now_ms) == Demand::Slots {
            let outlet = self.resting.swap_remove(index);
            let phase = self.quietest(now + 1);
            self.phases[phase].push(outlet);
        }
        Ok(())
    }

    /// The first slot at or after `from` that somebody has.
    pub(crate) fn next_used(&self, from: u64) -> Option<u64> {
        (from..from + PHASES).find(|&slot| !self.phases[phase(slot)].is_empty())
    }

    /// Those who have this slot.
    #[expect(clippy::vec_box, reason = "see the lists")]
    pub(crate) fn at(&mut self, slot: u64) -> &mut Vec<Box<Outlet>> {
        &mut self.phases[phase(slot)]
    }

    /// Lets those at `slot` rest who have nothing to send.
    pub(crate) fn rest(&mut self, slot: u64, index: usize) {
        let outlet = self.phases[phase(slot)].swap_remove(index);
        self.resting.push(outlet);
    }

    /// Everybody, wherever.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Box<Outlet>> + '_ {
        self.phases.iter_mut().chain([&mut self.resting]).flat_map(|place| place.drain(..))
    }

    /// Those who have slots.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Outlet> {
        self.phases.iter().flatten().map(|outlet| &**outlet)
    }

    /// Soon, but not where many are.
    fn quietest(&self, from: u64) -> usize {
        let cost = |slot: &u64| (slot - from) + CROWD * self.phases[phase(*slot)].len() as u64;
        phase((from..from + PHASES).min_by_key(cost).unwrap_or(from))
    }
}

fn phase(slot: u64) -> usize {
    (slot % PHASES) as usize
}
