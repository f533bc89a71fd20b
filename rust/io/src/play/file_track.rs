//! A file on its way into a track: decode, encode or pass through, on the pool's threads.
//!
//! A seek or a new volume is heard at once and not a lookahead later: others take the place of the frames in the ring.

mod ahead;
mod encoder;
mod feed;
mod kept;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::opus::{EncoderOptions, OpusError};

use self::ahead::Ahead;
use self::feed::{FeedError, FileFeed};
use super::track::{TrackReader, TrackState, track};
use super::{FeederPool, JobHandle, JobWaker};
use crate::dsp::{Volume, VolumeError};
use crate::source::AudioFile;

/// A file with what its onlookers may ask while it plays.
pub struct FileSource {
    file: Mutex<AudioFile>,
    volume: Volume,
    /// Length in samples, if it is known.
    duration: Option<u64>,
    wishes: Mutex<Wishes>,
    playing: OnceLock<Playing>,
    error: OnceLock<String>,
    simplified: AtomicU64,
}

#[derive(Default)]
struct Wishes {
    next: Option<Wish>,
    /// Where a seek goes that is being granted just now.
    seeking: Option<f64>,
}

#[derive(Clone, Copy)]
enum Wish {
    Seek(f64),
    /// Encode again what has not left, with the volume that is now.
    Refresh,
}

struct Playing {
    track: Arc<TrackState>,
    waker: JobWaker,
    /// Where runs of frames begin: the frame's number in the track, and its place in the file in samples.
    runs: Mutex<Vec<(u64, u64)>>,
}

/// Why a file was not put on a track.
#[derive(Debug, thiserror::Error)]
pub enum FileTrackError {
    /// A file plays once at a time, from one place.
    #[error("this file already plays, or has played, on another track: open it anew")]
    InUse,
    /// No encoder.
    #[error(transparent)]
    Opus(#[from] OpusError),
    /// No thread to feed it.
    #[error("the threads that read files could not be started: {0}")]
    Threads(#[from] io::Error),
}

impl FileSource {
    /// A file that does not play yet.
    #[must_use]
    pub fn new(file: AudioFile) -> Self {
        let (volume, duration) = (file.volume().clone(), file.info().duration);
        Self {
            file: Mutex::new(file),
            volume,
            duration,
            wishes: Mutex::default(),
            playing: OnceLock::new(),
            error: OnceLock::new(),
            simplified: AtomicU64::new(0),
        }
    }

    /// Puts the file on a track. The handle keeps it fed; dropping it ends the supply.
    ///
    /// # Errors
    /// [`FileTrackError`]
    pub fn track(
        self: &Arc<Self>,
        pool: &FeederPool,
        options: &EncoderOptions,
        lookahead: usize,
    ) -> Result<(TrackReader, Arc<TrackState>, JobHandle), FileTrackError> {
        let (feed, reader, start) = self.feed(options, lookahead)?;
        let state = Arc::clone(reader.state());
        let handle = pool.add(Box::new(feed))?;
        self.attach(Arc::clone(&state), handle.waker(), start)?;
        let waker = handle.waker();
        state.set_waker(Box::new(move |left| waker.wake(left)));
        handle.wake(0);
        Ok((reader, state, handle))
    }

    /// What makes the frames, the clock's end, and the place in the file where they begin.
    fn feed(
        self: &Arc<Self>,
        options: &EncoderOptions,
        lookahead: usize,
    ) -> Result<(FileFeed, TrackReader, u64), FileTrackError> {
        let (writer, reader) = track(lookahead);
        let (start, passthrough, has_packets) = {
            let file = self.file();
            (file.position(), file.passthrough(), file.is_opus())
        };
        let mut ahead = Ahead::new(options, lookahead, has_packets, self.volume());
        if !passthrough {
            ahead.prepare()?;
        }
        let feed = FileFeed::new(Arc::clone(self), writer, ahead);
        Ok((feed, reader, start))
    }

    fn attach(&self, track: Arc<TrackState>, waker: JobWaker, start: u64) -> Result<(), FileTrackError> {
        let playing = Playing { track, waker, runs: Mutex::new(vec![(0, start)]) };
        self.playing.set(playing).map_err(|_| FileTrackError::InUse)
    }

    /// The file, for what does not change or when it does not play. Waits while a piece is decoded.
    pub fn file(&self) -> MutexGuard<'_, AudioFile> {
        lock(&self.file)
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
        let seconds = self.wished_place().unwrap_or_else(|| {
            let samples = match self.playing.get() {
                None => self.file().position(),
                Some(playing) => playing.place_of(playing.track.next_heard()),
            };
            samples as f64 / f64::from(SAMPLE_RATE)
        });
        let end = self.duration.map_or(f64::INFINITY, |samples| samples as f64 / f64::from(SAMPLE_RATE));
        seconds.min(end)
    }

    /// Where a seek goes that has not been made yet. After the end of the track none will be.
    fn wished_place(&self) -> Option<f64> {
        self.playing.get().filter(|playing| playing.track.end().is_none())?;
        let wishes = lock(&self.wishes);
        match wishes.next {
            Some(Wish::Seek(seconds)) => Some(seconds),
            _ => wishes.seeking,
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
            lock(&self.wishes).next.get_or_insert(Wish::Refresh);
            playing.waker.wake(0);
        }
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
                lock(&self.wishes).next = Some(Wish::Seek(seconds));
                playing.waker.wake(0);
                Ok(())
            }
        }
    }
}

impl FileSource {
    /// What is to be granted now.
    fn take_wish(&self) -> Option<Wish> {
        let mut wishes = lock(&self.wishes);
        let wish = wishes.next.take();
        if let Some(Wish::Seek(seconds)) = wish {
            wishes.seeking = Some(seconds);
        }
        wish
    }
}

impl Playing {
    /// The place in the file of a frame of the track, in samples.
    fn place_of(&self, frame: u64) -> u64 {
        let runs = lock(&self.runs);
        let run = runs.iter().rev().find(|(first, _)| *first <= frame);
        run.map_or(0, |(first, place)| place + (frame - first) * FRAME_SAMPLES as u64)
    }

    /// Frames from now on begin at this place. What nobody can ask for any more is forgotten.
    fn begin_run(&self, frame: u64, place: u64) {
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

#[cfg(test)]
mod seam_tests;
#[cfg(test)]
mod tests;
