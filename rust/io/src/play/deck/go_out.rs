//! A track that is interrupted: its sound goes out in the clock's very next frame.

use std::sync::Arc;

use isocord_proto::frame::OpusFrame;

use super::ahead::{Due, NextFrame, Wanted};
use super::controls::Playing;
use super::error::FeedError;
use super::feed::DeckFeed;
use crate::play::Pressure;
use crate::play::track::TrackWriter;
use crate::source::{FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

/// What comes after the last frame.
struct Nothing;

impl FrameSource for Nothing {
    fn next(&mut self, _: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        Ok(Some(SourceFrame::End))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        Err(SeekError::Fixed(seconds))
    }

    fn position(&self) -> u64 {
        0
    }

    fn has_packets(&self) -> bool {
        false
    }
}

impl<S: FrameSource> DeckFeed<S> {
    /// Puts a last frame, in which the sound goes out, in the place of all that is queued.
    pub(super) fn go_out(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        buffer: &mut FrameBuf,
        pressure: Pressure,
    ) -> Result<(), FeedError> {
        let state = Arc::clone(writer.state());
        let faded = self.last_frame(writer, playing, buffer, pressure)?;
        // Before the end is to be seen, so that who sees it knows.
        state.interruption().settle(faded);
        if faded {
            writer.finish();
        } else {
            writer.end_now();
        }
        (self.over, self.landing) = (true, false);
        // It may be held, or have no session any more.
        writer.tell();
        Ok(())
    }

    /// False if nothing is to go out.
    fn last_frame(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        buffer: &mut FrameBuf,
        pressure: Pressure,
    ) -> Result<bool, FeedError> {
        loop {
            let (from, end) = (writer.next(), self.ahead.cursor());
            // After a seek nothing is kept of what is queued.
            if self.landing || from == 0 || from >= end {
                return Ok(false);
            }
            let undone = self.ahead.go_back(from)?;
            let cut = self.ahead.go_out(from)?;
            let wanted = Wanted { gain: self.deck.volume(), pressure, due: Due::Soon };
            let mut frame = OpusFrame::SILENCE;
            let made = self.ahead.make(&mut Nothing, buffer, wanted, &mut frame)?;
            if !matches!(made, NextFrame::Made { .. }) {
                return Ok(false);
            }
            // It is none of the source's: whoever looks when it has left must not count it.
            if let Ok(number) = self.put_next(writer, playing, from, &frame, 1) {
                self.heard_until(number, playing);
                return Ok(true);
            }
            // The clock was faster.
            self.ahead.restore(from, &undone, end, Some(cut))?;
        }
    }

    /// Of what the source gave, only the frames before number `last` are heard.
    pub(super) fn heard_until(&mut self, last: u64, playing: &Playing) {
        let unheard = self.ahead.given().saturating_sub(last);
        self.deck.with_source(|source| {
            if source.goes_back() {
                source.revise(unheard);
            }
        });
        playing.note_given(last);
    }
}
