//! A decoded file as frames: packets -> samples at the file's rate -> stereo at 48 kHz -> frames of 20 ms.

use std::cell::Cell;

use symphonia::core::audio::AudioSpec;
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error;
use symphonia::core::packet::Packet;

use super::super::error::StageError;
use super::super::frame::{FRAME_SAMPLES, FrameBuf, SAMPLE_RATE, SourceFrame};
use super::clock::{Clock, Trim, pre_roll};
use super::decoder::{PcmShape, make_decoder};
use super::demux::{DemuxStep, Demuxer};

/// Packets in a row that cannot be decoded before the file is given up.
const MAX_BROKEN_RUN: u32 = 200;
/// Packets without any sound in a row before the file is given up.
const MAX_SILENT_RUN: u32 = 100_000;
/// Longer than any packet, in source samples.
const MAX_PACKET_FRAMES: i64 = 65_536;
/// The shortest hole in exact time stamps that is taken for one: a twentieth of a second.
const MIN_HOLE_PART: u32 = 20;
/// The longest hole in the time stamps that is filled with silence.
const MAX_HOLE_SECONDS: i64 = 2;
/// Louder samples are damage: +24 dB over full scale.
const MAX_LEVEL: f32 = 16.0;
const FRAME_VALUES: usize = FRAME_SAMPLES * 2;

