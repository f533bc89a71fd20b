//! What is told once, to whoever waits for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Told why it failed, if it did.
pub type Listener = Box<dyn FnOnce(Option<&str>) + Send>;

/// Has work done on a thread that may wait, and from which others may be called.
pub trait Errands: Send + Sync {
    /// Never blocks, and runs nothing here if it can help it.
    fn run(&self, errand: Box<dyn FnOnce() + Send>);
}

/// Whether something is over, how, and who waits for it.
#[derive(Default)]
pub struct Outcome(Mutex<Told>);

enum Told {
    Waiting(Vec<Listener>),
    Over(Option<String>),
}

impl Default for Told {
    fn default() -> Self {
        Self::Waiting(Vec::new())
    }
}

impl Outcome {
    /// Whether it has been settled.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(*self.lock(), Told::Over(_))
    }

    /// Tells it when it is over; here and now, if it is already.
    pub fn tell(&self, listener: Listener) {
        let mut told = self.lock();
        match &mut *told {
            Told::Waiting(listeners) => listeners.push(listener),
            Told::Over(error) => {
                let error = error.clone();
                drop(told);
                listener(error.as_deref());
            }
        }
    }

    /// It is over; what is given back tells those who wait. Only the first time counts.
    #[must_use = "those who wait are not told yet"]
    pub fn settle(&self, error: Option<&str>) -> impl FnOnce() + Send + use<> {
        let mut told = self.lock();
        let listeners = match &mut *told {
            Told::Waiting(listeners) => std::mem::take(listeners),
            Told::Over(_) => Vec::new(),
        };
        if let Told::Waiting(_) = *told {
            *told = Told::Over(error.map(str::to_owned));
        }
        let error = error.map(str::to_owned);
        move || listeners.into_iter().for_each(|listener| listener(error.as_deref()))
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
