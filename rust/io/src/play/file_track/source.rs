//! A file that plays, as its onlookers see it, and what they want of it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::opus::{EncoderOptions, OpusError};

use super::error::FileTrackError;
use crate::dsp::{Volume, VolumeError};
use crate::play::JobWaker;
use crate::play::track::TrackState;
use crate::source::{AudioFile, Closer};

/// A file with what its onlookers may ask while it plays.
pub struct FileSource {
    file: Mutex<AudioFile>,
    closer: Closer,
    /// What was true when the file was last to be had: who asks never waits for who reads.
    seen: Seen,
    volume: Volume,
    /// Length in samples, if it is known.
    duration: Option<u64>,
    requests: Mutex<Requests>,
    playing: OnceLock<Playing>,
    error: OnceLock<String>,
    simplified: AtomicU64,
}

#[derive(Default)]
struct Seen {
    position: AtomicU64,
    passthrough: AtomicBool,
}

#[derive(Default)]
struct Requests {
    next: Option<Request>,
    /// Where a seek goes that is being granted just now.
    seeking: Option<f64>,
    /// How what is not encoded yet is to be encoded.
    options: Option<EncoderOptions>,
}

#[derive(Clone, Copy)]
pub(super) enum Request {
    Seek(f64),
    /// Encode again what has not left, with the volume that is now.
    Refresh,
}

pub(super) struct Playing {
    track: Arc<TrackState>,
    waker: JobWaker,
    /// Where runs of frames begin: the frame's number in the track, and its place in the file in samples.
    runs: Mutex<Vec<(u64, u64)>>,
}

impl FileSource {
    /// A file that does not play yet.
    #[must_use]
    pub fn new(file: AudioFile) -> Self {
        let (volume, duration) = (file.volume().clone(), file.info().duration);
        let seen = Seen::default();
        seen.note(&file);
        Self {
            closer: file.closer(),
            file: Mutex::new(file),
            seen,
            volume,
            duration,
            requests: Mutex::default(),
            playing: OnceLock::new(),
            error: OnceLock::new(),
            simplified: AtomicU64::new(0),
        }
    }

    pub(super) fn attach(
        &self,
        track: Arc<TrackState>,
        waker: JobWaker,
        start: u64,
    ) -> Result<(), FileTrackError> {
        let playing = Playing { track, waker, runs: Mutex::new(vec![(0, start)]) };
        self.playing.set(playing).map_err(|_| FileTrackError::InUse)
    }

