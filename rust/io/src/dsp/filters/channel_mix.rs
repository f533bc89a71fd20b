//! Each side of the listener hears something of both channels.

use super::kind::{Filter, Kind, parameter};

pub(super) const KIND: Kind = Kind {
    name: "channel_mix",
    parameters: &[
        parameter("left_to_left", 1.0, 0.0, 1.0),
        parameter("left_to_right", 0.0, 0.0, 1.0),
        parameter("right_to_left", 0.0, 0.0, 1.0),
        parameter("right_to_right", 1.0, 0.0, 1.0),
    ],
    make: |values, _| Box::new(ChannelMix(std::array::from_fn(|index| values[index] as f32))),
};

struct ChannelMix([f32; 4]);

impl Filter for ChannelMix {
    fn process(&mut self, pcm: &mut Vec<f32>) {
        let [left_to_left, left_to_right, right_to_left, right_to_right] = self.0;
        for pair in pcm.as_chunks_mut::<2>().0 {
            let [left, right] = *pair;
            *pair =
                [left * left_to_left + right * right_to_left, left * left_to_right + right * right_to_right];
        }
    }
}
