//! What the receive thread publishes of a connection.

use std::sync::Mutex;

use isocord_proto::recv::{ReceiveStats, UserStats};

use crate::threads::lock;

/// The counts of a connection and of its users, as old as [`PUBLISH_MS`] at most.
#[derive(Debug, Clone, Default)]
pub struct ReceiveReport {
    /// Of the connection.
    pub connection: ReceiveStats,
    /// Of each user who has been heard, by id.
    pub users: Vec<(u64, UserStats)>,
}

/// How often the counts are published.
pub const PUBLISH_MS: u64 = 200;

/// Where a report lies for whoever wants to read it.
#[derive(Default)]
pub(crate) struct Published(Mutex<ReceiveReport>);

impl Published {
    /// The newest report.
    pub(crate) fn read(&self) -> ReceiveReport {
        lock(&self.0).clone()
    }

    /// Lets `write` bring the report up to date, unless somebody reads it right now: the receive thread
    /// does not wait.
    pub(crate) fn update(&self, write: impl FnOnce(&mut ReceiveReport)) -> bool {
        match self.0.try_lock() {
            Ok(mut report) => write(&mut report),
            Err(std::sync::TryLockError::Poisoned(report)) => write(&mut report.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => return false,
        }
        true
    }
}
