//! A source and its taker, for tests that play a part of the desk by themselves.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isocord_io::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

/// One level for so many samples, and can go anywhere.
pub struct Hum {
    at: u64,
    end: u64,
}

impl Hum {
    pub fn new(end: u64) -> Self {
        Self { at: 0, end }
    }

    pub fn endless() -> Self {
        Self::new(u64::MAX)
    }
}

impl FrameSource for Hum {
    fn next(&mut self, frame: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        if self.at >= self.end {
            return Ok(Some(SourceFrame::End));
        }
        frame.pcm.fill(0.4);
        (frame.position, frame.samples) = (self.at, 960);
        self.at += 960;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.at = (seconds * 48_000.0) as u64;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.at
    }

    fn has_packets(&self) -> bool {
        false
    }
}

/// The 25 frames before are to be heard yet.
#[derive(Default)]
pub struct Taker(pub AtomicU64);

impl Downstream for Taker {
    fn wake(&self) {}

    fn ahead(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