thread_local! {
    /// Room for one packet on its way, for all files of a thread: as it is decoded, and in stereo.
    static ROOM: Cell<[Vec<f32>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// The frames of one decoded file.
pub(crate) struct PcmStream {
    demuxer: Demuxer,
    decoder: Box<dyn AudioDecoder>,
    shape: Option<PcmShape>,
    spec: Option<AudioSpec>,
    trim: Trim,
    clock: Clock,
    /// Position in source samples of the next sample that is decoded; None until a packet tells.
    at: Option<i64>,
    /// The next packet is the first of the file.
    at_start: bool,
    /// Source position from which samples are used.
    feed_from: i64,
    /// Packets that end before this source position are not decoded.
    skip_before: i64,
    /// True once the stream changed in the middle: time stamps no longer tell the position in the file.
    changed: bool,
    /// Sound at 48 kHz that has not left, and the position after its last sample.
    pending: Vec<f32>,
    next: i64,
    /// Sound before this position is dropped: the target of the last seek.
    drop_before: i64,
    ended: bool,
    broken: u64,
    broken_run: u32,
    /// Packets in a row that gave no sound.
    silent_run: u32,
    demuxer_broken: u64,
}

impl PcmStream {
    /// Open a stream and decode its first sound.
    pub(crate) fn new(demuxer: Demuxer, trim: Trim) -> Result<Self, StageError> {
        let mut stream = Self {
            decoder: make_decoder(&demuxer)?,
            clock: Clock::new(&demuxer),
            demuxer,
            shape: None,
            spec: None,
            trim,
            at: None,
            at_start: true,
            feed_from: 0,
            skip_before: i64::MIN,
            changed: false,
            pending: Vec::new(),
            next: 0,
            drop_before: 0,
            ended: false,
            broken: 0,
            broken_run: 0,
            silent_run: 0,
            demuxer_broken: 0,
        };
        stream.fill(1)?;
        if stream.pending.is_empty() {
            return Err(StageError::broken("it holds no sound that can be decoded"));
        }
        Ok(stream)
    }

    pub(crate) fn demuxer(&self) -> &Demuxer {
        &self.demuxer
    }

    pub(crate) fn rate(&self) -> u32 {
        self.shape.as_ref().map_or(SAMPLE_RATE, |shape| shape.rate)
    }

    pub(crate) fn channels(&self) -> usize {
        self.shape.as_ref().map_or(2, |shape| shape.matrix.channels())
    }

    /// Damaged pieces so far.
    pub(crate) fn broken(&self) -> u64 {
        self.broken + self.demuxer.broken()
    }

    /// Samples at 48 kHz in all, if known.
    pub(crate) fn duration(&self) -> Option<u64> {
        let rate = self.rate();
        let samples = self.clock.duration(&self.demuxer, &self.trim, rate)?;
        Some((samples as f64 * f64::from(SAMPLE_RATE) / f64::from(rate)).round() as u64)
    }

    /// Produce the next frame; None if it is not found within a slice.
    pub(crate) fn next_frame(&mut self, out: &mut FrameBuf) -> Result<Option<SourceFrame>, StageError> {
        if !self.fill(FRAME_VALUES)? {
            return Ok(None);
        }
        if self.pending.is_empty() {
            return Ok(Some(SourceFrame::End));
        }
        let len = self.pending.len().min(FRAME_VALUES);
        out.position = u64::try_from(self.next - (self.pending.len() / 2) as i64).unwrap_or(0);
        out.pcm[..len].copy_from_slice(&self.pending[..len]);
        out.pcm[len..].fill(0.0);
        out.samples = (len / 2) as u16;
        self.pending.drain(..len);
        Ok(Some(SourceFrame::Pcm))
    }

    /// Go to `target`; the next frame begins there, to the sample.
    pub(crate) fn seek(&mut self, target: i64) -> Result<(), StageError> {
        self.pending.clear();
        self.ended = false;
        self.broken_run = 0;
        self.silent_run = 0;
        self.at = None;
        self.skip_before = i64::MIN;
        self.drop_before = target;
        let Some(shape) = self.shape.as_mut().filter(|_| !self.changed) else {
            return self.restart();
        };
        let rate = i64::from(shape.rate);
        let source = target.saturating_mul(rate) / i64::from(SAMPLE_RATE);
        let mut from = source;
        if let Some(resampler) = &mut shape.resampler {
            resampler.reset();
            from = i64::try_from(resampler.start_for(source.unsigned_abs())).unwrap_or(i64::MAX);
        }
        // Where time stamps are rounded, containers also land after the packet that holds the target.
        let slack = if self.demuxer.counts_samples(shape.rate) { 0 } else { rate };
        let early = from - pre_roll(self.demuxer.codec()) - slack;
        let mut found = false;
        self.at_start = false;
        if early > 0 && self.demuxer.seek(self.clock.stamp(early, shape.rate))? {
            // Some containers land late, or where they were; then the way leads from the start.
            let landed = self.demuxer.peek_seconds()?;
            found = landed
                .is_some_and(|stamp| self.clock.position(stamp, shape.rate) <= from - (from - early) / 2);
        }
        if !found {
            self.demuxer.rewind()?;
            self.at_start = true;
            self.skip_before = early - MAX_PACKET_FRAMES;
        }
        self.decoder = make_decoder(&self.demuxer)?;
        self.feed_from = from;
        self.next = (from as f64 * f64::from(SAMPLE_RATE) / rate as f64).round() as i64;
        Ok(())
    }

    /// Go back to the beginning and drop what is decoded up to the target.
    fn restart(&mut self) -> Result<(), StageError> {
        self.demuxer.rewind()?;
        self.at_start = true;
        self.decoder = make_decoder(&self.demuxer)?;
        self.clock = Clock::new(&self.demuxer);
        self.shape = None;
        self.spec = None;
        self.changed = false;
        self.feed_from = 0;
        self.next = 0;
        Ok(())
    }

    /// Decode until `values` are pending or the file is over; false if the slice ended before.
    fn fill(&mut self, values: usize) -> Result<bool, StageError> {
        while self.pending.len() < values && !self.ended {
            let before = self.pending.len();
            match self.demuxer.next()? {
                DemuxStep::Packet(packet) => self.take_packet(&packet)?,
                DemuxStep::Reset => self.change_stream()?,
                DemuxStep::Later => return Ok(false),
                DemuxStep::End => {
                    self.flush()?;
                    self.ended = true;
                    break;
                }
            }
            let seeking = self.next < self.drop_before || self.skip_before > i64::MIN;
            self.silent_run = if self.pending.len() > before || seeking { 0 } else { self.silent_run + 1 };
            if self.silent_run > MAX_SILENT_RUN {
                return Err(StageError::broken("its packets hold no sound"));
            }
            if self.pending.len() < values && self.demuxer.slice_is_over() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take_packet(&mut self, packet: &Packet) -> Result<(), StageError> {
        let mut room = ROOM.take();
        let taken = self.take_packet_in(packet, &mut room);
        ROOM.set(room);
        taken
    }

    fn take_packet_in(
        &mut self,
        packet: &Packet,
        [interleaved, stereo]: &mut [Vec<f32>; 2],
    ) -> Result<(), StageError> {
        let stamp = self.demuxer.seconds(packet.pts.get());
        if self.skip_before > i64::MIN {
            if self.clock.position(stamp, self.rate()) < self.skip_before {
                self.at_start = false;
                return Ok(());
            }
            self.skip_before = i64::MIN;
        }
        let spec = match self.decoder.decode(packet) {
            Ok(decoded) => {
                interleaved.clear();
                decoded.copy_to_vec_interleaved(interleaved);
                decoded.spec().clone()
            }
            Err(Error::ResetRequired) => {
                self.decoder = make_decoder(&self.demuxer)?;
                return Ok(());
            }
            Err(error) => return self.conceal(packet, &error),
        };
        if interleaved.is_empty() {
            return Ok(());
        }
        self.broken_run = 0;
        if std::mem::take(&mut self.at_start) && self.clock.first_is_blind() {
            return Ok(());
        }
        self.clock.begin(stamp, &self.trim, &self.demuxer);
        if self.spec.as_ref() != Some(&spec) {
            self.adopt(spec)?;
        }
        let channels = self.channels();
        let frames = (interleaved.len() / channels) as i64;
        let position = self.locate(stamp, frames)?;
        self.at = Some(position + frames);
        let (from, to) = self.trim.audible(position, frames, packet, self.feed_from);
        if from < to {
            stereo.clear();
            if let Some(shape) = &self.shape {
                let audible = &interleaved[from as usize * channels..to as usize * channels];
                shape.matrix.mix_into(audible, stereo);
            }
            self.push_stereo(stereo)?;
        }
        Ok(())
    }

    /// The source position of a decoded packet. A hole in front of it is filled with silence.
    fn locate(&mut self, stamp: f64, frames: i64) -> Result<i64, StageError> {
        let rate = self.rate();
        let stamped = self.clock.position(stamp, rate);
        let lost = self.demuxer.broken() > self.demuxer_broken;
        self.demuxer_broken = self.demuxer.broken();
        let expected = match self.at {
            None => self.feed_from,
            Some(at) if lost && stamped > at => at,
            // Not every demuxer tells of what it skips.
            Some(at) if self.clock.is_exact(rate) && stamped - at > i64::from(rate / MIN_HOLE_PART) => {
                self.broken += 1;
                at
            }
            Some(at) => return Ok(at),
        };
        let hole = stamped - expected.max(self.feed_from);
        if hole > 0 && self.feed_from <= stamped && stamped + frames > self.feed_from {
            if hole <= MAX_HOLE_SECONDS * i64::from(rate) {
                self.push_silence(hole as usize)?;
            } else {
                self.next += (hole as f64 * f64::from(SAMPLE_RATE) / f64::from(rate)).round() as i64;
            }
        }
        Ok(stamped)
    }

    /// Count a packet that cannot be decoded and put silence in its place.
    fn conceal(&mut self, packet: &Packet, error: &Error) -> Result<(), StageError> {
        self.broken += 1;
        self.broken_run += 1;
        if self.broken_run > MAX_BROKEN_RUN {
            return Err(StageError::broken(error.to_string()));
        }
        let Some(at) = self.at else { return Ok(()) };
        let rate = self.rate();
        let duration = i64::try_from(packet.dur.get()).unwrap_or(0);
        let frames = (self.demuxer.seconds(duration) * f64::from(rate)).round().min(f64::from(rate)) as i64;
        self.at = Some(at + frames);
        let (from, to) = self.trim.audible(at, frames, packet, self.feed_from);
        if from < to { self.push_silence((to - from) as usize) } else { Ok(()) }
    }

    /// Take a new rate or channel layout into use.
    fn adopt(&mut self, spec: AudioSpec) -> Result<(), StageError> {
        if self.shape.is_some() {
            self.flush()?;
            self.begin_again();
        }
        self.shape = Some(PcmShape::new(&spec)?);
        self.spec = Some(spec);
        Ok(())
    }

    /// Another stream follows in the same file.
    fn change_stream(&mut self) -> Result<(), StageError> {
        self.flush()?;
        self.begin_again();
        self.decoder = make_decoder(&self.demuxer)?;
        self.clock = Clock::new(&self.demuxer);
        self.trim = Trim::default();
        if let Some(resampler) = self.shape.as_mut().and_then(|shape| shape.resampler.as_mut()) {
            resampler.reset();
        }
        Ok(())
    }

    fn begin_again(&mut self) {
        self.changed = true;
        self.at = None;
        self.feed_from = 0;
    }

    fn push_silence(&mut self, frames: usize) -> Result<(), StageError> {
        // In pieces, for a hole may be seconds long.
        let mut silence = [0.0; FRAME_VALUES];
        for from in (0..frames).step_by(FRAME_SAMPLES) {
            self.push_stereo(&mut silence[..2 * FRAME_SAMPLES.min(frames - from)])?;
        }
        Ok(())
    }

    /// Resample stereo and make it pending.
    fn push_stereo(&mut self, stereo: &mut [f32]) -> Result<(), StageError> {
        // Files of floating point samples may hold anything; the resampler would spread it, or give up.
        for sample in &mut *stereo {
            *sample = if sample.is_finite() { sample.clamp(-MAX_LEVEL, MAX_LEVEL) } else { 0.0 };
        }
        let before = self.pending.len();
        match self.shape.as_mut().and_then(|shape| shape.resampler.as_mut()) {
            Some(resampler) => {
                // No more than that: it is kept for as long as the file plays.
                self.pending.reserve_exact(resampler.most(stereo.len()));
                resampler.push(stereo, &mut self.pending).map_err(StageError::Broken)?;
            }
            None => {
                self.pending.reserve_exact(stereo.len());
                self.pending.extend_from_slice(stereo);
            }
        }
        self.account(before);
        Ok(())
    }

    /// The resampler's tail.
    fn flush(&mut self) -> Result<(), StageError> {
        let before = self.pending.len();
        if let Some(resampler) = self.shape.as_mut().and_then(|shape| shape.resampler.as_mut()) {
            resampler.finish(&mut self.pending).map_err(StageError::Broken)?;
        }
        self.account(before);
        Ok(())
    }

    /// Count what became pending after `before` values, and drop what lies before the target of a seek.
    fn account(&mut self, before: usize) {
        let start = self.next;
        self.next += ((self.pending.len() - before) / 2) as i64;
        let surplus = (self.drop_before.min(self.next) - start).max(0) as usize;
        self.pending.drain(before..before + surplus * 2);
    }
}
