//! The ways into Opus formats: packets as they came, or PCM encoded here.

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES, MAX_OPUS_LEN};
use isocord_proto::opus::{Encoder, EncoderOptions};

use super::error::SinkError;
use super::lane::{Lane, PacketWriter, TrackLane, Unpacker};
use super::packet;

/// What libopus's encoder is late by at 48 kHz in its audio mode; test: `a_click_stays_at_its_place`.
const ENCODER_DELAY: u32 = 312;
/// Up to 100 ms are concealed; a longer gap is silence.
const CONCEAL: u64 = 5 * FRAME_SAMPLES as u64;

/// Into an Opus format: packets as they came.
pub(crate) struct PassLane {
    out: Packets,
    /// What the packets written are behind (or, below zero, ahead of) the samples asked for. It stays within
    /// half a frame: no frame is shorter than 2.5 ms, and none can be cut.
    owed: i64,
    /// The TOC byte of the last packet, if a gap after it can be concealed.
    conceal: Option<u8>,
}

impl PassLane {
    pub(crate) fn new(writer: Box<dyn PacketWriter>) -> Result<Self, SinkError> {
        Ok(Self { out: Packets::new(writer, 0)?, owed: 0, conceal: None })
    }

    fn fill(&mut self) -> Result<(), SinkError> {
        while let Some((silence, samples)) = packet::silence(self.owed.max(0) as u64) {
            self.out.put(&silence, samples)?;
            self.owed -= i64::from(samples);
        }
        if self.owed > i64::from(packet::QUANTUM) / 2
            && let Some((silence, samples)) = packet::silence(u64::from(packet::QUANTUM))
        {
            self.out.put(&silence, samples)?;
            self.owed -= i64::from(samples);
        }
        Ok(())
    }
}

impl Lane for PassLane {
    fn gap(&mut self, samples: u64) -> Result<(), SinkError> {
        self.owed += samples as i64;
        if let Some(toc) = self.conceal.take()
            && samples <= CONCEAL
        {
            let (lost, len) = packet::lost(toc);
            while self.owed >= i64::from(len) {
                self.out.put(&lost, len)?;
                self.owed -= i64::from(len);
            }
        }
        self.fill()
    }

    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        // A track of packets has no encoder; its time must go on all the same.
        self.gap(pcm.len() as u64 / 2)
    }

    fn opus(&mut self, packet: &[u8], samples: u32, behind: u32) -> Result<(), SinkError> {
        let ahead = i64::from(behind) - self.owed;
        if ahead > i64::from(samples) / 2 {
            return self.gap(u64::from(samples - behind));
        }
        self.owed -= i64::from(behind);
        self.conceal = (!packet::is_silence(packet)).then(|| packet[0]);
        self.out.put(packet, samples)
    }
}

impl TrackLane for PassLane {
    fn flush(&mut self) -> Result<(), SinkError> {
        self.out.writer.flush()
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        if self.owed > 0
            && let Some((silence, samples)) = packet::silence(u64::from(packet::QUANTUM))
        {
            self.out.put(&silence, samples)?;
            self.owed -= i64::from(samples);
        }
        self.out.finish((-self.owed).max(0) as u32)
    }

    fn len(&self) -> u64 {
        self.out.writer.len()
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
        while self.out.at < end {
            self.pcm.resize(FRAME_LEN, 0);
            self.encode()?;
        }
        self.out.finish((self.out.at - end) as u32)
    }

    fn len(&self) -> u64 {
        self.out.writer.len()
    }
}

/// Holds the last packet back, which alone knows that it is the last.
struct Packets {
    writer: Box<dyn PacketWriter>,
    held: Vec<u8>,
    held_samples: u32,
    /// Samples put, the held packet's too.
    at: u64,
}

impl Packets {
    fn new(mut writer: Box<dyn PacketWriter>, pre_skip: u32) -> Result<Self, SinkError> {
        writer.begin(pre_skip)?;
        Ok(Self { writer, held: Vec::with_capacity(MAX_OPUS_LEN), held_samples: 0, at: 0 })
    }

    fn put(&mut self, packet: &[u8], samples: u32) -> Result<(), SinkError> {
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

    fn finish(&mut self, trim: u32) -> Result<(), SinkError> {
        if self.held.is_empty() {
            // A stream has one packet at least; all of it is cut.
            let (silence, samples) = (isocord_proto::frame::SILENCE, FRAME_SAMPLES as u32);
            return self.writer.last(&silence, self.at, samples, samples);
        }
        let at = self.at - u64::from(self.held_samples);
        self.writer.last(&self.held, at, self.held_samples, trim.min(self.held_samples))
    }
}
