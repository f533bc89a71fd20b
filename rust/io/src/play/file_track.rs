//! A file on its way into a track: decode, encode or pass through, on the pool's threads.
//!
//! A seek or a new volume is heard at once and not a lookahead later: others take the place of the frames in the ring.

mod ahead;
mod encoder;
mod error;
mod feed;
mod made;
mod source;

use std::sync::Arc;

use isocord_proto::opus::EncoderOptions;

use self::ahead::Ahead;
pub use self::error::FileTrackError;
use self::feed::FileFeed;
pub use self::source::FileSource;
use super::track::{TrackReader, TrackState, track};
use super::{FeederPool, JobHandle};

impl FileSource {
    /// Puts the file on a track. The handle keeps it fed; dropping it ends the supply.
    ///
    /// # Errors
    /// [`FileTrackError`]
    pub fn track(
        self: &Arc<Self>,
        pool: &FeederPool,
        options: &EncoderOptions,
        lookahead: usize,
    ) -> Result<(TrackReader, Arc<TrackState>, JobHandle), FileTrackError> {
        let (feed, reader, start) = self.feed(options, lookahead)?;
        let state = Arc::clone(reader.state());
        let handle = pool.add(Box::new(feed))?;
        self.attach(Arc::clone(&state), handle.waker(), start)?;
        let waker = handle.waker();
        state.set_waker(Box::new(move |left| waker.wake(left)));
        handle.wake(0);
        Ok((reader, state, handle))
    }

    /// What makes the frames, the clock's end, and the place in the file where they begin.
    fn feed(
        self: &Arc<Self>,
        options: &EncoderOptions,
        lookahead: usize,
    ) -> Result<(FileFeed, TrackReader, u64), FileTrackError> {
        let (writer, reader) = track(lookahead);
        let (start, passthrough, has_packets) = {
            let file = self.file();
            (file.position(), file.passthrough(), file.is_opus())
        };
        let mut ahead = Ahead::new(options, lookahead, has_packets, self.volume());
        if !passthrough {
            ahead.prepare()?;
        }
        let feed = FileFeed::new(Arc::clone(self), writer, ahead);
        Ok((feed, reader, start))
    }
}

#[cfg(test)]
mod seam_tests;
#[cfg(test)]
mod tests;
