//! Who speaks over a track ends it: from the receive thread to the pool and the clock, without anybody's loop.

use std::collections::HashSet;
use std::sync::Arc;

use isocord_proto::frame::OpusFrame;

use crate::play::track::{Interrupter, TrackState};
use crate::receive::bell::{Bell, BellHandle, Rung, Trigger, bell};
use crate::receive::common_clock::CommonClock;
use crate::send::outlet::Monitor;

/// Who may interrupt a track, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BargeIn {
    /// So many samples of speech at 48 kHz interrupt.
    pub speech: u64,
    /// Whose; anybody's if there are none.
    pub users: Option<HashSet<u64>>,
}

/// Keeps the bell up for as long as the track plays, and notes when its frames leave.
struct Watch {
    track: Arc<TrackState>,
    clock: CommonClock,
    _bell: BellHandle,
}

impl Monitor for Watch {
    fn taken(&mut self, _: &OpusFrame) {}

    fn sent(&mut self) {
        self.track.interruption().note_sent(self.clock.position());
    }
}

/// The bell that interrupts `track`, and what has to see its frames leave.
pub(super) fn watch(
    options: BargeIn,
    track: &Arc<TrackState>,
    clock: CommonClock,
) -> (Bell, Box<dyn Monitor>) {
    let (heard, rung) = (Arc::clone(track), Arc::clone(track));
    let ring = move |Rung { user_id, began, at }: Rung| rung.interrupt(Interrupter { user_id, began, at });
    let (bell, handle) = bell(Trigger::Speech(options.speech), options.users, Box::new(ring));
    let bell = bell.while_so(Box::new(move |at| heard.interruption().is_heard(at)));
    (bell, Box::new(Watch { track: Arc::clone(track), clock, _bell: handle }))
}
