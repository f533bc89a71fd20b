//! The ways into Opus formats: packets as they came, or PCM encoded here.

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES, MAX_OPUS_LEN};
use isocord_proto::opus::{Encoder, EncoderOptions};

use super::error::SinkError;
use super::lane::{Lane, PacketWriter, TrackLane, Unpacker};
use super::packet::{self, ENCODER_DELAY};
use super::recovery::Recovery;

/// Up to 100 ms are concealed; a longer gap is silence.
const CONCEAL: i64 = 5 * FRAME_SAMPLES as i64;

/// Into an Opus format: packets as they came.
pub(crate) struct PassLane {
    out: Packets,
    /// What the packets written are behind (or, below zero, ahead of) the samples asked for. It stays within
    /// half a frame, but for a gap that may yet be concealed: no frame is shorter than 2.5 ms, and none can be cut.
    owed: i64,
    /// The TOC byte of the last packet, if it held sound and what follows is still open.
    last: Option<u8>,
    recovery: Recovery,
}

impl PassLane {
    pub(crate) fn new(writer: Box<dyn PacketWriter>) -> Result<Self, SinkError> {
        Ok(Self { out: Packets::new(writer, 0)?, owed: 0, last: None, recovery: Recovery::default() })
    }

    /// Writes what is owed, as silence.
    fn fill(&mut self) -> Result<(), SinkError> {
        if let Some((rest, samples)) = self.last.take().and_then(packet::rest)
            && self.owed >= i64::from(samples)
        {
            self.put(rest, samples)?;
        }
        while let Some((silence, samples)) = packet::silence(self.owed.max(0) as u64) {
            self.put(&silence, samples)?;
        }
        if self.owed > i64::from(packet::QUANTUM) / 2
            && let Some((silence, samples)) = packet::silence(u64::from(packet::QUANTUM))
        {
            self.put(&silence, samples)?;
        }
        Ok(())
    }

    /// Writes a gap that is as long as it gets: `next` follows, or the end. What a player can conceal it is told
    /// to; what `next` can restore is restored.
    fn bridge(&mut self, next: Option<&[u8]>) -> Result<(), SinkError> {
        let Some(toc) = self.last.filter(|_| self.owed > 0) else { return Ok(()) };
        let (lost, len) = packet::lost(toc);
        let reach = next.and_then(|next| Some((next, Recovery::reach(next)?)));
        let reach =
            reach.filter(|&(_, reach)| i64::from(reach) <= self.owed + i64::from(packet::QUANTUM) / 2);
        let kept = reach.map_or(0, |(_, reach)| i64::from(reach));
        while len > 0 && self.owed - kept >= i64::from(len) {
            self.put(&lost, len)?;
        }
        if let Some((next, reach)) = reach {
            // One that cannot be restored after all is silence.
            let restored = self.recovery.restore(next, reach).unwrap_or_default();
            for packet in restored {
                self.put(&packet, FRAME_SAMPLES as u32)?;
            }
        }
        self.last = None;
        self.fill()
    }

    fn put(&mut self, packet: &[u8], samples: u32) -> Result<(), SinkError> {
        self.out.put(packet, samples)?;
        self.owed -= i64::from(samples);
        self.recovery.note(packet);
        Ok(())
    }
}

impl Lane for PassLane {
    fn gap(&mut self, samples: u64) -> Result<(), SinkError> {
        self.owed += samples as i64;
        if self.last.is_some() && self.owed <= CONCEAL { Ok(()) } else { self.fill() }
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        // A track of packets has no encoder; its time must go on all the same.
        self.gap(pcm.len() as u64 / 2)
    }

    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<(), SinkError> {
        self.bridge((!packet::is_silence(packet)).then_some(packet))?;
        let ahead = i64::from(behind) - self.owed;
        if ahead > i64::from(samples) / 2 {
            return self.gap(u64::from(samples - behind));
        }
        self.owed += i64::from(samples - behind);
        if !packet::is_silence(packet) {
            self.put(packet, samples)?;
            self.last = Some(packet[0]);
            return Ok(());
        }
        match self.last.take().and_then(packet::rest) {
            Some((rest, samples)) => self.put(rest, samples),
            None => self.put(packet, samples),
        }
    }
}

impl TrackLane for PassLane {
    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.writer.flush()
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let mut whole = if self.out.full { Ok(()) } else { self.bridge(None) };
        if whole.is_ok()
            && !self.out.full
            && self.owed > 0
            && let Some((silence, samples)) = packet::silence(u64::from(packet::QUANTUM))
        {
            whole = self.put(&silence, samples);
        }
        self.out.finish((-self.owed).max(0) as u32)?;
        whole
    }

    fn len(&self) -> u64 {
        self.out.writer.len()
    }

    fn samples(&self) -> u64 {
        self.out.samples()
    }
}

/// Into an Opus format: encoded here.
pub(crate) struct EncodeLane {
    out: Packets,
    encoder: Encoder,
    unpacker: Unpacker,
    pcm: Vec<i16>,
    /// Samples taken.
    taken: u64,
}

