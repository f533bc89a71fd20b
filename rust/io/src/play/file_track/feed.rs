//! The job that keeps a file's track full.

use std::sync::Arc;

use isocord_proto::frame::OpusFrame;

use super::ahead::{Ahead, Output, Wanted};
use super::error::FeedError;
use super::source::{FileSource, Playing, Wish};
use crate::play::track::{TooLate, TrackWriter};
use crate::play::{Feed, FeedStatus, Pressure};
use crate::source::FrameBuf;

/// Frames that are made before another job has its turn.
const PIECE: usize = 4;
/// Frames that are not made again: they leave while those after them are encoded.
const KEEP: u64 = 2;

pub(super) struct FileFeed {
    source: Arc<FileSource>,
    /// None once the track is over.
    writer: Option<TrackWriter>,
    ahead: Ahead,
    over: bool,
}

impl Feed for FileFeed {
    fn feed(&mut self, pressure: Pressure) -> FeedStatus {
        let Some(mut writer) = self.writer.take().filter(|writer| writer.state().end().is_none()) else {
            return FeedStatus::Done;
        };
        let result = self.work(&mut writer, pressure);
        self.source.granted();
        let status = result.unwrap_or_else(|error| {
            // The first error is the one to tell.
            self.source.fail(error.to_string());
            writer.fail();
            self.over = true;
            FeedStatus::Wait
        });
        self.writer = Some(writer);
        status
    }
}

impl Drop for FileFeed {
    fn drop(&mut self) {
        if !self.over && self.source.plays() {
            self.source.fail("its reading was ended".to_owned());
        }
    }
}

impl FileFeed {
    pub(super) fn new(source: Arc<FileSource>, writer: TrackWriter, ahead: Ahead) -> Self {
        Self { source, writer: Some(writer), ahead, over: false }
    }

    fn work(&mut self, writer: &mut TrackWriter, pressure: Pressure) -> Result<FeedStatus, FeedError> {
        // On the stack of the pool's thread: nothing is kept in it, and hundreds of files share those.
        let mut buffer = FrameBuf::new();
        let source = Arc::clone(&self.source);
        self.ahead.left(writer.next());
        if let (Some(wish), Some(playing)) = (source.take_wish(), source.playing()) {
            match wish {
                Wish::Seek(seconds) => self.seek(writer, playing, &mut buffer, seconds, pressure)?,
                Wish::Refresh => self.refresh(writer, playing, &mut buffer, pressure)?,
            }
        }
        for _ in 0..PIECE {
            if self.over {
                // It stays, for a seek may still come.
                return Ok(FeedStatus::Wait);
            }
            if writer.room_or_sleep().is_none() {
                return Ok(FeedStatus::Wait);
            }
            match self.make(&mut buffer, pressure)? {
                Some(frame) => {
                    let pushed = writer.push(&frame);
                    debug_assert!(pushed, "the ring had room");
                }
                None => {
                    writer.finish();
                    self.over = true;
                }
            }
        }
        Ok(FeedStatus::Again { left: writer.queued() })
    }

    fn make(&mut self, buffer: &mut FrameBuf, pressure: Pressure) -> Result<Option<OpusFrame>, FeedError> {
        let wanted = Wanted { gain: self.source.volume(), pressure };
        let made = self.ahead.make(&mut *self.source.file(), buffer, wanted)?;
        Ok(made.map(|Output { frame, simplified }| {
            self.source.note_simplified(simplified);
            frame
        }))
    }

    /// Goes to a place; what is queued is heard until its first frame is there.
    fn seek(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        buffer: &mut FrameBuf,
        seconds: f64,
        pressure: Pressure,
    ) -> Result<(), FeedError> {
        // The listener's decoder has heard what has left and no more.
        self.ahead.go_back(writer.next().min(self.ahead.cursor()))?;
        let number = writer.end();
        let place = {
            let mut file = self.source.file();
            file.seek(seconds)?;
            file.position()
        };
        self.ahead.jump(number);
        let first = self.make(buffer, pressure)?;
        playing.begin_run(number, place);
        match first {
            Some(frame) => {
                writer.replace_all(&frame);
            }
            None => writer.end_now(),
        }
        self.over = first.is_none();
        Ok(())
    }

    /// Encodes again, with the volume that is now, what has not left and is not just about to.
    fn refresh(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        buffer: &mut FrameBuf,
        pressure: Pressure,
    ) -> Result<(), FeedError> {
        let mut keep = KEEP;
        loop {
            let (next, end) = (writer.next(), self.ahead.cursor());
            let from = if next == 0 { 0 } else { next + keep };
            if from >= end || self.ahead.is_all(from, self.source.volume()) {
                return Ok(());
            }
            let undone = self.ahead.go_back(from)?;
            // At the very beginning nobody has heard another volume.
            let began = (from == 0).then(|| self.ahead.begin_with(self.source.volume()));
            // No more than there is room for behind those that stay.
            let room = writer.lookahead().saturating_sub((from - next) as usize).min(PIECE);
            let mut frames = Vec::with_capacity(room);
            while frames.len() < room
                && let Some(frame) = self.make(buffer, pressure)?
            {
                frames.push(frame);
            }
            match self.put(writer, playing, from, &frames) {
                Ok(()) => {
                    self.over = false;
                    return Ok(());
                }
                Err(TooLate) => {
                    began.map(|gain| self.ahead.begin_with(gain));
                    self.ahead.restore(from, &undone, end)?;
                    keep *= 2;
                }
            }
        }
    }

    /// Puts frames in the place of those from `from` on.
    fn put(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        from: u64,
        frames: &[OpusFrame],
    ) -> Result<(), TooLate> {
        let [first, rest @ ..] = frames else { return Ok(()) };
        if from > 0 {
            return writer.replace_from(from, frames);
        }
        let number = writer.end();
        let place = playing.place_of(number);
        playing.begin_run(number, playing.place_of(0));
        if let Err(late) = writer.replace_all_at(from, first) {
            playing.begin_run(number, place);
            return Err(late);
        }
        self.ahead.renumber(from, number);
        writer.replace_from(number + 1, rest)
    }
}
