//! `Connection`: one voice connection's UDP leg.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isocord_io::connection::{self, ConnectionError};
use isocord_io::events::EventHandler;
use isocord_io::receive::queue::{DEFAULT_CAPACITY, Form, MAX_CAPACITY};
use isocord_io::receive::shape::{SampleFormat, Shape, ShapeError, Shaper};
use isocord_io::record::{About, Cleaning, RecorderOptions};
use isocord_proto::cipher::{KEY_LEN, TransportMode};
use isocord_proto::dave::{ReceiverChange, SenderChange};
use isocord_proto::frame::{OpusFrame, SAMPLE_RATE};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use zeroize::Zeroizing;

use crate::barge_in::BargeIn;
use crate::bytes::bytes_like;
use crate::engine::engine;
use crate::errors::{Error, Result};
use crate::events::Handler;
use crate::listen::FrameQueue;
use crate::own_voice::OwnVoice;
use crate::recording::{Recording, Relayed};
use crate::recording_options::{self, Encoding};
use crate::stats::{ReceiveStats, Stats};
use crate::track::Track;

#[pyfunction]
pub(crate) fn choose_mode(offered: Vec<String>) -> Result<&'static str> {
    Ok(TransportMode::choose(offered.iter().map(String::as_str))?.name())
}

/// How samples are written, by its name.
pub(crate) fn sample_format(name: &str) -> PyResult<SampleFormat> {
    match name {
        "s16" => Ok(SampleFormat::S16),
        "f32" => Ok(SampleFormat::F32),
        _ => Err(PyValueError::new_err("format must be \"s16\" or \"f32\"")),
    }
}

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Connection {
    pub(crate) inner: connection::Connection,
    handler: Arc<Handler>,
}

#[pymethods]
impl Connection {
    #[new]
    fn new(py: Python<'_>, on_event: Py<PyAny>) -> Result<Self> {
        let handler = Arc::new(Handler::new(on_event));
        let events = Arc::clone(&handler) as Arc<dyn EventHandler>;
        let inner = py.detach(|| Ok::<_, Error>(connection::Connection::new(engine()?, events)?))?;
        Ok(Self { inner, handler })
    }

    #[pyo3(signature = (host, port, ssrc, *, discovery_timeout = 5.0))]
    fn open(&self, py: Python<'_>, host: &str, port: u16, ssrc: u32, discovery_timeout: f64) -> Result<()> {
        let address: IpAddr =
            host.parse().map_err(|_| PyValueError::new_err(format!("{host:?} is no IP address")))?;
        let timeout = Duration::try_from_secs_f64(discovery_timeout)
            .map_err(|_| PyValueError::new_err("discovery_timeout is a number of seconds, 0 or more"))?;
        Ok(py.detach(|| self.inner.open(SocketAddr::new(address, port), ssrc, timeout))?)
    }

    fn start_session(&self, py: Python<'_>, mode: &str, secret_key: &Bound<'_, PyAny>) -> Result<()> {
        let mode = TransportMode::from_name(mode)?;
        let bytes = bytes_like(secret_key)?;
        if bytes.len() != KEY_LEN {
            return Err(PyValueError::new_err(format!("a transport key has {KEY_LEN} bytes")).into());
        }
        let mut key = Zeroizing::new([0; KEY_LEN]);
        key.copy_from_slice(&bytes);
        Ok(py.detach(|| self.inner.start_session(mode, &key))?)
    }

