//! Which job goes first: of those that are queued, the one whose ring is the first to run empty.
//!
//! Who queues a job is often a clock thread, which may not wait or allocate: it marks the job. The pool's threads bring
//! what is marked into the order when they look for work, behind a lock of their own.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::crew::Kind;
use super::marks::Marks;
use super::slot::Slot;

/// Jobs of one block of marks.
const BLOCK: usize = 4_096;

#[derive(Default)]
pub(super) struct Agenda {
    blocks: Vec<Arc<Marks>>,
    slots: Vec<Option<Arc<Slot>>>,
    free: Vec<usize>,
    /// Of each crew: when a ring runs empty, and whose. A job may be there more than once, or not be queued any more.
    order: [BinaryHeap<Reverse<(u64, usize)>>; Kind::ALL.len()],
}

impl Agenda {
    /// Takes in a job, which is made for a place among the marks.
    pub(super) fn add(&mut self, make: impl FnOnce(Arc<Marks>, usize) -> Slot) -> Arc<Slot> {
        let place = self.free.pop().unwrap_or(self.slots.len());
        if place / BLOCK == self.blocks.len() {
            self.blocks.push(Arc::new(Marks::new(BLOCK)));
        }
        let slot = Arc::new(make(Arc::clone(&self.blocks[place / BLOCK]), place));
        if place == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[place] = Some(Arc::clone(&slot));
        slot
    }

    /// A job is over. Who gets its place may be looked at once more than it is queued.
    pub(super) fn forget(&mut self, slot: &Arc<Slot>) {
        let own = self.slots.get_mut(slot.place).and_then(|it| it.take_if(|other| Arc::ptr_eq(other, slot)));
        if own.is_some() {
            self.free.push(slot.place);
        }
    }

    /// All jobs.
    pub(super) fn drain(&mut self) -> Vec<Arc<Slot>> {
        std::mem::take(self).slots.into_iter().flatten().collect()
    }

    /// The queued job of this crew that goes first, taken.
    pub(super) fn take(&mut self, crew: u8) -> Option<Arc<Slot>> {
        for (block, marks) in self.blocks.iter().enumerate() {
            marks.drain(|mark| {
                let place = block * BLOCK + mark;
                let slot = self.slots.get(place).and_then(Option::as_ref);
                if let Some((slot, crew)) = slot.and_then(|slot| Some((slot, slot.state.queued()?))) {
                    self.order[usize::from(crew)].push(Reverse((slot.empty_at(), place)));
                }
            });
        }
        while let Some(Reverse((_, place))) = self.order[usize::from(crew)].pop() {
            let slot = self.slots.get(place).and_then(Option::as_ref).filter(|slot| slot.state.take(crew));
            if let Some(slot) = slot {
                return Some(Arc::clone(slot));
            }
        }
        None
    }

    /// When the first ring of those that wait in this crew runs empty.
    pub(super) fn soonest(&self, crew: u8) -> Option<u64> {
        self.order[usize::from(crew)].peek().map(|Reverse((empty_at, _))| *empty_at)
    }
}
