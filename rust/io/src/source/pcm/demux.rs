//! Containers through symphonia: one audio track, its packets in order, seeking with a way back.

use std::io::{ErrorKind, Seek, SeekFrom};
use std::sync::Arc;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{self as codecs, CODEC_ID_OPUS};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, CODEC_ID_NULL_AUDIO};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known as formats;
use symphonia::core::formats::{FormatId, FormatOptions, FormatReader, SeekMode, SeekTo, Track, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::{TimeBase, Timestamp};

use super::super::budget::{Call, Meter, Spent};
use super::super::error::StageError;
use super::super::input::MediaFile;

/// Damaged pieces in a row before the file is given up.
const MAX_BROKEN_RUN: u32 = 500;
/// Where a seek has landed is looked at for so long: the picture of a film may come before its sound.
const MAX_PEEK: u64 = 16 << 20;
/// symphonia's smallest read buffer.
const BUFFER: usize = 64 * 1024;

/// What the container gives next.
pub(crate) enum DemuxStep {
    /// A packet of the chosen track.
    Packet(Packet),
    /// Another stream follows (chained Ogg): ask for the parameters again.
    Reset,
    /// Nothing of the track was among what could be looked at in one slice: ask again.
    Later,
    /// The file is over.
    End,
}

/// A container and the track of it that is played.
pub(crate) struct Demuxer {
    /// None only while it is being opened anew.
    format: Option<Box<dyn FormatReader>>,
    track: Track,
    parameters: AudioCodecParameters,
    container: &'static str,
    peeked: Option<Packet>,
    meter: Arc<Meter>,
    broken: u64,
    /// Damaged pieces since the last good one.
    broken_run: u32,
    /// It was read to its end.
    ended: bool,
}

impl Demuxer {
    /// Find the container by its content.
    pub(crate) fn open(file: MediaFile, extension: Option<&str>) -> Result<Self, StageError> {
        let options = MediaSourceStreamOptions { buffer_len: BUFFER };
        let meter = Arc::clone(file.meter());
        let stream = MediaSourceStream::new(Box::new(file), options);
        let format = probe(stream, extension)?;
        let container = container_name(format.format_info().format);
        let (track, parameters) = choose_track(&*format)?;
        let format = Some(format);
        Ok(Self {
            format,
            track,
            parameters,
            container,
            peeked: None,
            meter,
            broken: 0,
            broken_run: 0,
            ended: false,
        })
    }

    pub(crate) fn container(&self) -> &'static str {
        self.container
    }

    pub(crate) fn codec(&self) -> &'static str {
        codec_name(self.parameters.codec)
    }

    pub(crate) fn is_opus(&self) -> bool {
        self.parameters.codec == CODEC_ID_OPUS
    }

    pub(crate) fn parameters(&self) -> &AudioCodecParameters {
        &self.parameters
    }

    pub(crate) fn track(&self) -> &Track {
        &self.track
    }

    pub(crate) fn extra_data(&self) -> Option<&[u8]> {
        self.parameters.extra_data.as_deref()
    }

    pub(crate) fn broken(&self) -> u64 {
        self.broken
    }

    fn time_base(&self) -> (f64, f64) {
        let base = self.track.time_base.unwrap_or_default();
        (f64::from(base.numer.get()), f64::from(base.denom.get()))
    }

    /// True if time stamps count samples of `rate`.
    pub(crate) fn counts_samples(&self, rate: u32) -> bool {
        self.track.time_base == TimeBase::try_from_recip(rate)
    }

    /// A time stamp in seconds.
    pub(crate) fn seconds(&self, stamp: i64) -> f64 {
        let (numer, denom) = self.time_base();
        stamp as f64 * numer / denom
    }

    /// How long the sound is by what the container says, in seconds.
    pub(crate) fn duration(&self) -> Option<f64> {
        if let Some(duration) = self.track.duration {
            return i64::try_from(duration.get())
                .ok()
                .map(|stamp| self.seconds(stamp))
                .filter(|&value| value > 0.0);
        }
        let info = self.format.as_ref()?.media_info();
        let base = info.time_base?;
        let duration =
            info.duration?.get() as f64 * f64::from(base.numer.get()) / f64::from(base.denom.get());
        (duration > 0.0).then_some(duration)
    }

    /// The next packet of the track.
    pub(crate) fn next(&mut self) -> Result<DemuxStep, StageError> {
        if let Some(packet) = self.peeked.take() {
            return Ok(DemuxStep::Packet(packet));
        }
        loop {
            let Some(format) = self.format.as_mut() else {
                return Err(StageError::broken("it could not be opened again"));
            };
            self.meter.begin(Call::Packet);
            let found = format.next_packet();
            // Not every demuxer hands on the error that it got in place of more bytes.
            if self.meter.spent().is_some() && !matches!(found, Ok(Some(_))) {
                return Err(StageError::broken("reading was cut short"));
            }
            self.ended = matches!(found, Ok(None));
            match found {
                Ok(Some(packet)) => {
                    self.broken_run = 0;
                    if packet.track_id == self.track.id {
                        self.meter.heard();
                        return Ok(DemuxStep::Packet(packet));
                    }
                }
                Ok(None) => return Ok(DemuxStep::End),
                Err(Error::IoError(error)) if error.kind() == ErrorKind::UnexpectedEof => {
                    // The file is cut off; what came before was good.
                    self.broken += 1;
                    return Ok(DemuxStep::End);
                }
                Err(Error::IoError(error)) => return Err(StageError::Io(error)),
                Err(Error::ResetRequired) => {
                    let (track, parameters) = choose_track(&**format)?;
                    (self.track, self.parameters) = (track, parameters);
                    return Ok(DemuxStep::Reset);
                }
                Err(error) => {
                    self.broken += 1;
                    self.broken_run += 1;
                    if self.broken_run > MAX_BROKEN_RUN {
                        return Err(StageError::broken(error.to_string()));
                    }
                }
            }
            if self.meter.slice_is_over() {
                return Ok(DemuxStep::Later);
            }
        }
    }

    /// True once others should have their turn.
    pub(crate) fn slice_is_over(&self) -> bool {
        self.meter.slice_is_over()
    }

    /// The time stamp of the next packet, which stays the next. None if it is not found soon.
    pub(crate) fn peek_seconds(&mut self) -> Result<Option<f64>, StageError> {
        let from = self.meter.read();
        loop {
            match self.next()? {
                DemuxStep::Packet(packet) => {
                    let stamp = packet.pts.get();
                    self.peeked = Some(packet);
                    return Ok(Some(self.seconds(stamp)));
                }
                DemuxStep::Later if self.meter.read() - from < MAX_PEEK => {}
                _ => return Ok(None),
            }
        }
    }

    /// Go to about `seconds`. False if the container cannot, or not soon; then [`Self::rewind`] comes next.
    pub(crate) fn seek(&mut self, seconds: f64) -> Result<bool, StageError> {
        self.peeked = None;
        if self.ended && self.container == "matroska" {
            // symphonia has left the segment and finds no way back into it.
            self.rewind()?;
        }
        let (numer, denom) = self.time_base();
        let stamp = (seconds * denom / numer).floor() as i64;
        let Some(format) = self.format.as_mut() else {
            return Ok(false);
        };
        let to = SeekTo::Timestamp { ts: Timestamp::new(stamp), track_id: self.track.id };
        self.meter.begin(Call::Seek);
        let sought = format.seek(SeekMode::Accurate, to);
        match self.meter.spent() {
            // What is left of its state is not to be trusted.
            Some(Spent::Bytes | Spent::Time) => return Ok(false),
            Some(_) => return Err(StageError::broken("reading was cut short")),
            None => {}
        }
        match sought {
            Ok(_) => Ok(true),
            Err(Error::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                Err(StageError::Io(error))
            }
            Err(_) => Ok(false),
        }
    }

    /// Go back to the very first packet, by opening the container anew.
    pub(crate) fn rewind(&mut self) -> Result<(), StageError> {
        self.peeked = None;
        self.broken_run = 0;
        self.ended = false;
        self.meter.begin(Call::Open);
        let Some(format) = self.format.take() else {
            return Err(StageError::broken("it could not be opened again"));
        };
        let mut stream = format.into_inner();
        stream.seek(SeekFrom::Start(0))?;
        let format = probe(stream, None)?;
        (self.track, self.parameters) = choose_track(&*format)?;
        self.format = Some(format);
        Ok(())
    }
}