impl EncodeLane {
    pub(crate) fn new(writer: Box<dyn PacketWriter>, options: &EncoderOptions) -> Result<Self, SinkError> {
        let encoder = Encoder::new(options)?;
        let out = Packets::new(writer, ENCODER_DELAY)?;
        let pcm = Vec::with_capacity(FRAME_LEN);
        Ok(Self { out, encoder, unpacker: Unpacker::default(), pcm, taken: 0 })
    }

    fn take(&mut self, mut pcm: &[i16]) -> Result<(), SinkError> {
        while !pcm.is_empty() {
            let step = pcm.len().min(FRAME_LEN - self.pcm.len());
            self.pcm.extend_from_slice(&pcm[..step]);
            pcm = &pcm[step..];
            if self.pcm.len() == FRAME_LEN {
                self.encode()?;
            }
        }
        Ok(())
    }

    fn encode(&mut self) -> Result<(), SinkError> {
        let mut packet = [0; MAX_OPUS_LEN];
        let len = self.encoder.encode(&self.pcm, &mut packet)?;
        self.pcm.clear();
        self.out.put(&packet[..len], FRAME_SAMPLES as u32)
    }
}

impl Lane for EncodeLane {
    fn gap(&mut self, mut samples: u64) -> Result<(), SinkError> {
        let zeros = [0; FRAME_LEN];
        self.taken += samples;
        // Two frames of silence carry the encoder to rest; after those, silence needs no encoder.
        let mut coded = 3 * FRAME_SAMPLES as u64;
        while samples > 0 {
            if self.pcm.is_empty() && coded == 0 && samples >= FRAME_SAMPLES as u64 {
                self.out.put(&isocord_proto::frame::SILENCE, FRAME_SAMPLES as u32)?;
                samples -= FRAME_SAMPLES as u64;
                continue;
            }
            let room = (FRAME_LEN - self.pcm.len()) / 2;
            let step = samples.min(room as u64);
            self.take(&zeros[..2 * step as usize])?;
            samples -= step;
            coded = coded.saturating_sub(step);
        }
        Ok(())
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        self.taken += pcm.len() as u64 / 2;
        self.take(pcm)
    }

    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<(), SinkError> {
        let mut unpacker = std::mem::take(&mut self.unpacker);
        let result = unpacker
            .decode(packet, samples)
            .map(|pcm| &pcm[2 * behind as usize..])
            .and_then(|pcm| Lane::pcm(self, pcm));
        self.unpacker = unpacker;
        result
    }
}

impl TrackLane for EncodeLane {
    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.writer.flush()
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        let end = self.taken + u64::from(ENCODER_DELAY);
        let mut whole = Ok(());
        while whole.is_ok() && !self.out.full && self.out.at < end {
            self.pcm.resize(FRAME_LEN, 0);
            whole = self.encode();
        }
        self.out.finish(self.out.at.saturating_sub(end) as u32)?;
        whole
    }

    fn len(&self) -> u64 {
        self.out.writer.len()
    }

    fn samples(&self) -> u64 {
        self.out.samples()
    }
}

/// Holds the last packet back, which alone knows that it is the last.
struct Packets {
    writer: Box<dyn PacketWriter>,
    held: Vec<u8>,
    held_samples: u32,
    /// Samples put, the held packet's too.
    at: u64,
    /// A packet found no room.
    full: bool,
}

impl Packets {
    fn new(mut writer: Box<dyn PacketWriter>, pre_skip: u32) -> Result<Self, SinkError> {
        writer.begin(pre_skip)?;
        Ok(Self { writer, held: Vec::with_capacity(MAX_OPUS_LEN), held_samples: 0, at: 0, full: false })
    }

    fn put(&mut self, packet: &[u8], samples: u32) -> Result<(), SinkError> {
        if !self.held.is_empty() && self.writer.is_over(self.at, self.held.len(), packet.len()) {
            let at = self.at - u64::from(self.held_samples);
            self.writer.last(&self.held, at, self.held_samples, 0)?;
            self.held.clear();
            self.writer.turn(self.at)?;
        }
        self.full |= !self.writer.fits(self.held.len(), packet.len());
        if self.full {
            return Err(SinkError::Full);
        }
        if !self.held.is_empty() {
            let at = self.at - u64::from(self.held_samples);
            self.writer.packet(&self.held, at, self.held_samples)?;
        }
        self.held.clear();
        self.held.extend_from_slice(packet);
        self.held_samples = samples;
        self.at += u64::from(samples);
        Ok(())
    }

    /// Of the last packet's samples `trim` are too many.
    fn finish(&mut self, trim: u32) -> Result<(), SinkError> {
        if self.held.is_empty() {
            // A stream has one packet at least; all of it is cut.
            let (silence, samples) = (isocord_proto::frame::SILENCE, FRAME_SAMPLES as u32);
            return self.writer.last(&silence, self.at, samples, samples);
        }
        let at = self.at - u64::from(self.held_samples);
        self.writer.last(&self.held, at, self.held_samples, trim.min(self.held_samples))
    }

    fn samples(&self) -> u64 {
        self.writer.samples()
    }
}
