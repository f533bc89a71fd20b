//! A native source that is read from Python, frame by frame: by the bot library's own wrappers.

use std::sync::Arc;

use isocord_io::dsp::{Volume, apply_gain};
use isocord_io::source::{Downstream, FrameBuf, FrameSource, SourceError, SourceFrame, Want};
use isocord_proto::frame::FRAME_BYTES;

/// A source, and the volume that nobody else applies.
pub(crate) struct Reading<S: FrameSource> {
    source: S,
    buffer: Box<FrameBuf>,
    volume: Volume,
    /// The volume at the end of the last frame.
    gain: f32,
}

/// Who reads a frame hears it, and looks at the source before each.
struct Reader;

impl Downstream for Reader {
    fn wake(&self) {}

    fn ahead(&self) -> u64 {
        0
    }
}

impl<S: FrameSource> Reading<S> {
    pub(crate) fn new(mut source: S, volume: Volume) -> Self {
        let downstream: Arc<dyn Downstream> = Arc::new(Reader);
        source.attach(&downstream, 0);
        Self { source, buffer: Box::new(FrameBuf::new()), gain: volume.get(), volume }
    }

    /// The next frame as s16le; none at the end.
    pub(crate) fn frame(&mut self) -> Result<Option<[u8; FRAME_BYTES]>, SourceError> {
        if self.source.is_changed() {
            self.source.revise(0);
        }
        // It is heard at once: who has nothing is left out.
        match self.source.next(&mut self.buffer, Want { packets: false, now: true })? {
            Some(SourceFrame::Pcm) => {}
            Some(SourceFrame::End) => return Ok(None),
            Some(SourceFrame::Opus | SourceFrame::Starved) | None => self.buffer.pcm.fill(0.0),
        }
        let mut pcm = [0; FRAME_BYTES];
        let before = std::mem::replace(&mut self.gain, self.volume.get());
        apply_gain(before, self.gain, &mut self.buffer.pcm);
        self.buffer.write_s16le(&mut pcm);
        Ok(Some(pcm))
    }
}
