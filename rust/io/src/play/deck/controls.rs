//! A source that plays, as its onlookers see it, and what they want of it.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::opus::{EncoderOptions, OpusError};

use super::error::DeckError;
use crate::dsp::{Volume, VolumeError};
use crate::play::JobWaker;
use crate::play::track::TrackState;
use crate::source::{AudioFile, Downstream, FrameSource, SeekError};
use crate::threads::lock;

/// A source with what its onlookers may ask while it plays. It plays once.
pub struct Deck<S> {
    source: Mutex<S>,
    /// What was true when the source was last to be had: who asks never waits for who reads.
    seen: Seen,
    volume: Volume,
    /// Length in samples, if it is known.
    duration: Option<u64>,
    requests: Mutex<Requests>,
    playing: OnceLock<Arc<Playing>>,
    error: OnceLock<String>,
    simplified: AtomicU64,
    claimed: AtomicBool,
}

#[derive(Default)]
struct Seen {
    position: AtomicU64,
    passes: AtomicBool,
}

#[derive(Default)]
struct Requests {
    next: Option<Request>,
    /// Where a seek goes that is being granted just now.
    seeking: Option<f64>,
    /// How what is not encoded yet is to be encoded.
    options: Option<EncoderOptions>,
}

/// Frames that a source may have to go back by beyond those that wait in the ring.
const SPARE: u64 = 4;

#[derive(Clone, Copy)]
pub(super) enum Request {
    Seek(f64),
    /// Encode again what has not left, with the volume that is now.
    Refresh,
    /// Nothing more is to be heard.
    End,
}

pub(super) struct Playing {
    track: Arc<TrackState>,
    waker: JobWaker,
    /// Number of the frame that the source gives next.
    given: AtomicU64,
    /// What the source took back may be heard all the same.
    unsettled: AtomicBool,
    /// Where runs of frames begin: the frame's number in the track, and its place in the file in samples.
    runs: Mutex<Vec<(u64, u64)>>,
}

impl From<AudioFile> for Deck<AudioFile> {
    fn from(file: AudioFile) -> Self {
        let (volume, duration) = (file.volume().clone(), file.info().duration);
        Self::new(file, volume, duration)
    }
}

impl<S: FrameSource> Deck<S> {
    /// A source that does not play yet, with its volume, and its length in samples of 48 kHz if that is known.
    pub fn new(source: S, volume: Volume, duration: Option<u64>) -> Self {
        let seen = Seen::default();
        seen.note(&source);
        Self {
            source: Mutex::new(source),
            seen,
            volume,
            duration,
            requests: Mutex::default(),
            playing: OnceLock::new(),
            error: OnceLock::new(),
            simplified: AtomicU64::new(0),
            claimed: AtomicBool::new(false),
        }
    }

    /// Takes it for one who plays it, once and for all.
    pub(super) fn claim(&self) -> Result<(), DeckError> {
        if self.claimed.swap(true, Relaxed) { Err(DeckError::InUse) } else { Ok(()) }
    }

    pub(super) fn attach(
        &self,
        track: Arc<TrackState>,
        waker: JobWaker,
        start: u64,
        lookahead: usize,
    ) -> Result<(), DeckError> {
        self.claim()?;
        let depth = lookahead as u64 + SPARE;
        let playing = Arc::new(Playing {
            track,
            waker,
            given: AtomicU64::new(0),
            unsettled: AtomicBool::new(false),
            runs: Mutex::new(vec![(0, start)]),
        });
        self.playing.set(Arc::clone(&playing)).map_err(|_| DeckError::InUse)?;
        let downstream: Arc<dyn Downstream> = playing;
        self.source().attach(&downstream, depth);
        Ok(())
    }

    /// The source, for who reads it. Waits while another does.
    pub fn source(&self) -> MutexGuard<'_, S> {
        lock(&self.source)
    }

    /// Lends the source to who reads it, and remembers where it is then.
    pub(super) fn with_source<T>(&self, read: impl FnOnce(&mut S) -> T) -> T {
        let mut source = self.source();
        let result = read(&mut source);
        self.seen.note(&*source);
        result
    }

    /// Where the next frame that is read begins, in samples.
    fn read_position(&self) -> u64 {
        self.look();
        self.seen.position.load(Relaxed)
    }

    /// True if, as the volume is now, the next frame is a packet of the source as it stands.
    #[must_use]
    pub fn passthrough(&self) -> bool {
        self.look();
        self.volume() == 1.0 && self.seen.passes.load(Relaxed)
    }

    fn look(&self) {
        if let Ok(source) = self.source.try_lock() {
            self.seen.note(&*source);
        }
    }

    /// Whether somebody plays or has played it, on a track or as a part of another source.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        self.claimed.load(Relaxed)
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
        self.playing.get().map(|playing| &**playing)
    }

    /// Whether it is on a track that has not ended.
    #[must_use]
    pub fn plays(&self) -> bool {
        self.playing.get().is_some_and(|playing| playing.track.end().is_none())
    }

    /// Why it stops early. The first error is the one to tell.
    pub(super) fn fail(&self, error: String) {
        let _ = self.error.set(error);
    }

    pub(super) fn note_simplified(&self) {
        self.simplified.fetch_add(1, Relaxed);
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

    /// Ends what plays: nothing more of it is heard.
    pub fn end(&self) {
        if let Some(playing) = self.playing.get() {
            lock(&self.requests).next = Some(Request::End);
            playing.waker.wake(0);
        }
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
    pub fn seek(&self, seconds: f64) -> Result<(), SeekError> {
        match self.playing.get() {
            None => self.source().seek(seconds),
            Some(_) if !(seconds >= 0.0 && seconds.is_finite()) => Err(SeekError::Position(seconds)),
            Some(playing) => {
                lock(&self.requests).next = Some(Request::Seek(seconds));
                playing.waker.wake(0);
                Ok(())
            }
        }
    }
}

impl<S: FrameSource> Deck<S> {
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
    fn note(&self, source: &impl FrameSource) {
        self.position.store(source.position(), Relaxed);
        self.passes.store(source.passes(), Relaxed);
    }
}

/// What can be asked of any source on a track.
pub trait OnDeck: Send + Sync {
    /// See [`Deck::configure`].
    ///
    /// # Errors
    /// [`OpusError::Option`] for a value out of range.
    fn configure(&self, options: &EncoderOptions) -> Result<(), OpusError>;

    /// See [`Deck::error`].
    fn error(&self) -> Option<&str>;
}

impl<S: FrameSource> OnDeck for Deck<S> {
    fn configure(&self, options: &EncoderOptions) -> Result<(), OpusError> {
        Self::configure(self, options)
    }

    fn error(&self) -> Option<&str> {
        Self::error(self)
    }
}

impl Downstream for Playing {
    fn wake(&self) {
        self.waker.wake(u32::try_from(self.ahead()).unwrap_or(u32::MAX));
    }

    fn ahead(&self) -> u64 {
        self.given.load(Relaxed).saturating_sub(self.track.next_heard())
    }

    fn is_settled(&self) -> bool {
        !self.unsettled.load(Acquire)
    }
}

impl Playing {
    /// The source is about to take frames back; the clock may be faster than what takes their place.
    pub(super) fn unsettle(&self) {
        self.unsettled.store(true, Release);
    }

    /// What is heard is known. Says whether it was not.
    pub(super) fn settle(&self) -> bool {
        self.unsettled.swap(false, AcqRel)
    }

    /// The source has given the frames before this one.
    pub(super) fn note_given(&self, next: u64) {
        self.given.store(next, Relaxed);
    }

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
