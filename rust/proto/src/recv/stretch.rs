//! Makes sound a little longer or shorter without a break: a piece of it is repeated or left out where the
//! sound is most like itself, and one is faded into the other (WSOLA, as in WebRTC's NetEq).

use crate::frame::{CHANNELS, FRAME_SAMPLES};

/// The shortest piece: 2.5 ms, the period of 400 Hz.
pub(super) const MIN_PIECE: usize = 120;
/// The longest piece, and the longest fade: 10 ms, the period of 100 Hz.
const MAX_PIECE: usize = 480;
/// The likeness is searched for in steps of so many samples first.
const STEP: usize = 4;
/// From here on sounds are alike: there is nothing to hear.
const ALIKE: f32 = 0.8;
/// Where the samples are smaller on average, nobody hears a difference: 50 dB below the loudest.
const QUIET: u64 = 100;
/// A better moment is not waited for when so much is to be made up for: 20 ms.
const URGENT: usize = FRAME_SAMPLES;

/// Interleaved values of a window after [`STEP`].
type Coarse = [f32; (MAX_PIECE + MAX_PIECE) / STEP * CHANNELS];
/// Sums that go on side by side, which is how processors like it: one after the other, a search took longer than the
/// decoding of the packet.
const LANES: usize = 8;

/// Puts up to `wanted` samples per channel into the first `len` of `sound`, or takes them out if `wanted` is
/// less than zero. Returns the new length, which is the old one where the sound, or the room, does not suit.
pub(super) fn stretch(sound: &mut [i16], len: usize, wanted: i64) -> usize {
    let most = wanted.unsigned_abs() as usize;
    let longest = most.min(MAX_PIECE).min(len / 2);
    let is_longer = wanted > 0;
    if longest < MIN_PIECE || (is_longer && (len + longest) * CHANNELS > sound.len()) {
        return len;
    }
    let (piece, likeness) = find_piece(sound, len, longest);
    if likeness < ALIKE && most < URGENT && !is_quiet(&sound[..len * CHANNELS]) {
        return len;
    }
    let fade = (len - piece).min(MAX_PIECE);
    if is_longer {
        lengthen(sound, len, piece, fade);
        len + piece
    } else {
        shorten(sound, len, piece, fade);
        len - piece
    }
}

/// The length of the piece after which the sound is most like itself, and how much it is so: 1 at most.
fn find_piece(sound: &[i16], len: usize, longest: usize) -> (usize, f32) {
    let fade = (len - longest).min(MAX_PIECE);
    let mut coarse: Coarse = [0.0; _];
    let used = (fade + longest) / STEP;
    for (index, four) in sound.chunks_exact(STEP * CHANNELS).take(used).enumerate() {
        for (channel, value) in coarse[index * CHANNELS..][..CHANNELS].iter_mut().enumerate() {
            *value = four.iter().skip(channel).step_by(CHANNELS).map(|&sample| f32::from(sample)).sum();
        }
    }
    let rough = (MIN_PIECE.div_ceil(STEP)..=longest / STEP)
        .map(|piece| (piece * STEP, likeness(&coarse, fade / STEP, piece)));
    let (rough, _) = rough.fold((MIN_PIECE, f32::MIN), best);
    let fine = rough.saturating_sub(STEP - 1).max(MIN_PIECE)..=(rough + STEP - 1).min(longest);
    fine.map(|piece| (piece, likeness(sound, fade, piece))).fold((rough, f32::MIN), best)
}

fn is_quiet(sound: &[i16]) -> bool {
    let power: u64 = sound.iter().map(|&sample| u64::from(sample.unsigned_abs()).pow(2)).sum();
    power <= QUIET * QUIET * sound.len() as u64
}

fn best(one: (usize, f32), other: (usize, f32)) -> (usize, f32) {
    if other.1 >= one.1 { other } else { one }
}

/// The normalised correlation of the first `fade` samples with those that come `piece` later.
fn likeness<T: Copy + Into<f32>>(sound: &[T], fade: usize, piece: usize) -> f32 {
    let (first, second) = (&sound[..fade * CHANNELS], &sound[piece * CHANNELS..][..fade * CHANNELS]);
    let power = product(first, first) * product(second, second);
    product(first, second) / power.sqrt().max(1.0)
}

