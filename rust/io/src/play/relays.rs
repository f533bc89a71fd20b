//! The thread that looks after all relays: what has changed in their rings is handed to those who send it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::relay::{Relay, Shown};
use super::track::{TrackEnd, TrackReader, TrackState};
use crate::threads::{lock, setup};

/// Between two looks while something leaves: what is made anew is sent no later.
const LOOK: Duration = Duration::from_millis(10);
/// Between two looks otherwise, should a wake-up be missed.
const REST: Duration = Duration::from_millis(500);

/// Sends what is shown; called on the thread of the relays, or on one that asks for it.
pub type Sending = Box<dyn Fn(Shown) + Send + Sync>;

struct Post {
    /// None when it is over.
    relay: Mutex<Option<Relay>>,
    state: Arc<TrackState>,
    send: Sending,
    /// No lock is held while something is sent: that may run code of anybody, who may ask something of the relay again.
    outgoing: Mutex<Outgoing>,
}

/// What is to be sent, by one thread at a time, so that what is shown later is sent later.
#[derive(Default)]
struct Outgoing {
    waiting: VecDeque<Shown>,
    /// Somebody sends, and goes on until none waits.
    is_sent: bool,
}

/// All relays of a process.
#[derive(Default)]
pub struct Relays {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    posts: Mutex<Vec<Weak<Post>>>,
    thread: OnceLock<Thread>,
    is_over: OnceLock<()>,
}

/// One relay. Dropping it ends the track as closed, unless it has ended.
pub struct RelayHandle {
    post: Arc<Post>,
    shared: Arc<Shared>,
}

impl Relays {
    /// Sends what comes out of `reader`, ahead of when it leaves.
    ///
    /// # Errors
    /// The system's, if it has no thread to give.
    pub fn add(&self, reader: TrackReader, lookahead: usize, send: Sending) -> std::io::Result<RelayHandle> {
        let mut thread = lock(&self.thread);
        if thread.is_none() && self.shared.is_over.get().is_none() {
            let shared = Arc::clone(&self.shared);
            *thread = Some(setup::spawn("isocord-relay", move || shared.run())?);
        }
        drop(thread);
        let state = Arc::clone(reader.state());
        let waking = Arc::downgrade(&self.shared);
        state.attach(Box::new(move || {
            if let Some(shared) = waking.upgrade() {
                shared.wake();
            }
        }));
        let relay = Mutex::new(Some(Relay::new(reader, lookahead)));
        let post = Arc::new(Post { relay, state, send, outgoing: Mutex::default() });
        lock(&self.shared.posts).push(Arc::downgrade(&post));
        self.shared.wake();
        Ok(RelayHandle { post, shared: Arc::clone(&self.shared) })
    }

    /// Stops the thread, and ends all tracks as closed; false if it did not stop in time.
    pub fn stop(&self) -> bool {
        let _ = self.shared.is_over.set(());
        self.shared.wake();
        let thread = lock(&self.thread).take();
        let stopped = thread.is_none_or(setup::join);
        let posts = std::mem::take(&mut *lock(&self.shared.posts));
        posts.iter().filter_map(Weak::upgrade).for_each(|post| post.end(TrackEnd::Closed));
        stopped
    }
}

impl Shared {
    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    fn run(&self) {
        let _ = self.thread.set(std::thread::current());
        while self.is_over.get().is_none() {
            let posts: Vec<Arc<Post>> = {
                let mut posts = lock(&self.posts);
                posts.retain(|post| post.strong_count() > 0);
                posts.iter().filter_map(Weak::upgrade).collect()
            };
            let is_busy = posts.iter().fold(false, |busy, post| post.look() | busy);
            drop(posts);
            std::thread::park_timeout(if is_busy { LOOK } else { REST });
        }
    }
}

impl Outgoing {
    /// The next one, for who is to send it now.
    fn next(&mut self) -> Option<Shown> {
        let next = if self.is_sent { None } else { self.waiting.pop_front() };
        self.is_sent |= next.is_some();
        next
    }
}

impl Post {
    /// Sends what there is, unless another thread is about to; says whether to look again soon.
    fn look(&self) -> bool {
        let look = |relay: &mut Relay| {
            // Under the relay's lock, so that they wait in the order in which they were shown.
            let shown = relay.poll(Instant::now());
            lock(&self.outgoing).waiting.extend(shown);
            relay.is_busy() || !relay.starve()
        };
        let is_busy = self.with(look).unwrap_or(false);
        loop {
            let next = lock(&self.outgoing).next();
            let Some(shown) = next else { return is_busy };
            (self.send)(shown);
            lock(&self.outgoing).is_sent = false;
        }
    }

    fn end(&self, end: TrackEnd) {
        let relay = lock(&self.relay).take();
        let failed = relay.as_ref().is_some_and(|relay| relay.reader().failed());
        let end = if end == TrackEnd::Finished && failed { TrackEnd::Failed } else { end };
        // Whoever sees the end sees what was heard.
        let relay = relay.map(Relay::ended);
        self.state.end_with(end);
        self.state.notify_ended();
        drop(relay);
    }

    fn with<T>(&self, change: impl FnOnce(&mut Relay) -> T) -> Option<T> {
        lock(&self.relay).as_mut().map(change)
    }
}

impl RelayHandle {
    /// See [`Relay::begin`]; 0 when it is over.
    pub fn begin(&self) -> u64 {
        let turn = self.post.with(Relay::begin);
        self.shared.wake();
        turn.unwrap_or(0)
    }

    /// See [`Relay::note_left`].
    pub fn note_left(&self, left: u64, moves: bool, late: u64) {
        self.post.with(|relay| relay.note_left(left, moves, late, Instant::now()));
        self.shared.wake();
    }

    /// See [`Relay::hold`]; what is to be sent then is sent when this returns, or by a thread that is just sending.
    pub fn hold(&self) {
        self.post.with(Relay::hold);
        self.post.look();
    }

    /// See [`Relay::go_on`]; likewise.
    pub fn go_on(&self) {
        self.post.with(|relay| relay.go_on(Instant::now()));
        self.post.look();
        self.shared.wake();
    }

    /// It has ended there.
    pub fn end(&self, end: TrackEnd) {
        self.post.end(end);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use isocord_proto::frame::OpusFrame;

    use super::*;
    use crate::play::track::track;

    #[test]
    fn who_is_sent_something_may_ask_something_of_the_relay() {
        let (mut writer, reader) = track(12);
        assert!(writer.push(&OpusFrame::new(&[1]).expect("one byte")));
        let (relays, own) = (Relays::default(), Arc::new(OnceLock::<RelayHandle>::new()));
        let (theirs, (tell, told)) = (Arc::downgrade(&own), mpsc::channel());
        let send = move |shown: Shown| {
            let own = theirs.upgrade();
            if let Some(handle) = own.as_ref().and_then(|own| own.get()) {
                handle.hold();
                let _ = tell.send(shown.rests);
            }
        };
        let handle = relays.add(reader, 12, Box::new(send)).expect("a thread");
        let handle = own.get_or_init(|| handle);
        handle.begin();
        let rests = std::iter::from_fn(|| told.recv_timeout(Duration::from_secs(10)).ok());
        assert!(rests.take(4).any(|rests| rests), "it is told that it is held");
    }

    #[test]
    fn what_plays_when_all_is_over_ends_as_closed() {
        let (writer, reader) = track(12);
        let relays = Relays::default();
        let _handle = relays.add(reader, 12, Box::new(|_| ())).expect("a thread");
        assert!(relays.stop());
        assert_eq!(writer.state().end(), Some(TrackEnd::Closed));
    }
}
