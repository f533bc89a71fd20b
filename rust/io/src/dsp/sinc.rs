//! Sound between its samples, by a windowed sinc.

use std::f64::consts::PI;

/// Places between two samples for which the sinc is known; between them it is a straight line.
const PLACES: usize = 256;
/// What passes, of what could.
const PASS: f64 = 0.94;
const LANES: usize = 4;

/// The sinc for one ratio of rates, which may be any. It holds no sound: what is read depends on the place alone.
pub(crate) struct Sinc {
    /// Pairs of input that one of output is made of.
    taps: usize,
    /// The sinc for each place, one more than [`PLACES`], so that there always is a next one.
    table: Box<[f32]>,
}

impl Sinc {
    /// For so many pairs of input for each of output, with so many zero crossings on each side.
    pub(crate) fn new(ratio: f64, crossings: f64) -> Self {
        // What is read faster holds sound that would be too high to be heard.
        let cutoff = PASS * (1.0 / ratio).min(1.0);
        let half = ((crossings / cutoff).ceil() as usize).next_multiple_of(LANES / 2);
        let taps = 2 * half;
        let weight = |place: usize, tap: usize| {
            let x = tap as f64 - (half as f64 - 1.0) - place as f64 / PLACES as f64;
            let sinc = if x.abs() < 1e-9 { cutoff } else { (PI * cutoff * x).sin() / (PI * x) };
            sinc * window(0.5 + x / taps as f64)
        };
        let rows = (0..=PLACES).flat_map(|place| {
            // Silence of no frequency is as loud as it was.
            let sum: f64 = (0..taps).map(|tap| weight(place, tap)).sum();
            (0..taps).map(move |tap| (weight(place, tap) / sum) as f32)
        });
        Self { taps, table: rows.collect() }
    }

    /// Pairs of input that one of output is made of, an even number.
    pub(crate) fn taps(&self) -> usize {
        self.taps
    }

    /// The pair `way` (0.0 to 1.0) behind the middle one of [`Self::taps`], which is the last of the first half.
    pub(crate) fn read(&self, pairs: &[[f32; 2]], way: f64) -> [f32; 2] {
        let place = way * PLACES as f64;
        let way = place.fract() as f32;
        let rows = &self.table[place as usize * self.taps..][..2 * self.taps];
        let (one, other) = rows.split_at(self.taps);
        // Four sums of each channel, which the processor does side by side.
        let mut sums = [[0.0; 2]; LANES];
        let pieces = pairs.as_chunks::<LANES>().0.iter();
        for ((pairs, one), other) in pieces.zip(one.as_chunks::<LANES>().0).zip(other.as_chunks::<LANES>().0)
        {
            for lane in 0..LANES {
                let weight = one[lane] + (other[lane] - one[lane]) * way;
                sums[lane][0] += pairs[lane][0] * weight;
                sums[lane][1] += pairs[lane][1] * weight;
            }
        }
        sums.iter().fold([0.0; 2], |sum, one| [sum[0] + one[0], sum[1] + one[1]])
    }
}

/// Blackman's window.
fn window(way: f64) -> f64 {
    if !(0.0..=1.0).contains(&way) {
        return 0.0;
    }
    let turn = 2.0 * PI * way;
    0.42 - 0.5 * turn.cos() + 0.08 * (2.0 * turn).cos()
}
