//! An entry is opened and its first frames are read on a thread of its own.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::entry::Entry;
use super::spool::Spool;
use crate::source::{Downstream, FrameBuf, OpenError, Reached, within};
use crate::threads::lock;

/// How long opening may take: whoever makes the source may ask others for where it is.
const DEADLINE: Duration = Duration::from_secs(30);
/// Frames that are read of an entry before its turn comes.
const FIRST: u64 = 16;

enum Load {
    Working,
    Done(Result<Box<Spool>, String>),
    /// Nobody wants it any more.
    Dropped,
}

/// An entry on its way.
pub(super) struct Loading {
    entry: Arc<Entry>,
    place: Option<f64>,
    load: Arc<Mutex<Load>>,
    downstream: Arc<dyn Downstream>,
}

impl Loading {
    /// Begins to load `entry`, at a place in seconds; the downstream is woken when that is done.
    pub(super) fn begin(
        entry: &Arc<Entry>,
        place: Option<f64>,
        downstream: Arc<dyn Downstream>,
        depth: u64,
    ) -> Self {
        let load = Arc::new(Mutex::new(Load::Working));
        let loading = Self {
            entry: Arc::clone(entry),
            place,
            load: Arc::clone(&load),
            downstream: Arc::clone(&downstream),
        };
        let entry = Arc::clone(entry);
        let started = thread::Builder::new().name("isocord-load".to_owned()).spawn(move || {
            let (theirs, wakes) = (Arc::clone(&entry), Arc::clone(&downstream));
            let opened = within(DEADLINE, "the entry", move || Ok(open(&theirs, place, &downstream, depth)));
            let done = opened.unwrap_or_else(|error: OpenError| Err(error.to_string()));
            let unwanted = {
                let mut load = lock(&load);
                match *load {
                    Load::Dropped => Some(done),
                    _ => {
                        *load = Load::Done(done);
                        None
                    }
                }
            };
            // What nobody wants is closed here.
            drop(unwanted);
            wakes.wake();
        });
        if let Err(error) = started {
            *lock(&loading.load) = Load::Done(Err(format!("no thread could be started: {error}")));
        }
        loading
    }

    pub(super) fn is_of(&self, entry: &Arc<Entry>, place: Option<f64>) -> bool {
        Arc::ptr_eq(&self.entry, entry) && self.place == place
    }

    /// Whether it is there, or why it will not be; None while it is on its way.
    pub(super) fn outcome(&self) -> Option<Result<(), String>> {
        match &*lock(&self.load) {
            Load::Done(Ok(_)) => Some(Ok(())),
            Load::Done(Err(error)) => Some(Err(error.clone())),
            Load::Working | Load::Dropped => None,
        }
    }

    /// Its length in samples, as far as that is known.
    pub(super) fn duration(&self) -> Option<u64> {
        let read = match &*lock(&self.load) {
            Load::Done(Ok(spool)) => spool.len().map(|len| len - spool.lead()),
            _ => None,
        };
        read.or_else(|| self.entry.duration())
    }

    /// What was loaded, once.
    pub(super) fn take(self) -> Option<Box<Spool>> {
        match std::mem::replace(&mut *lock(&self.load), Load::Dropped) {
            Load::Done(Ok(spool)) => Some(spool),
            _ => None,
        }
    }
}

impl Drop for Loading {
    fn drop(&mut self) {
        if let Load::Done(Ok(spool)) = std::mem::replace(&mut *lock(&self.load), Load::Dropped) {
            dispose(spool, Arc::clone(&self.downstream));
        }
    }
}

/// Closes what was played in another thread: that may take as long as opening it.
pub(super) fn dispose(spool: Box<Spool>, downstream: Arc<dyn Downstream>) {
    // Where no thread can be had it is closed here.
    let _ = thread::Builder::new().name("isocord-load".to_owned()).spawn(move || {
        drop(spool);
        // Its source may be wanted for another time.
        downstream.wake();
    });
}

fn open(
    entry: &Arc<Entry>,
    place: Option<f64>,
    downstream: &Arc<dyn Downstream>,
    depth: u64,
) -> Result<Box<Spool>, String> {
    entry.note_broke_off(None);
    let opened = entry.opening().open()?;
    let mut spool = Box::new(Spool::new(entry, opened, downstream, depth));
    if let Some(place) = place {
        spool.seek(place).unwrap_or(Ok(())).map_err(|error| error.to_string())?;
    }
    let mut buffer = FrameBuf::new();
    while spool.frames() < FIRST {
        match spool.read(&mut buffer, false) {
            Reached::There | Reached::Searching => {}
            Reached::End | Reached::Starved => break,
        }
    }
    match (spool.len(), spool.error()) {
        (Some(0), Some(error)) => Err(error.to_owned()),
        (Some(0), None) if place.is_none() => Err("it holds no sound".to_owned()),
        _ => Ok(spool),
    }
}
