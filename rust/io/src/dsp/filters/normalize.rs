//! Everything as loud as everything else (EBU R 128): a slow gain that follows a running measure.
//!
//! The measure is the gated loudness of the last half minute, so that another song is another measure, but a quiet
//! passage is not. It only goes forward: what comes again after going back gets the gains that it got before.

use ebur128::{EbuR128, Mode};
use isocord_proto::frame::SAMPLE_RATE;

use super::kind::{Filter, Kind, parameter};
use super::memory::Memory;

pub(super) const KIND: Kind = Kind {
    name: "normalize",
    parameters: &[parameter("target", -14.0, -40.0, -5.0), parameter("max_gain", 15.0, 0.0, 30.0)],
    make: |values, history| Box::new(Normalize::new(values[0], values[1], history)),
};

/// One that seeks a loudness in LUFS and never goes back.
pub(crate) fn normalizer(target: f64) -> Box<dyn Filter> {
    Box::new(Normalize::new(target, KIND.parameters[1].default, 0))
}

/// Sample pairs from one measure to the next: 100 ms, as BS.1770 moves its blocks on.
const HOP: usize = SAMPLE_RATE as usize / 10;
/// Blocks of 400 ms that are remembered, one for each hop.
const BLOCKS: usize = 300;
/// Blocks that are quieter are no sound (BS.1770, section 2.8), in LUFS.
const SILENCE: f64 = -70.0;
/// Blocks that are so much quieter than all do not count.
const GATE: f64 = -10.0;
/// Decibels in a hop that the gain moves: at first, and once the measure holds.
const FAST: f64 = 1.0;
const SLOW: f64 = 0.1;
/// Hops for which the measure is young: 4 s.
const YOUNG: u64 = 40;

struct Normalize {
    target: f64,
    max_gain: f64,
    meter: Option<EbuR128>,
    /// The energies of the last blocks that were sound.
    blocks: Vec<f64>,
    /// Blocks so far that were sound.
    heard: u64,
    /// Sample pairs that were measured.
    measured: u64,
    /// Gains in decibels at the end of each hop, by the number of the hop.
    gains: Box<[f64]>,
    /// Sample pairs so far.
    at: u64,
}

impl Normalize {
    fn new(target: f64, max_gain: f64, history: usize) -> Self {
        Self {
            target,
            max_gain,
            // It fails only for rates and channels that are none.
            meter: EbuR128::new(2, SAMPLE_RATE, Mode::M).ok(),
            blocks: Vec::with_capacity(BLOCKS),
            heard: 0,
            measured: 0,
            gains: vec![0.0; history / HOP + 4].into(),
            at: 0,
        }
    }

    /// The gain at the end of hop `number`, counted from 1; none has been before the first.
    fn gain_after(&self, number: u64) -> f64 {
        if number == 0 { 0.0 } else { self.gains[number as usize % self.gains.len()] }
    }

    fn measure(&mut self, pcm: &[f32]) {
        let known = (self.measured.saturating_sub(self.at) as usize * 2).min(pcm.len());
        let Some(meter) = &mut self.meter else { return };
        let new = &pcm[known..];
        // It fails only for halves of pairs.
        let _ = meter.add_frames_f32(new);
        self.measured += new.len() as u64 / 2;
        if new.is_empty() || !self.measured.is_multiple_of(HOP as u64) {
            return;
        }
        let hop = self.measured / HOP as u64;
        let loudness = meter.loudness_momentary().unwrap_or(f64::NEG_INFINITY);
        // The first blocks are not full.
        if loudness > SILENCE && hop >= 4 {
            let energy = energy(loudness);
            match self.blocks.len() {
                BLOCKS => self.blocks[(self.heard % BLOCKS as u64) as usize] = energy,
                _ => self.blocks.push(energy),
            }
            self.heard += 1;
        }
        let before = self.gain_after(hop - 1);
        let wanted =
            self.loudness().map_or(before, |loudness| (self.target - loudness).clamp(-40.0, self.max_gain));
        let most = if self.heard < YOUNG { FAST } else { SLOW };
        let len = self.gains.len();
        self.gains[hop as usize % len] = before + (wanted - before).clamp(-most, most);
    }

    /// Of the last half minute, gated as BS.1770 says.
    fn loudness(&self) -> Option<f64> {
        let mean = |floor: f64| {
            let loud = self.blocks.iter().filter(|energy| **energy >= floor);
            let (sum, count) = loud.fold((0.0, 0), |(sum, count), energy| (sum + energy, count + 1));
            (count > 0).then(|| sum / f64::from(count))
        };
        mean(mean(0.0)? * 10_f64.powf(GATE / 10.0)).map(|energy| 10.0 * energy.log10())
    }
}

fn energy(loudness: f64) -> f64 {
    10_f64.powf(loudness / 10.0)
}

fn factor(decibels: f64) -> f64 {
    10_f64.powf(decibels / 20.0)
}

impl Filter for Normalize {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        let mut rest = pcm.as_mut_slice();
        while !rest.is_empty() {
            let into = (self.at % HOP as u64) as usize;
            let (piece, next) = rest.split_at_mut(rest.len().min((HOP - into) * 2));
            rest = next;
            let hop = self.at / HOP as u64;
            // From the gain that the hop before last asked for to that of the last: both are known now.
            let (from, to) = (factor(self.gain_after(hop.saturating_sub(1))), factor(self.gain_after(hop)));
            self.measure(piece);
            for (index, pair) in piece.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                let gain = (from + (to - from) * (into + index) as f64 / HOP as f64) as f32;
                *pair = pair.map(|sample| sample * gain);
            }
            self.at += piece.len() as u64 / 2;
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        memory.count(&mut self.at);
    }
}
