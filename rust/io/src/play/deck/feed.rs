//! The job that keeps a source's track full.

use std::sync::Arc;

use isocord_prefetch::prefetch;
use isocord_proto::frame::OpusFrame;

use super::ahead::{Ahead, Due, NextFrame, Wanted};
use super::controls::{Deck, Playing, Request};
use super::error::FeedError;
use super::noted::Noted;
use crate::play::track::TrackWriter;
use crate::play::{Feed, FeedStatus, Pressure, Turn};
use crate::source::{FrameBuf, FrameSource};

/// Frames that are made before a job in need has its turn, and of those that are made again.
pub(super) const PIECE: usize = 4;
/// With so few frames in the ring a source of many parts goes on without those that have nothing yet.
const FEW: usize = 4;

/// Why frames are encoded again, beside another volume.
#[derive(Clone, Copy)]
pub(super) struct Why {
    /// The source gives other ones.
    pub(super) changed: bool,
    /// The listener has heard silence, so the first refers to nothing.
    pub(super) anew: bool,
}

pub(super) struct DeckFeed<S: FrameSource> {
    pub(super) deck: Arc<Deck<S>>,
    /// None once the track is over.
    writer: Option<TrackWriter>,
    pub(super) ahead: Ahead,
    pub(super) over: bool,
    /// A seek whose first frame is not there yet: it takes the place of all that is queued.
    pub(super) landing: bool,
    /// The source has changed, and what follows is not there yet.
    pub(super) revising: bool,
    /// Number of the frame from which on nothing of what a revised source gave before is heard: where the clock was
    /// faster, the source is ahead of what is heard until then.
    pub(super) anew_from: u64,
    /// Frames of silence that had left when this was last looked at.
    silences: u64,
}

impl<S: FrameSource> Feed for DeckFeed<S> {
    fn feed(&mut self, turn: &Turn<'_>) -> FeedStatus {
        // All of it has been left for a quarter of a second.
        prefetch(&*self.deck);
        self.ahead.fetch();
        let Some(mut writer) = self.writer.take().filter(|writer| writer.state().end().is_none()) else {
            return FeedStatus::Done;
        };
        let result = self.work(&mut writer, turn);
        if !self.landing {
            self.deck.granted();
        }
        let status = result.unwrap_or_else(|error| {
            // The first error is the one to tell.
            self.deck.fail(error.to_string());
            writer.fail();
            self.over = true;
            FeedStatus::Wait
        });
        // Who is fed frame by frame is called again in no time.
        if status == FeedStatus::Wait && 2 * writer.queued() as usize > writer.lookahead() {
            self.ahead.sleep();
        }
        let is_known = writer.next() >= self.anew_from || writer.queued() == 0;
        self.writer = Some(writer);
        if is_known && self.deck.playing().is_some_and(Playing::settle) {
            // Those who wait for what it has now come to are told; another change would wake the job again.
            self.deck.with_source(FrameSource::is_changed);
        }
        status
    }

    fn panicked(&mut self) {
        self.deck.fail("isocord itself has failed on it: please report this".to_owned());
        if let Some(writer) = &mut self.writer {
            writer.fail();
        }
    }
}

impl<S: FrameSource> Drop for DeckFeed<S> {
    fn drop(&mut self) {
        if !self.over && self.deck.plays() {
            self.deck.fail("its reading was ended".to_owned());
        }
        let mut source = self.deck.source();
        // It sees what has been heard, once more.
        let _ = source.is_changed();
        source.detach();
    }
}

impl<S: FrameSource> DeckFeed<S> {
    pub(super) fn new(deck: Arc<Deck<S>>, writer: TrackWriter, ahead: Ahead) -> Self {
        writer.state().interruption().will_fade();
        Self {
            deck,
            writer: Some(writer),
            ahead,
            over: false,
            landing: false,
            revising: false,
            anew_from: 0,
            silences: 0,
        }
    }

