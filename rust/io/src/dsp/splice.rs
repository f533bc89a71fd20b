//! One sound goes over into another.

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

/// Sample pairs that it takes: 10 ms, too short to be heard as a fade and too long to be heard as a click.
const LENGTH: usize = FRAME_SAMPLES / 2;

/// The first 10 ms of `new` come out of `old`, which was to follow in its place.
pub(crate) fn splice(old: &[f32; FRAME_LEN], new: &mut [f32; FRAME_LEN]) {
    let pairs = old.chunks_exact(2).zip(new.chunks_exact_mut(2)).take(LENGTH);
    for (index, (old, new)) in pairs.enumerate() {
        let way = (index + 1) as f32 / (LENGTH + 1) as f32;
        // Smooth at both ends: 3x^2 - 2x^3.
        let share = way * way * (3.0 - 2.0 * way);
        new[0] = old[0] + (new[0] - old[0]) * share;
        new[1] = old[1] + (new[1] - old[1]) * share;
    }
}

/// What might follow a frame: its end, mirrored at the last sample so that neither level nor slope jumps.
pub(crate) fn swing_on(last: &[f32; FRAME_LEN]) -> [f32; FRAME_LEN] {
    let end = FRAME_LEN - 2;
    std::array::from_fn(|index| {
        let (back, side) = (index / 2 + 1, index % 2);
        let mirrored = last[end.saturating_sub(back * 2) + side];
        2.0 * last[end + side] - mirrored
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_one_level_to_another_there_is_no_step_and_no_kink() {
        let mut new = [-0.5; FRAME_LEN];
        splice(&[0.5; FRAME_LEN], &mut new);
        let left = new.iter().step_by(2).copied().collect::<Vec<_>>();
        assert!(left[0] > 0.499 && left[LENGTH..].iter().all(|&sample| sample == -0.5));
        assert!(left.windows(3).all(|three| (three[0] - 2.0 * three[1] + three[2]).abs() < 4e-5));
    }

    #[test]
    fn what_swings_on_goes_on_as_it_went() {
        let wave = |from: usize| std::array::from_fn(|index| ((from + index / 2) as f32 * 0.05).sin() * 0.3);
        let (last, on): ([f32; FRAME_LEN], _) = (wave(0), swing_on(&wave(0)));
        let both = last.iter().chain(&on[..FRAME_LEN / 2]).step_by(2).copied().collect::<Vec<_>>();
        let bend = |three: &[f32]| (three[0] - 2.0 * three[1] + three[2]).abs();
        assert!(both.windows(3).map(bend).fold(0.0, f32::max) < 1.1 * 0.3 * 0.05 * 0.05);
    }

    #[test]
    fn the_same_sound_stays_the_same() {
        let mut new = std::array::from_fn(|index| (index as f32).sin());
        let old = new;
        splice(&old, &mut new);
        assert_eq!(old, new);
    }
}
