//! A source that begins again when it ends, to the sample.

use std::sync::Arc;

use isocord_proto::frame::FRAME_SAMPLES;

use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

/// A source over and over. It is cut into frames anew, for its length is hardly one of whole frames.
pub(super) struct Looped {
    source: Box<dyn FrameSource>,
    /// What is left over of the frame that was read last: its samples from `used` to `read.samples`.
    read: Box<FrameBuf>,
    used: usize,
    /// Sample pairs that are there of the next frame, and where in the source they begin.
    next: Box<FrameBuf>,
    filled: usize,
    /// The source has given nothing since it began again: it holds nothing.
    is_empty: bool,
}

impl Looped {
    pub(super) fn new(source: Box<dyn FrameSource>) -> Self {
        let room = || Box::new(FrameBuf::new());
        Self { source, read: room(), used: 0, next: room(), filled: 0, is_empty: false }
    }

    fn left(&self) -> usize {
        usize::from(self.read.samples) - self.used
    }

    /// Takes what is left over, as much as there is room for.
    fn take(&mut self) {
        let count = self.left().min(FRAME_SAMPLES - self.filled);
        if self.filled == 0 {
            self.next.position = self.read.position + self.used as u64;
        }
        let from = &self.read.pcm[2 * self.used..][..2 * count];
        self.next.pcm[2 * self.filled..][..2 * count].copy_from_slice(from);
        self.used += count;
        self.filled += count;
    }
}

impl FrameSource for Looped {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let want = Want { packets: false, ..want };
        while self.filled < FRAME_SAMPLES {
            if self.left() > 0 {
                self.take();
                continue;
            }
            (self.used, self.read.samples) = (0, 0);
            match self.source.next(&mut self.read, want)? {
                Some(SourceFrame::Pcm) => self.is_empty = false,
                Some(SourceFrame::End | SourceFrame::Opus) if self.is_empty => {
                    return Ok(Some(SourceFrame::End));
                }
                Some(SourceFrame::End | SourceFrame::Opus) => {
                    (self.is_empty, self.read.samples) = (true, 0);
                    match self.source.seek(0.0) {
                        Ok(()) => {}
                        Err(SeekError::Source(error)) => return Err(error),
                        Err(_) => {
                            return Ok(Some(SourceFrame::End));
                        }
                    }
                }
                other => return Ok(other),
            }
        }
        frame.pcm.copy_from_slice(&self.next.pcm);
        (frame.position, frame.samples) = (self.next.position, FRAME_SAMPLES as u16);
        self.filled = 0;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.source.seek(seconds)?;
        (self.used, self.read.samples, self.filled, self.is_empty) = (0, 0, 0, false);
        Ok(())
    }

    fn position(&self) -> u64 {
        match (self.filled, self.left()) {
            (0, 0) => self.source.position(),
            (0, _) => self.read.position + self.used as u64,
            _ => self.next.position,
        }
    }

    fn is_once(&self) -> bool {
        self.source.is_once()
    }

    fn has_packets(&self) -> bool {
        false
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        self.source.attach(downstream, depth);
    }

    fn detach(&mut self) {
        self.source.detach();
    }

    fn is_changed(&mut self) -> bool {
        self.source.is_changed()
    }

    fn revise(&mut self, _: u64) {
        self.source.revise(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::stage::{Sound, assert_same, next, pull};

    #[test]
    fn the_first_sample_follows_the_last_whatever_the_length() {
        for length in [7_u64, 480, 960, 961, 5_000] {
            let sound = move |at| ((at % length) + 1) as f32;
            let mut looped = Looped::new(Box::new(Sound::new(length, sound)));
            let got = pull(&mut looped, 20);
            let expected: Vec<f32> = (0..20 * 960).map(sound).collect();
            assert_same(&got, &expected);
            assert_eq!(looped.position() % length, 20 * 960 % length);
        }
    }

    #[test]
    fn a_seek_goes_on_from_there_and_over() {
        let mut looped = Looped::new(Box::new(Sound::new(5_000, |at| at as f32)));
        pull(&mut looped, 3);
        looped.seek(0.1).expect("a place");
        assert_same(
            &pull(&mut looped, 1)[..201],
            &(4_800..5_000).chain([0]).map(|at| at as f32).collect::<Vec<_>>(),
        );
    }

    #[test]
    fn one_that_holds_nothing_ends() {
        let mut looped = Looped::new(Box::new(Sound::new(0, |_| 1.0)));
        assert_eq!(next(&mut looped, Want::PCM), Err(Some(SourceFrame::End)));
    }
}
