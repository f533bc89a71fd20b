//! The one place where errors of the core become Python exceptions, which live in `isocord.errors`.

use isocord_io::connection::ConnectionError;
use isocord_proto::cipher::UnknownMode;
use isocord_proto::frame::FrameError;
use isocord_proto::opus::OpusError;
use pyo3::exceptions::PyValueError;
use pyo3::import_exception;
use pyo3::prelude::*;

import_exception!(isocord.errors, ClosedError);
mod python {
    pyo3::import_exception!(isocord.errors, OpusError);
}
import_exception!(isocord.errors, UdpError);
import_exception!(isocord.errors, UnsupportedModeError);

/// An error of the core on its way to Python.
pub(crate) enum Error {
    Connection(ConnectionError),
    Frame(FrameError),
    Mode(UnknownMode),
    Opus(OpusError),
    Py(PyErr),
}

/// The result of everything that Python calls.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Connection(error @ ConnectionError::Socket(_)) => UdpError::new_err(error.to_string()),
            Error::Connection(error @ ConnectionError::TrackUsed) => PyValueError::new_err(error.to_string()),
            Error::Connection(error) => ClosedError::new_err(error.to_string()),
            Error::Frame(error) => python::OpusError::new_err(error.to_string()),
            Error::Mode(error) => UnsupportedModeError::new_err(error.to_string()),
            Error::Opus(error @ OpusError::Option(_)) => PyValueError::new_err(error.to_string()),
            Error::Opus(error) => python::OpusError::new_err(error.to_string()),
            Error::Py(error) => error,
        }
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

from!(Connection(ConnectionError), Frame(FrameError), Mode(UnknownMode), Opus(OpusError), Py(PyErr));
