//! `EncoderOptions`, `OpusEncoder`, `OpusDecoder`.

use std::sync::Mutex;

use isocord_io::lock;
use isocord_proto::frame::{FRAME_BYTES, FRAME_LEN, MAX_OPUS_LEN};
use isocord_proto::opus::{
    self, Application, Bandwidth, Decoder, Encoder, MAX_DECODED_LEN, OpusError, Signal,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::bytes::bytes_like;
use crate::errors::{Error, Result};

/// A named choice: what Python writes and what the core calls it.
type Choices<T, const N: usize> = [(&'static str, T); N];

const APPLICATIONS: Choices<Application, 3> =
    [("audio", Application::Audio), ("voip", Application::Voip), ("lowdelay", Application::LowDelay)];
const BANDWIDTHS: Choices<Bandwidth, 5> = [
    ("narrow", Bandwidth::Narrow),
    ("medium", Bandwidth::Medium),
    ("wide", Bandwidth::Wide),
    ("superwide", Bandwidth::SuperWide),
    ("full", Bandwidth::Full),
];
const SIGNALS: Choices<Signal, 3> =
    [("auto", Signal::Auto), ("voice", Signal::Voice), ("music", Signal::Music)];

fn choose<T: Copy>(option: &str, name: &str, choices: &[(&'static str, T)]) -> PyResult<T> {
    if let Some((_, value)) = choices.iter().find(|(known, _)| *known == name) {
        return Ok(*value);
    }
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    Err(PyValueError::new_err(format!("{option} must be one of {}, not {name:?}", names.join(", "))))
}

fn name_of<T: PartialEq>(value: &T, choices: &[(&'static str, T)]) -> &'static str {
    choices.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name)
}

#[pyclass(frozen, module = "isocord._native")]
#[derive(Clone)]
pub(crate) struct EncoderOptions(pub opus::EncoderOptions);

#[pymethods]
impl EncoderOptions {
    #[new]
    #[pyo3(signature = (*, application = "audio", bitrate = 128, fec = false, expected_packet_loss = 0.0,
        bandwidth = "full", signal_type = "auto", complexity = 10))]
    fn new(
        application: &str,
        bitrate: i64,
        fec: bool,
        expected_packet_loss: f64,
        bandwidth: &str,
        signal_type: &str,
        complexity: i64,
    ) -> Result<Self> {
        let options = opus::EncoderOptions {
            application: choose("application", application, &APPLICATIONS)?,
            bitrate: u32::try_from(bitrate).unwrap_or(0),
            fec,
            expected_packet_loss,
            bandwidth: choose("bandwidth", bandwidth, &BANDWIDTHS)?,
            signal: choose("signal_type", signal_type, &SIGNALS)?,
            complexity: u8::try_from(complexity).unwrap_or(u8::MAX),
        };
        options.check()?;
        Ok(Self(options))
    }

    #[getter]
    fn application(&self) -> &'static str {
        name_of(&self.0.application, &APPLICATIONS)
    }

    #[getter]
    fn bitrate(&self) -> u32 {
        self.0.bitrate
    }

    #[getter]
    fn fec(&self) -> bool {
        self.0.fec
    }

    #[getter]
    fn expected_packet_loss(&self) -> f64 {
        self.0.expected_packet_loss
    }

    #[getter]
    fn bandwidth(&self) -> &'static str {
        name_of(&self.0.bandwidth, &BANDWIDTHS)
    }

    #[getter]
    fn signal_type(&self) -> &'static str {
        name_of(&self.0.signal, &SIGNALS)
    }

    #[getter]
    fn complexity(&self) -> u8 {
        self.0.complexity
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn __repr__(&self) -> String {
        format!(
            "EncoderOptions(application='{}', bitrate={}, fec={}, expected_packet_loss={}, bandwidth='{}', \
             signal_type='{}', complexity={})",
            self.application(),
            self.0.bitrate,
            if self.0.fec { "True" } else { "False" },
            self.0.expected_packet_loss,
            self.bandwidth(),
            self.signal_type(),
            self.0.complexity
        )
    }
}

/// The options given, or the defaults.
pub(crate) fn options_or_default(options: Option<&EncoderOptions>) -> opus::EncoderOptions {
    options.map_or_else(opus::EncoderOptions::default, |options| options.0)
}

/// Reads up to one frame of s16le; what is missing becomes silence.
pub(crate) fn frame_of(pcm: &[u8]) -> std::result::Result<[i16; FRAME_LEN], OpusError> {
    if pcm.len() > FRAME_BYTES {
        return Err(OpusError::FrameLength(pcm.len()));
    }
    Ok(samples(pcm))
}

/// The same of bytes that are no more than a frame's.
pub(crate) fn samples(pcm: &[u8]) -> [i16; FRAME_LEN] {
    let mut frame = [0; FRAME_LEN];
    for (sample, bytes) in frame.iter_mut().zip(pcm.as_chunks().0) {
        *sample = i16::from_le_bytes(*bytes);
    }
    frame
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct OpusEncoder(Mutex<Encoder>);

#[pymethods]
impl OpusEncoder {
    #[new]
    #[pyo3(signature = (options = None))]
    fn new(options: Option<&EncoderOptions>) -> Result<Self> {
        Ok(Self(Mutex::new(Encoder::new(&options_or_default(options))?)))
    }

    fn encode<'py>(&self, py: Python<'py>, pcm: &Bound<'py, PyAny>) -> Result<Bound<'py, PyBytes>> {
        let pcm = bytes_like(pcm)?;
        let mut packet = [0; MAX_OPUS_LEN];
        let len = py.detach(|| {
            let frame = frame_of(&pcm)?;
            let mut encoder = lock(&self.0);
            Ok::<_, Error>(encoder.encode(&frame, &mut packet)?)
        })?;
        Ok(PyBytes::new(py, &packet[..len]))
    }
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct OpusDecoder(Mutex<Decoder>);

#[pymethods]
impl OpusDecoder {
    #[new]
    fn new() -> Result<Self> {
        Ok(Self(Mutex::new(Decoder::new()?)))
    }

    #[pyo3(signature = (packet, *, fec = false))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        packet: Option<&Bound<'py, PyAny>>,
        fec: bool,
    ) -> Result<Bound<'py, PyBytes>> {
        let packet = packet.map(bytes_like).transpose()?;
        let pcm = py.detach(|| {
            let mut samples = vec![0; MAX_DECODED_LEN];
            let mut decoder = lock(&self.0);
            let count = match packet.as_deref() {
                None => decoder.conceal(&mut samples)?,
                Some(packet) if fec => decoder.decode_fec(packet, &mut samples)?,
                Some(packet) => decoder.decode(packet, &mut samples)?,
            };
            let pcm: Vec<u8> = samples[..count * 2].iter().flat_map(|sample| sample.to_le_bytes()).collect();
            Ok::<_, Error>(pcm)
        })?;
        Ok(PyBytes::new(py, &pcm))
    }
}
