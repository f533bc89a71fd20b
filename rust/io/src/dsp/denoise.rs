//! Takes what is no voice out of a row of sound (RNNoise).

use std::sync::LazyLock;

use isocord_proto::frame::{CHANNELS, FRAME_LEN};
use nnnoiseless::{DenoiseState, RnnModel};

/// Samples that it works on at once, and those that what it gives is late by.
const HOP: usize = DenoiseState::FRAME_SIZE;
pub(crate) const DELAY: usize = HOP;

/// One for all: it has 90 KB.
static MODEL: LazyLock<RnnModel> = LazyLock::new(RnnModel::default);

type State = Box<DenoiseState<'static>>;

/// One user's.
pub(crate) struct Denoiser {
    left: State,
    /// As long as both channels are one, there is none.
    right: Option<State>,
}

impl Denoiser {
    pub(crate) fn new() -> Self {
        Self { left: DenoiseState::with_model(&MODEL), right: None }
    }

    /// Works on a frame in place, full scale being 32,768; what comes out went in [`DELAY`] samples before.
    pub(crate) fn process(&mut self, pcm: &mut [f32; FRAME_LEN]) {
        let (mut sound, mut clean) = ([0.0; HOP], [0.0; HOP]);
        if self.right.is_none() && pcm.as_chunks::<CHANNELS>().0.iter().any(|[left, right]| left != right) {
            // Up to here the right one would have heard the same.
            self.right = Some(self.left.clone());
        }
        for hop in pcm.chunks_exact_mut(HOP * CHANNELS) {
            let mut channel = |state: &mut State, first: usize, last: usize| {
                let pairs = hop.as_chunks_mut::<CHANNELS>().0;
                sound.iter_mut().zip(&*pairs).for_each(|(sample, pair)| *sample = pair[first]);
                state.process_frame(&mut clean, &sound);
                pairs.iter_mut().zip(&clean).for_each(|(pair, sample)| pair[first..=last].fill(*sample));
            };
            match &mut self.right {
                None => channel(&mut self.left, 0, 1),
                Some(right) => {
                    channel(&mut self.left, 0, 0);
                    channel(right, 1, 1);
                }
            }
        }
    }
}
