//! What is recorded to what: formats, targets and parts as Python names them.

use std::io;
use std::path::PathBuf;

use isocord_io::record::{
    About, Coded, Depth, DocType, Ffmpeg, Format, Layout, RecorderOptions, SampleShape, Split, Target,
    TargetFactory, WholeFactory, directory, once,
};
use isocord_proto::frame::SAMPLE_RATE;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::SinkError;
use crate::file_object;

/// The format of a file, and what encodes it if that is not isocord.
#[derive(Clone)]
pub(crate) struct Encoding {
    format: Format,
    ffmpeg: Option<Ffmpeg>,
    max_size: Option<u64>,
    about: About,
}

impl Encoding {
    /// `max_size` is the most bytes that a file may get.
    pub(crate) fn new(
        name: &str,
        bitrate: u16,
        max_size: Option<u64>,
        ffmpeg: Option<PathBuf>,
        about: About,
    ) -> PyResult<Self> {
        let format = match name {
            "wav" => Format::Wav,
            "pcm" | "mp4" | "m4a" => Format::Pcm,
            "flac" => Format::Flac,
            "mp3" if ffmpeg.is_some() => Format::Pcm,
            "mp3" => Format::Mp3 { bitrate },
            "ogg" => Format::OggOpus,
            "mka" | "mkv" => Format::Matroska(DocType::Matroska),
            "webm" => Format::Matroska(DocType::Webm),
            _ => return Err(PyValueError::new_err(format!("{name:?} is no format of recordings"))),
        };
        let coded = match name {
            "mp4" => Some(Coded::Mp4),
            "m4a" => Some(Coded::M4a),
            "mp3" => Some(Coded::Mp3),
            _ => None,
        };
        let ffmpeg = match (coded, ffmpeg) {
            (Some(coded), Some(program)) => {
                Some(Ffmpeg { program, coded, bitrate, max_file_bytes: max_size })
            }
            (Some(Coded::Mp4 | Coded::M4a), None) => {
                return Err(PyValueError::new_err(format!("{name} needs ffmpeg")));
            }
            _ => None,
        };
        if let Some(ffmpeg) = &ffmpeg {
            ffmpeg.check().map_err(|error| PyValueError::new_err(error.to_string()))?;
        }
        Ok(Self { format, ffmpeg, max_size, about })
    }

    /// `user_id` is None for a file of all users.
    fn target(&self, target: Target, user_id: Option<u64>) -> io::Result<Target> {
        match &self.ffmpeg {
            Some(ffmpeg) => ffmpeg.start(target, Some(&self.about.title(user_id))),
            None => Ok(target),
        }
    }

    /// A path or a file object, or something to call with the number of a part that gives one.
    pub(crate) fn whole(&self, object: &Bound<'_, PyAny>) -> PyResult<WholeFactory> {
        if object.is_callable() && !object.hasattr("write")? {
            let (make, encoding) = (object.clone().unbind(), self.clone());
            return Ok(Box::new(move |part| {
                let target = Python::attach(|py| file_object::target(&make.bind(py).call1((part,))?))?;
                encoding.target(target, None)
            }));
        }
        let target = file_object::target(object)?;
        Ok(once(self.target(target, None).map_err(|error| SinkError::new_err(error.to_string()))?))
    }

    /// A directory, or something to call with a user id and the number of a part that gives a path or a file object.
    fn each(self, object: &Bound<'_, PyAny>, suffix: &str) -> TargetFactory {
        let mut make: TargetFactory = if let Ok(path) = object.extract::<PathBuf>() {
            directory(path, suffix.to_owned())
        } else {
            let make = object.clone().unbind();
            Box::new(move |user_id, part| {
                Ok(Python::attach(|py| file_object::target(&make.bind(py).call1((user_id, part))?))?)
            })
        };
        Box::new(move |user_id, part| self.target(make(user_id, part)?, Some(user_id)))
    }
}

/// The layout that is called `name`, with its targets; and the options that depend on it.
pub(crate) fn layout(
    name: &str,
    target: &Bound<'_, PyAny>,
    encoding: &Encoding,
    suffix: &str,
) -> PyResult<(RecorderOptions, Layout)> {
    // What ffmpeg writes is not what it is given: it is counted there.
    let max_file_bytes = encoding.max_size.filter(|_| encoding.ffmpeg.is_none());
    let about = encoding.about.clone();
    let options =
        RecorderOptions { format: encoding.format, about, max_file_bytes, ..RecorderOptions::default() };
    let layout = match name {
        "users" => Layout::PerUser(encoding.clone().each(target, suffix)),
        "mixdown" => Layout::Mixdown(encoding.whole(target)?),
        "tracks" => Layout::Tracks(encoding.whole(target)?),
        _ => return Err(PyValueError::new_err(format!("{name:?} is no layout of recordings"))),
    };
    Ok((options, layout))
}

/// When a recording goes on in new files.
pub(crate) fn split(asked: Option<(String, u64)>) -> PyResult<Option<Split>> {
    let Some((unit, count)) = asked else { return Ok(None) };
    match unit.as_str() {
        "samples" => Ok(Some(Split::Samples(count))),
        "bytes" => Ok(Some(Split::Bytes(count))),
        "hours" => Ok(Some(Split::Hours(count))),
        _ => Err(PyValueError::new_err(format!("{unit:?} is no unit of parts"))),
    }
}

/// How samples are kept.
pub(crate) fn shape(channels: u16, format: &str) -> PyResult<SampleShape> {
    let mono = match channels {
        1 => true,
        2 => false,
        _ => return Err(PyValueError::new_err(format!("channels must be 1 or 2, not {channels}"))),
    };
    let depth = match format {
        "s16" => Depth::S16,
        "s24" => Depth::S24,
        "f32" => Depth::F32,
        _ => return Err(PyValueError::new_err(format!("{format:?} is no format of samples"))),
    };
    Ok(SampleShape { mono, depth })
}

/// Files tell the names that a function of a user id gives, or None.
pub(crate) fn about(name_of: Py<PyAny>) -> About {
    About::new(Box::new(move |user_id| {
        Python::attach(|py| {
            name_of.bind(py).call1((user_id,)).and_then(|name| name.extract()).unwrap_or(None)
        })
    }))
}

/// Samples of `seconds`, none for no end.
pub(crate) fn samples(seconds: f64) -> Option<u64> {
    (seconds > 0.0).then(|| (seconds * f64::from(SAMPLE_RATE)) as u64)
}
