//! A recorder on a thread of its own, so that a slow disk never holds the receive thread.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::recorder::Recorder;
use super::report::{RecorderEvent, RecorderReport, RecorderState, RecorderStats};
use super::{FrameSink, Payload, Wants};

/// Messages that may wait: at 50 frames a second, 25 speakers fill it in 12 s (60 MB).
const QUEUE: usize = 16_384;
/// While the queue is full, an order of the owner is tried again this often.
const RETRY: Duration = Duration::from_millis(5);

enum Message {
    Pcm(u64, u64, Vec<i16>),
    Opus(u64, u64, Vec<u8>),
    Advance(u64),
    Pause(u64),
    Resume(u64),
    Finish(Option<u64>),
}

/// Counters of the way to the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkerStats {
    /// What the recorder counts, as of its last look at the clock.
    pub recorder: RecorderStats,
    /// Frames dropped because the thread could not keep up.
    pub dropped: u64,
}

struct Shared {
    dropped: AtomicU64,
    seen: Mutex<(RecorderStats, RecorderState)>,
}

/// Called on the recorder's thread with each event; it must return soon.
pub type EventCallback = Box<dyn FnMut(RecorderEvent) + Send>;

/// A handle on a [`Recorder`] that runs on the thread `isocord-record`. Nothing here waits for a disk except
/// [`Self::finish`].
pub struct RecorderThread {
    sender: SyncSender<Message>,
    shared: Arc<Shared>,
    wants: Wants,
    thread: Option<JoinHandle<RecorderReport>>,
    report: Option<RecorderReport>,
}

/// Why [`RecorderThread::finish`] has no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FinishError {
    /// Still writing; the thread goes on and may be asked again.
    #[error("the recording is still being written")]
    TimedOut,
    /// The thread ended by a panic, which is an error of this program.
    #[error("the recorder's thread died")]
    Died,
}

impl RecorderThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system's, if there can be no thread.
    pub fn spawn(recorder: Recorder, on_event: EventCallback) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        let wants = recorder.wants();
        let seen = Mutex::new((recorder.stats(), recorder.state()));
        let shared = Arc::new(Shared { dropped: AtomicU64::new(0), seen });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("isocord-record".into())
            .spawn(move || run(recorder, &receiver, &theirs, on_event))?;
        Ok(Self { sender, shared, wants, thread: Some(thread), report: None })
    }

    /// See [`Recorder::pause`]. False if the thread is too far behind to take it within a second.
    pub fn pause(&self, position: u64) -> bool {
        self.order(Message::Pause(position), Duration::from_secs(1))
    }

    /// See [`Recorder::resume`]. False if the thread is too far behind to take it within a second.
    pub fn resume(&self, position: u64) -> bool {
        self.order(Message::Resume(position), Duration::from_secs(1))
    }

    /// What it did at its last look at the clock.
    #[must_use]
    pub fn state(&self) -> RecorderState {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> WorkerStats {
        let recorder = self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).0;
        WorkerStats { recorder, dropped: self.shared.dropped.load(Relaxed) }
    }

    /// Ends the recording, see [`Recorder::finish`], and waits for the files to be whole.
    ///
    /// # Errors
    /// [`FinishError::TimedOut`] after `timeout`; a later call goes on waiting.
    pub fn finish(
        &mut self,
        position: Option<u64>,
        timeout: Duration,
    ) -> Result<RecorderReport, FinishError> {
        if let Some(report) = &self.report {
            return Ok(report.clone());
        }
        let deadline = Instant::now() + timeout;
        // Where the thread has ended already, the order is not needed.
        self.order(Message::Finish(position), timeout);
        let thread = self.thread.take().ok_or(FinishError::Died)?;
        while !thread.is_finished() {
            if Instant::now() >= deadline {
                self.thread = Some(thread);
                return Err(FinishError::TimedOut);
            }
            std::thread::sleep(RETRY);
        }
        let report = thread.join().map_err(|_| FinishError::Died)?;
        self.report = Some(report.clone());
        Ok(report)
    }

    fn order(&self, mut message: Message, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        loop {
            match self.sender.try_send(message) {
                Ok(()) => return true,
                Err(TrySendError::Disconnected(_)) => return false,
                Err(TrySendError::Full(back)) => message = back,
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(RETRY);
        }
    }
}

impl FrameSink for RecorderThread {
    fn wants(&self) -> Wants {
        self.wants
    }

    fn frame(&mut self, user_id: u64, position: u64, payload: Payload<'_>) {
        let message = match payload {
            Payload::Pcm(pcm) => Message::Pcm(user_id, position, pcm.to_vec()),
            Payload::Opus(packet) => Message::Opus(user_id, position, packet.to_vec()),
        };
        if self.sender.try_send(message).is_err() {
            self.shared.dropped.fetch_add(1, Relaxed);
        }
    }

    fn advance(&mut self, position: u64) {
        // The next call brings the clock up to date all the same.
        let _ = self.sender.try_send(Message::Advance(position));
    }
}

fn run(
    mut recorder: Recorder,
    receiver: &Receiver<Message>,
    shared: &Shared,
    mut on_event: EventCallback,
) -> RecorderReport {
    let mut end = None;
    // A handle that is dropped ends the recording too.
    while let Ok(message) = receiver.recv() {
        match message {
            Message::Pcm(user_id, position, pcm) => recorder.frame(user_id, position, Payload::Pcm(&pcm)),
            Message::Opus(user_id, position, packet) => {
                recorder.frame(user_id, position, Payload::Opus(&packet));
            }
            Message::Advance(position) => {
                recorder.advance(position);
                look(&recorder, shared);
            }
            Message::Pause(position) => {
                recorder.pause(position);
                look(&recorder, shared);
            }
            Message::Resume(position) => {
                recorder.resume(position);
                look(&recorder, shared);
            }
            Message::Finish(position) => {
                end = position;
                break;
            }
        }
        while let Some(event) = recorder.next_event() {
            on_event(event);
        }
    }
    let report = recorder.finish(end);
    while let Some(event) = recorder.next_event() {
        on_event(event);
    }
    look(&recorder, shared);
    report
}

fn look(recorder: &Recorder, shared: &Shared) {
    *shared.seen.lock().unwrap_or_else(PoisonError::into_inner) = (recorder.stats(), recorder.state());
}
