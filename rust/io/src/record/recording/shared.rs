//! What the owner of a recording and its thread share: orders one way, news the other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::AcqRel, Ordering::Acquire};
use std::sync::{Condvar, Mutex};

use super::{Died, News, Phase};
use crate::record::RecorderReport;
use crate::threads::lock;

/// What the thread has told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) news: Vec<News>,
    pub(super) outcome: Option<Result<RecorderReport, Died>>,
}

pub(super) enum Order {
    Pause(u64),
    Resume(u64),
    Allow(u64, u64),
    /// User, position, and whether what was kept goes as well.
    Deny(u64, u64, bool),
    Cut(u64),
    Mark(u64, String),
    /// Nothing said after the first position; the second is when to wait no longer.
    Stop(u64, u64),
}

#[derive(Default)]
pub(super) struct Shared {
    pub(super) orders: Mutex<VecDeque<Order>>,
    pub(super) ordered: AtomicBool,
    /// A [`Phase`], at first the first one.
    pub(super) phase: AtomicU8,
    pub(super) told: Mutex<Told>,
    pub(super) tells: Condvar,
}

impl Shared {
    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Acquire) {
            at if at == Phase::Running as u8 => Phase::Running,
            at if at == Phase::Paused as u8 => Phase::Paused,
            _ => Phase::Over,
        }
    }

    /// Goes over to `phase`; false if it was over already, which is final.
    pub(super) fn change(&self, phase: Phase) -> bool {
        let over = Phase::Over as u8;
        self.phase.fetch_update(AcqRel, Acquire, |now| (now != over).then_some(phase as u8)).is_ok()
    }

    pub(super) fn tell(&self, news: News) {
        lock(&self.told).news.push(news);
        self.tells.notify_all();
    }

    /// The first outcome counts.
    pub(super) fn finish(&self, outcome: Result<RecorderReport, Died>) {
        lock(&self.told).outcome.get_or_insert(outcome);
        self.tells.notify_all();
    }
}
