//! `Mixer`: any number of sources as one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use isocord_io::desk::{Errands, mixer};
use isocord_io::dsp::Volume;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBytes;

use crate::engine::running;
use crate::errors::{AudioFileError, Error, Result};
use crate::layer::Layer;
use crate::part::{Native, Part};
use crate::playable::part_of;
use crate::reading::Reading;
use crate::reel::Reel;

/// How long a mixer that was stopped may take to be let go of: a thread of the pool does it.
const LET_GO: Duration = Duration::from_millis(250);

/// Any number of sounds as one source, mixed natively: music, speech over it, effects.
///
///     mixer = isocord.Mixer(endless=True)
///     voice.play(mixer)
///     music = mixer.play(isocord.AudioFile("music.flac"), volume=0.8, fade_in=2.0)
///     await mixer.play("hello.mp3", duck=0.25)
///     await music.fade(0.0, 3.0)
///
/// It is encoded once, whatever the number of layers. A sum that would clip is turned down 5 ms before; one that does
/// not is exact. A layer that has nothing yet, say a source in Python whose read() blocks, costs its own sound only.
///
/// A mixer ends with its last layer unless it is endless; before the first one it is silent. It plays in one place at
/// a time, and again after it was stopped: the layers that played are over then, and those that had not begun wait.
///
/// Args:
///     volume: of the whole, 0.0 to 16.0; 1.0 leaves the sound as it is.
///     endless: go on in silence when no layer is left.
///
/// Raises:
///     ValueError: volume is out of its range.
#[pyclass(frozen, module = "isocord")]
pub(crate) struct Mixer {
    mixer: mixer::Mixer,
    volume: Volume,
    /// What `read()` reads.
    reader: Mutex<Option<Reading<mixer::MixSource>>>,
}

/// Work for the event thread, if there is one already: without it nothing plays.
struct WhileRunning;

impl Errands for WhileRunning {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        match running() {
            Some(engine) => engine.errands().run(errand),
            None => errand(),
        }
    }
}

impl Native for Mixer {
    fn part(&self) -> Result<Part> {
        // Who lets go of it may need the GIL.
        let source = Python::attach(|py| py.detach(|| self.source()));
        let text = "this mixer plays already: stop it there first, or play another one";
        let source = source.ok_or_else(|| AudioFileError::new_err(text))?;
        Ok(Part { source: Box::new(source), volume: self.volume.clone(), duration: None })
    }
}

#[pymethods]
impl Mixer {
    #[new]
    #[pyo3(signature = (*, volume = 1.0, endless = false))]
    fn new(volume: f32, endless: bool) -> Result<Self> {
        let mixer = mixer::Mixer::new(endless, Arc::new(WhileRunning));
        Ok(Self { mixer, volume: Volume::new(volume)?, reader: Mutex::default() })
    }

