//! What has been made is made anew, or was made anew in vain.

use isocord_proto::frame::FRAME_LEN;

use super::Ahead;
use crate::play::deck::error::FeedError;
use crate::play::deck::made::Made;
use crate::source::{CutFrames, FrameBuf, FrameSource, SourceFrame, Want};

impl Ahead {
    /// Goes back so that frame `number` is made next, as if nothing had been made after the one before it. Gives how
    /// the frames from there on were made.
    pub(in crate::play::deck) fn go_back(&mut self, number: u64) -> Result<Vec<Made>, FeedError> {
        let undone = (number..self.cursor).map(|number| self.made.get(number)).collect();
        self.go_to(number)?;
        Ok(undone)
    }

    /// What the source gave anew did not come in time.
    pub(in crate::play::deck) fn unrevise(&mut self, source: &mut dyn FrameSource) {
        if source.unrevise() {
            self.given = self.given_before;
        } else {
            source.in_vain();
        }
    }

    /// What was made from frame `number` on did not come in time: it is as it was, and frame `next` is made next.
    pub(in crate::play::deck) fn restore(
        &mut self,
        number: u64,
        made: &[Made],
        next: u64,
        cut: Option<CutFrames>,
    ) -> Result<(), FeedError> {
        if let Some(cut) = cut {
            self.tape.put_back(number, cut);
            self.splice = None;
        }
        self.encoder.forget_after(number);
        for (number, made) in (number..).zip(made) {
            self.made.set(number, *made);
        }
        self.go_to(next)
    }

    /// The source has changed: from frame `from` on, which is made next, it gives its sound anew, and the old sound,
    /// of which frames before `end` were made, goes over into it. Gives the frames that were kept of the old one; none
    /// if the source has nothing yet.
    pub(in crate::play::deck) fn revise(
        &mut self,
        source: &mut dyn FrameSource,
        buffer: &mut FrameBuf,
        (from, end): (u64, u64),
    ) -> Result<Option<CutFrames>, FeedError> {
        let pending = self.splice.take().filter(|(at, _)| *at == from);
        if from > 0 {
            if self.tape.end() <= end && self.given == self.tape.end() && pending.is_none() {
                // One more, for by the time that the new sound is made all that was made may have left.
                self.read(source, buffer, end, false, true)?;
            }
            if self.tape.end() > from {
                let mut old = Box::new([0.0; FRAME_LEN]);
                self.tape.pcm(from, &mut old)?;
                self.splice = Some((from, old));
            } else {
                // Nothing of what was to come last has been heard.
                self.splice = pending;
            }
        }
        self.given_before = self.given;
        // Where an earlier revision came too late, what it brought has to be passed by, before anything else begins.
        self.pass_by(source, buffer, from)?;
        source.revise(self.given.saturating_sub(from));
        self.given = self.given.min(from);
        Ok(self.pass_by(source, buffer, from)?.then(|| self.tape.cut(from)))
    }

    /// Has the source come to frame `from`; false if it has nothing yet.
    fn pass_by(
        &mut self,
        source: &mut dyn FrameSource,
        buffer: &mut FrameBuf,
        from: u64,
    ) -> Result<bool, FeedError> {
        while self.given < from {
            match source.next(buffer, Want { packets: false, now: true })? {
                Some(SourceFrame::Pcm | SourceFrame::Opus) => self.given += 1,
                Some(SourceFrame::End) => self.given = from,
                // What ended the old sound came too late, and nothing else may ever come.
                Some(SourceFrame::Starved) if source.rests() => self.given = from,
                Some(SourceFrame::Starved) | None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// All ends here: frame `from`, which is made next, is the old sound going out, and a source that has nothing more
    /// gives what follows. Gives the frames that were kept.
    pub(in crate::play::deck) fn go_out(&mut self, from: u64) -> Result<CutFrames, FeedError> {
        let mut old = Box::new([0.0; FRAME_LEN]);
        self.tape.pcm(from, &mut old)?;
        self.splice = Some((from, old));
        Ok(self.tape.cut(from))
    }
}
