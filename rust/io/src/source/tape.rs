//! A source's frames by their number, for as long as they may be asked for again.
//!
//! Frames are made ahead of time, and what has not been heard yet may have to be made anew. A source reads on and does
//! not come back, so its sound is kept here: packets as they are, PCM in half of its memory.

use std::collections::VecDeque;

use isocord_prefetch::prefetch;
use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};
use isocord_proto::opus::{Decoder, OpusError};

use super::error::SourceError;
use super::frame::{FrameBuf, FrameSource, SourceFrame, Want};
use super::packet::Packet;
use crate::dsp::Samples;

/// Packets that a decoder hears before its sound is used (RFC 7845, section 4.6, asks for half as many).
pub(crate) const DECODER_LEAD: u64 = 8;

/// Rooms that are kept for frames to come: who plays faster lets several go at once.
const MAX_SPARE: usize = 16;

/// Frames that come, and go, one behind the other.
const NEAR: usize = 13;

/// One frame of interleaved stereo.
pub(crate) type Pcm = [f32; FRAME_LEN];

/// What became of [`Tape::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The frame is kept.
    There,
    /// The source has ended before it.
    End,
    /// The source still looks for it.
    Searching,
    /// The source waits for others, who wake the downstream.
    Starved,
}

enum Sound {
    Packet(Packet),
    Pcm(Box<Samples>),
}

struct Kept {
    sound: Sound,
    /// What a packet sounds like, once that was asked for: it is the same however often it is asked for again.
    decoded: Option<Box<Samples>>,
    samples: u16,
    /// Where in the source it begins.
    place: u64,
}

/// Frames that were taken out of a tape.
pub(crate) struct CutFrames {
    frames: VecDeque<Kept>,
    ended: bool,
}

/// Frames of one source, without the source.
pub(crate) struct Tape {
    frames: VecDeque<Kept>,
    first: u64,
    /// Room of frames that went, for those that come.
    #[expect(clippy::vec_box, reason = "the box is what is used again")]
    spare_samples: Vec<Box<Samples>>,
    ended: bool,
    place: Option<u64>,
    /// One that has heard the packets before that number.
    decoder: Option<(u64, Decoder)>,
    /// No packet before this number has been decoded; none at all, if there is no number.
    decoded_from: Option<u64>,
}

