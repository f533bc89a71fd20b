//! What a listener gets is made here, on its own thread: some users only, all of them as one, at another rate, with
//! the silence between them, judged by a voice activity detector.

pub(crate) mod row;
mod spurts;
mod voices;

use std::collections::{HashMap, HashSet};

use isocord_proto::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::recv::{DelayBounds, Frame, FrameKind, Sound, Speaking};

use super::queue::Item;
use crate::dsp::mixdown::Mixdown;
use row::{Origin, Row, Whole};
use spurts::{SILENCE_LAG, Spurts};
use voices::Voice;

/// The longest that a mixdown may wait beyond the jitter buffers.
pub const MAX_LATENCY: u64 = SAMPLE_RATE as u64;
/// What a mixdown waits beyond them unless it is told: 60 ms, a frame and what threads need.
pub const DEFAULT_LATENCY: u64 = SAMPLE_RATE as u64 * 60 / 1_000;
/// A user who speaks and of whom nothing comes is waited for that long.
const MAX_PATIENCE: u64 = DelayBounds::MAX as u64 + SAMPLE_RATE as u64 / 2;
/// What the mixdown has room for.
const MIX_ROOM: u64 = MAX_PATIENCE + MAX_LATENCY;
/// Sound that was on its way when the mixdown began gets in from that far back: 0.1 s.
const LEAD: u64 = SAMPLE_RATE as u64 / 10;
/// The user id of frames that are the sum of all.
pub const EVERYBODY: u64 = 0;
/// Users of whom something is kept between frames; of more than that some begin anew.
const MAX_VOICES: usize = 256;

/// How samples are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SampleFormat {
    /// 16 bits, little endian.
    #[default]
    S16,
    /// Floating point of 32 bits, little endian; full scale is 1.0.
    F32,
}

/// What a listener wants.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Only these users.
    pub users: Option<HashSet<u64>>,
    /// All users summed, [`EVERYBODY`] being their id.
    pub mixdown: bool,
    /// What a mixdown waits for users beyond the delay of the slowest one, in samples at 48 kHz; what comes later is
    /// left out and counted.
    pub latency: u64,
    /// Frames of silence where nobody speaks.
    pub fill: bool,
    /// 48 kHz, or a whole part of it that divides 20 ms into whole samples.
    pub sample_rate: u32,
    /// 1 or 2.
    pub channels: u32,
    /// How samples are written.
    pub format: SampleFormat,
    /// Whether frames are judged for speech.
    pub vad: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            users: None,
            mixdown: false,
            latency: DEFAULT_LATENCY,
            fill: false,
            sample_rate: SAMPLE_RATE,
            channels: CHANNELS as u32,
            format: SampleFormat::S16,
            vad: false,
        }
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
    /// Longer than a second.
    #[error("latency must be 0 to 1 second")]
    Latency,
    /// Packets are not decoded.
    #[error("Opus packets come as they are: no mixdown, fill, vad, or other sample_rate, channels or format")]
    Opus,
}

/// A frame as the listener wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shaped {
    /// Whose.
    pub user_id: u64,
    /// Place of its first sample, at 48 kHz.
    pub position: u64,
    /// Samples per channel, at the rate that was asked for.
    pub samples: u32,
    /// Where the sound comes from; none for silence that was filled in.
    pub kind: Option<FrameKind>,
    /// When the newest packet in it came, on the common clock at 48 kHz; none of a sum and where there was no packet.
    pub received: Option<u64>,
    /// Its loudness in dBFS (root mean square); none of packets.
    pub level: Option<f32>,
    /// How likely it is speech, if that was asked for.
    pub speech: Option<f32>,
    /// Samples, or a packet.
    pub data: Vec<u8>,
}