    fn end_session(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.inner.end_session())?)
    }

    fn allow_unencrypted(&self, py: Python<'_>) -> Result<()> {
        py.detach(|| {
            self.inner.change_sender(SenderChange::Passthrough)?;
            Ok(self.inner.change_receivers(ReceiverChange::AllowPlain)?)
        })
    }

    #[pyo3(signature = (track, barge_in = None))]
    fn play(&self, py: Python<'_>, track: &Bound<'_, Track>, barge_in: Option<BargeIn>) -> Result<()> {
        let reader = track.get().take_reader().ok_or(ConnectionError::TrackUsed)?;
        self.handler.keep(track);
        Ok(py.detach(|| self.inner.play_with(reader, barge_in.map(BargeIn::into)))?)
    }

    fn stop(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.inner.stop())?)
    }

    fn pause(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.inner.pause())?)
    }

    fn resume(&self, py: Python<'_>) -> Result<()> {
        Ok(py.detach(|| self.inner.resume())?)
    }

    fn send_packet(&self, py: Python<'_>, packet: &Bound<'_, PyAny>) -> Result<()> {
        let frame = OpusFrame::new(&bytes_like(packet)?)?;
        Ok(py.detach(|| self.inner.send_packet(frame))?)
    }

    #[pyo3(signature = (
        *, form = "pcm", capacity = DEFAULT_CAPACITY, users = None, mixdown = false, latency = 0.06,
        fill = false, sample_rate = SAMPLE_RATE, channels = 2, format = "s16", vad = false,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn listen(
        &self,
        py: Python<'_>,
        form: &str,
        capacity: usize,
        users: Option<HashSet<u64>>,
        mixdown: bool,
        latency: f64,
        fill: bool,
        sample_rate: u32,
        channels: u32,
        format: &str,
        vad: bool,
    ) -> Result<FrameQueue> {
        let form = match form {
            "pcm" => Form::Pcm,
            "opus" => Form::Opus,
            "speaking" => Form::Speaking,
            _ => return Err(PyValueError::new_err(format!("{form:?} is no form of sound")).into()),
        };
        let format = sample_format(format)?;
        let seconds = Duration::try_from_secs_f64(latency).map_err(|_| ShapeError::Latency)?;
        let latency = (seconds.as_secs_f64() * f64::from(SAMPLE_RATE)) as u64;
        let shape = Shape { users, mixdown, latency, fill, sample_rate, channels, format, vad };
        // Packets, and the mere news of who speaks, are not decoded.
        let shaper = Shaper::new(shape, form != Form::Pcm)?;
        let capacity = capacity.clamp(1, MAX_CAPACITY);
        let reader = py.detach(|| self.inner.listen(form, capacity))?;
        Ok(FrameQueue::new(reader, shaper, self.inner.clock()))
    }

    #[pyo3(signature = (
        target, *, format, layout = "users", mixdown = None, sync_start = false, users = None, exclude = HashSet::new(), seconds = 0.0,
        max_size = None, split = None, bitrate = 128, ffmpeg = None, survey = false, own_user = None,
        channels = 2, sample_format = "s16", name_of = None, denoise = false, normalize = None, relayed = false,
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are Python's keywords")]
    fn record(
        &self,
        py: Python<'_>,
        target: &Bound<'_, PyAny>,
        format: &str,
        layout: &str,
        mixdown: Option<&Bound<'_, PyAny>>,
        sync_start: bool,
        users: Option<HashSet<u64>>,
        exclude: HashSet<u64>,
        seconds: f64,
        max_size: Option<u64>,
        split: Option<(String, u64)>,
        bitrate: u16,
        ffmpeg: Option<PathBuf>,
        survey: bool,
        own_user: Option<u64>,
        channels: u16,
        sample_format: &str,
        name_of: Option<Py<PyAny>>,
        denoise: bool,
        normalize: Option<f64>,
        relayed: bool,
    ) -> Result<Recording> {
        let about = name_of.map_or_else(About::default, recording_options::about);
        let encoding = Encoding::new(format, bitrate, max_size, ffmpeg, about)?;
        let (options, layout) = recording_options::layout(layout, target, &encoding, format)?;
        let mixdown = mixdown.map(|target| encoding.whole(target)).transpose()?;
        let split = recording_options::split(split)?;
        let shape = recording_options::shape(channels, sample_format)?;
        let cleaning = Cleaning { denoise, normalize };
        let options =
            RecorderOptions { sync_start, users, exclude, split, shape, cleaning, survey, ..options };
        let longest = recording_options::samples(seconds);
        // Opening a target may call a file object of Python's.
        if !relayed {
            let started = py.detach(|| self.inner.record(options, layout, mixdown, longest, own_user))?;
            return Ok(Recording::new(started, None));
        }
        let (started, heard, sent) =
            py.detach(|| self.inner.record_relayed(options, layout, mixdown, longest, own_user))?;
        Ok(Recording::new(started, Some(Relayed { heard, own: own_user.zip(sent) })))
    }

    fn own_voice(&self, py: Python<'_>, user_id: u64) -> Result<OwnVoice> {
        Ok(OwnVoice::new(user_id, py.detach(|| self.inner.own_voice())?))
    }

    fn assign_ssrc(&self, py: Python<'_>, ssrc: u32, user_id: u64) -> Result<()> {
        Ok(py.detach(|| self.inner.assign_ssrc(ssrc, user_id))?)
    }

    fn user_left(&self, py: Python<'_>, user_id: u64) -> Result<()> {
        Ok(py.detach(|| self.inner.user_left(user_id))?)
    }

    #[getter]
    fn position(&self) -> Result<u64> {
        Ok(engine()?.common_clock().position())
    }

    #[getter]
    fn receive_stats(&self) -> ReceiveStats {
        let report = self.inner.receive_report();
        ReceiveStats { connection: report.connection, users: report.users }
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.inner.close());
    }

    #[getter]
    fn stats(&self) -> Stats {
        Stats(self.inner.stats())
    }
}