impl Tape {
    pub(crate) fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            first: 0,
            spare_samples: Vec::new(),
            ended: false,
            place: None,
            decoder: None,
            decoded_from: None,
        }
    }

    /// Has brought near what the next frames are put in the place of.
    pub(crate) fn fetch(&self) {
        let (front, back) = self.frames.as_slices();
        prefetch(&front[..front.len().min(NEAR)]);
        prefetch(&back[back.len().saturating_sub(1)..]);
    }

    /// Number of the oldest frame that is kept.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Number of the frame that is read next.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    /// Where in the source the frames begin that were read since the last [`Self::restart`], in samples of 48 kHz.
    pub(crate) fn place(&self) -> Option<u64> {
        self.place
    }

    /// Reads the source until frame `number` is kept.
    ///
    /// # Errors
    /// The source's.
    pub(crate) fn read(
        &mut self,
        source: &mut dyn FrameSource,
        buffer: &mut FrameBuf,
        number: u64,
        want: Want,
    ) -> Result<Reached, SourceError> {
        while self.end() <= number {
            if self.ended {
                return Ok(Reached::End);
            }
            let Some(frame) = source.next(buffer, want)? else { return Ok(Reached::Searching) };
            match frame {
                SourceFrame::Starved => return Ok(Reached::Starved),
                SourceFrame::End => {
                    self.ended = true;
                    continue;
                }
                SourceFrame::Opus => self.keep(Sound::Packet(std::mem::take(&mut buffer.opus)), buffer),
                SourceFrame::Pcm => self.keep_pcm(buffer),
            }
            self.place.get_or_insert(buffer.position);
        }
        Ok(Reached::There)
    }

    /// The packet that frame `number` is, if it is one.
    pub(crate) fn packet(&self, number: u64) -> Option<&Packet> {
        match &self.get(number)?.sound {
            Sound::Packet(packet) => Some(packet),
            Sound::Pcm(_) => None,
        }
    }

    /// Whether frame `number` is kept and is PCM.
    pub(crate) fn is_pcm(&self, number: u64) -> bool {
        self.get(number).is_some_and(|frame| matches!(frame.sound, Sound::Pcm(_)))
    }

    /// Sample pairs of frame `number` that come from the source; fewer than 960 only in its last one.
    pub(crate) fn samples(&self, number: u64) -> usize {
        self.get(number).map_or(0, |frame| usize::from(frame.samples))
    }

    /// Where in the source frame `number` begins, in samples of 48 kHz, if it is kept.
    pub(crate) fn place_of(&self, number: u64) -> Option<u64> {
        self.get(number).map(|frame| frame.place)
    }

    /// The sound of frame `number`; silence where none is kept.
    ///
    /// # Errors
    /// There is no memory for a decoder.
    pub(crate) fn pcm(&mut self, number: u64, pcm: &mut Pcm) -> Result<(), OpusError> {
        let Some(at) = self.index(number) else {
            pcm.fill(0.0);
            return Ok(());
        };
        if matches!(self.frames[at].sound, Sound::Packet(_)) && self.frames[at].decoded.is_none() {
            self.decode(number, pcm)?;
            let mut room = self.samples_room();
            room.fill(pcm);
            self.frames[at].decoded = Some(room);
            self.decoded_from = Some(self.decoded_from.map_or(number, |from| from.min(number)));
        }
        let frame = &self.frames[at];
        match (&frame.sound, &frame.decoded) {
            (Sound::Pcm(samples), _) | (Sound::Packet(_), Some(samples)) => samples.copy_to(pcm),
            (Sound::Packet(_), None) => pcm.fill(0.0),
        }
        Ok(())
    }

    fn decode(&mut self, number: u64, pcm: &mut Pcm) -> Result<(), OpusError> {
        let mut decoder = match self.decoder.take() {
            Some((next, decoder)) if next == number => decoder,
            _ => self.decoder_for(number)?,
        };
        // A packet that cannot be decoded leaves silence in its place.
        let decoded = self.packet(number).is_some_and(|packet| decoder.decode_float(packet, pcm).is_ok());
        if !decoded {
            pcm.fill(0.0);
        }
        self.decoder = Some((number + 1, decoder));
        Ok(())
    }

    /// Puts other sound in the place of frame `number`, or after the last one that is kept.
    pub(crate) fn replace(&mut self, number: u64, pcm: &Pcm) {
        let mut room = self.samples_room();
        room.fill(pcm);
        let sound = Sound::Pcm(room);
        self.decoder = None;
        match self.frames.get_mut(number.saturating_sub(self.first) as usize) {
            Some(kept) => (kept.sound, kept.decoded) = (sound, None),
            None => {
                let place = self.frames.back().map_or(0, |last| last.place + u64::from(last.samples));
                let samples = FRAME_SAMPLES as u16;
                self.append(Kept { sound, decoded: None, samples, place });
            }
        }
    }

    /// Forgets the frames before number `from`.
    pub(crate) fn forget_before(&mut self, from: u64) {
        while self.first < from
            && let Some(frame) = self.frames.pop_front()
        {
            self.first += 1;
            self.reuse(frame);
        }
    }

    /// Of the packets before number `from` only what they are is kept, and not what they sound like.
    pub(crate) fn forget_sound_before(&mut self, from: u64) {
        let Some(decoded_from) = self.decoded_from.filter(|decoded| *decoded < from) else { return };
        self.decoded_from = Some(from);
        let index = |number: u64| number.saturating_sub(self.first).min(self.frames.len() as u64) as usize;
        let range = index(decoded_from)..index(from);
        for frame in self.frames.range_mut(range) {
            let sound = frame.decoded.take();
            self.spare_samples.extend(sound.filter(|_| self.spare_samples.len() < MAX_SPARE));
        }
    }

    /// Leaves the room of frames that went to another tape.
    pub(crate) fn leave_room(&mut self, other: &mut Self) {
        let count = self.spare_samples.len().min(MAX_SPARE.saturating_sub(other.spare_samples.len()));
        other.spare_samples.extend(self.spare_samples.drain(..count));
    }

    /// Takes the frames from number `from` on out: the source has gone back to there.
    pub(crate) fn cut(&mut self, from: u64) -> CutFrames {
        let ended = std::mem::take(&mut self.ended);
        self.decoder = None;
        let at = self.frames.len().min(from.saturating_sub(self.first) as usize);
        CutFrames { frames: self.frames.split_off(at), ended }
    }

    /// Puts frames back that were [cut](Self::cut) out from number `from` on, in the place of what came instead.
    pub(crate) fn put_back(&mut self, from: u64, mut cut: CutFrames) {
        self.cut(from);
        self.frames.append(&mut cut.frames);
        self.ended = cut.ended;
    }

    /// Forgets all; the next one has this number.
    pub(crate) fn restart(&mut self, number: u64) {
        self.frames.clear();
        (self.first, self.ended, self.place, self.decoder) = (number, false, None, None);
        self.decoded_from = None;
    }

    /// All numbers become greater by `count`.
    pub(crate) fn shift(&mut self, count: u64) {
        self.first += count;
        if let Some((next, _)) = &mut self.decoder {
            *next += count;
        }
        self.decoded_from = self.decoded_from.map(|from| from + count);
    }

    /// Lets the memory go that decoding takes.
    pub(crate) fn rest(&mut self) {
        self.decoder = None;
        if self.decoded_from.take().is_some() {
            self.frames.iter_mut().for_each(|frame| frame.decoded = None);
        }
    }

    fn index(&self, number: u64) -> Option<usize> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        (index < self.frames.len()).then_some(index)
    }

    fn get(&self, number: u64) -> Option<&Kept> {
        self.frames.get(self.index(number)?)
    }

    fn keep_pcm(&mut self, buffer: &FrameBuf) {
        let mut room = self.samples_room();
        room.fill(&buffer.pcm);
        self.keep(Sound::Pcm(room), buffer);
    }

    fn keep(&mut self, sound: Sound, buffer: &FrameBuf) {
        let (samples, place) = (buffer.samples, buffer.position);
        self.append(Kept { sound, decoded: None, samples, place });
    }

    fn append(&mut self, kept: Kept) {
        if self.frames.len() == self.frames.capacity() {
            // Twice as many are seldom needed, and a crossfade keeps hundreds.
            self.frames.reserve_exact((self.frames.len() / 2).max(8));
        }
        self.frames.push_back(kept);
    }

    fn samples_room(&mut self) -> Box<Samples> {
        self.spare_samples.pop().unwrap_or_else(Samples::empty)
    }

    fn reuse(&mut self, frame: Kept) {
        let samples = match frame.sound {
            Sound::Packet(_) => frame.decoded,
            Sound::Pcm(samples) => Some(samples),
        };
        self.spare_samples.extend(samples.filter(|_| self.spare_samples.len() < MAX_SPARE));
    }

    /// A decoder that has heard the packets that lead up to frame `number`.
    fn decoder_for(&self, number: u64) -> Result<Decoder, OpusError> {
        let mut decoder = Decoder::new()?;
        let mut unheard = [0.0; FRAME_LEN];
        for number in number.saturating_sub(DECODER_LEAD)..number {
            if let Some(packet) = self.packet(number) {
                // One that fails only makes the start less smooth.
                let _ = decoder.decode_float(packet, &mut unheard);
            }
        }
        Ok(decoder)
    }
}