/// What comes out of a [`Shaper`].
#[derive(Debug, PartialEq)]
pub enum Out {
    /// A frame.
    Frame(Shaped),
    /// A user begins or ceases to speak at this position.
    Speaking(u64, Speaking, u64),
    /// A user left, or is forgotten: its row of frames ends here.
    Ended(u64),
}

/// All users on their way into one row.
struct Sum {
    mix: Mixdown,
    row: Row,
    has_begun: bool,
}

impl Sum {
    /// It begins when something is first known of it, and not when the clock did.
    fn begin(&mut self, at: u64) {
        if !std::mem::replace(&mut self.has_begun, true) {
            let Ok(()) = self.mix.flush(at, &mut Row::new(false, 0));
            self.row.start_at(self.mix.begin());
        }
    }
}

/// Makes a listener's frames.
pub struct Shaper {
    shape: Shape,
    sum: Option<Sum>,
    /// Of each user who is filled up with silence.
    rows: HashMap<u64, Row>,
    spurts: Spurts,
    voices: HashMap<u64, Voice>,
    late: u64,
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
        if shape.latency > MAX_LATENCY {
            return Err(ShapeError::Latency);
        }
        let plain = shape.sample_rate == SAMPLE_RATE && shape.channels == CHANNELS as u32;
        let plain = plain && shape.format == SampleFormat::S16 && !shape.mixdown && !shape.fill && !shape.vad;
        if opus && !plain {
            return Err(ShapeError::Opus);
        }
        let row = Row::new(shape.fill, 0);
        let sum = shape.mixdown.then(|| Sum { mix: Mixdown::new(MIX_ROOM), row, has_begun: false });
        let (rows, spurts, voices) = (HashMap::new(), Spurts::default(), HashMap::new());
        Ok(Self { shape, sum, rows, spurts, voices, late: 0 })
    }

    /// What was asked for.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Frames that came too late to be heard whole: for the mixdown, or after silence was put in their place.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Whether it has something to do though nothing comes: [`Self::advance`] is to be called every 10 ms.
    #[must_use]
    pub fn is_restless(&self) -> bool {
        self.shape.fill || self.shape.mixdown
    }

    /// Takes what came out of a queue.
    pub fn item(&mut self, item: Item<'_>, out: &mut impl FnMut(Out)) {
        let (Item::Frame(Frame { user_id, .. }) | Item::Speaking(user_id, ..) | Item::Left(user_id)) = item;
        if self.shape.users.as_ref().is_some_and(|users| !users.contains(&user_id)) {
            return;
        }
        match item {
            Item::Speaking(user_id, speaking, position) => {
                match speaking {
                    Speaking::Started => self.spurts.started(user_id, position),
                    Speaking::Stopped => self.spurts.stopped(user_id),
                }
                out(Out::Speaking(user_id, speaking, position));
            }
            Item::Frame(Frame { user_id, position, samples, kind, received, sound: Sound::Opus(packet) }) => {
                let (kind, data) = (Some(kind), packet.to_vec());
                let (level, speech) = (None, None);
                out(Out::Frame(Shaped { user_id, position, samples, kind, received, level, speech, data }));
            }
            Item::Frame(Frame { user_id, position, kind, received, sound: Sound::Pcm(pcm), .. }) => {
                self.spurts.heard(user_id, position + FRAME_SAMPLES as u64);
                self.pcm(user_id, position, Origin(Some(kind), received), pcm, out);
            }
            Item::Left(user_id) => {
                self.spurts.stopped(user_id);
                self.end_row(user_id, out);
                self.voices.remove(&user_id);
                out(Out::Ended(user_id));
            }
        }
    }

    /// All that was queued before the common clock had come to `position` has been taken; jitter buffers hold
    /// packets for `delay` samples at most.
    pub fn advance(&mut self, position: u64, delay: u32, out: &mut impl FnMut(Out)) {
        let patience = u64::from(delay).min(MAX_PATIENCE);
        if let Some(sum) = &mut self.sum {
            let until = self.spurts.all_complete(position, patience + self.shape.latency);
            sum.begin(until.saturating_sub(FRAME_SAMPLES as u64));
            let Ok(()) = sum.mix.flush(until, &mut sum.row);
            self.summed(out);
        } else if self.shape.fill {
            for &user_id in self.shape.users.iter().flatten() {
                let begin = position.saturating_sub(SILENCE_LAG);
                self.rows.entry(user_id).or_insert_with(|| Row::new(true, begin));
            }
            let mut whole = Vec::new();
            for (&user_id, row) in &mut self.rows {
                row.silence(self.spurts.complete(user_id, position, MAX_PATIENCE));
                whole.push((user_id, row.take()));
            }
            whole.into_iter().for_each(|(user_id, frames)| self.whole(user_id, frames, out));
        }
    }

    /// Nothing more comes.
    pub fn finish(&mut self, out: &mut impl FnMut(Out)) {
        if let Some(sum) = &mut self.sum {
            let Ok(()) = sum.mix.flush(sum.mix.end(), &mut sum.row);
            sum.row.end();
            self.summed(out);
        }
        self.end_rows(|_, _| {}, out);
    }

    fn pcm(
        &mut self,
        user_id: u64,
        position: u64,
        origin: Origin,
        pcm: &[i16; FRAME_LEN],
        out: &mut impl FnMut(Out),
    ) {
        if let Some(sum) = &mut self.sum {
            sum.begin(position.saturating_sub(LEAD));
            let late = sum.mix.late;
            let Ok(()) = sum.mix.add(position, pcm, &mut sum.row);
            self.late += u64::from(sum.mix.late > late);
            self.summed(out);
        } else if self.shape.fill {
            if self.rows.len() >= MAX_VOICES && !self.rows.contains_key(&user_id) {
                self.end_rows(|user_id, out| out(Out::Ended(user_id)), out);
            }
            let row = self.rows.entry(user_id).or_insert_with(|| Row::new(true, position));
            row.silence(position);
            let behind = (row.at() - position).min(FRAME_SAMPLES as u64);
            self.late += u64::from(behind > 0);
            row.sound(origin, &pcm[behind as usize * CHANNELS..]);
            let whole = row.take();
            self.whole(user_id, whole, out);
        } else {
            self.shaped(user_id, (position, origin), pcm, out);
        }
    }

    fn end_rows<O: FnMut(Out)>(&mut self, tell: impl Fn(u64, &mut O), out: &mut O) {
        let users: Vec<u64> = self.rows.keys().copied().collect();
        for user_id in users {
            self.end_row(user_id, out);
            tell(user_id, out);
        }
    }

    fn end_row(&mut self, user_id: u64, out: &mut impl FnMut(Out)) {
        if let Some(mut row) = self.rows.remove(&user_id) {
            row.end();
            self.whole(user_id, row.take(), out);
        }
    }

    fn summed(&mut self, out: &mut impl FnMut(Out)) {
        let whole = self.sum.as_mut().map(|sum| sum.row.take());
        self.whole(EVERYBODY, whole.unwrap_or_default(), out);
    }

    fn whole(&mut self, user_id: u64, frames: Vec<Whole>, out: &mut impl FnMut(Out)) {
        for (position, origin, pcm) in frames {
            self.shaped(user_id, (position, origin), &pcm, out);
        }
    }

    fn shaped(
        &mut self,
        user_id: u64,
        place: (u64, Origin),
        pcm: &[i16; FRAME_LEN],
        out: &mut impl FnMut(Out),
    ) {
        if self.voices.len() >= MAX_VOICES && !self.voices.contains_key(&user_id) {
            self.voices.clear();
        }
        let voice = self.voices.entry(user_id).or_insert_with(|| Voice::new(&self.shape));
        out(Out::Frame(voice.frame(user_id, place, pcm, &self.shape)));
    }
}

#[cfg(test)]
mod tests;
