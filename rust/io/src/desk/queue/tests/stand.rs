//! Who plays a queue, as the player does it: some frames ahead of what is heard, and back when something has changed.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::desk::queue::{Entry, Event, Given, Opened, Opening, Queue, QueueOptions, QueueSource};
use crate::desk::stage::Sound;
use crate::source::{Downstream, FrameBuf, FrameSource, SourceFrame, Want};

/// Frames that are made ahead.
pub(super) const AHEAD: usize = 25;
/// Frames that are not made anew.
const KEEP: usize = 2;
/// Longer than any loading takes; nothing waits so long if all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a frame was.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Made {
    /// Its left channel.
    Pcm(Vec<f32>),
    Packet(Vec<u8>),
}

#[derive(Default)]
struct Taker {
    ahead: AtomicU64,
    woken: Mutex<bool>,
    wakes: Condvar,
}

impl Taker {
    fn wait(&self) {
        let (mut woken, timeout) =
            self.wakes.wait_timeout_while(self.woken.lock().unwrap(), PATIENCE, |woken| !*woken).unwrap();
        assert!(!timeout.timed_out(), "nobody brought more");
        *woken = false;
    }
}

impl Downstream for Taker {
    fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.wakes.notify_all();
    }

    fn ahead(&self) -> u64 {
        self.ahead.load(Relaxed)
    }
}

pub(super) struct Stand {
    pub(super) queue: Queue,
    source: QueueSource,
    taker: Arc<Taker>,
    /// All frames up to the last one that was made.
    pub(super) made: Vec<Made>,
    /// How many of them were heard.
    pub(super) heard: usize,
    pub(super) want: Want,
    pub(super) ended: bool,
    /// It does not go on before what comes next is loaded, as time does that is not virtual.
    pub(super) patient: bool,
    /// How often it went back.
    pub(super) revised: usize,
}

impl Stand {
    pub(super) fn new(options: QueueOptions, entries: &[Arc<Entry>]) -> Self {
        let queue = Queue::new(options).unwrap();
        entries.iter().for_each(|entry| queue.add(Arc::clone(entry)).unwrap());
        Self::of(queue)
    }

    pub(super) fn of(queue: Queue) -> Self {
        let mut source = queue.source().unwrap();
        let taker = Arc::new(Taker::default());
        let downstream: Arc<dyn Downstream> = taker.clone();
        source.attach(&downstream, AHEAD as u64);
        let (made, want) = (Vec::new(), Want::PCM);
        Self { queue, source, taker, made, heard: 0, want, ended: false, patient: false, revised: 0 }
    }

    /// Looks at the queue as the player does, and makes what is missing; waits where there is nothing yet.
    pub(super) fn feed(&mut self) {
        if self.patient {
            self.loaded();
        }
        if self.source.is_changed() {
            let from = if self.heard == 0 { 0 } else { self.heard + KEEP }.min(self.made.len());
            self.source.revise((self.made.len() - from) as u64);
            self.made.truncate(from);
            self.note();
            self.ended = false;
            self.revised += 1;
        }
        let mut frame = FrameBuf::new();
        while !self.ended && self.made.len() < self.heard + AHEAD {
            match self.source.next(&mut frame, self.want).unwrap() {
                None => {}
                Some(SourceFrame::Starved) => {
                    self.taker.wait();
                    self.source.is_changed();
                }
                Some(SourceFrame::End) => self.ended = true,
                Some(SourceFrame::Pcm) => {
                    self.made.push(Made::Pcm(frame.pcm.iter().step_by(2).copied().collect()));
                }
                Some(SourceFrame::Opus) => self.made.push(Made::Packet(frame.opus.to_vec())),
            }
            self.note();
        }
    }

    /// What was asked for is made, but so many frames have left meanwhile, as they were.
    pub(super) fn overtake(&mut self, frames: usize) {
        assert!(self.source.is_changed());
        let from = self.heard + KEEP;
        self.source.revise((self.made.len() - from) as u64);
        let mut frame = FrameBuf::new();
        for _ in from..self.made.len() {
            assert!(self.source.next(&mut frame, self.want).unwrap().is_some());
        }
        self.source.in_vain();
        self.heard += frames;
        self.note();
    }

    fn note(&self) {
        self.taker.ahead.store((self.made.len() - self.heard) as u64, Relaxed);
    }

    /// So many frames are heard; fewer if it ends.
    pub(super) fn hear(&mut self, frames: usize) {
        for _ in 0..frames {
            self.feed();
            if self.heard == self.made.len() {
                break;
            }
            self.heard += 1;
            self.note();
        }
        self.feed();
    }

