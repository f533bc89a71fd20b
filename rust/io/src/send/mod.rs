//! The sending side of connections: the clock thread, its timetable, and what leaves in a slot.

pub(crate) mod clock;
mod gate;
pub(crate) mod outlet;
mod slots;