    /// The file, for who reads it. Waits while another does.
    pub fn file(&self) -> MutexGuard<'_, AudioFile> {
        lock(&self.file)
    }

    /// Lends the file to who reads it, and remembers where it is then.
    pub(super) fn with_file<T>(&self, read: impl FnOnce(&mut AudioFile) -> T) -> T {
        let mut file = self.file();
        let result = read(&mut file);
        self.seen.note(&file);
        result
    }

    /// Where the next frame that is read begins, in samples.
    fn read_position(&self) -> u64 {
        self.look();
        self.seen.position.load(Relaxed)
    }

    /// True if, as the volume is now, the next frame is a packet of the file as it stands.
    #[must_use]
    pub fn passthrough(&self) -> bool {
        self.look();
        self.seen.passthrough.load(Relaxed)
    }

    fn look(&self) {
        if let Ok(file) = self.file.try_lock() {
            self.seen.note(&file);
        }
    }

    /// Lets the file go, unless it plays: who reads it is given an error soon. Never waits for who reads.
    pub fn close(&self) {
        if !self.plays() {
            self.closer.close();
        }
    }

    /// Whether it is or was on a track.
    #[must_use]
    pub fn is_on_track(&self) -> bool {
        self.playing.get().is_some()
    }

    /// Why it stopped early, if it did.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.get().map(String::as_str)
    }

    /// Frames that were encoded with a lower complexity than asked, for the pool could not keep up.
    #[must_use]
    pub fn simplified(&self) -> u64 {
        self.simplified.load(Relaxed)
    }

    /// Place in the file, in seconds, of what is heard now; never after its end, where that is known.
    #[must_use]
    pub fn position(&self) -> f64 {
        let seconds = self.requested_place().unwrap_or_else(|| {
            let samples = match self.playing.get() {
                None => self.read_position(),
                Some(playing) => playing.place_of(playing.track.next_heard()),
            };
            samples as f64 / f64::from(SAMPLE_RATE)
        });
        let end = self.duration.map_or(f64::INFINITY, |samples| samples as f64 / f64::from(SAMPLE_RATE));
        seconds.min(end)
    }

    /// Its track, if it is or was on one.
    pub(super) fn playing(&self) -> Option<&Playing> {
        self.playing.get()
    }

    /// Whether it is on a track that has not ended.
    pub(super) fn plays(&self) -> bool {
        self.playing.get().is_some_and(|playing| playing.track.end().is_none())
    }

    /// Why it stops early. The first error is the one to tell.
    pub(super) fn fail(&self, error: String) {
        let _ = self.error.set(error);
    }

    pub(super) fn note_simplified(&self, simplified: bool) {
        self.simplified.fetch_add(u64::from(simplified), Relaxed);
    }

    /// Options of the encoder that are new.
    pub(super) fn take_options(&self) -> Option<EncoderOptions> {
        lock(&self.requests).options.take()
    }

    /// What has not left is to be encoded again, later.
    pub(super) fn refresh_later(&self) {
        lock(&self.requests).next.get_or_insert(Request::Refresh);
    }

    /// A request has been granted.
    pub(super) fn granted(&self) {
        lock(&self.requests).seeking = None;
    }

    /// Where a seek goes that has not been made yet. After the end of the track none will be.
    fn requested_place(&self) -> Option<f64> {
        self.playing.get().filter(|playing| playing.track.end().is_none())?;
        let requests = lock(&self.requests);
        match requests.next {
            Some(Request::Seek(seconds)) => Some(seconds),
            _ => requests.seeking,
        }
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> f32 {
        self.volume.get()
    }

    /// Sets the volume; heard within a few frames.
    ///
    /// # Errors
    /// [`VolumeError`] if it is out of its range.
    pub fn set_volume(&self, volume: f32) -> Result<(), VolumeError> {
        self.volume.set(volume)?;
        if let Some(playing) = self.playing.get() {
            lock(&self.requests).next.get_or_insert(Request::Refresh);
            playing.waker.wake(0);
        }
        Ok(())
    }

    /// Encodes what is not encoded yet with these options.
    ///
    /// # Errors
    /// [`OpusError::Option`] for a value out of range.
    pub fn configure(&self, options: &EncoderOptions) -> Result<(), OpusError> {
        options.check()?;
        lock(&self.requests).options = Some(*options);
        Ok(())
    }

    /// Goes to a place, in seconds; heard with the next frame. Past the end, it ends.
    ///
    /// # Errors
    /// What the file says, if it does not play; a playing file ends as failed instead.
    pub fn seek(&self, seconds: f64) -> Result<(), crate::source::SeekError> {
        match self.playing.get() {
            None => self.file().seek(seconds),
            Some(_) if !(seconds >= 0.0 && seconds.is_finite()) => {
                Err(crate::source::SeekError::Position(seconds))
            }
            Some(playing) => {
                lock(&self.requests).next = Some(Request::Seek(seconds));
                playing.waker.wake(0);
                Ok(())
            }
        }
    }
}

impl FileSource {
    /// What is to be granted now.
    pub(super) fn take_request(&self) -> Option<Request> {
        let mut requests = lock(&self.requests);
        let request = requests.next.take();
        if let Some(Request::Seek(seconds)) = request {
            requests.seeking = Some(seconds);
        }
        request
    }
}

impl Seen {
    fn note(&self, file: &AudioFile) {
        self.position.store(file.position(), Relaxed);
        self.passthrough.store(file.passthrough(), Relaxed);
    }
}

impl Playing {
    /// The place in the file of a frame of the track, in samples.
    pub(super) fn place_of(&self, frame: u64) -> u64 {
        let runs = lock(&self.runs);
        let run = runs.iter().rev().find(|(first, _)| *first <= frame);
        run.map_or(0, |(first, place)| place + (frame - first) * FRAME_SAMPLES as u64)
    }

    /// Frames from now on begin at this place. What nobody can ask for any more is forgotten.
    pub(super) fn begin_run(&self, frame: u64, place: u64) {
        let heard = self.track.next_heard();
        let mut runs = lock(&self.runs);
        let current = runs.iter().rposition(|(first, _)| *first <= heard).unwrap_or(0);
        runs.drain(..current);
        runs.retain(|(first, _)| *first < frame);
        runs.push((frame, place));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
