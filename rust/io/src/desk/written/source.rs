//! The end of who plays a stream.

use std::sync::Arc;

use super::shared::Shared;
use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

/// The end of who plays it. Nobody writes any more once it is gone.
pub struct WrittenSource(pub(super) Arc<Shared>);

impl FrameSource for WrittenSource {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let mut body = self.0.body();
        let made = body.frame(frame, want);
        // There is room again; what has been heard is seen by `is_changed`.
        body.tell();
        self.0.tell(body);
        Ok(Some(made))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        Err(SeekError::Fixed(seconds))
    }

    fn position(&self) -> u64 {
        self.0.body().log.now.played
    }

    fn has_packets(&self) -> bool {
        false
    }

    fn is_once(&self) -> bool {
        true
    }

    fn rests(&self) -> bool {
        self.0.body().rests()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        let mut body = self.0.body();
        body.log.hold(depth);
        let before = body.downstream.replace(Arc::clone(downstream));
        drop(body);
        drop(before);
    }

    fn detach(&mut self) {
        self.0.close("what played this stream is over: write to a new one");
    }

    fn goes_back(&self) -> bool {
        true
    }

    fn is_changed(&mut self) -> bool {
        self.0.see();
        let body = self.0.body();
        body.changed || body.log.now.clears != body.clears || body.log.now.paused != body.paused
    }

    fn revise(&mut self, frames: u64) {
        self.0.body().go_back(frames);
    }

    fn unrevise(&mut self) -> bool {
        self.0.body().go_on();
        true
    }
}

impl Drop for WrittenSource {
    fn drop(&mut self) {
        self.detach();
    }
}
