//! Takes the low away: a Butterworth filter of the second order.

use biquad::{Biquad, Coefficients, DirectForm2Transposed, Q_BUTTERWORTH_F64, Type};
use isocord_proto::frame::SAMPLE_RATE;

use super::kind::{Filter, Kind, parameter};
use super::memory::Memory;

pub(super) const KIND: Kind = Kind {
    name: "high_pass",
    parameters: &[parameter("frequency", 100.0, 10.0, 20_000.0)],
    make: |values, _| Box::new(HighPass([DirectForm2Transposed::new(coefficients(values[0])); 2])),
};

struct HighPass([DirectForm2Transposed<f64>; 2]);

fn coefficients(hertz: f64) -> Coefficients<f64> {
    let part = 2.0 * hertz / f64::from(SAMPLE_RATE);
    // It fails only beyond the range of the parameter; then all passes.
    Coefficients::from_normalized_params(Type::HighPass, part, Q_BUTTERWORTH_F64).unwrap_or(Coefficients {
        a1: 0.0,
        a2: 0.0,
        b0: 1.0,
        b1: 0.0,
        b2: 0.0,
    })
}

impl Filter for HighPass {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        for pair in pcm.as_chunks_mut::<2>().0 {
            for (sample, section) in pair.iter_mut().zip(&mut self.0) {
                *sample = section.run(f64::from(*sample)) as f32;
            }
        }
    }

    fn remember(&mut self, memory: &mut Memory) {
        for section in &mut self.0 {
            memory.number(&mut section.s1);
            memory.number(&mut section.s2);
        }
    }
}