    fn work(&mut self, writer: &mut TrackWriter, turn: &Turn<'_>) -> Result<FeedStatus, FeedError> {
        let pressure = turn.pressure();
        // On the stack of the pool's thread: nothing is kept in them, and hundreds of sources share those.
        let (mut buffer, mut frame) = (FrameBuf::new(), OpusFrame::SILENCE);
        let deck = Arc::clone(&self.deck);
        self.ahead.left(writer.next());
        if let Some(options) = deck.take_options() {
            self.ahead.configure(&options)?;
        }
        let Some(playing) = deck.playing() else { return Ok(FeedStatus::Wait) };
        if writer.state().interruption().wants_last() {
            self.go_out(writer, playing, &mut buffer, pressure)?;
        }
        if writer.state().interruption().is_asked() {
            return Ok(FeedStatus::Wait);
        }
        let changed = deck.with_source(FrameSource::is_changed) || self.revising;
        let silent = self.has_been_silent(writer);
        if silent && writer.queued() == 0 {
            self.ahead.begin_anew();
        }
        let anew = silent && !self.ahead.begins_anew(writer.next());
        let why = Why { changed, anew };
        match deck.take_request() {
            Some(Request::Seek(seconds)) => self.seek(writer, seconds)?,
            Some(Request::End) => {
                let unheard = writer.end_now();
                if !self.landing {
                    self.heard_until(unheard, playing);
                }
                self.over = true;
                return Ok(FeedStatus::Done);
            }
            Some(Request::Refresh) => self.refresh(writer, playing, &mut buffer, pressure, why)?,
            None if changed || anew => self.refresh(writer, playing, &mut buffer, pressure, why)?,
            None => {}
        }
        if self.landing
            && let Some(status) = self.land(writer, playing, &mut buffer, pressure)?
        {
            return Ok(status);
        }
        if self.revising {
            return Ok(FeedStatus::Searching { left: writer.queued() });
        }
        for frames in 0_usize.. {
            if frames > 0 && frames.is_multiple_of(PIECE) && turn.is_over() {
                break;
            }
            if self.over {
                // It stays, for a seek may still come.
                return Ok(FeedStatus::Wait);
            }
            if writer.room_or_sleep().is_none() {
                return Ok(FeedStatus::Wait);
            }
            if writer.queued() == 0 && self.has_been_silent(writer) {
                self.ahead.begin_anew();
            }
            let due = match writer.queued() as usize {
                0 | 1 => Due::Next,
                queued if queued < FEW => Due::Soon,
                _ => Due::Later,
            };
            let made = self.make(&mut buffer, &mut frame, pressure, due)?;
            let rests = matches!(made, NextFrame::Starved) && deck.with_source(|source| source.rests());
            writer.state().note_rests(rests);
            match made {
                NextFrame::Made { .. } => {
                    let pushed = writer.push(&frame);
                    debug_assert!(pushed, "the ring had room");
                }
                NextFrame::Later => return Ok(FeedStatus::Searching { left: writer.queued() }),
                // Whoever brings more wakes the job, and so does the clock when few frames are left.
                NextFrame::Starved if due != Due::Later => {
                    // The source sees that what it gave has been heard.
                    writer.sleep_until(1);
                    return Ok(FeedStatus::Wait);
                }
                NextFrame::Starved if writer.sleep_until(FEW) => return Ok(FeedStatus::Wait),
                NextFrame::Starved => {}
                NextFrame::End => {
                    writer.finish();
                    self.over = true;
                }
            }
        }
        Ok(FeedStatus::Again { left: writer.queued() })
    }

    pub(super) fn make(
        &mut self,
        buffer: &mut FrameBuf,
        frame: &mut OpusFrame,
        pressure: Pressure,
        due: Due,
    ) -> Result<NextFrame, FeedError> {
        let Self { deck, ahead, .. } = self;
        let wanted = Wanted { gain: deck.volume(), pressure, due };
        let made = deck.with_source(|source| {
            let mut source = Noted { source, given: ahead.given(), playing: deck.playing() };
            ahead.make(&mut source, buffer, wanted, frame)
        })?;
        if let NextFrame::Made { simplified: true } = made {
            deck.note_simplified();
        }
        Ok(made)
    }

    /// Goes to a place; what is queued is heard until its first frame is there.
    fn seek(&mut self, writer: &mut TrackWriter, seconds: f64) -> Result<(), FeedError> {
        if !self.landing {
            // The listener's decoder has heard what has left and no more.
            self.ahead.go_back(writer.next().min(self.ahead.cursor()))?;
        }
        self.deck.with_source(|source| source.seek(seconds))?;
        self.ahead.jump(writer.end());
        self.note_given();
        (self.landing, self.over) = (true, false);
        Ok(())
    }

    /// Puts the first frame after a seek in the place of all that is queued; what to say while it is looked for.
    fn land(
        &mut self,
        writer: &mut TrackWriter,
        playing: &Playing,
        buffer: &mut FrameBuf,
        pressure: Pressure,
    ) -> Result<Option<FeedStatus>, FeedError> {
        let mut frame = OpusFrame::SILENCE;
        let made = self.make(buffer, &mut frame, pressure, Due::Soon)?;
        let place = self.ahead.place().unwrap_or_else(|| self.deck.source().position());
        match made {
            NextFrame::Made { .. } => {
                playing.begin_run(writer.end(), place);
                writer.replace_all(&frame);
            }
            NextFrame::Later => return Ok(Some(FeedStatus::Searching { left: writer.queued() })),
            // Whoever brings more wakes the job.
            NextFrame::Starved => return Ok(Some(FeedStatus::Wait)),
            NextFrame::End => {
                playing.begin_run(writer.end(), place);
                writer.end_now();
                self.over = true;
            }
        }
        self.landing = false;
        Ok(None)
    }

    /// Whether silence has left since this was last asked.
    fn has_been_silent(&mut self, writer: &TrackWriter) -> bool {
        let silences = writer.state().silences();
        std::mem::replace(&mut self.silences, silences) != silences
    }

    pub(super) fn note_given(&self) {
        if let Some(playing) = self.deck.playing() {
            playing.note_given(self.ahead.given());
        }
    }
}
