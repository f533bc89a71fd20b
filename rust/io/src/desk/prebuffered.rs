//! Sound that comes as it comes, with a store of it in front.

use std::sync::Arc;

use crate::source::{
    DECODER_LEAD, Downstream, FrameBuf, FrameSource, Reached, SeekError, SourceError, SourceFrame, Tape, Want,
};

/// Frames that are read in one go.
const PIECE: u64 = 8;

/// A source that begins when so many frames of it are there, and so again when it has run dry.
#[must_use]
pub fn prebuffered(source: Box<dyn FrameSource>, frames: u64) -> Box<dyn FrameSource> {
    let fills = frames > 0;
    let tape = Tape::new();
    Box::new(Prebuffered { source, tape, frames, cursor: 0, depth: 0, fills })
}

struct Prebuffered {
    source: Box<dyn FrameSource>,
    tape: Tape,
    frames: u64,
    /// Number of the frame that is next.
    cursor: u64,
    depth: u64,
    /// There are too few to begin with.
    fills: bool,
}

impl Prebuffered {
    fn stored(&self) -> u64 {
        self.tape.end() - self.cursor
    }

    /// Reads what there is; says why there is no more.
    fn store(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Reached, SourceError> {
        let goal = self.tape.end().saturating_add(PIECE).min(self.cursor + self.frames.max(1));
        // Packets take little room, and become PCM when that is wanted.
        let packets = want.packets || self.source.has_packets();
        let mut reached = Reached::There;
        while self.tape.end() < goal && reached == Reached::There {
            let next = self.tape.end();
            reached = self.tape.read(&mut *self.source, frame, next, Want { packets, now: want.now })?;
        }
        Ok(reached)
    }
}

impl FrameSource for Prebuffered {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let reached = self.store(frame, want)?;
        self.fills &= reached != Reached::End && self.stored() < self.frames;
        if self.fills || self.stored() == 0 {
            self.fills = reached != Reached::End;
            return Ok(match reached {
                Reached::End => Some(SourceFrame::End),
                Reached::Starved => Some(SourceFrame::Starved),
                Reached::Searching | Reached::There => None,
            });
        }
        let number = self.cursor;
        self.cursor += 1;
        frame.samples = u16::try_from(self.tape.samples(number)).unwrap_or(u16::MAX);
        frame.position = self.tape.place_of(number).unwrap_or_default();
        let kind = match self.tape.packet(number).filter(|_| want.packets) {
            Some(packet) => {
                frame.opus = packet.clone();
                SourceFrame::Opus
            }
            None => {
                self.tape.pcm(number, &mut frame.pcm)?;
                SourceFrame::Pcm
            }
        };
        self.tape.forget_before(self.cursor.saturating_sub(self.depth + DECODER_LEAD));
        Ok(Some(kind))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.source.seek(seconds)?;
        self.tape.restart(self.cursor);
        self.fills = self.frames > 0;
        Ok(())
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

    fn is_once(&self) -> bool {
        self.source.is_once()
    }

    fn rests(&self) -> bool {
        self.source.rests()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        self.depth = depth;
        self.source.attach(downstream, depth + self.frames);
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
        let back = self.cursor.saturating_sub(frames).max(self.tape.first());
        self.source.revise(self.tape.end() - back);
        drop(self.tape.cut(back));
        // What plays is not held up by it.
        (self.cursor, self.fills) = (back, false);
    }

    fn in_vain(&mut self) {
        self.source.in_vain();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;
    use crate::desk::stage::{Sound, next, pull};

    #[test]
    fn it_begins_with_a_store_and_begins_anew_when_that_is_used_up() {
        let sound = Sound::tone(48_000, 440.0, 0.5);
        let starves = Arc::clone(&sound.starves);
        let mut whole = Sound::tone(48_000, 440.0, 0.5);
        let mut source = prebuffered(Box::new(sound), 20);
        // It takes its store piece by piece.
        assert_eq!((0..2).map(|_| next(&mut *source, Want::PCM)).filter(Result::is_ok).count(), 0);
        assert!(pull(&mut *source, 5) == pull(&mut whole, 5));
        starves.store(true, Relaxed);
        let stored = (0..100).take_while(|_| next(&mut *source, Want::PCM).is_ok()).count();
        assert_eq!(stored, 19, "each frame that was taken had made room for one more");
        assert_eq!(next(&mut *source, Want::PCM), Err(Some(SourceFrame::Starved)));
        starves.store(false, Relaxed);
        assert_eq!(next(&mut *source, Want::PCM), Err(None));
        assert_eq!(next(&mut *source, Want::PCM), Err(None));
        assert!(next(&mut *source, Want::PCM).is_ok());
    }

    #[test]
    fn what_is_shorter_than_the_store_is_heard_whole() {
        let mut source = prebuffered(Box::new(Sound::tone(9_600, 440.0, 0.5)), 500);
        while next(&mut *source, Want::PCM) == Err(None) {}
        let heard = (0..100).take_while(|_| next(&mut *source, Want::PCM).is_ok()).count();
        assert_eq!((heard, next(&mut *source, Want::PCM)), (9, Err(Some(SourceFrame::End))));
    }
}
