//! The job that keeps a file's track full.

use std::sync::Arc;

use isocord_proto::frame::OpusFrame;

use super::ahead::{Ahead, NextFrame, Wanted};
use super::error::FeedError;
use super::source::{FileSource, Playing, Request};
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
    /// A seek whose first frame is not there yet: it takes the place of all that is queued.
    landing: bool,
}

impl Feed for FileFeed {
    fn feed(&mut self, pressure: Pressure) -> FeedStatus {
        let Some(mut writer) = self.writer.take().filter(|writer| writer.state().end().is_none()) else {
            return FeedStatus::Done;
        };
        let result = self.work(&mut writer, pressure);
        if !self.landing {
            self.source.granted();
        }
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

    fn panicked(&mut self) {
        self.source.fail("isocord itself has failed on it: please report this".to_owned());
        if let Some(writer) = &mut self.writer {
            writer.fail();
        }
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
        Self { source, writer: Some(writer), ahead, over: false, landing: false }
    }

    fn work(&mut self, writer: &mut TrackWriter, pressure: Pressure) -> Result<FeedStatus, FeedError> {
        // On the stack of the pool's thread: nothing is kept in it, and hundreds of files share those.
        let mut buffer = FrameBuf::new();
        let source = Arc::clone(&self.source);
        self.ahead.left(writer.next());
        if let Some(options) = source.take_options() {
            self.ahead.configure(&options)?;
        }
        let Some(playing) = source.playing() else { return Ok(FeedStatus::Wait) };
        match source.take_request() {
            Some(Request::Seek(seconds)) => self.seek(writer, seconds)?,
            Some(Request::Refresh) => self.refresh(writer, playing, &mut buffer, pressure)?,
            None => {}
        }
        if self.landing && !self.land(writer, playing, &mut buffer, pressure)? {
            return Ok(FeedStatus::Searching { left: writer.queued() });
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
                NextFrame::Frame { frame, .. } => {
                    let pushed = writer.push(&frame);
                    debug_assert!(pushed, "the ring had room");
                }
                NextFrame::Later => return Ok(FeedStatus::Searching { left: writer.queued() }),
                // Whoever brings more wakes the job.
                NextFrame::Starved => return Ok(FeedStatus::Wait),
                NextFrame::End => {
                    writer.finish();
                    self.over = true;
                }
            }
        }
        Ok(FeedStatus::Again { left: writer.queued() })
    }

    fn make(&mut self, buffer: &mut FrameBuf, pressure: Pressure) -> Result<NextFrame, FeedError> {
        let wanted = Wanted { gain: self.source.volume(), pressure };
        let made = self.source.with_file(|file| self.ahead.make(file, buffer, wanted))?;
        if let NextFrame::Frame { simplified, .. } = made {
            self.source.note_simplified(simplified);
        }
        Ok(made)
    }

    /// Goes to a place; what is queued is heard until its first frame is there.
    fn seek(&mut self, writer: &mut TrackWriter, seconds: f64) -> Result<(), FeedError> {
        if !self.landing {
            // The listener's decoder has heard what has left and no more.
            self.ahead.go_back(writer.next().min(self.ahead.cursor()))?;
        }
        self.source.with_file(|file| file.begin_seek(seconds))?;
        self.ahead.jump(writer.end());
        (self.landing, self.over) = (true, false);
        Ok(())
    }

    /// Puts the first frame after a seek in the place of all that is queued; false while it is looked for.
    fn land(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        buffer: &mut FrameBuf,
        pressure: Pressure,
    ) -> Result<bool, FeedError> {
        let made = self.make(buffer, pressure)?;
        let place = self.ahead.place().unwrap_or_else(|| self.source.file().position());
        match made {
            NextFrame::Frame { frame, .. } => {
                playing.begin_run(writer.end(), place);
                writer.replace_all(&frame);
            }
            NextFrame::Later | NextFrame::Starved => return Ok(false),
            NextFrame::End => {
                playing.begin_run(writer.end(), place);
                writer.end_now();
                self.over = true;
            }
        }
        self.landing = false;
        Ok(true)
    }

    /// Encodes again, with the volume that is now, what has not left and is not just about to.
    fn refresh(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        buffer: &mut FrameBuf,
        pressure: Pressure,
    ) -> Result<(), FeedError> {
        if self.landing {
            // What is queued is about to go.
            return Ok(());
        }
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
                && let NextFrame::Frame { frame, .. } = self.make(buffer, pressure)?
            {
                frames.push(frame);
            }
            if frames.is_empty() {
                began.map(|gain| self.ahead.begin_with(gain));
                self.ahead.restore(from, &undone, end)?;
                self.source.refresh_later();
                return Ok(());
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