    /// Hears all.
    pub(super) fn hear_all(&mut self) {
        self.hear(1);
        while self.heard < self.made.len() {
            self.hear(1);
        }
    }

    /// What comes next is loaded.
    pub(super) fn loaded(&mut self) {
        self.source.is_changed();
        // Or nothing does.
        let is_loaded = |source: &QueueSource| {
            let loading = source.player.as_ref().unwrap().loading.as_ref();
            loading.is_none_or(|loading| loading.outcome().is_some())
        };
        while !is_loaded(&self.source) {
            self.taker.wait();
            self.source.is_changed();
        }
    }

    /// The left channel of all frames.
    pub(super) fn sound(&self) -> Vec<f32> {
        self.made
            .iter()
            .flat_map(|made| match made {
                Made::Pcm(pcm) => pcm.clone(),
                Made::Packet(_) => panic!("a packet"),
            })
            .collect()
    }

    pub(super) fn packets(&self) -> Vec<Option<Vec<u8>>> {
        self.made
            .iter()
            .map(|made| match made {
                Made::Pcm(_) => None,
                Made::Packet(packet) => Some(packet.clone()),
            })
            .collect()
    }

    /// Plays on elsewhere.
    pub(super) fn again(self) -> Self {
        let queue = self.queue.clone();
        drop(self);
        Self::of(queue)
    }

    /// What was heard, without what could not be: see [`Self::events`].
    pub(super) fn heard_of(&self, entries: &[Arc<Entry>]) -> String {
        self.events(entries).split(' ').filter(|event| !event.starts_with('x')).collect::<Vec<_>>().join(" ")
    }

    /// What happened: `+0` where the first of `entries` began, `-0` where it ended, `!0` where it broke, `x0` where it
    /// could not be played, `.` where nothing was left.
    pub(super) fn events(&self, entries: &[Arc<Entry>]) -> String {
        let index = |entry: &Arc<Entry>| entries.iter().position(|other| Arc::ptr_eq(other, entry)).unwrap();
        let told = self.queue.events().take(Duration::ZERO).unwrap();
        let text = told.iter().map(|event| match event {
            Event::Started(entry) => format!("+{}", index(entry)),
            Event::Ended(entry, None) => format!("-{}", index(entry)),
            Event::Ended(entry, Some(_)) => format!("!{}", index(entry)),
            Event::Failed(entry, _) => format!("x{}", index(entry)),
            Event::Empty => ".".to_owned(),
        });
        text.collect::<Vec<_>>().join(" ")
    }
}

/// An entry of a source that is there.
pub(crate) fn given(source: impl FrameSource + 'static, samples: Option<u64>) -> Arc<Entry> {
    Arc::new(Entry::new(Box::new(Given::new(Opened::new(Box::new(source), samples)))))
}

struct Making<F>(F, bool);

impl<F: Fn() -> Result<Opened, String> + Send + Sync + 'static> Opening for Making<F> {
    fn open(&self) -> Result<Opened, String> {
        self.0()
    }

    fn is_brief(&self) -> bool {
        self.1
    }
}

/// An entry that is made anew each time.
pub(super) fn made(make: impl Fn() -> Result<Opened, String> + Send + Sync + 'static) -> Arc<Entry> {
    Arc::new(Entry::new(Box::new(Making(make, false))))
}

pub(super) fn made_late(make: impl Fn() -> Result<Opened, String> + Send + Sync + 'static) -> Arc<Entry> {
    Arc::new(Entry::new(Box::new(Making(make, true))))
}

/// Sound that names its entry and its place: exact in 16 bits.
pub(super) fn count(which: usize, at: u64) -> f32 {
    (which as i32 % 8 * 4_096 + (at % 4_000) as i32 - 16_384) as f32 / 32_768.0
}

/// So many samples of that.
pub(super) fn counted(which: usize, samples: u64) -> Sound {
    Sound::new(samples, move |at| count(which, at))
}

/// Entries of such sound, made anew each time.
pub(super) fn counting(lengths: &[u64]) -> Vec<Arc<Entry>> {
    let entry = |(which, samples): (usize, &u64)| {
        let samples = *samples;
        made(move || Ok(Opened::new(Box::new(counted(which, samples)), Some(samples))))
    };
    lengths.iter().enumerate().map(entry).collect()
}

/// What is heard if these are heard, each from a place on for so many samples.
pub(super) fn expected(parts: &[(usize, u64, u64)]) -> Vec<f32> {
    parts.iter().flat_map(|(which, from, len)| (*from..from + len).map(|at| count(*which, at))).collect()
}
