//! The sum of all users, a little late so that late frames still get in, kept from clipping.

/// The limiter works in blocks of 5 ms.
const BLOCK: usize = 240;
const BLOCK_LEN: usize = 2 * BLOCK;
/// What the gain may rise by in a block: from a half to full in about a second and a quarter.
const RELEASE: f32 = 0.002;
const FULL: f32 = i16::MAX as f32;

/// Takes an unbroken row of sound, in stereo.
pub(crate) trait PcmRow {
    type Error;

    fn gap(&mut self, samples: u64) -> Result<(), Self::Error>;
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), Self::Error>;
}

/// Sums stereo in a window that moves along the recording's time.
pub(crate) struct Mixdown {
    /// Sums from `base` on, interleaved.
    sums: Vec<i32>,
    base: u64,
    /// The end of what was added.
    end: u64,
    gain: f32,
    out: Vec<i16>,
    /// Samples that came after their place had left.
    pub late: u64,
}

impl Mixdown {
    /// `window` in samples, at least two blocks.
    pub(crate) fn new(window: u64) -> Self {
        let blocks = (window as usize).div_ceil(BLOCK).max(2);
        Self { sums: vec![0; blocks * BLOCK_LEN], base: 0, end: 0, gain: 1.0, out: Vec::new(), late: 0 }
    }

    fn window(&self) -> u64 {
        self.sums.len() as u64 / 2
    }

    /// Adds sound at `at`; what lies past the window pushes the oldest out.
    pub(crate) fn add<R: PcmRow>(
        &mut self,
        mut at: u64,
        mut pcm: &[i16],
        row: &mut R,
    ) -> Result<(), R::Error> {
        if at < self.base {
            let cut = (self.base - at).min(pcm.len() as u64 / 2);
            self.late += cut;
            pcm = &pcm[2 * cut as usize..];
            at += cut;
        }
        while !pcm.is_empty() {
            let step = pcm.len().min(self.sums.len() / 2);
            let end = at + step as u64 / 2;
            if end > self.base + self.window() {
                self.flush(end - self.window(), row)?;
            }
            let start = 2 * (at - self.base) as usize;
            for (sum, &sample) in self.sums[start..].iter_mut().zip(&pcm[..step]) {
                *sum += i32::from(sample);
            }
            pcm = &pcm[step..];
            at = end;
        }
        self.end = self.end.max(at);
        Ok(())
    }

    /// Hands on what lies before `until`, in whole blocks, the last one past it.
    pub(crate) fn flush<R: PcmRow>(&mut self, until: u64, row: &mut R) -> Result<(), R::Error> {
        if until <= self.base {
            return Ok(());
        }
        let blocks = (until - self.base).div_ceil(BLOCK as u64);
        let held = (self.sums.len() / BLOCK_LEN) as u64;
        let now = blocks.min(held) as usize;
        self.out.clear();
        for index in 0..now {
            self.block(index);
        }
        let len = now * BLOCK_LEN;
        self.sums.copy_within(len.., 0);
        let rest = self.sums.len() - len;
        self.sums[rest..].fill(0);
        self.base += blocks * BLOCK as u64;
        if self.out.iter().any(|&sample| sample != 0) {
            row.pcm(&self.out)?;
        } else {
            row.gap(self.out.len() as u64 / 2)?;
        }
        if blocks > held { row.gap((blocks - held) * BLOCK as u64) } else { Ok(()) }
    }

    /// Everything up to `end` exactly.
    pub(crate) fn finish<R: PcmRow>(&mut self, end: u64, row: &mut R) -> Result<(), R::Error> {
        if end <= self.base {
            return Ok(());
        }
        let mut tail = Cut { row, left: end - self.base };
        self.flush(end, &mut tail)?;
        self.base = end;
        Ok(())
    }

    /// Where the next sound to leave lies.
    pub(crate) fn begin(&self) -> u64 {
        self.base
    }

