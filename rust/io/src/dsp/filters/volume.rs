//! Louder or quieter, at this place in the chain.

use super::kind::{Filter, Kind, parameter};

pub(super) const KIND: Kind = Kind {
    name: "volume",
    parameters: &[parameter("volume", 1.0, 0.0, 5.0)],
    make: |values, _| Box::new(Volume(values[0] as f32)),
};

struct Volume(f32);

impl Filter for Volume {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        pcm.iter_mut().for_each(|sample| *sample *= self.0);
    }
}
