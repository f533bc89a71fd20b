//! Makes sound longer or shorter and leaves its pitch: pieces of it follow one another sooner or later than they did,
//! each where it is most like what the one before would have gone on with (WSOLA: Verhelst and Roelands, 1993).

use crate::dsp::filters::line::{Line, NOTHING, Pair};
use crate::dsp::filters::memory::Memory;

/// Pairs of one piece: long enough for the lowest voices, short enough not to be heard twice.
const PIECE: usize = 960;
/// Pairs in which a piece goes over into the next.
const FADE: usize = 480;
/// How far from its place a piece may be taken, either way: half a period of the lowest bass, or it is out of tune.
const REACH: usize = 600;
/// The likeness is searched for in steps of so many pairs first.
const STEP: usize = 6;
/// How much less a piece counts that is as far from its place as may be.
const AWAY: f32 = 0.1;
/// Pairs that are taken in before some are given.
const BLOCK: usize = 256;

pub(super) struct Stretcher {
    /// Pairs of input for each of output.
    tempo: f64,
    line: Line,
    /// Where the next piece should be taken.
    place: f64,
    /// Where the last piece would have gone on.
    follows: u64,
    begun: u64,
    /// The fade, from none to all.
    rise: Box<[f32]>,
    coarse: Coarse,
    output: Vec<f32>,
}

/// Both sounds in which the likeness is searched for, of every [`STEP`] pairs the sum.
struct Coarse {
    wanted: Box<[f32]>,
    searched: Box<[f32]>,
}

impl Stretcher {
    pub(super) fn new(tempo: f64, history: usize) -> Self {
        let reach = (PIECE as f64 * tempo.max(1.0)) as usize + PIECE + 2 * REACH + FADE + BLOCK;
        Self {
            tempo,
            line: Line::new(reach, PIECE + FADE + 2 * REACH, history),
            place: 0.0,
            follows: 0,
            begun: 0,
            // A quarter of a sine squared: two sounds that are alike stay as loud.
            rise: (0..FADE)
                .map(|index| ((index as f32 + 0.5) / FADE as f32 * std::f32::consts::FRAC_PI_2).sin().powi(2))
                .collect(),
            coarse: Coarse {
                wanted: vec![0.0; FADE / STEP].into(),
                searched: vec![0.0; (FADE + 2 * REACH) / STEP].into(),
            },
            output: Vec::new(),
        }
    }

    pub(super) fn process(&mut self, pcm: &mut Vec<f32>) {
        self.output.clear();
        for block in pcm.as_chunks::<2>().0.chunks(BLOCK) {
            block.iter().for_each(|pair| self.line.push(*pair));
            while self.needed() <= self.line.at() {
                self.give();
            }
        }
        std::mem::swap(pcm, &mut self.output);
    }

    /// How many pairs must have come before the next piece can be given: those that it is searched in, and those that
    /// it stands for.
    fn needed(&self) -> u64 {
        let searched = self.place.round() as u64 + (REACH + PIECE + FADE) as u64;
        let meant = (self.place + self.tempo * PIECE as f64).ceil() as u64;
        searched.max(meant).max(self.follows + FADE as u64)
    }

    /// Gives a piece: the fade into it, and the rest of it up to its own fade.
    fn give(&mut self) {
        if self.begun == 0 {
            self.begun = 1;
            let first = self.line.slice(0, PIECE);
            self.output.extend_from_slice(first.as_flattened());
            (self.follows, self.place) = (PIECE as u64, self.tempo * PIECE as f64);
            return;
        }
        let from = self.find();
        let old = self.line.slice(self.follows as i64, FADE);
        let new = self.line.slice(from as i64, PIECE);
        for ((old, new), &rise) in old.iter().zip(new).zip(&self.rise) {
            let pair: Pair =
                std::array::from_fn(|channel| old[channel] + (new[channel] - old[channel]) * rise);
            self.output.extend_from_slice(&pair);
        }
        self.output.extend_from_slice(new[FADE..].as_flattened());
        self.follows = from + PIECE as u64;
        self.place += self.tempo * PIECE as f64;
    }

    /// Where the sound is most like what the last piece goes on with.
    fn find(&mut self) -> u64 {
        let middle = self.place.round() as u64;
        let first = middle.saturating_sub(REACH as u64);
        let wanted = self.line.slice(self.follows as i64, FADE);
        let searched = self.line.slice(first as i64, FADE + 2 * REACH);
        sum_up(wanted, &mut self.coarse.wanted);
        sum_up(searched, &mut self.coarse.searched);
        let rough =
            best(&self.coarse.wanted, &self.coarse.searched, 0..2 * REACH / STEP, REACH / STEP) * STEP;
        let fine = rough.saturating_sub(STEP - 1)..(rough + STEP).min(2 * REACH);
        first + best_pair(wanted, searched, fine, rough) as u64
    }

    pub(super) fn tempo(&self) -> f64 {
        self.tempo
    }

    pub(super) fn most(&self, pairs: usize) -> usize {
        (pairs as f64 / self.tempo) as usize + 2 * PIECE
    }

    pub(super) fn behind(&self) -> f64 {
        self.line.at() as f64 - self.place
    }

    pub(super) fn remember(&mut self, memory: &mut Memory) {
        self.line.remember(memory);
        memory.number(&mut self.place);
        memory.count(&mut self.follows);
        memory.count(&mut self.begun);
    }
}

/// Both channels as one, of every [`STEP`] pairs the sum.
fn sum_up(pairs: &[Pair], out: &mut [f32]) {
    for (sum, pairs) in out.iter_mut().zip(pairs.as_flattened().chunks_exact(2 * STEP)) {
        *sum = pairs.iter().sum();
    }
}

/// The place in `places` at which `searched` is most like `wanted`; `middle` where nothing is.
fn best(wanted: &[f32], searched: &[f32], places: std::ops::Range<usize>, middle: usize) -> usize {
    let mut found = (NOTHING, middle);
    for place in places {
        // Of two that are as good the one nearer to its place is taken.
        let away = place as f32 / middle as f32 - 1.0;
        let likeness = likeness(wanted, &searched[place..place + wanted.len()]) * (1.0 - AWAY * away * away);
        if likeness > found.0 {
            found = (likeness, place);
        }
    }
    found.1
}

fn best_pair(wanted: &[Pair], searched: &[Pair], places: std::ops::Range<usize>, rough: usize) -> usize {
    let mut found = (NOTHING, rough);
    for place in places {
        let there = &searched[place..place + wanted.len()];
        let likeness = likeness(wanted.as_flattened(), there.as_flattened());
        if likeness > found.0 {
            found = (likeness, place);
        }
    }
    found.1
}

/// How alike two sounds are, as loud as they are.
fn likeness(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 8;
    let (mut product, mut power) = ([0.0; LANES], [0.0; LANES]);
    for (one, other) in one.as_chunks::<LANES>().0.iter().zip(other.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            product[lane] += one[lane] * other[lane];
            power[lane] += other[lane] * other[lane];
        }
    }
    product.iter().sum::<f32>() / (power.iter().sum::<f32>() + NOTHING).sqrt()
}
