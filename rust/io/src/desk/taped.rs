//! Makes a source that only reads on one that can go back.

use std::sync::Arc;

use crate::source::{
    DECODER_LEAD, Downstream, FrameBuf, FrameSource, Reached, SeekError, SourceError, SourceFrame, Tape, Want,
};

/// A source that goes back: itself where it can, else with its last frames kept.
///
/// Sound that is kept is rounded to 16 bits that count from the frame's own level, and comes out the same however
/// often it is asked for.
#[must_use]
pub fn taped(source: Box<dyn FrameSource>) -> Box<dyn FrameSource> {
    if (*source).goes_back() { source } else { Box::new(Taped::new(source)) }
}

struct Taped {
    source: Box<dyn FrameSource>,
    tape: Tape,
    /// Number of the frame that is next.
    cursor: u64,
    depth: u64,
    /// The source has packets and could not give one: it decodes by itself what is to be PCM.
    mixed: bool,
}

impl Taped {
    fn new(source: Box<dyn FrameSource>) -> Self {
        Self { source, tape: Tape::new(), cursor: 0, depth: 0, mixed: false }
    }

    fn read(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Reached, SourceError> {
        if self.tape.end() > self.cursor {
            return Ok(Reached::There);
        }
        // Packets take little room, and a decoder of the tape's own can go back.
        let lead = if self.source.has_packets() { DECODER_LEAD } else { 0 };
        self.tape.forget_before(self.cursor.saturating_sub(self.depth + lead));
        let packets = want.packets || (self.source.has_packets() && !self.mixed);
        let reached = self.tape.read(&mut *self.source, frame, self.cursor, Want { packets, ..want })?;
        self.mixed |= self.source.has_packets() && self.tape.is_pcm(self.cursor);
        Ok(reached)
    }
}

impl FrameSource for Taped {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        match self.read(frame, want)? {
            Reached::There => {}
            Reached::End => return Ok(Some(SourceFrame::End)),
            Reached::Searching => return Ok(None),
            Reached::Starved => return Ok(Some(SourceFrame::Starved)),
        }
        let number = self.cursor;
        self.cursor += 1;
        frame.position = self.tape.place_of(number).unwrap_or_default();
        frame.samples = self.tape.samples(number) as u16;
        if let Some(packet) = self.tape.packet(number).filter(|_| want.packets) {
            frame.opus = packet.clone();
            return Ok(Some(SourceFrame::Opus));
        }
        self.tape.pcm(number, &mut frame.pcm)?;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.source.seek(seconds)?;
        self.tape.cut(self.cursor);
        Ok(())
    }

    fn position(&self) -> u64 {
        self.tape.place_of(self.cursor).unwrap_or_else(|| self.source.position())
    }

    fn has_packets(&self) -> bool {
        self.source.has_packets()
    }

    fn passes(&self) -> bool {
        if self.tape.end() > self.cursor {
            self.tape.packet(self.cursor).is_some()
        } else {
            self.source.passes()
        }
    }

    fn is_once(&self) -> bool {
        self.source.is_once()
    }

    fn rests(&self) -> bool {
        self.source.rests()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        self.depth = depth;
        self.source.attach(downstream, depth);
    }

    fn detach(&mut self) {
        self.source.detach();
    }

    fn goes_back(&self) -> bool {
        true
    }

    fn is_changed(&mut self) -> bool {
        self.source.is_changed()
    }

    /// What the source grants holds from the frame on that it would have given next.
    fn revise(&mut self, frames: u64) {
        if self.source.is_changed() {
            self.source.revise(0);
            self.tape.cut(self.tape.end());
        }
        self.cursor = self.cursor.saturating_sub(frames).max(self.tape.first());
    }
}

#[cfg(test)]
mod tests;
