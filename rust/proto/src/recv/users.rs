//! Those who have been heard: stream, counts, and how long they are remembered.

use core::time::Duration;
use std::collections::HashMap;

use super::clock::samples;
use super::stats::UserStats;
use super::stream::Stream;
use crate::frame::SAMPLE_RATE;
use crate::rtcp::SenderReport;

/// Users that are remembered at once.
const MAX_USERS: usize = 1_024;
/// How long the stream of a user who left is kept.
const LEFT_RETENTION: Duration = Duration::from_secs(10);
/// A decoder is given back after this much silence: 60 s in samples.
const DECODER_RETENTION: i64 = 60 * SAMPLE_RATE as i64;

/// Where a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    LeftAt(Duration),
}

pub(super) struct User {
    pub presence: Presence,
    pub stream: Option<Box<Stream>>,
    /// Up to where streams that are gone have handed out sound.
    pub end: i64,
    pub stats: UserStats,
    pub report: Option<SenderReport>,
}

#[derive(Default)]
pub(super) struct Users(HashMap<u64, User>);

impl Users {
    pub(super) fn get(&self, user_id: u64) -> Option<&User> {
        self.0.get(&user_id)
    }

    pub(super) fn get_mut(&mut self, user_id: u64) -> Option<&mut User> {
        self.0.get_mut(&user_id)
    }

    /// None if there are too many, and all of them are here.
    pub(super) fn get_or_insert(&mut self, user_id: u64) -> Option<&mut User> {
        if self.0.len() >= MAX_USERS && !self.0.contains_key(&user_id) && !self.forget_one() {
            return None;
        }
        let new = || User {
            presence: Presence::Here,
            stream: None,
            end: 0,
            stats: UserStats::default(),
            report: None,
        };
        Some(self.0.entry(user_id).or_insert_with(new))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &User)> {
        self.0.iter().map(|(user_id, user)| (*user_id, user))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut User> {
        self.0.values_mut()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives back the memory of those who left or have long been silent.
    pub(super) fn keep_house(&mut self, now: Duration) {
        let at = samples(now);
        for user in self.0.values_mut() {
            if matches!(user.presence, Presence::LeftAt(left) if now >= left + LEFT_RETENTION) {
                user.end = user.stream.take().map_or(user.end, |stream| stream.end());
            }
            if let Some(stream) = &mut user.stream
                && stream.due.is_none()
                && stream.holds_decoder()
                && at - stream.last_arrival >= DECODER_RETENTION
            {
                stream.release();
            }
        }
    }

    /// Forgets the one who left first; false if everybody is here.
    fn forget_one(&mut self) -> bool {
        let gone = self.0.iter().filter_map(|(user_id, user)| match user.presence {
            Presence::LeftAt(left) => Some((left, *user_id)),
            Presence::Here => None,
        });
        let Some((_, user_id)) = gone.min() else { return false };
        self.0.remove(&user_id);
        true
    }
}
