//! What a thread of Python's that listens has in its hands: the end of a queue, and what makes of it what was asked for.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use isocord_io::receive::common_clock::CommonClock;
use isocord_io::receive::queue::FrameReader;
use isocord_io::receive::shape::{Out, Shaper};
use isocord_proto::frame::SAMPLE_RATE;

/// Whoever has something to do though nothing comes does it that often.
const NAP: Duration = Duration::from_millis(10);

/// The wall clock beside the clock of positions, at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    position: u64,
    ns: u64,
}

impl Moment {
    pub(crate) fn now(clock: &CommonClock) -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { position: clock.position(), ns: wall.as_nanos() as u64 }
    }

    /// Nanoseconds since 1970 at a position, which may be ahead.
    pub(crate) fn at(self, position: u64) -> u64 {
        let samples = i128::from(position) - i128::from(self.position);
        let ns = i128::from(self.ns) + samples * 1_000_000_000 / i128::from(SAMPLE_RATE);
        ns.max(0) as u64
    }
}

/// The consumer's end of a queue, and what it makes of the frames.
pub(crate) struct Ears {
    reader: FrameReader,
    shaper: Shaper,
    clock: CommonClock,
}

impl Ears {
    pub(crate) fn new(reader: FrameReader, shaper: Shaper, clock: CommonClock) -> Self {
        Self { reader, shaper, clock }
    }

    /// Frames that came too late to be heard whole.
    pub(crate) fn late(&self) -> u64 {
        self.shaper.late()
    }

    /// What has come, waiting for it up to `timeout`; none once nothing more comes.
    pub(crate) fn take(&mut self, max: usize, timeout: Duration) -> Option<Vec<Out>> {
        let deadline = Instant::now() + timeout;
        let mut taken = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let nap = if self.shaper.is_restless() { left.min(NAP) } else { left };
            self.reader.wait(nap);
            let closed = self.reader.is_closed();
            let position = self.clock.position();
            let count = self.reader.drain(max, |item| self.shaper.item(item, &mut |out| taken.push(out)));
            if count < max {
                let delay = self.reader.delay();
                self.shaper.advance(position, delay, &mut |out| taken.push(out));
            }
            if count == 0 && closed {
                self.shaper.finish(&mut |out| taken.push(out));
                return (!taken.is_empty()).then_some(taken);
            }
            if !taken.is_empty() || nap == left {
                return Some(taken);
            }
        }
    }
}
