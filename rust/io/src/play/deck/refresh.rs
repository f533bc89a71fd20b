//! What has been made and has not left is made again.

use std::sync::Arc;

use isocord_proto::frame::OpusFrame;

use super::ahead::{Due, NextFrame};
use super::controls::Playing;
use super::error::FeedError;
use super::feed::{DeckFeed, PIECE, Why};
use crate::play::Pressure;
use crate::play::track::{TooLate, TrackWriter};
use crate::source::{FrameBuf, FrameSource};

/// Frames that are not made again for a new volume: they leave while those after them are encoded.
const KEEP: u64 = 2;

impl<S: FrameSource> DeckFeed<S> {
    /// Encodes again, as things are now, what has not left and is not just about to; if the source has changed, it gives
    /// that anew.
    pub(super) fn refresh(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        buffer: &mut FrameBuf,
        pressure: Pressure,
        Why { changed, mut anew }: Why,
    ) -> Result<(), FeedError> {
        if self.landing {
            // What is queued is about to go.
            return Ok(());
        }
        self.revising = false;
        // What is asked of a source is heard with the very next frame, if the clock leaves the time for it.
        let mut keep = if changed || anew { 0 } else { KEEP };
        loop {
            let (next, end) = (writer.next(), self.ahead.cursor());
            let from = if next == 0 { 0 } else { end.min(next + keep) };
            if !changed && (from == end || !anew && self.ahead.is_all(from, self.deck.volume())) {
                return Ok(());
            }
            let undone = self.ahead.go_back(from)?;
            let deck = Arc::clone(&self.deck);
            let cut = if changed {
                playing.unsettle();
                let cut = deck.with_source(|source| self.ahead.revise(source, buffer, (from, end)))?;
                self.note_given();
                if cut.is_none() {
                    self.revising = true;
                    self.unrevise();
                    return self.ahead.restore(from, &undone, end, None);
                }
                cut
            } else {
                None
            };
            if from == end && !self.over {
                return Ok(());
            }
            let begun = anew.then(|| self.ahead.begin_anew());
            // At the very beginning nobody has heard another volume.
            let began = (from == 0).then(|| self.ahead.begin_with(self.deck.volume()));
            // No more than there is room for behind those that stay.
            let room = writer.lookahead().saturating_sub((from - next) as usize).min(PIECE);
            let (mut frames, mut frame) = (Vec::with_capacity(room), OpusFrame::SILENCE);
            let mut last = None;
            while frames.len() < room {
                match self.make(buffer, &mut frame, pressure, Due::Soon)? {
                    NextFrame::Made { .. } => frames.push(frame),
                    other => {
                        last = Some(other);
                        break;
                    }
                }
            }
            let put = match last {
                Some(NextFrame::End) if frames.is_empty() && changed => {
                    self.over = true;
                    self.anew_from = from;
                    writer.finish_at(from);
                    return Ok(());
                }
                _ if frames.is_empty() => None,
                _ => Some(self.put(writer, playing, (from, keep == 0), &frames)),
            };
            if let Some(Ok(())) = put {
                self.over = false;
                if changed && keep > 0 {
                    // The old sound goes out in the first of them.
                    self.anew_from = from + 1;
                }
                return Ok(());
            }
            began.map(|gain| self.ahead.begin_with(gain));
            if let Some(number) = begun {
                self.ahead.begin_at(number);
            }
            self.ahead.restore(from, &undone, end, cut)?;
            if changed {
                self.unrevise();
            }
            if put.is_none() {
                self.revising = changed;
                if !changed {
                    self.deck.refresh_later();
                }
                return Ok(());
            }
            if from == end {
                // The clock has come to the end of all there was: it is over.
                return Ok(());
            }
            // The first frame after the silence has left.
            anew = false;
            keep = (keep * 2).max(1);
        }
    }

    /// Puts frames in the place of those from `from` on; `at_once` if that is the clock's next.
    fn put(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        (from, at_once): (u64, bool),
        frames: &[OpusFrame],
    ) -> Result<(), TooLate> {
        let [first, rest @ ..] = frames else { return Ok(()) };
        if from > 0 && !at_once {
            return writer.replace_from(from, frames);
        }
        let number = self.put_next(writer, playing, from, first, 0)?;
        writer.replace_from(number + 1, rest)
    }

    /// Puts a frame in the place of all from `from` on, the clock's next. So many frames count as given beside those
    /// that are. Gives its number.
    pub(super) fn put_next(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        from: u64,
        frame: &OpusFrame,
        beside: u64,
    ) -> Result<u64, TooLate> {
        let number = writer.end();
        let (given, place) = (self.ahead.given(), playing.place_of(number));
        playing.begin_run(number, playing.place_of(from));
        playing.note_given(given + (number - from) + beside);
        if let Err(late) = writer.replace_all_at(from, frame) {
            playing.note_given(given);
            playing.begin_run(number, place);
            return Err(late);
        }
        self.ahead.renumber(from, number);
        Ok(number)
    }

    pub(super) fn unrevise(&mut self) {
        let deck = Arc::clone(&self.deck);
        deck.with_source(|source| self.ahead.unrevise(source));
        self.note_given();
    }
}
