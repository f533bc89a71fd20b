//! A source on its way into a track: decode, encode or pass through, on the pool's threads.
//!
//! What is asked of it is heard at once and not a lookahead later: other frames take the place of those in the ring.

mod ahead;
mod controls;
mod encoder;
mod error;
mod feed;
mod go_out;
mod made;
mod noted;
mod part;
mod refresh;

use std::sync::Arc;

use isocord_proto::opus::EncoderOptions;

use self::ahead::Ahead;
pub use self::controls::{Deck, OnDeck};
pub use self::error::DeckError;
use self::feed::DeckFeed;
use super::track::{TrackReader, TrackState, track};
use super::{FeederPool, JobHandle};
use crate::source::FrameSource;

impl<S: FrameSource + 'static> Deck<S> {
    /// Puts the source on a track. The handle keeps it fed; dropping it ends the supply.
    ///
    /// # Errors
    /// [`DeckError`]
    pub fn track(
        self: &Arc<Self>,
        pool: &FeederPool,
        options: &EncoderOptions,
        lookahead: usize,
    ) -> Result<(TrackReader, Arc<TrackState>, JobHandle), DeckError> {
        let (feed, reader, start) = self.feed(options, lookahead)?;
        let state = Arc::clone(reader.state());
        let handle = pool.add(Box::new(feed))?;
        self.attach(Arc::clone(&state), handle.waker(), start, lookahead)?;
        let waker = handle.waker();
        state.set_waker(Box::new(move |left| waker.refill(left)));
        handle.wake(0);
        Ok((reader, state, handle))
    }

    /// What makes the frames, the clock's end, and the place in the source where they begin.
    fn feed(
        self: &Arc<Self>,
        options: &EncoderOptions,
        lookahead: usize,
    ) -> Result<(DeckFeed<S>, TrackReader, u64), DeckError> {
        let (writer, reader) = track(lookahead);
        let (start, has_packets) = {
            let source = self.source();
            (source.position(), source.has_packets())
        };
        let mut ahead = Ahead::new(options, lookahead, has_packets, self.volume());
        if !self.passthrough() {
            ahead.prepare()?;
        }
        let feed = DeckFeed::new(Arc::clone(self), writer, ahead);
        Ok((feed, reader, start))
    }
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod interrupt_tests;
#[cfg(test)]
mod overtaken_tests;
#[cfg(test)]
mod queue_tests;
#[cfg(test)]
mod revise_tests;
#[cfg(test)]
mod seam_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod written_tests;
