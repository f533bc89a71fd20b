//! Any channel layout to stereo, with the coefficients of ITU-R BS.775: centre and surround at -3 dB, no LFE.

use symphonia::core::audio::{ChannelLabel, Channels, Position};

/// -3 dB.
const HALF_POWER: f32 = std::f32::consts::FRAC_1_SQRT_2;

type Pair = (f32, f32);

const LEFT: Pair = (1.0, 0.0);
const RIGHT: Pair = (0.0, 1.0);
const CENTRE: Pair = (HALF_POWER, HALF_POWER);
const LEFT_SURROUND: Pair = (HALF_POWER, 0.0);
const RIGHT_SURROUND: Pair = (0.0, HALF_POWER);
const BACK: Pair = (0.5, 0.5);
const SILENT: Pair = (0.0, 0.0);

/// How much of each channel goes left and right.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StereoMatrix {
    gains: Vec<Pair>,
}

impl StereoMatrix {
    /// The matrix for what a decoder says about its channels.
    pub(crate) fn new(channels: &Channels) -> Self {
        let gains = match channels {
            Channels::Positioned(positions) => positions.iter().map(position_gains).collect(),
            Channels::Custom(labels)
                if labels.iter().all(|label| matches!(label, ChannelLabel::Positioned(_))) =>
            {
                let gains = |label: &ChannelLabel| match label {
                    ChannelLabel::Positioned(position) => position_gains(*position),
                    _ => SILENT,
                };
                labels.iter().map(gains).collect()
            }
            // The first ambisonic channel is the sound from everywhere.
            Channels::Ambisonic(_) => {
                let mut gains = vec![SILENT; channels.count()];
                if let Some(first) = gains.first_mut() {
                    *first = (1.0, 1.0);
                }
                gains
            }
            _ => unnamed(channels.count()),
        };
        Self::normalised(gains)
    }

    /// How much of each channel goes left and right.
    pub(crate) fn gains(&self) -> &[(f32, f32)] {
        &self.gains
    }

    /// The matrix for the channel order of Vorbis and surround Opus (RFC 7845, 5.1.1.2), 1 to 8 channels.
    pub(crate) fn vorbis_order(channels: u8) -> Self {
        Self::normalised(match channels {
            1 => vec![CENTRE],
            2 => vec![LEFT, RIGHT],
            3 => vec![LEFT, CENTRE, RIGHT],
            4 => vec![LEFT, RIGHT, LEFT_SURROUND, RIGHT_SURROUND],
            5 => vec![LEFT, CENTRE, RIGHT, LEFT_SURROUND, RIGHT_SURROUND],
            6 => vec![LEFT, CENTRE, RIGHT, LEFT_SURROUND, RIGHT_SURROUND, SILENT],
            7 => vec![LEFT, CENTRE, RIGHT, LEFT_SURROUND, RIGHT_SURROUND, BACK, SILENT],
            _ => vec![
                LEFT,
                CENTRE,
                RIGHT,
                LEFT_SURROUND,
                RIGHT_SURROUND,
                LEFT_SURROUND,
                RIGHT_SURROUND,
                SILENT,
            ],
        })
    }

    /// Scale so that full scale in every channel is full scale at most. One channel alone goes to both sides whole.
    fn normalised(mut gains: Vec<Pair>) -> Self {
        let left = gains.iter().map(|gain| gain.0).sum::<f32>();
        let right = gains.iter().map(|gain| gain.1).sum::<f32>();
        let loudest = left.max(right);
        if loudest > 0.0 && (loudest > 1.0 || gains.len() == 1) {
            for gain in &mut gains {
                *gain = (gain.0 / loudest, gain.1 / loudest);
            }
        }
        if let [only] = &mut gains[..] {
            *only = (1.0, 1.0);
        }
        Self { gains }
    }

    /// Number of input channels.
    pub(crate) fn channels(&self) -> usize {
        self.gains.len()
    }

