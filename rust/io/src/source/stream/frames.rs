//! A decoded stream, frame by frame, from the thread that decodes it.

use std::io;
use std::sync::Arc;

use super::super::budget::Meter;
use super::super::error::StageError;
use super::super::frame::{Downstream, FRAME_SAMPLES, FrameBuf, SourceFrame};
use super::super::pcm::PcmStream;
use super::worker::{Maker, Pieces, Taken};

/// A frame on its way from one thread to another.
struct Frame {
    pcm: Box<[f32; FRAME_SAMPLES * 2]>,
    position: u64,
    samples: u16,
}

impl Default for Frame {
    fn default() -> Self {
        Self { pcm: Box::new([0.0; FRAME_SAMPLES * 2]), position: 0, samples: 0 }
    }
}

struct Decode {
    stream: PcmStream,
    meter: Arc<Meter>,
    buffer: Box<FrameBuf>,
}

impl Maker for Decode {
    type Piece = Frame;

    fn make(&mut self, piece: &mut Frame) -> Result<bool, StageError> {
        loop {
            // Nobody else waits for this thread.
            self.meter.begin_slice();
            match self.stream.next_frame(&mut self.buffer).map_err(|error| self.meter.explain(error))? {
                None => {}
                Some(SourceFrame::Pcm) => break,
                Some(_) => return Ok(false),
            }
        }
        piece.pcm.copy_from_slice(&self.buffer.pcm);
        (piece.position, piece.samples) = (self.buffer.position, self.buffer.samples);
        Ok(true)
    }

    fn seek(&mut self, target: i64) -> Result<(), StageError> {
        self.meter.heard();
        self.meter.begin_slice();
        self.stream.seek(target).map_err(|error| self.meter.explain(error))
    }

    fn broken(&self) -> u64 {
        self.stream.broken()
    }
}

/// Frames that are decoded elsewhere.
pub(crate) struct DecodedFrames {
    pieces: Pieces<Frame>,
    frame: Frame,
}

impl DecodedFrames {
    /// Goes on decoding in a thread of its own.
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn start(stream: PcmStream, meter: &Arc<Meter>) -> io::Result<Self> {
        let decode = Decode { stream, meter: Arc::clone(meter), buffer: Box::new(FrameBuf::new()) };
        let pieces = Pieces::start("isocord-stream", decode, Arc::clone(meter))?;
        Ok(Self { pieces, frame: Frame::default() })
    }

    pub(crate) fn next_frame(&mut self, out: &mut FrameBuf) -> Result<SourceFrame, StageError> {
        match self.pieces.take(&mut self.frame)? {
            Taken::Piece => {
                out.pcm.copy_from_slice(&*self.frame.pcm);
                (out.position, out.samples) = (self.frame.position, self.frame.samples);
                Ok(SourceFrame::Pcm)
            }
            Taken::Starved => Ok(SourceFrame::Starved),
            Taken::End => Ok(SourceFrame::End),
        }
    }

    pub(crate) fn seek(&mut self, target: i64) {
        self.pieces.seek(target);
    }

    pub(crate) fn wait(&self) {
        self.pieces.wait();
    }

    pub(crate) fn broken(&self) -> u64 {
        self.pieces.broken()
    }

    pub(crate) fn attach(&self, downstream: &Arc<dyn Downstream>) {
        self.pieces.attach(downstream);
    }
}