    /// The end of all sound that was added.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Where the sum is too loud the gain is down before it comes; elsewhere samples pass unchanged.
    fn block(&mut self, index: usize) {
        let sums = &self.sums[index * BLOCK_LEN..];
        let needed = |block: &[i32]| {
            let peak = block.iter().map(|sum| sum.unsigned_abs()).max().unwrap_or(0);
            if peak > i16::MAX as u32 + 1 { FULL / peak as f32 } else { 1.0 }
        };
        let here = needed(&sums[..BLOCK_LEN]);
        let next = sums.get(BLOCK_LEN..2 * BLOCK_LEN).map_or(1.0, needed);
        let (from, to) = (self.gain.min(here), (self.gain + RELEASE).min(here).min(next));
        let clip = |sum: i32| sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        if from >= 1.0 && to >= 1.0 {
            self.out.extend(sums[..BLOCK_LEN].iter().map(|&sum| clip(sum)));
        } else {
            for (pair, frame) in sums[..BLOCK_LEN].chunks_exact(2).enumerate() {
                let gain = from + (to - from) * (pair + 1) as f32 / BLOCK as f32;
                self.out.extend(frame.iter().map(|&sum| clip((sum as f32 * gain) as i32)));
            }
        }
        self.gain = to;
    }
}

/// Lets only so many samples through.
struct Cut<'a, R> {
    row: &'a mut R,
    left: u64,
}

impl<R: PcmRow> PcmRow for Cut<'_, R> {
    type Error = R::Error;

    fn gap(&mut self, samples: u64) -> Result<(), R::Error> {
        let samples = samples.min(self.left);
        self.left -= samples;
        if samples > 0 { self.row.gap(samples) } else { Ok(()) }
    }
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), R::Error> {
        let samples = (pcm.len() as u64 / 2).min(self.left);
        self.left -= samples;
        self.row.pcm(&pcm[..2 * samples as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Tape(Vec<i16>);

    impl PcmRow for Tape {
        type Error = std::convert::Infallible;

        fn gap(&mut self, samples: u64) -> Result<(), Self::Error> {
            self.0.resize(self.0.len() + 2 * samples as usize, 0);
            Ok(())
        }
        fn pcm(&mut self, pcm: &[i16]) -> Result<(), Self::Error> {
            self.0.extend(pcm);
            Ok(())
        }
    }

    #[test]
    fn what_is_not_too_loud_passes_exactly() {
        let (mut mixdown, mut tape) = (Mixdown::new(9_600), Tape::default());
        for n in 0..100u64 {
            let frame: Vec<i16> = (0..1_920).map(|i| ((n * 1_920 + i) % 20_011) as i16).collect();
            mixdown.add(n * 960, &frame, &mut tape).unwrap();
            mixdown.add(n * 960, &[1; 1_920], &mut tape).unwrap();
        }
        mixdown.finish(96_000, &mut tape).unwrap();
        assert_eq!(tape.0.len(), 192_000);
        assert!(tape.0.iter().enumerate().all(|(i, &sample)| sample == (i % 20_011) as i16 + 1));
    }

    #[test]
    fn loud_sums_are_turned_down_and_never_wrap() {
        let (mut mixdown, mut tape) = (Mixdown::new(9_600), Tape::default());
        for n in 0..50u64 {
            for _ in 0..4 {
                mixdown.add(n * 960, &[30_000; 1_920], &mut tape).unwrap();
            }
        }
        mixdown.finish(48_000, &mut tape).unwrap();
        assert!(tape.0.iter().all(|&sample| sample > 30_000), "{:?}", tape.0.iter().min());
    }

    #[test]
    fn late_sound_gets_in_while_the_window_holds() {
        let (mut mixdown, mut tape) = (Mixdown::new(9_600), Tape::default());
        mixdown.add(8_640, &[7; 1_920], &mut tape).unwrap();
        mixdown.add(0, &[5; 1_920], &mut tape).unwrap();
        mixdown.add(100_000, &[9; 2], &mut tape).unwrap();
        mixdown.add(0, &[5; 1_920], &mut tape).unwrap();
        assert_eq!(mixdown.late, 960);
        mixdown.finish(100_001, &mut tape).unwrap();
        assert_eq!(tape.0.len(), 200_002);
        assert_eq!((tape.0[0], tape.0[2 * 8_640], tape.0[200_001]), (5, 7, 9));
    }
}
