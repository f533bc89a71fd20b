//! What a listener gets is made here, on its own thread: some users only, all of them as one, at another rate.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;

use isocord_proto::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::recv::{DelayBounds, Frame, FrameKind, Sound, Speaking};

use super::queue::Item;
use crate::dsp::decimate::Decimator;
use crate::dsp::mixdown::{Mixdown, PcmRow};

/// What a mixdown waits for users beside the delay of the slowest one: a stream's first packets are held for
/// 200 ms, frames are made whole in 20 ms more, and the threads have 20 ms.
const MIX_MARGIN: u64 = SAMPLE_RATE as u64 * 240 / 1_000;
/// The longest that it waits.
const MAX_MIX_WINDOW: u64 = DelayBounds::MAX as u64 + MIX_MARGIN;
/// The user id of frames that are the sum of all.
pub const EVERYBODY: u64 = 0;
/// Users whose sound is resampled; of more than that some begin anew.
const MAX_STREAMS: usize = 256;

/// What a listener wants.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Only these users.
    pub users: Option<HashSet<u64>>,
    /// All users summed, [`EVERYBODY`] being their id.
    pub mixdown: bool,
    /// 48 kHz, or a whole part of it that divides 20 ms into whole samples.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u32,
}

impl Default for Shape {
    fn default() -> Self {
        Self { users: None, mixdown: false, sample_rate: SAMPLE_RATE, channels: CHANNELS as u32 }
    }
}

/// A shape that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// The rate is none of them.
    #[error("sample_rate must be 8000, 12000, 16000, 24000 or 48000")]
    Rate,
    /// Neither mono nor stereo.
    #[error("channels must be 1 or 2")]
    Channels,
    /// Packets are not decoded.
    #[error("Opus packets come as they are: no mixdown, no other sample_rate or channels")]
    Opus,
}

/// A frame as the listener wants it.
#[derive(Debug, PartialEq, Eq)]
pub struct Shaped {
    /// Whose.
    pub user_id: u64,
    /// Place of its first sample, at 48 kHz.
    pub position: u64,
    /// Samples per channel, at the rate that was asked for.
    pub samples: u32,
    /// Where the sound comes from.
    pub kind: FrameKind,
    /// s16le, or a packet.
    pub data: Vec<u8>,
}

/// What comes out of a [`Shaper`].
#[derive(Debug, PartialEq, Eq)]
pub enum Out {
    /// A frame.
    Frame(Shaped),
    /// A user begins or ceases to speak at this position.
    Speaking(u64, Speaking, u64),
}

/// Makes a listener's frames.
pub struct Shaper {
    shape: Shape,
    mix: Option<Mixdown>,
    rows: Row,
    streams: HashMap<u64, Decimator>,
}

impl Shaper {
    /// For frames of Opus if `opus`, of PCM otherwise.
    ///
    /// # Errors
    /// [`ShapeError`].
    pub fn new(shape: Shape, opus: bool) -> Result<Self, ShapeError> {
        if ![8_000, 12_000, 16_000, 24_000, SAMPLE_RATE].contains(&shape.sample_rate) {
            return Err(ShapeError::Rate);
        }
        if !(1..=CHANNELS as u32).contains(&shape.channels) {
            return Err(ShapeError::Channels);
        }
        let plain = shape.sample_rate == SAMPLE_RATE && shape.channels == CHANNELS as u32 && !shape.mixdown;
        if opus && !plain {
            return Err(ShapeError::Opus);
        }
        let mix = shape.mixdown.then(|| Mixdown::new(MAX_MIX_WINDOW));
        Ok(Self { shape, mix, rows: Row::default(), streams: HashMap::new() })
    }

    /// The rate of its frames.
    #[must_use]
    pub fn sample_rate(&self) -> u32 {
        self.shape.sample_rate
    }

    /// Their channels.
    #[must_use]
    pub fn channels(&self) -> u32 {
        self.shape.channels
    }

    /// Takes what came out of a queue.
    pub fn item(&mut self, item: Item<'_>, out: &mut impl FnMut(Out)) {
        let (Item::Frame(Frame { user_id, .. }) | Item::Speaking(user_id, ..)) = item;
        if self.shape.users.as_ref().is_some_and(|users| !users.contains(&user_id)) {
            return;
        }
        match item {
            Item::Speaking(user_id, speaking, position) => out(Out::Speaking(user_id, speaking, position)),
            Item::Frame(Frame { position, samples, kind, sound: Sound::Opus(packet), .. }) => {
                out(Out::Frame(Shaped { user_id, position, samples, kind, data: packet.to_vec() }));
            }
            Item::Frame(Frame { position, kind, sound: Sound::Pcm(pcm), .. }) => match &mut self.mix {
                Some(mix) => {
                    let Ok(()) = mix.add(position, pcm, &mut self.rows);
                    self.mixed(out);
                }
                None => self.resample(user_id, position, kind, pcm, out),
            },
        }
    }

    /// All that was queued before the common clock had come to `position` has been taken; jitter buffers hold
    /// packets for `delay` samples at most.
    pub fn advance(&mut self, position: u64, delay: u32, out: &mut impl FnMut(Out)) {
        if let Some(mix) = &mut self.mix {
            let window = (u64::from(delay) + MIX_MARGIN).min(MAX_MIX_WINDOW);
            let Ok(()) = mix.flush(position.saturating_sub(window), &mut self.rows);
            self.mixed(out);
        }
    }

    /// Nothing more comes.
    pub fn finish(&mut self, out: &mut impl FnMut(Out)) {
        if let Some(mix) = &mut self.mix {
            let Ok(()) = mix.flush(mix.end(), &mut self.rows);
            self.rows.fill();
            self.mixed(out);
        }
    }

