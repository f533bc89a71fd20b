//! A source whose frames are counted at once: what of them is heard is known exactly, also while one is encoded.

use std::sync::Arc;

use super::controls::Playing;
use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

pub(super) struct Noted<'a> {
    pub(super) source: &'a mut dyn FrameSource,
    /// Number of the frame that it gives next.
    pub(super) given: u64,
    pub(super) playing: Option<&'a Playing>,
}

impl FrameSource for Noted<'_> {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let next = self.source.next(frame, want)?;
        if let Some(SourceFrame::Pcm | SourceFrame::Opus) = next {
            self.given += 1;
            if let Some(playing) = self.playing {
                playing.note_given(self.given);
            }
        }
        Ok(next)
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.source.seek(seconds)
    }

    fn position(&self) -> u64 {
        self.source.position()
    }

    fn has_packets(&self) -> bool {
        self.source.has_packets()
    }

    fn passes(&self) -> bool {
        self.source.passes()
    }

    fn rests(&self) -> bool {
        self.source.rests()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        self.source.attach(downstream, depth);
    }

    fn detach(&mut self) {
        self.source.detach();
    }

    fn goes_back(&self) -> bool {
        self.source.goes_back()
    }

    fn is_changed(&mut self) -> bool {
        self.source.is_changed()
    }

    fn revise(&mut self, frames: u64) {
        self.source.revise(frames);
    }

    fn in_vain(&mut self) {
        self.source.in_vain();
    }
}
