//! Queues in virtual time: a listener who hears a frame, and a player that is ahead of it and goes back.

mod controls;
mod crossfade;
mod failures;
mod gapless;
mod order;
mod packets;
pub(crate) mod stand;
