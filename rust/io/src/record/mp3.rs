//! MP3 (MPEG-1 layer III) through LAME, constant bit rate, with LAME's info frame.

use mp3lame_encoder::{
    Bitrate, Builder, Encoder, FlushGap, InterleavedPcm, Quality, max_required_buffer_size,
};

use isocord_proto::frame::{CHANNELS, SAMPLE_RATE};

use super::about::Labels;
use super::coded::{MP3_DECODER_DELAY, MP3_FRAME, mp3_frame_len};
use super::error::SinkError;
use super::lane::PcmWriter;
use super::output::OpenTarget;

/// Samples given to LAME at once.
const CHUNK: usize = 4_800;
/// What LAME's encoder is late by, and what a decoder adds to that.
const DELAY: u64 = 576 + MP3_DECODER_DELAY;

/// Writes an MP3 stream.
pub(crate) struct Mp3 {
    out: OpenTarget,
    lame: Encoder,
    coded: Vec<u8>,
    /// The first frame is a place for the info frame, which knows the length and the encoder's delay.
    info: bool,
    /// Of the tag before the frames, and of each frame.
    tag_len: u64,
    frame_len: u64,
    /// Samples that LAME was given, and the most that the file has room for.
    given: u64,
    most: u64,
    finished: bool,
}

fn codec(error: impl std::fmt::Display) -> SinkError {
    SinkError::Codec(format!("MP3: {error}"))
}

pub(crate) fn bit_rate(kbps: u16) -> Result<Bitrate, SinkError> {
    Ok(match kbps {
        32 => Bitrate::Kbps32,
        40 => Bitrate::Kbps40,
        48 => Bitrate::Kbps48,
        64 => Bitrate::Kbps64,
        80 => Bitrate::Kbps80,
        96 => Bitrate::Kbps96,
        112 => Bitrate::Kbps112,
        128 => Bitrate::Kbps128,
        160 => Bitrate::Kbps160,
        192 => Bitrate::Kbps192,
        224 => Bitrate::Kbps224,
        256 => Bitrate::Kbps256,
        320 => Bitrate::Kbps320,
        _ => {
            return Err(SinkError::Option(
                "MP3: bitrate must be one of 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320",
            ));
        }
    })
}

/// What the file tells of itself (ID3v2.4), if it is known when it began.
fn id3(labels: &Labels) -> Vec<u8> {
    // Seven bits a byte.
    let size = |len: usize| [21, 14, 7, 0].map(|shift| (len >> shift) as u8 & 0x7F);
    let mut frames = Vec::new();
    if labels.is_dated() {
        for (key, value) in labels.fields() {
            let (name, text) = match key {
                "TITLE" => (b"TIT2", value),
                // To the second.
                "DATE" => (b"TDRC", value[..19].to_owned()),
                _ => (b"TXXX", format!("{key}\0{value}")),
            };
            frames.extend(name);
            frames.extend(size(text.len() + 1));
            // No flags; UTF-8.
            frames.extend([0, 0, 3]);
            frames.extend(text.as_bytes());
        }
    }
    if frames.is_empty() {
        return frames;
    }
    let mut tag = b"ID3\x04\0\0".to_vec();
    tag.extend(size(frames.len()));
    tag.extend(frames);
    tag
}

impl Mp3 {
    pub(crate) fn new(mut out: OpenTarget, kbps: u16, labels: &Labels) -> Result<Self, SinkError> {
        // Where the first frame cannot be mended later, there is none.
        let info = out.seekable();
        let mut builder = Builder::new().ok_or_else(|| codec("no memory"))?;
        builder.set_num_channels(CHANNELS as u8).map_err(codec)?;
        builder.set_sample_rate(SAMPLE_RATE).map_err(codec)?;
        builder.set_output_sample_rate(std::num::NonZeroU32::new(SAMPLE_RATE)).map_err(codec)?;
        builder.set_brate(bit_rate(kbps)?).map_err(codec)?;
        builder.set_quality(Quality::Ok).map_err(codec)?;
        builder.set_to_write_vbr_tag(info).map_err(codec)?;
        let lame = builder.build().map_err(codec)?;
        let tag = id3(labels);
        out.put(&tag)?;
        let frame_len = mp3_frame_len(kbps);
        // Behind the last sample LAME puts as much as makes the decoder's delay and a whole frame.
        let frames = (out.room() / frame_len).saturating_sub(info.into());
        let most = MP3_FRAME.saturating_mul(frames.saturating_sub(1));
        let (coded, tag_len) = (Vec::new(), tag.len() as u64);
        Ok(Self { out, lame, coded, info, tag_len, frame_len, given: 0, most, finished: false })
    }

    fn mend(&mut self) -> Result<(), SinkError> {
        if self.info && self.out.len() > self.tag_len {
            self.coded.clear();
            self.coded.reserve(self.lame.lame_tag_size());
            if self.lame.lame_tag_encode_to_vec(&mut self.coded).is_some() {
                self.out.patch(self.tag_len, &self.coded)?;
            }
        }
        self.out.flush()
    }
}

impl PcmWriter for Mp3 {
    fn pcm(&mut self, pcm: &[i16]) -> Result<(), SinkError> {
        let room = CHANNELS as u64 * (self.most - self.given);
        let now = &pcm[..room.min(pcm.len() as u64) as usize];
        for chunk in now.chunks(CHUNK * CHANNELS) {
            self.coded.clear();
            self.coded.reserve(max_required_buffer_size(CHUNK));
            self.lame.encode_to_vec(InterleavedPcm(chunk), &mut self.coded).map_err(codec)?;
            self.out.put(&self.coded)?;
            self.given += (chunk.len() / CHANNELS) as u64;
        }
        if now.len() < pcm.len() { Err(SinkError::Full) } else { Ok(()) }
    }

    fn silence(&mut self, mut samples: u64) -> Result<(), SinkError> {
        let zeros = [0; CHUNK * CHANNELS];
        while samples > 0 {
            let step = samples.min(CHUNK as u64);
            self.pcm(&zeros[..CHANNELS * step as usize])?;
            samples -= step;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        self.mend()
    }

    fn finish(&mut self) -> Result<(), SinkError> {
        self.coded.clear();
        self.coded.reserve(max_required_buffer_size(0));
        self.lame.flush_to_vec::<FlushGap>(&mut self.coded).map_err(codec)?;
        self.out.put(&self.coded)?;
        self.finished = true;
        self.mend()
    }

    fn len(&self) -> u64 {
        self.out.len()
    }

    fn samples(&self) -> u64 {
        let frames = ((self.out.len() - self.tag_len) / self.frame_len).saturating_sub(self.info.into());
        if self.finished { self.given } else { (MP3_FRAME * frames).saturating_sub(DELAY).min(self.given) }
    }
}
