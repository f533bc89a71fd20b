//! A file on its way into a track: decode, encode or pass through, on the pool's threads.
//!
//! A seek or a new volume is heard at once and not a lookahead later: the frames in the ring go
//! stale, and the file is read again from where the listener is.

mod encoder;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use isocord_proto::frame::{FRAME_SAMPLES, OpusFrame, SAMPLE_RATE};
use isocord_proto::opus::{EncoderOptions, OpusError};

use self::encoder::LazyEncoder;
use super::track::{TrackReader, TrackState, TrackWriter, track};
use super::{Feed, FeedStatus, FeederPool, JobHandle, JobWaker, Pressure};
use crate::dsp::{Volume, VolumeError};
use crate::source::{AudioFile, Closer, Frame, FrameBuf, SourceError};

/// Frames that are made before another job has its turn.
const PIECE: usize = 4;
/// Frames that still play as they were while a new volume is worked in: they are nearly out.
const VOLUME_KEEP: u64 = 3;

/// A file with what its onlookers may ask while it plays.
pub struct FileSource {
    file: Mutex<AudioFile>,
    closer: Closer,
    /// What was true when the file was last to be had: who asks never waits for who reads.
    seen: Seen,
    volume: Volume,
    /// Length in samples, if it is known.
    duration: Option<u64>,
    wishes: Mutex<Wishes>,
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
struct Wishes {
    next: Option<Wish>,
    /// Where a seek goes that is being granted just now.
    seeking: Option<f64>,
    /// How what is not encoded yet is to be encoded.
    options: Option<EncoderOptions>,
}

#[derive(Clone, Copy)]
enum Wish {
    Seek(f64),
    /// Read again what has not been heard, with the volume that is now.
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
        let seen = Seen::default();
        seen.note(&file);
        Self {
            closer: file.closer(),
            file: Mutex::new(file),
            seen,
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
        let (start, passthrough) = {
            let file = self.file();
            (file.position(), file.passthrough())
        };
        let mut encoder = LazyEncoder::new(options);
        if !passthrough {
            encoder.get(options.complexity)?;
        }
        let feed = FileFeed {
            source: Arc::clone(self),
            writer: Some(writer),
            encoder,
            over: false,
            searching: false,
        };
        Ok((feed, reader, start))
    }

    fn attach(&self, track: Arc<TrackState>, waker: JobWaker, start: u64) -> Result<(), FileTrackError> {
        let playing = Playing { track, waker, runs: Mutex::new(vec![(0, start)]) };
        self.playing.set(playing).map_err(|_| FileTrackError::InUse)
    }

