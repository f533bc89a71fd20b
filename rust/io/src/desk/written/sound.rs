//! What was written, as it came, and how it is read at 48 kHz.

use std::collections::VecDeque;

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLE_RATE};

use crate::dsp::sinc::Sinc;

/// Left and right.
pub(super) type Pair = [f32; 2];

/// Zero crossings of the sinc: 10 kHz of 24 are as loud as they were.
const CROSSINGS: f64 = 40.0;
/// Samples in which sound that ends goes out, and in which it comes up: 2 ms, in which hardly any swings up, and 2.5.
pub(super) const TAIL: u64 = 96;
const RISE: u64 = 120;

/// Places are counted from the first pair that was ever written; frames from where the sound began last.
pub(super) struct Sound {
    rate: u64,
    sinc: Option<Sinc>,
    pairs: VecDeque<Pair>,
    /// Place of the oldest pair that is kept.
    first: u64,
    /// Room to work in.
    window: Vec<Pair>,
}

impl Sound {
    pub(super) fn new(rate: u32) -> Self {
        let ratio = f64::from(rate) / f64::from(SAMPLE_RATE);
        let sinc = (rate != SAMPLE_RATE).then(|| Sinc::new(ratio, CROSSINGS));
        Self { rate: u64::from(rate), sinc, pairs: VecDeque::new(), first: 0, window: Vec::new() }
    }

    /// Place behind the last pair.
    pub(super) fn end(&self) -> u64 {
        self.first + self.pairs.len() as u64
    }

    pub(super) fn push(&mut self, pair: Pair) {
        self.pairs.push_back(pair);
    }

    /// The place of a sample of 48 kHz, counted from `from`, rounded down.
    pub(super) fn place(&self, from: u64, sample: u64) -> u64 {
        from + sample * self.rate / u64::from(SAMPLE_RATE)
    }

    /// How many samples of 48 kHz lie between two places.
    pub(super) fn samples(&self, from: u64, to: u64) -> u64 {
        (to.saturating_sub(from) * u64::from(SAMPLE_RATE)).div_ceil(self.rate)
    }

    /// Up to which place sound is needed so that a frame, counted from `from`, is what it will always be.
    pub(super) fn needed(&self, from: u64, sample: u64) -> u64 {
        self.place(from, sample + FRAME_SAMPLES as u64 - 1) + 1 + self.half()
    }

    /// The most that [`Self::frame`] reads beyond where a frame begins, and before.
    pub(super) fn reach(&self) -> u64 {
        self.place(0, FRAME_SAMPLES as u64) + 2 + self.margin()
    }

    fn margin(&self) -> u64 {
        self.half().max(self.tail()) + 2
    }

    fn half(&self) -> u64 {
        self.sinc.as_ref().map_or(0, |sinc| sinc.taps() as u64 / 2)
    }

    fn tail(&self) -> u64 {
        TAIL * self.rate / u64::from(SAMPLE_RATE)
    }

    /// Forgets what is not read by who reads from `place` on.
    pub(super) fn forget_before(&mut self, place: u64) {
        let keep = place.saturating_sub(self.margin());
        let count = (keep.saturating_sub(self.first) as usize).min(self.pairs.len());
        self.pairs.drain(..count);
        self.first += count as u64;
    }

    /// Takes back what was written from `place` on.
    pub(super) fn cut(&mut self, place: u64) {
        self.pairs.truncate(place.saturating_sub(self.first) as usize);
        self.pairs.shrink_to(self.pairs.len().max(1) * 2);
    }

    /// Reads the frame that begins with `sample`, counted from `from`, where sound begins; at `end` it goes out.
    pub(super) fn frame(&mut self, from: u64, sample: u64, end: u64, pcm: &mut [f32]) {
        let (rate, full) = (self.rate, u64::from(SAMPLE_RATE));
        let half = self.half() as i64;
        let base = self.place(from, sample) as i64 - (half - 1).max(0);
        let last = self.place(from, sample + FRAME_SAMPLES as u64 - 1) as i64 + half;
        let mut window = std::mem::take(&mut self.window);
        window.clear();
        window.extend((base..=last).map(|place| self.at(from, end, place)));
        let steps = pcm.chunks_exact_mut(2).zip(sample..);
        match &self.sinc {
            None => steps.zip(&window).for_each(|((out, _), pair)| out.copy_from_slice(pair)),
            Some(sinc) => steps.for_each(|(out, sample)| {
                let begin = (self.place(from, sample) as i64 - (half - 1) - base) as usize;
                let way = (sample * rate % full) as f64 / full as f64;
                out.copy_from_slice(&sinc.read(&window[begin..begin + sinc.taps()], way));
            }),
        }
        self.window = window;
        if sample < RISE {
            for (out, sample) in pcm.chunks_exact_mut(2).zip(sample..RISE) {
                let gain = smooth((sample + 1) as f32 / (RISE + 1) as f32);
                out.iter_mut().for_each(|value| *value *= gain);
            }
        }
    }

    /// The pair at a place: before the beginning there is none, and behind the end the sound swings out, mirrored at
    /// its last sample, so that neither it nor its slope jumps.
    fn at(&self, from: u64, end: u64, place: i64) -> Pair {
        let Some(place) = u64::try_from(place).ok().filter(|place| *place >= from) else { return [0.0; 2] };
        if place < end {
            return self.kept(place);
        }
        let (behind, tail) = (place - end + 1, self.tail());
        if behind > tail || end <= from {
            return [0.0; 2];
        }
        let last = self.kept(end - 1);
        let mirrored = match (end - 1).checked_sub(behind) {
            Some(place) if place >= from => self.kept(place),
            _ => last,
        };
        let gain = 1.0 - smooth(behind as f32 / (tail + 1) as f32);
        [0, 1].map(|side| (2.0 * last[side] - mirrored[side]) * gain)
    }

    fn kept(&self, place: u64) -> Pair {
        let index = place.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        index.and_then(|index| self.pairs.get(index)).copied().unwrap_or_default()
    }
}

/// From nothing to one, level at both ends.
fn smooth(way: f32) -> f32 {
    way * way * (3.0 - 2.0 * way)
}
