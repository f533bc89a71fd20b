//! What we send, on its way to the receive thread, and whether a user sends it back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use isocord_proto::frame::{FRAME_LEN, OpusFrame, SAMPLE_RATE};
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
    pub(crate) fn push(&self, position: u64, frame: &[u8]) {
        let (Ok(mut frames), Ok(frame)) = (self.0.try_lock(), OpusFrame::new(frame)) else { return };
        if frames.len() == WAITING {
            frames.pop_front();
        }
        frames.push_back((position, frame));
    }

    fn pop(&self) -> Option<(u64, OpusFrame)> {
        self.0.try_lock().ok()?.pop_front()
    }
}

/// Two that are further apart than that, a second, do not belong together.
const APART: u64 = SAMPLE_RATE as u64;

/// What a user said last, each frame in its place: a network that holds packets up and lets them go at once changes
/// nothing.
#[derive(Default)]
pub(crate) struct Heard {
    trace: Trace,
    /// The timestamp and the place of the frame before.
    before: Option<(u32, u64)>,
}

impl Heard {
    /// Takes a frame that came at a moment of the common clock.
    pub(crate) fn frame(&mut self, timestamp: u32, at: u64, pcm: &[i16; FRAME_LEN]) {
        let due = self.before.and_then(|(stamp, place)| {
            let later = timestamp.wrapping_sub(stamp).cast_signed();
            place.checked_add_signed(later.into()).filter(|due| due.abs_diff(at) < APART)
        });
        // The fastest packets say when all the others would have come.
        let place = due.map_or(at, |due| due.min(at));
        self.before = Some((timestamp, place));
        self.trace.frame(place, pcm);
    }

    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
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

#[cfg(test)]
mod tests {
    use std::f32::consts::TAU;

    use isocord_proto::opus::{Encoder, EncoderOptions};

    use super::*;

    const FRAME: u64 = 960;

    /// Frame `number` of a sound that is nowhere the same: its pitch rises.
    fn pcm(number: u64) -> [i16; FRAME_LEN] {
        std::array::from_fn(|at| {
            let time = (number * FRAME + at as u64 / 2) as f32 / 48_000.0;
            let phase = TAU * (150.0 * time + 20.0 * time * time);
            ((1..15).map(|harmonic| (harmonic as f32 * phase).sin()).sum::<f32>() * 1_500.0) as i16
        })
    }

    /// Whether what a user sends, 0.2 s late, is an echo, where the network brings packets so much later than it should.
    fn is_echo(hold_up: impl Fn(u64) -> u64) -> bool {
        let sent = Sent::new();
        let mut guard = EchoGuard::new(sent.clone()).expect("a decoder");
        let mut encoder = Encoder::new(&EncoderOptions::default()).expect("an encoder");
        let mut heard = Heard::default();
        for number in 0..60 {
            let float = pcm(number).map(|value| f32::from(value) / 32_768.0);
            let mut frame = OpusFrame::SILENCE;
            frame.fill(|out| encoder.encode_float(&float, out)).expect("a packet");
            sent.push(number * FRAME, frame.as_bytes());
            guard.follow();
            if number >= 10 {
                let at = number * FRAME + 2_400 + hold_up(number);
                heard.frame((number * FRAME) as u32 + 77_777, at, &pcm(number - 10));
            }
        }
        guard.is_echo(heard.trace())
    }

    #[test]
    fn a_network_that_holds_packets_up_changes_nothing() {
        assert!(is_echo(|_| 0));
        // All of 0.1 seconds come at once, again and again.
        assert!(is_echo(|number| (4 - number % 5) * FRAME));
        // Half a second is late, and one more half.
        assert!(is_echo(|number| if number % 25 == 24 { 0 } else { (24 - number % 25) * FRAME }));
    }

    #[test]
    fn what_nobody_takes_is_bounded_and_the_newest_is_kept() {
        let sent = Sent::new();
        (0..200).for_each(|number| sent.push(number, OpusFrame::SILENCE.as_bytes()));
        assert_eq!(sent.pop().map(|(position, _)| position), Some(200 - WAITING as u64));
    }
}
