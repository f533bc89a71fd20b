//! The one place where errors of the core become Python exceptions, which live in `isocord.errors`.

use isocord_io::connection::{ConnectionError, RecordError};
use isocord_io::desk::mixer::LayerError;
use isocord_io::desk::written::OptionsError;
use isocord_io::dsp::VolumeError;
use isocord_io::play::deck::DeckError;
use isocord_io::receive::shape::ShapeError;
use isocord_io::receive::utterances::EndpointsError;
use isocord_io::record::SinkError as RecorderError;
use isocord_io::source::{OpenError, SeekError, SourceError, find_ffmpeg};
use isocord_proto::cipher::UnknownMode;
use isocord_proto::dave::delivery::DeliveryError;
use isocord_proto::dave::{FrameOpenError, SealError};
use isocord_proto::frame::FrameError;
use isocord_proto::opus::OpusError;
use pyo3::exceptions::PyValueError;
use pyo3::import_exception;
use pyo3::prelude::*;

import_exception!(isocord.errors, AudioFileError);
import_exception!(isocord.errors, ClosedError);
import_exception!(isocord.errors, DaveError);
import_exception!(isocord.errors, FFmpegError);
mod python {
    pyo3::import_exception!(isocord.errors, OpusError);
}
import_exception!(isocord.errors, SinkError);
import_exception!(isocord.errors, StreamError);
import_exception!(isocord.errors, StreamFullError);
import_exception!(isocord.errors, UdpError);
import_exception!(isocord.errors, UnsupportedModeError);

/// An error of the core on its way to Python.
pub(crate) enum Error {
    Connection(ConnectionError),
    Delivery(DeliveryError),
    Deck(DeckError),
    Endpoints(EndpointsError),
    Frame(FrameError),
    FrameOpen(FrameOpenError),
    Layer(LayerError),
    Mode(UnknownMode),
    Open(OpenError),
    Opus(OpusError),
    Py(PyErr),
    Seal(SealError),
    Seek(SeekError),
    Shape(ShapeError),
    Source(SourceError),
    Start(RecordError),
    Stream(OptionsError),
    Volume(VolumeError),
}

/// The result of everything that Python calls.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Connection(error @ ConnectionError::Socket(_)) => UdpError::new_err(error.to_string()),
            Error::Connection(error @ ConnectionError::TrackUsed) => PyValueError::new_err(error.to_string()),
            Error::Connection(ConnectionError::Opus(error)) => Error::Opus(error).into(),
            Error::Connection(error) => ClosedError::new_err(error.to_string()),
            Error::Delivery(error) => DaveError::new_err(error.to_string()),
            Error::FrameOpen(error) => DaveError::new_err(error.to_string()),
            Error::Seal(error) => DaveError::new_err(error.to_string()),
            Error::Deck(DeckError::Opus(error)) => Error::Opus(error).into(),
            Error::Deck(error) => AudioFileError::new_err(error.to_string()),
            Error::Frame(error) => python::OpusError::new_err(error.to_string()),
            Error::Layer(error) => PyValueError::new_err(error.to_string()),
            Error::Mode(error) => UnsupportedModeError::new_err(error.to_string()),
            Error::Open(error @ (OpenError::Start(_) | OpenError::Volume(_))) => {
                PyValueError::new_err(error.to_string())
            }
            Error::Open(error) if is_foreign(&error) => {
                let raw = if is_unknown(&error) { " (raw PCM is for PCMAudio)" } else { "" };
                let hint = if find_ffmpeg().is_none() { FFMPEG_HINT } else { "" };
                AudioFileError::new_err(format!("{error}{raw}{hint}"))
            }
            Error::Open(error) => AudioFileError::new_err(error.to_string()),
            Error::Opus(error @ OpusError::Option(_)) => PyValueError::new_err(error.to_string()),
            Error::Opus(error) => python::OpusError::new_err(error.to_string()),
            Error::Py(error) => error,
            Error::Seek(error @ SeekError::Position(_)) => PyValueError::new_err(error.to_string()),
            Error::Seek(error) => AudioFileError::new_err(error.to_string()),
            Error::Endpoints(error) => PyValueError::new_err(error.to_string()),
            Error::Shape(error) => PyValueError::new_err(error.to_string()),
            Error::Source(error) => AudioFileError::new_err(error.to_string()),
            Error::Start(RecordError::Connection(error)) => Error::Connection(error).into(),
            Error::Start(RecordError::Sink(
                error @ (RecorderError::Option(_) | RecorderError::Limit { .. }),
            )) => PyValueError::new_err(error.to_string()),
            Error::Start(error) => SinkError::new_err(error.to_string()),
            Error::Stream(error) => PyValueError::new_err(error.to_string()),
            Error::Volume(error) => PyValueError::new_err(error.to_string()),
        }
    }
}

const FFMPEG_HINT: &str = "; install ffmpeg, so that it is on the PATH, and it plays what ffmpeg can decode";

/// What ffmpeg would have been asked about.
fn is_foreign(error: &OpenError) -> bool {
    matches!(error, OpenError::Unknown { .. } | OpenError::Unsupported { .. } | OpenError::Helpless { .. })
}

fn is_unknown(error: &OpenError) -> bool {
    match error {
        OpenError::Helpless { error, .. } => is_unknown(error),
        _ => matches!(error, OpenError::Unknown { .. }),
    }
}

macro_rules! from {
    ($($variant:ident($error:ty)),* $(,)?) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from!(
    Connection(ConnectionError),
    Delivery(DeliveryError),
    Deck(DeckError),
    Endpoints(EndpointsError),
    Frame(FrameError),
    FrameOpen(FrameOpenError),
    Layer(LayerError),
    Mode(UnknownMode),
    Open(OpenError),
    Opus(OpusError),
    Py(PyErr),
    Seal(SealError),
    Seek(SeekError),
    Shape(ShapeError),
    Source(SourceError),
    Start(RecordError),
    Stream(OptionsError),
    Volume(VolumeError),
);
