//! What both ends of a stream hold.

use std::sync::{Arc, Mutex, MutexGuard};

use super::body::{Body, Wake};
use super::options::Options;
use crate::desk::outcome::Errands;
use crate::threads::lock;

pub(super) struct Shared {
    body: Mutex<Body>,
    errands: Arc<dyn Errands>,
    pub(super) rate: u32,
}

impl Shared {
    pub(super) fn new(options: &Options, errands: Arc<dyn Errands>) -> Self {
        Self { body: Mutex::new(Body::new(options)), errands, rate: options.rate }
    }

    pub(super) fn body(&self) -> MutexGuard<'_, Body> {
        lock(&self.body)
    }

    /// Sees what has been heard, if that is known. Whoever plays is asked without the lock, which it may want; if frames
    /// were given meanwhile, once more.
    pub(super) fn see(&self) {
        let mut before = None;
        for _ in 0..8 {
            let body = self.body();
            let (downstream, moves) = (body.downstream.clone(), body.moves);
            drop(body);
            let known = downstream.filter(|downstream| downstream.is_settled());
            let Some(ahead) = known.map(|downstream| downstream.ahead()) else { return };
            let mut body = self.body();
            if before.replace((moves, ahead)) == Some((body.moves, ahead)) && body.downstream.is_some() {
                body.see(ahead);
                return self.tell(body);
            }
        }
    }

    /// Tells those who wait for what is so now.
    pub(super) fn told(&self, mut body: MutexGuard<'_, Body>) {
        body.tell();
        self.tell(body);
    }

    /// Tells those who are to be told, on a thread that may wait.
    pub(super) fn tell(&self, mut body: MutexGuard<'_, Body>) {
        let told = body.waits.take();
        drop(body);
        if !told.is_empty() {
            let tell = move || told.into_iter().for_each(|(listener, why)| listener(why.as_deref()));
            self.errands.run(Box::new(tell));
        }
    }

    pub(super) fn wake(wake: Wake) {
        if let Some(downstream) = wake {
            downstream.wake();
        }
    }

    /// Nothing more is heard.
    pub(super) fn close(&self, why: &str) {
        // Whoever ends it may be faster than the last look of who plays it.
        self.see();
        let mut body = self.body();
        if body.closed.is_none() {
            body.closed = Some(why.to_owned());
        }
        let downstream = body.downstream.take();
        self.told(body);
        // It may be the last that holds on to a track.
        Self::wake(downstream);
    }
}
