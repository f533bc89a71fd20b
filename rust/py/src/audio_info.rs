//! `AudioFile.from_info`: what yt-dlp has found.

use std::collections::HashMap;
use std::sync::Arc;

use isocord_io::source::{self, AudioFileOptions, Fresh, HttpHeaders, Input};
use pyo3::prelude::*;

use crate::audio_file::AudioFile;
use crate::audio_input::asking;
use crate::errors::Result;

/// What `isocord.playing.sources.extracted` makes of an info dict.
#[derive(FromPyObject)]
struct Extracted {
    url: String,
    headers: HashMap<String, String>,
    said: HashMap<String, String>,
    duration: Option<f64>,
    fresh: Option<Py<PyAny>>,
}

#[pymethods]
impl AudioFile {
    /// Play what yt-dlp has found: ``ydl.extract_info(url, download=False)``.
    ///
    ///     file = await asyncio.to_thread(isocord.AudioFile.from_info, info, resolve=find_again)
    ///
    /// The format that was chosen is played, or the best one with sound that isocord can ask for. ``title``,
    /// ``artist``, ``duration`` and ``tags`` are what the dict says, and what the file says for lack of it; ``tags``
    /// has also "uploader", "thumbnail" and "webpage_url".
    ///
    /// Args:
    ///     info: the dict. Of a playlist the first entry is played.
    ///     resolve: called without arguments when the server says that the URL has expired (403 or 410); gives a new
    ///         info dict, or None. It is called in a thread of isocord's and may take 30 s; while the file is opened,
    ///         it is a part of the 10 s that this may take. What it returns may be awaited, on the bot's loop: that of
    ///         this thread, otherwise the one on which the bot joined a channel; before it has, a loop of its own.
    ///     volume, start, allow_private: as for AudioFile.
    ///
    /// Raises:
    ///     AudioFileError: as for AudioFile, or the dict names nothing that can be played or sent.
    ///     TypeError: info is no dict.
    #[staticmethod]
    #[pyo3(signature = (info, *, resolve = None, volume = 1.0, start = 0.0, allow_private = false))]
    fn from_info(
        py: Python<'_>,
        info: &Bound<'_, PyAny>,
        resolve: Option<&Bound<'_, PyAny>>,
        volume: f32,
        start: f64,
        allow_private: bool,
    ) -> Result<Self> {
        let module = py.import("isocord.playing.sources.extracted")?;
        let found = module.call_method1("extract", (info, resolve))?;
        let Extracted { url, headers, said, duration, fresh } = found.extract()?;
        let mut options = asking(Some(&headers), allow_private)?;
        options.fresh = fresh.as_ref().map(|ask| again(ask.clone_ref(py)));
        let named =
            AudioFileOptions { volume, start, ffmpeg: source::find_ffmpeg(), ..AudioFileOptions::default() };
        let opened = Self::open(py, Input::Url { url, options }, named);
        if let Some(fresh) = fresh {
            // From now on nobody waits on the loop for it to be open.
            fresh.call_method0(py, "opened")?;
        }
        let mut file = opened?;
        file.info.tags =
            Arc::new(file.info.tags.with(said.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
        file.duration = file.duration.or(duration);
        Ok(file)
    }
}

/// Asks Python for another URL. None where there is none, or Python is gone.
fn again(ask: Py<PyAny>) -> Arc<Fresh> {
    Arc::new(move || {
        Python::try_attach(|py| {
            let found = ask.call0(py).ok()?;
            let (url, headers) = found.extract::<Option<(String, HashMap<String, String>)>>(py).ok()??;
            let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            Some((url, HttpHeaders::new(pairs).ok()?))
        })?
    })
}
