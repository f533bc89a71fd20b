//! A gain that goes over into another in its time.

use isocord_proto::frame::FRAME_SAMPLES;

/// A gain by the number of the sample, so that going back gives the same again.
///
/// The power goes over along a curve without a kink, whose two halves add up: of two sounds, one of which goes while
/// the other comes, the power stays what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ramp {
    from: f32,
    to: f32,
    start: u64,
    len: u64,
}

impl Ramp {
    /// A gain that stays.
    pub(crate) const fn steady(gain: f32) -> Self {
        Self { from: gain, to: gain, start: 0, len: 0 }
    }

    /// Where it goes.
    pub(crate) fn target(&self) -> f32 {
        self.to
    }

    /// The first sample that has the new gain.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.len
    }

    /// From sample `at` on, the first of a frame, it goes to another gain, in `len` samples.
    pub(crate) fn turn(&mut self, to: f32, at: u64, len: u64) {
        *self = Self { from: self.at(at), to, start: at, len };
    }

    /// The gain of a sample.
    pub(crate) fn at(&self, sample: u64) -> f32 {
        if sample >= self.end() {
            return self.to;
        }
        self.on_the_way(sample.saturating_sub(self.start) as f32 / self.len as f32)
    }

    /// Multiplies the gains of a frame that begins with sample `at`.
    pub(crate) fn apply(&self, at: u64, gains: &mut [f32; FRAME_SAMPLES]) {
        if at >= self.end() {
            if self.to != 1.0 {
                gains.iter_mut().for_each(|gain| *gain *= self.to);
            }
            return;
        }
        let step = 1.0 / self.len as f32;
        let first = (at as f64 - self.start as f64) as f32 * step;
        for (index, gain) in gains.iter_mut().enumerate() {
            *gain *= self.on_the_way((first + index as f32 * step).clamp(0.0, 1.0));
        }
    }

    /// 35x^4 - 84x^5 + 70x^6 - 20x^7 is as flat at both ends as the root of it, which is the gain, needs to be.
    fn on_the_way(&self, way: f32) -> f32 {
        // The second half mirrors the first: so close to nothing, too, little is lost to rounding.
        let half = way.min(1.0 - way);
        let squared = half * half;
        let share = squared * squared * (35.0 + half * (-84.0 + half * (70.0 - 20.0 * half)));
        let (left, come) = if way > 0.5 { (share, 1.0 - share) } else { (1.0 - share, share) };
        (self.from * self.from * left + self.to * self.to * come).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gains(ramp: Ramp, frames: u64) -> Vec<f32> {
        let frame = |number| {
            let mut gains = [1.0; FRAME_SAMPLES];
            ramp.apply(number * FRAME_SAMPLES as u64, &mut gains);
            gains
        };
        (0..frames).flat_map(frame).collect()
    }

    #[test]
    fn it_goes_from_one_gain_to_the_other_without_a_step_or_a_kink() {
        for (from, to, len) in [(0.0, 1.0, 9_600), (1.0, 0.25, 1_920), (2.0, 0.0, 48_000), (0.3, 1.7, 19_200)]
        {
            let mut ramp = Ramp::steady(from);
            ramp.turn(to, 960, len);
            let gains = gains(ramp, 60);
            assert!(gains[..960].iter().all(|gain| (gain - from).abs() < 1e-6));
            assert!(gains[960 + len as usize..].iter().all(|gain| *gain == to));
            let bend = |three: &[f32]| f64::from(three[0]) - 2.0 * f64::from(three[1]) + f64::from(three[2]);
            let most = gains.windows(3).map(|three| bend(three).abs()).fold(0.0, f64::max);
            let apart = f64::from((to - from).abs());
            let allowed = 20.0 * apart / (len as f64 * len as f64) + 2e-6;
            assert!(most < allowed, "{from} to {to}: {most} > {allowed}");
            assert!((gains[960 + len as usize / 2] - ramp.at(960 + len / 2)).abs() < 1e-5);
        }
    }

    #[test]
    fn what_goes_and_what_comes_have_the_power_of_one() {
        let (mut goes, mut comes) = (Ramp::steady(1.0), Ramp::steady(0.0));
        goes.turn(0.0, 0, 9_600);
        comes.turn(1.0, 0, 9_600);
        for (one, two) in gains(goes, 11).into_iter().zip(gains(comes, 11)) {
            assert!((one * one + two * two - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn one_that_is_turned_on_its_way_goes_on_from_where_it_is() {
        let mut ramp = Ramp::steady(1.0);
        ramp.turn(0.0, 0, 9_600);
        let half = ramp.at(4_800);
        ramp.turn(1.0, 4_800, 4_800);
        assert_eq!(ramp.at(4_800), half);
        assert_eq!(ramp.at(9_600), 1.0);
    }
}
