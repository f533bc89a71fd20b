//! The thread that looks after all relays: what has changed in their rings is handed to those who send it.

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
pub type Sending = Box<dyn Fn(Shown) + Send>;

struct Post {
    /// None when it is over.
    relay: Mutex<Option<Relay>>,
    state: Arc<TrackState>,
    /// Locked while something is shown, so that what is shown later is sent later.
    send: Mutex<Sending>,
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
        let post = Arc::new(Post { relay, state, send: Mutex::new(send) });
        lock(&self.shared.posts).push(Arc::downgrade(&post));
        self.shared.wake();
        Ok(RelayHandle { post, shared: Arc::clone(&self.shared) })
    }

    /// Stops the thread; false if it did not stop in time.
    pub fn stop(&self) -> bool {
        let _ = self.shared.is_over.set(());
        self.shared.wake();
        let thread = lock(&self.thread).take();
        thread.is_none_or(setup::join)
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

impl Post {
    /// Sends what there is; says whether to look again soon.
    fn look(&self) -> bool {
        let send = lock(&self.send);
        let look = |relay: &mut Relay| {
            let shown = relay.poll(Instant::now());
            (shown, relay.is_busy() || !relay.starve())
        };
        let Some((shown, is_busy)) = self.with(look) else { return false };
        // Who sends may have to wait for somebody who asks something of the relay.
        if let Some(shown) = shown {
            send(shown);
        }
        is_busy
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

    /// See [`Relay::hold`]; what is to be sent then is sent when this returns.
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
        let relay = lock(&self.post.relay).take();
        let failed = relay.as_ref().is_some_and(|relay| relay.reader().failed());
        let end = if end == TrackEnd::Finished && failed { TrackEnd::Failed } else { end };
        // Whoever sees the end sees what was heard.
        let relay = relay.map(Relay::ended);
        self.post.state.end_with(end);
        self.post.state.notify_ended();
        drop(relay);
    }
}
