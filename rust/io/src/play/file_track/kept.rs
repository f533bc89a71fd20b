//! The sound of frames that have not left, and of a few that have: what is encoded anew when something changes.

use std::collections::VecDeque;

use isocord_proto::frame::FRAME_LEN;

/// One frame's sound, before any gain.
pub(super) enum Sound {
    /// A packet of the source.
    Packet(Vec<u8>),
    /// PCM.
    Pcm(Box<Samples>),
}

/// PCM in 16 bits that count from the frame's own level, so that quiet sound loses nothing and loud sound is not cut:
/// half the memory of what it came as. What was 16 bits is kept exactly.
pub(super) struct Samples {
    /// A power of two that no sample exceeds.
    scale: f32,
    values: [i16; FRAME_LEN],
}

impl Samples {
    fn empty() -> Box<Self> {
        Box::new(Self { scale: 1.0, values: [0; FRAME_LEN] })
    }

    fn fill(&mut self, pcm: &[f32; FRAME_LEN]) {
        let peak = pcm.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
        self.scale = (-16..=8).map(|power| 2_f32.powi(power)).find(|&scale| peak <= scale).unwrap_or(256.0);
        let unit = 32_768.0 / self.scale;
        for (value, sample) in self.values.iter_mut().zip(pcm) {
            // The cast saturates.
            *value = (sample * unit).round() as i16;
        }
    }

    pub(super) fn copy_to(&self, pcm: &mut [f32; FRAME_LEN]) {
        let unit = self.scale / 32_768.0;
        for (sample, value) in pcm.iter_mut().zip(&self.values) {
            *sample = f32::from(*value) * unit;
        }
    }
}

/// How a frame was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Made {
    /// Not yet.
    No,
    /// It is the source's packet.
    Passed,
    /// It was encoded, with this complexity, and has this gain at its end.
    Encoded {
        /// 0 to 10.
        complexity: u8,
        /// 1.0 for the sound as it is.
        gain: f32,
    },
}

/// A frame's sound and what became of it.
pub(super) struct Kept {
    pub sound: Sound,
    pub made: Made,
}

/// Frames by their number in the track.
pub(super) struct KeptFrames {
    frames: VecDeque<Kept>,
    first: u64,
    /// Room of frames that went, for those that come.
    spare: Vec<Sound>,
}

impl KeptFrames {
    pub(super) fn new() -> Self {
        Self { frames: VecDeque::new(), first: 0, spare: Vec::new() }
    }

    /// Number of the oldest one.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// Number of the one that is kept next.
    pub(super) fn end(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    pub(super) fn get(&self, number: u64) -> Option<&Kept> {
        self.frames.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    pub(super) fn made(&self, number: u64) -> Made {
        self.get(number).map_or(Made::No, |kept| kept.made)
    }

    pub(super) fn set_made(&mut self, number: u64, made: Made) {
        let index = number.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
        if let Some(kept) = index.and_then(|index| self.frames.get_mut(index)) {
            kept.made = made;
        }
    }

    pub(super) fn keep_packet(&mut self, packet: &[u8]) {
        let mut room = match self.spare.pop() {
            Some(Sound::Packet(room)) => room,
            _ => Vec::new(),
        };
        room.clear();
        room.extend_from_slice(packet);
        self.frames.push_back(Kept { sound: Sound::Packet(room), made: Made::No });
    }

    pub(super) fn keep_pcm(&mut self, pcm: &[f32; FRAME_LEN]) {
        let mut room = match self.spare.pop() {
            Some(Sound::Pcm(room)) => room,
            _ => Samples::empty(),
        };
        room.fill(pcm);
        self.frames.push_back(Kept { sound: Sound::Pcm(room), made: Made::No });
    }

    /// Forgets the frames before number `from`.
    pub(super) fn forget_before(&mut self, from: u64) {
        while self.first < from
            && let Some(kept) = self.frames.pop_front()
        {
            self.first += 1;
            self.spare.truncate(1);
            self.spare.push(kept.sound);
        }
    }

    /// Forgets all; the next one has this number.
    pub(super) fn restart(&mut self, number: u64) {
        self.frames.clear();
        self.first = number;
    }

    /// All numbers become greater by `count`.
    pub(super) fn shift(&mut self, count: u64) {
        self.first += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_are_kept_exactly_and_others_to_a_part_in_sixty_thousand_of_the_peak() {
        let mut samples = Samples::empty();
        let mut got = [0.0; FRAME_LEN];
        for step in [1, 7, 4_000] {
            let sixteen =
                std::array::from_fn(|index| ((index as i32 * step) % 65_536 - 32_768) as f32 / 32_768.0);
            samples.fill(&sixteen);
            samples.copy_to(&mut got);
            assert!(got == sixteen);
        }
        for level in [1e-4, 0.3, 1.0, 3.7] {
            let pcm = std::array::from_fn(|index| (index as f32).sin() * level);
            samples.fill(&pcm);
            samples.copy_to(&mut got);
            assert!(got.iter().zip(&pcm).all(|(got, sample)| (got - sample).abs() <= level / 30_000.0));
        }
    }
}
