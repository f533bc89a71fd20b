//! For tests: a source on a track, without clock and pool.

use std::sync::Arc;

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};
use isocord_proto::opus::{Decoder, EncoderOptions, MAX_DECODED_LEN};

use super::{Deck, DeckFeed};
use crate::play::track::TrackReader;
use crate::play::{Feed, FeedStatus, FeederPool, JobHandle, Pressure, Turn};
use crate::source::FrameSource;

pub(super) struct Bench<S: FrameSource + 'static> {
    pub deck: Arc<Deck<S>>,
    pub feed: DeckFeed<S>,
    pub reader: TrackReader,
    pub heard: Vec<Vec<u8>>,
    pub _pool: FeederPool,
    pub _idle: JobHandle,
}

struct Idle;

impl Feed for Idle {
    fn feed(&mut self, _: &Turn<'_>) -> FeedStatus {
        FeedStatus::Wait
    }

    fn panicked(&mut self) {}
}

impl<S: FrameSource + 'static> Bench<S> {
    pub(super) fn new(deck: Deck<S>, options: &EncoderOptions) -> Self {
        let deck = Arc::new(deck);
        let (feed, reader, start) = deck.feed(options, 25).expect("an encoder");
        let pool = FeederPool::new();
        let idle = pool.add(Box::new(Idle)).expect("a thread");
        deck.attach(Arc::clone(reader.state()), idle.waker(), start, 25).expect("the first track");
        let mut bench = Self { deck, feed, reader, heard: Vec::new(), _pool: pool, _idle: idle };
        bench.work();
        bench
    }

    pub(super) fn work(&mut self) {
        // One that only looks for sound is let be after a while.
        for _ in 0..100 {
            if !matches!(
                self.feed.feed(&Turn::new(Pressure::None, &|| true)),
                FeedStatus::Again { .. } | FeedStatus::Searching { .. }
            ) {
                break;
            }
        }
    }

    /// The clock takes that many frames, and the pool works after each.
    pub(super) fn play(&mut self, frames: usize) {
        for _ in 0..frames {
            if let Some(frame) = self.reader.take() {
                self.heard.push(frame.as_bytes().to_vec());
            }
            self.work();
        }
    }

    pub(super) fn set_volume(&mut self, volume: f32) {
        self.deck.set_volume(volume).expect("a volume");
        self.work();
    }
}

pub(super) fn decode(packets: &[Vec<u8>]) -> Vec<f64> {
    let mut decoder = Decoder::new().expect("a decoder");
    let mut samples = [0; MAX_DECODED_LEN];
    let mut left = Vec::new();
    for packet in packets {
        decoder.decode(packet, &mut samples).expect("Opus");
        left.extend(samples[..FRAME_LEN].iter().step_by(2).map(|&sample| f64::from(sample)));
    }
    left
}

/// The largest second difference between the first frames, in which the codec starts, and the last, which is cut off.
pub(super) fn roughness(left: &[f64]) -> f64 {
    let bend = |three: &[f64]| (three[0] - 2.0 * three[1] + three[2]).abs();
    left[4 * FRAME_SAMPLES..left.len() - FRAME_SAMPLES].windows(3).map(bend).fold(0.0, f64::max)
}
