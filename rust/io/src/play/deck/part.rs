//! A source of a deck as a part of another source.

use std::sync::Arc;

use super::{Deck, DeckError};
use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

/// Stands for the source of a deck, whose onlookers see where it is. Its volume is for who plays it to apply.
struct Part<S>(Arc<Deck<S>>);

impl<S: FrameSource + 'static> Deck<S> {
    /// The source, to be played as a part of another one.
    ///
    /// # Errors
    /// [`DeckError::InUse`]
    pub fn part(self: &Arc<Self>) -> Result<Box<dyn FrameSource>, DeckError> {
        self.claim()?;
        Ok(Box::new(Part(Arc::clone(self))))
    }
}

impl<S: FrameSource> FrameSource for Part<S> {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let next = self.0.with_source(|source| source.next(frame, want));
        if let Err(error) = &next {
            self.0.fail(error.to_string());
        }
        next
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.0.with_source(|source| source.seek(seconds))
    }

    fn position(&self) -> u64 {
        self.0.source().position()
    }

    fn has_packets(&self) -> bool {
        self.0.source().has_packets()
    }

    fn passes(&self) -> bool {
        self.0.source().passes()
    }

    fn is_once(&self) -> bool {
        self.0.source().is_once()
    }

    fn rests(&self) -> bool {
        self.0.source().rests()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        self.0.source().attach(downstream, depth);
    }

    fn detach(&mut self) {
        self.0.source().detach();
    }

    fn goes_back(&self) -> bool {
        self.0.source().goes_back()
    }

    fn is_changed(&mut self) -> bool {
        self.0.source().is_changed()
    }

    fn revise(&mut self, frames: u64) {
        self.0.source().revise(frames);
    }

    fn unrevise(&mut self) -> bool {
        self.0.source().unrevise()
    }

    fn in_vain(&mut self) {
        self.0.source().in_vain();
    }
}
