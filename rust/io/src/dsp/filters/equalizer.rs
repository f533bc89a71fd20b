//! Fifteen bands, two thirds of an octave each.
//!
//! The sound of a band is added to the whole, four times its gain: at -0.25 nothing is left in the band's middle, at
//! 0.25 it is twice as loud, at 1.0 five times.

use std::f64::consts::TAU;

use isocord_proto::frame::SAMPLE_RATE;

use super::kind::{Filter, Kind, Parameter, parameter};
use super::line::NOTHING;
use super::memory::Memory;

const BANDS: usize = 15;
const HERTZ: [f64; BANDS] = [
    25.0, 40.0, 63.0, 100.0, 160.0, 250.0, 400.0, 630.0, 1_000.0, 1_600.0, 2_500.0, 4_000.0, 6_300.0,
    10_000.0, 16_000.0,
];
/// The middle of a band through its width.
const QUALITY: f64 = 2.144_9;
/// Bands that are computed side by side.
const LANES: usize = 4;
type Lanes = [f64; LANES];

pub(super) const KIND: Kind = Kind {
    name: "equalizer",
    parameters: &[
        gain("25"),
        gain("40"),
        gain("63"),
        gain("100"),
        gain("160"),
        gain("250"),
        gain("400"),
        gain("630"),
        gain("1000"),
        gain("1600"),
        gain("2500"),
        gain("4000"),
        gain("6300"),
        gain("10000"),
        gain("16000"),
    ],
    make: |values, _| Box::new(Equalizer::new(values)),
};

const fn gain(hertz: &'static str) -> Parameter {
    parameter(hertz, 0.0, -0.25, 1.0)
}

struct Equalizer(Vec<Group>);

/// Band passes side by side, of the second order, in the transposed direct form II.
#[derive(Default)]
struct Group {
    input: Lanes,
    last: Lanes,
    before: Lanes,
    /// Two states for each channel.
    states: [[Lanes; 2]; 2],
}

impl Equalizer {
    fn new(gains: &[f64]) -> Self {
        let heard: Vec<_> = HERTZ.into_iter().zip(gains).filter(|(_, gain)| **gain != 0.0).collect();
        let groups = heard.chunks(LANES).map(|bands| {
            let mut group = Group::default();
            for (lane, &(hertz, gain)) in bands.iter().enumerate() {
                let turn = TAU * hertz / f64::from(SAMPLE_RATE);
                let width = (turn / (2.0 * QUALITY)).tan();
                group.input[lane] = 4.0 * gain * width / (1.0 + width);
                group.last[lane] = 2.0 * turn.cos() / (1.0 + width);
                group.before[lane] = -(1.0 - width) / (1.0 + width);
            }
            group
        });
        Self(groups.collect())
    }
}

impl Group {
    fn add_to(&mut self, pcm: &mut [f32], heard: &[f32]) {
        for (pair, heard) in pcm.as_chunks_mut::<2>().0.iter_mut().zip(heard.as_chunks::<2>().0) {
            for (channel, [first, second]) in self.states.iter_mut().enumerate() {
                let sample = f64::from(heard[channel]);
                let mut sum = 0.0;
                for lane in 0..LANES {
                    let input = self.input[lane] * sample;
                    let output = input + first[lane];
                    first[lane] = second[lane] + self.last[lane] * output;
                    second[lane] = self.before[lane] * output - input;
                    sum += output;
                }
                pair[channel] += sum as f32;
            }
        }
        // What has died away is zero, or it would go on in numbers that are slow to compute with.
        let states = self.states.as_flattened_mut().as_flattened_mut();
        states.iter_mut().filter(|state| state.abs() < f64::from(NOTHING)).for_each(|state| *state = 0.0);
    }
}

impl Filter for Equalizer {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        // A group adds to what has been heard by all of them: in pieces that stay close by.
        let mut heard = [0.0; 128];
        for piece in pcm.chunks_mut(heard.len()) {
            let heard = &mut heard[..piece.len()];
            heard.copy_from_slice(piece);
            self.0.iter_mut().for_each(|group| group.add_to(piece, heard));
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        for group in &mut self.0 {
            memory.numbers(group.states.as_flattened_mut().as_flattened_mut());
        }
    }
}