    /// Have a source heard with the others; before the mixer plays, it waits for that.
    ///
    /// Args:
    ///     source: an AudioFile, an audio source of the bot library (read on a thread of its own), another native
    ///         source, a path or a URL. It plays once.
    ///     volume: 0.0 to 16.0, on top of the source's own.
    ///     fade_in: seconds in which it comes up, 0 to 3600.
    ///     duck: what the other layers are turned down to while it sounds, 0.0 to 1.0: down within 40 ms, back within
    ///         400. Layers that duck others are not ducked.
    ///     loop: begin again at its end, to the sample.
    ///
    /// Raises:
    ///     AudioFileError: a path or URL cannot be played, or the source plays or has played already.
    ///     TypeError: source is none that can be played.
    ///     ValueError: a number is out of its range, or loop is asked of a source that cannot go back.
    #[pyo3(signature = (source, *, volume = 1.0, fade_in = 0.0, duck = None, r#loop = false))]
    fn play(
        slf: &Bound<'_, Self>,
        source: &Bound<'_, PyAny>,
        volume: f32,
        fade_in: f64,
        duck: Option<f32>,
        r#loop: bool,
    ) -> Result<Layer> {
        // What is wrong is said before a source is taken that would not be there any more.
        let mut options = mixer::LayerOptions::new(Volume::default(), None);
        (options.volume, options.fade_in, options.duck, options.looped) = (volume, fade_in, duck, r#loop);
        options.check()?;
        if source.is(slf) {
            return Err(PyValueError::new_err("a mixer cannot play itself").into());
        }
        if r#loop && source.is_instance_of::<Self>() {
            return Err(PyValueError::new_err("a mixer cannot be looped: loop its layers").into());
        }
        let (part, native) = part_of(source)?;
        if r#loop && native.is_instance_of::<Reel>() {
            return Err(
                PyValueError::new_err("a source written in Python cannot be looped: it plays once").into()
            );
        }
        (options.own, options.duration) = (part.volume, part.duration);
        Ok(Layer::new(slf.get().mixer.play(part.source, options)?, source, native))
    }

    /// End all layers, at once or after they have faded out. Unless it is endless, the mixer ends with them.
    ///
    /// Args:
    ///     fade: seconds in which they fade out, 0 to 3600.
    ///
    /// Raises:
    ///     ValueError: fade is out of its range.
    #[pyo3(signature = (*, fade = 0.0))]
    fn stop(&self, py: Python<'_>, fade: f64) -> Result<()> {
        Ok(py.detach(|| self.mixer.stop(fade))?)
    }

    /// 0.0 to 16.0; 1.0 leaves the sound as it is. Setting it while it plays is heard within 60 ms, without a click.
    ///
    /// Raises, when it is set:
    ///     ValueError: it is out of its range.
    #[getter]
    fn volume(&self) -> f32 {
        self.volume.get()
    }

    #[setter]
    fn set_volume(&self, value: f32) -> Result<()> {
        self.volume.set(value)?;
        self.mixer.look();
        Ok(())
    }

    /// Whether it goes on in silence when no layer is left.
    #[getter]
    fn endless(&self) -> bool {
        self.mixer.is_endless()
    }

    #[setter]
    fn set_endless(&self, value: bool) {
        self.mixer.set_endless(value);
    }

    /// False: read() gives PCM, so that a wrapper of the bot library's can work on it.
    fn is_opus(&self) -> bool {
        false
    }

    /// The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. For wrappers in Python: played
    /// natively, none of its sound passes through Python.
    ///
    /// Raises:
    ///     AudioFileError: it plays natively.
    fn read<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        let pcm = py.detach(|| {
            let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
            let reader = match &mut *reader {
                Some(reader) => reader,
                none => none.insert(self.reader()?),
            };
            reader.frame().map_err(Error::from)
        })?;
        Ok(pcm.map_or_else(|| PyBytes::new(py, &[]), |pcm| PyBytes::new(py, &pcm)))
    }

    /// Called by players at the end: what read() has read is over.
    fn cleanup(&self, py: Python<'_>) {
        py.detach(|| {
            let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(reader);
        });
    }

    /// What isinstance() takes it for: also a source of whichever bot library is loaded.
    #[getter(__class__)]
    fn class<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static POSING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        POSING.import(py, "isocord._door.posing", "posing")?.call1((slf.get_type(),))
    }

    fn __repr__(&self) -> String {
        let plays = if self.mixer.plays() { "playing" } else { "idle" };
        format!("<Mixer {plays}, {} layers>", self.mixer.layers())
    }
}

impl Mixer {
    fn source(&self) -> Option<mixer::MixSource> {
        let deadline = Instant::now() + LET_GO;
        loop {
            let source = self.mixer.source();
            if source.is_some() || Instant::now() >= deadline {
                return source;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn reader(&self) -> Result<Reading<mixer::MixSource>> {
        let text = "a mixer that plays natively cannot be read as well";
        let source = self.source().ok_or_else(|| AudioFileError::new_err(text))?;
        Ok(Reading::new(source, self.volume.clone()))
    }
}