/// The scalar product of what is equally long.
fn product<T: Copy + Into<f32>>(one: &[T], other: &[T]) -> f32 {
    let ((ones, one_rest), (others, other_rest)) = (one.as_chunks::<LANES>(), other.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += one[lane].into() * other[lane].into();
        }
    }
    let rest = one_rest.iter().zip(other_rest).map(|(&one, &other)| one.into() * other.into());
    sums.iter().sum::<f32>() + rest.sum::<f32>()
}

/// Leaves `piece` out at the beginning: fades from the sound into what comes `piece` later.
fn shorten(sound: &mut [i16], len: usize, piece: usize, fade: usize) {
    for index in 0..fade * CHANNELS {
        sound[index] = mix(sound[index], sound[index + piece * CHANNELS], index / CHANNELS, fade);
    }
    sound.copy_within((fade + piece) * CHANNELS..len * CHANNELS, fade * CHANNELS);
}

/// Plays `piece` twice at the beginning: fades from what follows it into the sound from its beginning.
fn lengthen(sound: &mut [i16], len: usize, piece: usize, fade: usize) {
    sound.copy_within(fade * CHANNELS..len * CHANNELS, (piece + fade) * CHANNELS);
    // From the end, as what is written here may be read for what comes before it.
    for index in (0..fade * CHANNELS).rev() {
        let at = index + piece * CHANNELS;
        sound[at] = mix(sound[at], sound[index], index / CHANNELS, fade);
    }
}

fn mix(from: i16, to: i16, at: usize, of: usize) -> i16 {
    let (from, to, at, of) = (i32::from(from), i32::from(to), at as i32, of as i32);
    (from + (to - from) * at / of) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tone(hertz: f64, len: usize) -> Vec<i16> {
        let value =
            |i: usize| ((i as f64 / 48_000.0 * hertz * std::f64::consts::TAU).sin() * 10_000.0) as i16;
        (0..len).flat_map(|i| [value(i), -value(i)]).collect()
    }

    /// The frame before and the one after belong to it: the seams count.
    fn roughness(hertz: f64, wanted: i64) -> (i32, usize) {
        let whole = tone(hertz, 3 * 960);
        let mut middle = whole[960 * 2..1_920 * 2].to_vec();
        middle.resize(1_440 * 2, 0);
        let len = stretch(&mut middle, 960, wanted);
        let all = [&whole[..960 * 2], &middle[..len * 2], &whole[1_920 * 2..]].concat();
        let left: Vec<i32> = all.chunks(2).map(|pair| i32::from(pair[0])).collect();
        (left.windows(3).map(|w| (w[0] - 2 * w[1] + w[2]).abs()).max().unwrap(), len)
    }

    #[test]
    fn a_tone_stays_a_tone() {
        for hertz in [100.0, 137.0, 220.0, 440.0, 1_013.0] {
            let (before, _) = roughness(hertz, 0);
            for wanted in [-960, -300, 300, 960] {
                let (after, len) = roughness(hertz, wanted);
                let (moved, period) = (len as i64 - 960, (48_000.0 / hertz) as i64);
                // A whole period at least is put in or taken out, or nothing.
                assert_eq!(moved.signum(), if wanted.abs() < period { 0 } else { wanted.signum() });
                assert!(moved.abs() <= wanted.abs(), "{hertz} Hz: {len}");
                assert!(after <= before + before / 4 + 8, "{hertz} Hz, {wanted}: {before} to {after}");
            }
        }
    }

    #[test]
    fn what_is_like_nothing_waits_until_it_is_urgent() {
        let mut click = vec![0; 1_440 * 2];
        (0..200).for_each(|i| click[i] = if i % 3 == 0 { 20_000 } else { -9_000 });
        assert_eq!(stretch(&mut click.clone(), 960, 400), 960);
        assert!(stretch(&mut click, 960, 1_000) > 960);
    }

    proptest! {
        #[test]
        fn any_sound_of_any_length_is_taken(
            mut sound in proptest::collection::vec(any::<i16>(), 0..4_000),
            wanted in -6_000i64..6_000,
            room in 0usize..1_000,
        ) {
            let len = sound.len() / 2;
            sound.resize(len * 2 + room * 2, 0);
            let after = stretch(&mut sound, len, wanted);
            let moved = after as i64 - len as i64;
            prop_assert!(moved == 0 || (moved.signum() == wanted.signum() && moved.abs() <= wanted.abs()));
            prop_assert!(after * 2 <= sound.len());
        }
    }
}
