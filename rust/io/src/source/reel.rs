//! Sound that another thread brings, frame by frame: that of a source written in Python.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

use super::error::{SeekError, SourceError};
use super::frame::{Downstream, FrameBuf, FrameSource, SourceFrame, Want};

type Frame = [i16; FRAME_LEN];

struct State {
    frames: VecDeque<Frame>,
    taken: u64,
    /// No more will come.
    finished: bool,
    /// Nobody takes any more.
    over: bool,
    /// It was full and has not been half empty since.
    filled: bool,
    starves: bool,
    downstream: Option<Arc<dyn Downstream>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    capacity: usize,
}

/// A reel that holds so many frames, at least one.
#[must_use]
pub fn reel(capacity: usize) -> (ReelWriter, Reel) {
    let capacity = capacity.max(1);
    let state = State {
        frames: VecDeque::with_capacity(capacity),
        taken: 0,
        finished: false,
        over: false,
        filled: false,
        starves: false,
        downstream: None,
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), capacity });
    (ReelWriter(Arc::clone(&shared)), Reel(shared))
}

/// The end of who brings the sound. Dropping it finishes the reel.
pub struct ReelWriter(Arc<Shared>);

impl ReelWriter {
    /// Waits until frames may be pushed: once the reel has been full, until half of it is free. Gives their number, 0
    /// after `timeout`, none if nobody takes them any more.
    #[must_use]
    pub fn wait_room(&self, timeout: Duration) -> Option<usize> {
        let deadline = Instant::now() + timeout;
        let mut state = self.0.lock();
        loop {
            let room = self.0.capacity - state.frames.len();
            let enough = if state.filled { self.0.capacity.div_ceil(2) } else { 1 };
            let left = deadline.saturating_duration_since(Instant::now());
            if state.over {
                return None;
            }
            if room >= enough {
                state.filled = false;
                return Some(room);
            }
            if left.is_zero() {
                return Some(0);
            }
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Puts a frame on; false if there is no room, or nobody takes it any more.
    pub fn push(&mut self, frame: &Frame) -> bool {
        let mut state = self.0.lock();
        if state.over || state.finished || state.frames.len() >= self.0.capacity {
            return false;
        }
        state.frames.push_back(*frame);
        state.filled |= state.frames.len() == self.0.capacity;
        self.0.wake(state);
        true
    }

    /// Frames that were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.0.lock().taken
    }

    /// No more frames will come.
    pub fn finish(&mut self) {
        let mut state = self.0.lock();
        state.finished = true;
        self.0.wake(state);
    }

    /// Waits until nobody takes any more, or all is taken and no more will come; false after `timeout`.
    #[must_use]
    pub fn wait_end(&self, timeout: Duration) -> bool {
        let runs = |state: &mut State| !(state.over || state.finished && state.frames.is_empty());
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), timeout, runs);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Drop for ReelWriter {
    fn drop(&mut self) {
        self.finish();
    }
}

/// The end of who plays the sound.
pub struct Reel(Arc<Shared>);

impl FrameSource for Reel {
    fn next(&mut self, frame: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        let mut state = self.0.lock();
        let Some(next) = state.frames.pop_front() else {
            state.starves = !state.finished;
            return Ok(Some(if state.finished { SourceFrame::End } else { SourceFrame::Starved }));
        };
        for (sample, value) in frame.pcm.iter_mut().zip(&next) {
            *sample = f32::from(*value) / 32_768.0;
        }
        frame.position = state.taken * FRAME_SAMPLES as u64;
        frame.samples = FRAME_SAMPLES as u16;
        state.taken += 1;
        let waits = state.finished || self.0.capacity - state.frames.len() >= self.0.capacity.div_ceil(2);
        drop(state);
        if waits {
            self.0.changed.notify_all();
        }
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        Err(SeekError::Fixed(seconds))
    }

    fn is_once(&self) -> bool {
        true
    }

    fn position(&self) -> u64 {
        self.0.lock().taken * FRAME_SAMPLES as u64
    }

    fn has_packets(&self) -> bool {
        false
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, _: u64) {
        self.0.lock().downstream = Some(Arc::clone(downstream));
    }

    fn detach(&mut self) {
        let mut state = self.0.lock();
        state.over = true;
        let downstream = state.downstream.take();
        drop(state);
        self.0.changed.notify_all();
        // It may be the last that holds on to a track.
        drop(downstream);
    }
}

impl Drop for Reel {
    fn drop(&mut self) {
        self.detach();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the one who starves look again.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        let downstream = state.downstream.clone().filter(|_| std::mem::take(&mut state.starves));
        let finished = state.finished;
        drop(state);
        if finished {
            self.changed.notify_all();
        }
        if let Some(downstream) = downstream {
            downstream.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    #[derive(Default)]
    struct Taker(AtomicUsize);

    impl Downstream for Taker {
        fn wake(&self) {
            self.0.fetch_add(1, Relaxed);
        }

        fn ahead(&self) -> u64 {
            0
        }
    }

    fn next(reel: &mut Reel) -> Result<f32, SourceFrame> {
        let mut frame = FrameBuf::new();
        match reel.next(&mut frame, Want::PCM).expect("no error").expect("an answer") {
            SourceFrame::Pcm => Ok(frame.pcm[0]),
            other => Err(other),
        }
    }

    #[test]
    fn sound_comes_out_as_it_went_in_and_the_end_after_it() {
        let (mut writer, mut reel) = reel(4);
        assert_eq!(next(&mut reel), Err(SourceFrame::Starved));
        assert!(writer.push(&[16_384; FRAME_LEN]) && writer.push(&[-32_768; FRAME_LEN]));
        writer.finish();
        assert_eq!([next(&mut reel), next(&mut reel)], [Ok(0.5), Ok(-1.0)]);
        assert_eq!(next(&mut reel), Err(SourceFrame::End));
        assert!(writer.wait_end(Duration::ZERO) && !writer.push(&[0; FRAME_LEN]));
    }

    #[test]
    fn who_starved_is_woken_once() {
        let (mut writer, mut reel) = reel(4);
        let taker = Arc::new(Taker::default());
        let downstream: Arc<dyn Downstream> = Arc::clone(&taker) as _;
        reel.attach(&downstream, 0);
        assert_eq!(next(&mut reel), Err(SourceFrame::Starved));
        assert!(writer.push(&[0; FRAME_LEN]) && writer.push(&[0; FRAME_LEN]));
        assert_eq!(taker.0.load(Relaxed), 1);
    }

    #[test]
    fn a_full_reel_has_room_again_when_half_of_it_is_free() {
        let (mut writer, mut reel) = reel(4);
        assert_eq!(writer.wait_room(Duration::ZERO), Some(4));
        assert!((0..4).all(|_| writer.push(&[0; FRAME_LEN])) && !writer.push(&[0; FRAME_LEN]));
        let _ = next(&mut reel);
        assert_eq!(writer.wait_room(Duration::ZERO), Some(0));
        let _ = next(&mut reel);
        assert_eq!(writer.wait_room(Duration::ZERO), Some(2));
    }

    #[test]
    fn nothing_is_taken_when_nobody_plays_it() {
        let (mut writer, reel) = reel(4);
        drop(reel);
        assert_eq!(writer.wait_room(Duration::from_secs(60)), None);
        assert!(!writer.push(&[0; FRAME_LEN]) && writer.wait_end(Duration::from_secs(60)));
    }
}
