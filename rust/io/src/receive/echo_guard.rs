//! What we send, on its way to the receive thread, and whether a user sends it back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use isocord_proto::frame::{FRAME_LEN, OpusFrame};
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN, OpusError};

use crate::dsp::echo::{EchoDetector, Trace};

/// Frames that wait at most: those of a second.
const WAITING: usize = 50;

/// Frames that left, and when, on the common clock. Neither end waits for the other: a frame that finds the other end
/// at work is lost, and silence in its place.
#[derive(Clone)]
pub(crate) struct Sent(Arc<Mutex<VecDeque<(u64, OpusFrame)>>>);

impl Sent {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(VecDeque::with_capacity(WAITING))))
    }

    /// A frame leaves.
    pub(crate) fn push(&self, position: u64, frame: &OpusFrame) {
        let Ok(mut frames) = self.0.try_lock() else { return };
        if frames.len() == WAITING {
            frames.pop_front();
        }
        frames.push_back((position, *frame));
    }

    fn pop(&self) -> Option<(u64, OpusFrame)> {
        self.0.try_lock().ok()?.pop_front()
    }
}

/// Tells our own sound from a user's.
pub(crate) struct EchoGuard {
    sent: Sent,
    decoder: Decoder,
    trace: Trace,
    detector: EchoDetector,
}

impl EchoGuard {
    /// # Errors
    /// There is no memory for a decoder.
    pub(crate) fn new(sent: Sent) -> Result<Self, OpusError> {
        Ok(Self { sent, decoder: Decoder::new()?, trace: Trace::new(), detector: EchoDetector::new() })
    }

    /// Takes in what has left since the last time.
    pub(crate) fn follow(&mut self) {
        while let Some((position, packet)) = self.sent.pop() {
            let mut pcm = [0; MAX_DECODED_LEN];
            let decoded = self.decoder.decode(packet.as_bytes(), &mut pcm);
            if let (Ok(_), Some(frame)) = (decoded, pcm.first_chunk::<FRAME_LEN>()) {
                self.trace.frame(position, frame);
            }
        }
    }

    /// Whether what was heard last is our own.
    pub(crate) fn is_echo(&mut self, heard: &Trace) -> bool {
        self.detector.is_echo(heard, &self.trace)
    }
}
