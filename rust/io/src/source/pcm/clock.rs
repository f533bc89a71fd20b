//! Which source sample a time stamp stands for, and which samples are meant to be heard.

use symphonia::core::packet::Packet;

use super::demux::Demuxer;

/// What of a stream is not to be heard: the encoder's delay at its start and its padding at the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trim {
    /// Time stamp of the first audible sample, in the track's time base, where the container does not count it out.
    pub(crate) start_stamp: Option<i64>,
    /// Source samples that are inaudible at the end: from here to there.
    pub(crate) padding: Option<(i64, i64)>,
    /// Trust the end trims of single packets (Ogg).
    pub(crate) by_packet: bool,
}

impl Trim {
    /// What the demuxer itself knows about delay and padding.
    pub(crate) fn from_demuxer(demuxer: &Demuxer) -> Self {
        let track = demuxer.track();
        let padding = match (demuxer.container(), track.num_frames, track.padding) {
            ("mp1" | "mp2" | "mp3", Some(frames), Some(padding)) if padding > 0 => {
                i64::try_from(frames).ok().map(|end| (end, end + i64::from(padding)))
            }
            // Matroska gives no exact end; what a last Vorbis packet holds beyond the stated length is padding.
            ("matroska", _, _) if demuxer.codec() == "vorbis" => {
                let rate = demuxer.parameters().sample_rate.map_or(0.0, f64::from);
                demuxer
                    .duration()
                    .map(|seconds| (seconds * rate).round() as i64)
                    .map(|end| (end, end + 2_048))
            }
            _ => None,
        };
        Self { start_stamp: None, padding, by_packet: demuxer.container() == "ogg" }
    }

    /// The part of a decoded packet (`frames` samples from `position` on) that is used, as offsets into it.
    pub(crate) fn audible(&self, position: i64, frames: i64, packet: &Packet, feed_from: i64) -> (i64, i64) {
        let from = (feed_from - position).clamp(0, frames);
        let mut to = frames;
        if self.by_packet {
            to -= i64::try_from(packet.trim_end.get()).unwrap_or(0).clamp(0, frames);
        }
        if let Some((start, end)) = self.padding {
            // Sound behind the padding (files joined end to end) is heard.
            if position < end {
                to = to.min((start - position).max(0));
            }
        }
        (from, to.max(from))
    }
}

/// Turns time stamps into source samples.
pub(crate) struct Clock {
    /// Seconds of source position 0, once the first packet with sound was seen.
    origin: Option<f64>,
    /// Seconds of that packet.
    first: f64,
    /// Time stamps are exact at this rate.
    exact_rate: Option<u32>,
    /// Packets start at multiples of this many samples from the first; rounded stamps are moved there.
    grid: i64,
    first_is_blind: bool,
}

impl Clock {
    pub(crate) fn new(demuxer: &Demuxer) -> Self {
        let rate = demuxer.parameters().sample_rate;
        Self {
            origin: None,
            first: 0.0,
            exact_rate: rate.filter(|&rate| demuxer.counts_samples(rate)),
            grid: packet_grid(demuxer),
            first_is_blind: demuxer.codec() == "vorbis" && demuxer.container() == "matroska",
        }
    }

    /// True if what the decoder gives for the very first packet is no sound: the first block of Vorbis only primes it.
    /// (In Ogg its time stamp is negative, so that it is cut anyway.)
    pub(crate) fn first_is_blind(&self) -> bool {
        self.first_is_blind
    }

    /// Note the first packet with sound.
    pub(crate) fn begin(&mut self, stamp: f64, trim: &Trim, demuxer: &Demuxer) {
        if self.origin.is_none() {
            self.first = stamp;
            // A stream that starts late (cut, or recorded live) is heard from its first packet on.
            self.origin = Some(trim.start_stamp.map_or(stamp.max(0.0), |start| demuxer.seconds(start)));
        }
    }

    /// The source sample at `stamp` seconds.
    pub(crate) fn position(&self, stamp: f64, rate: u32) -> i64 {
        let rate_f = f64::from(rate);
        let origin = self.origin.unwrap_or(0.0);
        if self.exact_rate == Some(rate) || self.grid <= 1 {
            return ((stamp - origin) * rate_f).round() as i64;
        }
        let grid = self.grid as f64;
        let from_first = ((stamp - self.first) * rate_f / grid).round() * grid;
        ((self.first - origin) * rate_f).round() as i64 + from_first as i64
    }

    /// The time stamp in seconds of a source sample.
    pub(crate) fn stamp(&self, position: i64, rate: u32) -> f64 {
        self.origin.unwrap_or(0.0) + position as f64 / f64::from(rate)
    }

    /// Source samples in all, if known.
    pub(crate) fn duration(&self, demuxer: &Demuxer, trim: &Trim, rate: u32) -> Option<i64> {
        if let Some((end, _)) = trim.padding {
            return Some(end);
        }
        let track = demuxer.track();
        let origin = self.origin.unwrap_or(0.0);
        let samples = match track.num_frames {
            Some(frames) if demuxer.container() != "mp4" => i64::try_from(frames).ok()?,
            _ => (demuxer.duration()? * f64::from(rate)).round() as i64,
        };
        let from_zero = matches!(demuxer.container(), "mp4" | "ogg" | "matroska");
        let left = if from_zero { samples - (origin * f64::from(rate)).round() as i64 } else { samples };
        (left > 0).then_some(left)
    }
}

/// Samples to decode before the target of a seek, until the decoder has forgotten that it began in the middle.
pub(crate) fn pre_roll(codec: &str) -> i64 {
    match codec {
        "mp1" | "mp2" | "mp3" => 6 * 1_152,
        "aac" => 4 * 1_024,
        "vorbis" => 2 * 8_192,
        // Its blocks stand alone, but symphonia may land inside one.
        codec if codec.starts_with("adpcm") => 8_192,
        _ => 0,
    }
}

/// The raster on which the packets of a codec begin.
fn packet_grid(demuxer: &Demuxer) -> i64 {
    match demuxer.codec() {
        "aac" => 1_024,
        "mp1" => 384,
        "mp2" => 1_152,
        "mp3" => 576,
        "vorbis" => demuxer.extra_data().and_then(vorbis_grid).unwrap_or(1),
        "flac" => demuxer.extra_data().and_then(flac_grid).unwrap_or(1),
        _ => 1,
    }
}

/// Vorbis blocks have two lengths, powers of two; a packet gives a quarter of its own and of the one before
/// (Vorbis I specification, 4.2.2 and 4.3.8).
fn vorbis_grid(headers: &[u8]) -> Option<i64> {
    if !headers.starts_with(b"\x01vorbis") {
        return None;
    }
    let sizes = *headers.get(28)?;
    let (short, long) = (1_i64 << (sizes & 15), 1_i64 << (sizes >> 4));
    Some(if short == long { short / 2 } else { short / 4 }.max(1))
}

/// FLAC blocks, all but the last, have one length where STREAMINFO gives the same minimum and maximum (RFC 9639, 8.2).
fn flac_grid(stream_info: &[u8]) -> Option<i64> {
    let (least, most) = (stream_info.get(..2)?, stream_info.get(2..4)?);
    (least == most).then(|| i64::from(u16::from_be_bytes([least[0], least[1]])))
}
