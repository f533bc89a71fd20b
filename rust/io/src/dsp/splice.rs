//! One sound goes over into another.

use isocord_proto::frame::FRAME_SAMPLES;

/// Sample pairs that it takes: 10 ms, too short to be heard as a fade and too long to be heard as a click.
const LENGTH: usize = FRAME_SAMPLES / 2;

/// The first 10 ms of `new` come out of `old`, which was to follow in its place.
pub(crate) fn splice(old: &[f32], new: &mut [f32]) {
    let pairs = old.chunks_exact(2).zip(new.chunks_exact_mut(2)).take(LENGTH);
    for (index, (old, new)) in pairs.enumerate() {
        let way = (index + 1) as f32 / (LENGTH + 1) as f32;
        // Smooth at both ends: 3x^2 - 2x^3.
        let share = way * way * (3.0 - 2.0 * way);
        new[0] = old[0] + (new[0] - old[0]) * share;
        new[1] = old[1] + (new[1] - old[1]) * share;
    }
}

#[cfg(test)]
mod tests {
    use isocord_proto::frame::FRAME_LEN;

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
    fn the_same_sound_stays_the_same() {
        let mut new = std::array::from_fn::<_, FRAME_LEN, _>(|index| (index as f32).sin());
        let old = new;
        splice(&old, &mut new);
        assert_eq!(old, new);
    }
}