    /// The file, for who reads it. Waits while another does.
    pub fn file(&self) -> MutexGuard<'_, AudioFile> {
        lock(&self.file)
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
        if self.playing.get().is_none_or(|playing| playing.track.end().is_some()) {
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
        let seconds = self.wished_place().unwrap_or_else(|| {
            let samples = match self.playing.get() {
                None => self.read_position(),
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

    /// Encodes what is not encoded yet with these options.
    ///
    /// # Errors
    /// [`OpusError::Option`] for a value out of range.
    pub fn configure(&self, options: &EncoderOptions) -> Result<(), OpusError> {
        options.check()?;
        lock(&self.wishes).options = Some(*options);
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
    /// What is to be granted now. While an earlier flush stands, what is heard next cannot be read again yet: a new
    /// volume waits for that.
    fn take_wish(&self, flushing: bool) -> Option<Wish> {
        let mut wishes = lock(&self.wishes);
        if flushing && matches!(wishes.next, Some(Wish::Refresh)) {
            return None;
        }
        let wish = wishes.next.take();
        if let Some(Wish::Seek(seconds)) = wish {
            wishes.seeking = Some(seconds);
        }
        wish
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
    fn place_of(&self, frame: u64) -> u64 {
        let runs = lock(&self.runs);
        let run = runs.iter().rev().find(|(first, _)| *first <= frame);
        run.map_or(0, |(first, place)| place + (frame - first) * FRAME_SAMPLES as u64)
    }

    /// Frames from now on begin at this place. What nobody can ask for any more is forgotten.
    fn begin_run(&self, frame: u64, place: u64) {
        let heard = self.track.frames_taken();
        let mut runs = lock(&self.runs);
        let current = runs.iter().rposition(|(first, _)| *first <= heard).unwrap_or(0);
        runs.drain(..current);
        runs.retain(|(first, _)| *first < frame);
        runs.push((frame, place));
    }
}

struct FileFeed {
    source: Arc<FileSource>,
    /// None once the track is over.
    writer: Option<TrackWriter>,
    encoder: LazyEncoder,
    over: bool,
    /// The next frame was looked for and has not been found yet.
    searching: bool,
}

impl Feed for FileFeed {
    fn feed(&mut self, pressure: Pressure) -> FeedStatus {
        let Some(writer) = self.writer.as_mut().filter(|writer| writer.state().end().is_none()) else {
            self.writer = None;
            return FeedStatus::Done;
        };
        // Before a look at what is left of an earlier flush, so that its end is not missed.
        writer.going_to_sleep();
        let wish = self.source.take_wish(writer.is_flushing());
        let result = match wish {
            Some(wish) => grant(&self.source, writer, &mut self.over, wish),
            None => Ok(()),
        };
        let options = {
            let mut wishes = lock(&self.source.wishes);
            wishes.seeking = None;
            wishes.options.take()
        };
        let result = result.and_then(|()| {
            if let Some(options) = options {
                self.encoder.configure(&options)?;
            }
            // On the stack of the pool's thread: nothing is kept in it, and hundreds of files share those.
            let mut buffer = FrameBuf::new();
            for _ in 0..PIECE {
                if self.over {
                    break;
                }
                writer.going_to_sleep();
                if writer.room() == 0 || (wish.is_none() && writer.room_to_work().is_none()) {
                    return Ok(FeedStatus::Wait);
                }
                match push_frame(&self.source, writer, &mut self.encoder, pressure, &mut buffer)? {
                    Pushed::Frame if std::mem::take(&mut self.searching) => {
                        // Only now is it known where exactly a long way has led.
                        if let Some(playing) = self.source.playing.get() {
                            playing.begin_run(writer.pushed() - 1, buffer.position);
                        }
                    }
                    Pushed::Frame => {}
                    Pushed::Nothing => {
                        self.searching = true;
                        return Ok(FeedStatus::Searching { left: writer.queued() });
                    }
                    Pushed::End => self.over = true,
                }
            }
            // After its end it stays, for a seek may still come.
            Ok(if self.over { FeedStatus::Wait } else { FeedStatus::Again { left: writer.queued() } })
        });
        if wish.is_some() {
            // A paused track would keep its stale frames, and with them no room for those of the next wish.
            writer.state().nudge_clock();
        }
        result.unwrap_or_else(|error: FeedError| {
            // The first error is the one to tell.
            let _ = self.source.error.set(error.to_string());
            writer.fail();
            self.over = true;
            FeedStatus::Wait
        })
    }

    fn panicked(&mut self) {
        let _ = self.source.error.set("isocord itself has failed on it: please report this".to_owned());
        if let Some(writer) = &mut self.writer {
            writer.fail();
        }
    }
}

/// What became of one frame.
enum Pushed {
    Frame,
    /// It is still looked for.
    Nothing,
    End,
}

#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Seek(#[from] crate::source::SeekError),
    #[error(transparent)]
    Opus(#[from] OpusError),
}

fn grant(
    source: &FileSource,
    writer: &mut TrackWriter,
    over: &mut bool,
    wish: Wish,
) -> Result<(), FeedError> {
    let Some(playing) = source.playing.get() else { return Ok(()) };
    let mut file = source.file();
    match wish {
        Wish::Seek(seconds) => {
            file.begin_seek(seconds)?;
            playing.begin_run(writer.pushed(), file.position());
            writer.flush();
        }
        Wish::Refresh => {
            let Some(next) = writer.flush_after(VOLUME_KEEP) else {
                // Nothing queued was made with the old volume.
                return Ok(());
            };
            file.begin_seek(playing.place_of(next) as f64 / f64::from(SAMPLE_RATE))?;
            playing.begin_run(writer.pushed(), file.position());
        }
    }
    *over = false;
    Ok(())
}

/// One frame from the file into the ring.
fn push_frame(
    source: &FileSource,
    writer: &mut TrackWriter,
    encoder: &mut LazyEncoder,
    pressure: Pressure,
    buffer: &mut FrameBuf,
) -> Result<Pushed, FeedError> {
    let kind = {
        let mut file = source.file();
        let kind = file.try_next_frame(buffer)?;
        source.seen.note(&file);
        kind
    };
    let Some(kind) = kind else { return Ok(Pushed::Nothing) };
    let mut frame = OpusFrame::SILENCE;
    match kind {
        Frame::End => {
            writer.finish();
            return Ok(Pushed::End);
        }
        Frame::Opus(len) => frame.fill(|out| {
            out[..len].copy_from_slice(&buffer.opus[..len]);
            Ok::<_, OpusError>(len)
        })?,
        Frame::Pcm => frame.fill(|out| {
            let asked = encoder.asked();
            let complexity = pressure.complexity(asked);
            source.simplified.fetch_add(u64::from(complexity < asked), Relaxed);
            let encoder = encoder.get(complexity)?;
            if buffer.has_lead_in {
                // The encoder hears what went before, so that the change from passthrough has no seam.
                encoder.encode_float(&buffer.lead_in, out)?;
            }
            encoder.encode_float(&buffer.pcm, out)
        })?,
    }
    let pushed = writer.push(&frame);
    debug_assert!(pushed, "the ring had room");
    Ok(Pushed::Frame)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
