//! What the wake-ups are made of; their test puts something else in its place.

pub(super) use std::sync::atomic::{AtomicIsize, AtomicU8, AtomicU64, Ordering, fence};