fn probe(
    stream: MediaSourceStream<'static>,
    extension: Option<&str>,
) -> Result<Box<dyn FormatReader>, StageError> {
    let mut hint = Hint::new();
    if let Some(extension) = extension {
        hint.with_extension(extension);
    }
    let probe = symphonia::default::get_probe();
    probe.probe(&hint, stream, FormatOptions::default(), MetadataOptions::default()).map_err(|error| {
        match error {
            Error::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
                StageError::broken("it is cut off")
            }
            Error::IoError(error) => StageError::Io(error),
            Error::Unsupported(text) if text.starts_with("core (probe)") => StageError::Unknown,
            Error::Unsupported(text) => StageError::Unsupported(text.to_owned()),
            Error::DecodeError(text) => StageError::broken(text),
            error => StageError::broken(error.to_string()),
        }
    })
}

/// The default audio track, else the first with a codec that can be decoded.
fn choose_track(format: &dyn FormatReader) -> Result<(Track, AudioCodecParameters), StageError> {
    let playable = |track: &&Track| audio(track).is_some_and(|audio| codec_name(audio.codec) != UNKNOWN);
    let track = format
        .default_track(TrackType::Audio)
        .filter(playable)
        .or_else(|| format.tracks().iter().find(playable))
        .or_else(|| format.first_track(TrackType::Audio));
    match track.and_then(|track| audio(track).map(|audio| (track, audio))) {
        Some((track, audio)) => Ok((track.clone(), audio.clone())),
        None => Err(StageError::Unsupported("it has no audio track of a known codec".to_owned())),
    }
}

fn audio(track: &Track) -> Option<&AudioCodecParameters> {
    match &track.codec_params {
        Some(CodecParameters::Audio(audio)) if audio.codec != CODEC_ID_NULL_AUDIO => Some(audio),
        _ => None,
    }
}

fn container_name(format: FormatId) -> &'static str {
    match format {
        formats::FORMAT_ID_WAVE => "wav",
        formats::FORMAT_ID_AIFF => "aiff",
        formats::FORMAT_ID_MP1 => "mp1",
        formats::FORMAT_ID_MP2 => "mp2",
        formats::FORMAT_ID_MP3 => "mp3",
        formats::FORMAT_ID_ADTS => "adts",
        formats::FORMAT_ID_OGG => "ogg",
        formats::FORMAT_ID_FLAC => "flac",
        formats::FORMAT_ID_ISOMP4 => "mp4",
        formats::FORMAT_ID_MKV => "matroska",
        _ => UNKNOWN,
    }
}

const UNKNOWN: &str = "unknown";

fn codec_name(codec: AudioCodecId) -> &'static str {
    if codec == CODEC_ID_OPUS {
        return "opus";
    }
    match symphonia::default::get_codecs().get_audio_decoder(codec) {
        _ if codec == codecs::CODEC_ID_PCM_F32LE => "pcm_f32le",
        Some(found) => found.codec.info.short_name,
        None => UNKNOWN,
    }
}
