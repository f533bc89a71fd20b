//! Bends the sound by a product of sine, cosine and tangent.

use super::kind::{Filter, Kind, parameter};

pub(super) const KIND: Kind = Kind {
    name: "distortion",
    parameters: &[
        parameter("sin_offset", 0.0, -100.0, 100.0),
        parameter("sin_scale", 1.0, -100.0, 100.0),
        parameter("cos_offset", 0.0, -100.0, 100.0),
        parameter("cos_scale", 1.0, -100.0, 100.0),
        parameter("tan_offset", 0.0, -100.0, 100.0),
        parameter("tan_scale", 1.0, -100.0, 100.0),
        parameter("offset", 0.0, -100.0, 100.0),
        parameter("scale", 1.0, -100.0, 100.0),
    ],
    make: |values, _| {
        let [sin_offset, sin, cos_offset, cos, tan_offset, tan, offset, scale] =
            std::array::from_fn(|index| values[index] as f32);
        Box::new(Distortion {
            offsets: [sin_offset, cos_offset, tan_offset],
            scales: [sin, cos, tan],
            offset,
            scale,
        })
    },
};

struct Distortion {
    offsets: [f32; 3],
    scales: [f32; 3],
    offset: f32,
    scale: f32,
}

impl Filter for Distortion {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        let ([sin_offset, cos_offset, tan_offset], [sin, cos, tan]) = (self.offsets, self.scales);
        for sample in pcm {
            let product = (sin_offset + (*sample * sin).sin())
                * (cos_offset + (*sample * cos).cos())
                * (tan_offset + (*sample * tan).tan());
            *sample = (self.offset + self.scale * product).clamp(-1.0, 1.0);
        }
    }
}