    fn mixed(&mut self, out: &mut impl FnMut(Out)) {
        for (position, pcm) in std::mem::take(&mut self.rows.whole) {
            self.resample(EVERYBODY, position, FrameKind::Voice, &pcm, out);
        }
    }

    fn resample(
        &mut self,
        user_id: u64,
        position: u64,
        kind: FrameKind,
        pcm: &[i16; FRAME_LEN],
        out: &mut impl FnMut(Out),
    ) {
        let Shape { sample_rate, channels, .. } = self.shape;
        let samples = FRAME_SAMPLES as u32 * sample_rate / SAMPLE_RATE;
        let mut data = Vec::with_capacity((samples * channels * 2) as usize);
        let mut at = position;
        if sample_rate == SAMPLE_RATE && channels == CHANNELS as u32 {
            data.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
        } else {
            if self.streams.len() >= MAX_STREAMS && !self.streams.contains_key(&user_id) {
                self.streams.clear();
            }
            let make = || Decimator::new((SAMPLE_RATE / sample_rate) as usize, channels as usize);
            at = self.streams.entry(user_id).or_insert_with(make).frame(position, pcm, &mut data);
        }
        out(Out::Frame(Shaped { user_id, position: at, samples, kind, data }));
    }
}

/// Makes whole frames of what the mixdown hands out; where all are silent there are none.
#[derive(Default)]
struct Row {
    whole: Vec<(u64, Box<[i16; FRAME_LEN]>)>,
    part: Option<(u64, Box<[i16; FRAME_LEN]>, usize)>,
    at: u64,
}

impl Row {
    fn fill(&mut self) {
        if let Some((position, pcm, _)) = self.part.take() {
            self.whole.push((position, pcm));
        }
    }

    fn push(&mut self, mut pcm: &[i16]) {
        while !pcm.is_empty() {
            let at = self.at;
            let empty = || (at, Box::new([0; FRAME_LEN]), 0);
            let (_, room, len) = self.part.get_or_insert_with(empty);
            let step = pcm.len().min(FRAME_LEN - *len);
            room[*len..*len + step].copy_from_slice(&pcm[..step]);
            *len += step;
            self.at += step as u64 / 2;
            pcm = &pcm[step..];
            if *len == FRAME_LEN {
                self.fill();
            }
        }
    }
}

impl PcmRow for Row {
    type Error = Infallible;

    fn gap(&mut self, mut samples: u64) -> Result<(), Infallible> {
        // A frame that has begun is filled with the silence before it is handed out.
        if let Some((_, _, len)) = &mut self.part {
            let step = samples.min((FRAME_LEN - *len) as u64 / 2);
            *len += 2 * step as usize;
            self.at += step;
            samples -= step;
            if *len == FRAME_LEN {
                self.fill();
            }
        }
        self.at += samples;
        Ok(())
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<(), Infallible> {
        // A row of zeros does not begin a frame.
        if self.part.is_none() && pcm.iter().all(|&sample| sample == 0) {
            self.at += pcm.len() as u64 / 2;
        } else {
            self.push(pcm);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(user_id: u64, position: u64, pcm: &[i16; FRAME_LEN]) -> Item<'_> {
        Item::Frame(Frame { user_id, position, samples: 960, kind: FrameKind::Voice, sound: Sound::Pcm(pcm) })
    }

    #[test]
    fn a_mixdown_is_the_sum_in_its_place() {
        let shape = Shape { mixdown: true, users: Some(HashSet::from([1, 2])), ..Shape::default() };
        let mut shaper = Shaper::new(shape, false).unwrap();
        let mut got = Vec::new();
        let mut out = |item| match item {
            Out::Frame(frame) => got.push(frame),
            Out::Speaking(..) => panic!(),
        };
        let start = 480_000;
        for at in 0..50 {
            shaper.item(frame(1, start + at * 960, &[100; FRAME_LEN]), &mut out);
            shaper.item(frame(3, start + at * 960, &[7_000; FRAME_LEN]), &mut out);
            shaper.advance(start + at * 960 + 2_000, 2_880, &mut out);
        }
        // One that comes late still gets in.
        shaper.item(frame(2, start + 45 * 960, &[20; FRAME_LEN]), &mut out);
        shaper.finish(&mut out);
        assert!(got.iter().all(|frame| frame.user_id == EVERYBODY && frame.samples == 960));
        assert!(got.is_sorted_by_key(|frame| frame.position));
        let mut all = vec![0; 60 * FRAME_LEN];
        for frame in &got {
            let from = 2 * (frame.position + 960 - start) as usize;
            for (value, two) in all[from..].iter_mut().zip(frame.data.chunks_exact(2)) {
                *value = i16::from_le_bytes([two[0], two[1]]);
            }
        }
        let at = |number: usize| all[(number + 1) * FRAME_LEN];
        assert_eq!([at(0), at(44), at(45), at(46), at(49), at(50)], [100, 100, 120, 100, 100, 0]);
    }

    #[test]
    fn nonsense_is_refused() {
        let shape = |sample_rate, channels| Shape { sample_rate, channels, ..Shape::default() };
        assert_eq!(Shaper::new(shape(44_100, 2), false).err(), Some(ShapeError::Rate));
        assert_eq!(Shaper::new(shape(16_000, 3), false).err(), Some(ShapeError::Channels));
        assert_eq!(Shaper::new(shape(16_000, 1), true).err(), Some(ShapeError::Opus));
    }
}
