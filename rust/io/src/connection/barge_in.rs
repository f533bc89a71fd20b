//! Who speaks over a track ends it: from the receive thread to the pool and the clock, without anybody's loop.

use std::collections::HashSet;
use std::sync::Arc;

use isocord_proto::frame::SAMPLES_PER_MS;
use isocord_proto::opus::OpusError;

use crate::play::track::{Interrupter, TrackState};
use crate::receive::bell::{Bell, BellHandle, Rung, Trigger, bell};
use crate::receive::common_clock::CommonClock;
use crate::receive::echo_guard::{EchoGuard, Sent};
use crate::send::outlet::Monitor;

/// Samples of speech that a guard judges: 0.3 s.
const GUARDED: u64 = 300 * SAMPLES_PER_MS;

/// Who may interrupt a track, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BargeIn {
    /// So many samples of speech at 48 kHz interrupt.
    pub speech: u64,
    /// Whose; anybody's if there are none.
    pub users: Option<HashSet<u64>>,
    /// What users send back of the track is no speech. It takes 0.3 s at least to tell.
    pub echo_guard: bool,
}

/// Keeps the bell up for as long as the track plays, and notes when its frames leave.
struct Watch {
    track: Arc<TrackState>,
    clock: CommonClock,
    /// Where a guard wants to know what has left.
    guard: Option<Sent>,
    _bell: BellHandle,
}

impl Monitor for Watch {
    fn taken(&mut self, frame: &[u8]) {
        if let Some(guard) = &self.guard {
            guard.push(self.clock.position(), frame);
        }
    }

    fn sent(&mut self) {
        self.track.interruption().note_sent(self.clock.position());
    }

    fn is_over(&self) -> bool {
        self.track.interruption().is_over(self.clock.position())
    }
}

/// The bell that interrupts `track`, and what has to see its frames leave.
///
/// # Errors
/// There is no memory for the guard's decoder.
pub(super) fn watch(
    options: BargeIn,
    track: &Arc<TrackState>,
    clock: CommonClock,
) -> Result<(Bell, Box<dyn Monitor>), OpusError> {
    let guard = options.echo_guard.then(Sent::new);
    let speech = if guard.is_some() { options.speech.max(GUARDED) } else { options.speech };
    let (heard, rung) = (Arc::clone(track), Arc::clone(track));
    let ring = move |Rung { user_id, began, at }: Rung| rung.interrupt(Interrupter { user_id, began, at });
    let (bell, handle) = bell(Trigger::Speech(speech), options.users, Box::new(ring));
    let mut bell = bell.while_so(Box::new(move |at| heard.interruption().is_heard(at)));
    if let Some(sent) = &guard {
        bell = bell.with_guard(EchoGuard::new(sent.clone())?);
    }
    Ok((bell, Box::new(Watch { track: Arc::clone(track), clock, guard, _bell: handle })))
}