    /// Mix interleaved input and append interleaved stereo.
    pub(crate) fn mix_into(&self, input: &[f32], out: &mut Vec<f32>) {
        match &self.gains[..] {
            [] => {}
            [_] => out.extend(input.iter().flat_map(|&sample| [sample, sample])),
            [LEFT, RIGHT] => out.extend_from_slice(input),
            gains => {
                out.reserve(input.len() / gains.len() * 2);
                for frame in input.chunks_exact(gains.len()) {
                    let (mut left, mut right) = (0.0, 0.0);
                    for (sample, gain) in frame.iter().zip(gains) {
                        left += sample * gain.0;
                        right += sample * gain.1;
                    }
                    out.extend([left, right]);
                }
            }
        }
    }
}

fn position_gains(position: Position) -> Pair {
    match position {
        Position::FRONT_LEFT | Position::FRONT_LEFT_WIDE => LEFT,
        Position::FRONT_RIGHT | Position::FRONT_RIGHT_WIDE => RIGHT,
        Position::FRONT_CENTER => CENTRE,
        Position::FRONT_LEFT_CENTER => (1.0, 0.5),
        Position::FRONT_RIGHT_CENTER => (0.5, 1.0),
        Position::LFE1 | Position::LFE2 => SILENT,
        Position::REAR_LEFT
        | Position::SIDE_LEFT
        | Position::TOP_FRONT_LEFT
        | Position::TOP_REAR_LEFT
        | Position::TOP_SIDE_LEFT
        | Position::BOTTOM_FRONT_LEFT => LEFT_SURROUND,
        Position::REAR_RIGHT
        | Position::SIDE_RIGHT
        | Position::TOP_FRONT_RIGHT
        | Position::TOP_REAR_RIGHT
        | Position::TOP_SIDE_RIGHT
        | Position::BOTTOM_FRONT_RIGHT => RIGHT_SURROUND,
        _ => BACK,
    }
}

/// Channels without names, in the order of WAV files.
fn unnamed(count: usize) -> Vec<Pair> {
    let named = [LEFT, RIGHT, CENTRE, SILENT, LEFT_SURROUND, RIGHT_SURROUND, LEFT_SURROUND, RIGHT_SURROUND];
    match count {
        1 => vec![CENTRE],
        2 | 3 | 6 | 8 => named[..count].to_vec(),
        4 => vec![LEFT, RIGHT, LEFT_SURROUND, RIGHT_SURROUND],
        5 => vec![LEFT, RIGHT, CENTRE, LEFT_SURROUND, RIGHT_SURROUND],
        7 => vec![LEFT, RIGHT, CENTRE, SILENT, BACK, LEFT_SURROUND, RIGHT_SURROUND],
        _ => (0..count).map(|index| if index % 2 == 0 { LEFT } else { RIGHT }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::audio::layouts;

    fn mixed(matrix: &StereoMatrix, frame: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        matrix.mix_into(frame, &mut out);
        out
    }

    #[test]
    fn mono_and_stereo_keep_their_level() {
        assert_eq!(mixed(&StereoMatrix::new(&layouts::CHANNEL_LAYOUT_MONO), &[0.5]), [0.5, 0.5]);
        assert_eq!(mixed(&StereoMatrix::new(&layouts::CHANNEL_LAYOUT_STEREO), &[0.5, 0.25]), [0.5, 0.25]);
        assert_eq!(mixed(&StereoMatrix::new(&Channels::Discrete(1)), &[0.5]), [0.5, 0.5]);
        assert_eq!(mixed(&StereoMatrix::vorbis_order(1), &[1.0]), [1.0, 1.0]);
    }

    #[test]
    fn surround_never_clips_and_drops_the_lfe() {
        let matrix = StereoMatrix::new(&layouts::CHANNEL_LAYOUT_5P1);
        let loud = mixed(&matrix, &[1.0; 6]);
        assert!(loud.iter().all(|sample| (0.99..=1.000_001).contains(sample)));
        assert_eq!(mixed(&matrix, &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]), [0.0, 0.0]);
        let centre = mixed(&matrix, &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        let left = mixed(&matrix, &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((centre[0] / left[0] - HALF_POWER).abs() < 1e-6 && left[1] == 0.0);
        for count in 1..12 {
            let matrix = StereoMatrix::new(&Channels::Discrete(count));
            assert!(mixed(&matrix, &vec![1.0; usize::from(count)]).iter().all(|sample| *sample <= 1.000_001));
        }
    }
}
