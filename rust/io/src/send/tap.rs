//! What really left, for those who record it: packets and where they lie on the common clock.
//!
//! The clock thread neither allocates, frees nor waits for it: taps come as boxes and hang on each other, each with a
//! ring of its own, and one whose other end is gone goes to the event thread to be dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isocord_proto::frame::OpusFrame;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::events::EventOutbox;

/// Packets that may wait for whoever takes them: 6 s.
const CAPACITY: usize = 300;

/// A packet that has left.
#[derive(Debug)]
pub struct Sent {
    /// Of its first sample on the common clock; listeners place it by the same number.
    pub position: u64,
    /// As it was before encryption.
    pub frame: OpusFrame,
}

/// The end of one who wants to have what leaves a connection.
pub(crate) struct Tap {
    writer: SentWriter,
    leaving: OpusFrame,
    next: Option<Box<Tap>>,
}

/// The other end: what has left, the oldest first, 6 s of it at most. Dropping it ends the tap.
#[derive(Debug)]
pub struct SentReader {
    ring: Consumer<Sent>,
    lost: Arc<AtomicU64>,
}

/// A tap, and where what it takes comes out.
pub(crate) fn tap() -> (Box<Tap>, SentReader) {
    let (writer, reader) = relayed();
    (Box::new(Tap { writer, leaving: OpusFrame::SILENCE, next: None }), reader)
}

/// Where packets go in that have left, here or on another machine.
#[derive(Debug)]
pub struct SentWriter {
    ring: Producer<Sent>,
    lost: Arc<AtomicU64>,
}

/// Where what leaves elsewhere goes in, and where it comes out.
pub(crate) fn relayed() -> (SentWriter, SentReader) {
    let (ring, taken) = RingBuffer::new(CAPACITY);
    let lost = Arc::new(AtomicU64::new(0));
    (SentWriter { ring, lost: Arc::clone(&lost) }, SentReader { ring: taken, lost })
}

impl SentWriter {
    /// A packet has left there, at a place on the clock here. What is no packet of Opus's, or finds no room, is counted.
    pub fn sent(&mut self, position: u64, packet: &[u8]) {
        match OpusFrame::new(packet) {
            Ok(frame) => self.push(Sent { position, frame }),
            Err(_) => self.lose(),
        }
    }

    fn push(&mut self, sent: Sent) {
        if self.ring.push(sent).is_err() {
            self.lose();
        }
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Relaxed);
    }
}

impl SentReader {
    /// The oldest packet, if there is one.
    pub fn take(&mut self) -> Option<Sent> {
        self.take_before(u64::MAX)
    }

    /// The oldest packet, if it lies before `until`.
    pub(crate) fn take_before(&mut self, until: u64) -> Option<Sent> {
        self.ring.peek().ok().filter(|sent| sent.position < until)?;
        self.ring.pop().ok()
    }

    /// Packets that found the ring full, as long as anybody wants to know.
    pub(crate) fn lost(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lost)
    }
}

/// The taps of one connection.
#[derive(Default)]
pub(crate) struct Taps {
    first: Option<Box<Tap>>,
}

impl Taps {
    pub(crate) fn add(&mut self, mut tap: Box<Tap>) {
        tap.next = self.first.take();
        self.first = Some(tap);
    }

    /// This frame is about to leave.
    pub(crate) fn prepare(&mut self, frame: &[u8]) {
        self.each(|tap| {
            // An empty one never is.
            let _ = OpusFrame::new(frame).map(|frame| tap.leaving = frame);
        });
    }

    /// It has left.
    pub(crate) fn sent(&mut self, position: impl Fn() -> u64) {
        self.each(|tap| {
            let (position, frame) = (position(), tap.leaving);
            tap.writer.push(Sent { position, frame });
        });
    }

    /// Gives those away whose other end is gone.
    pub(crate) fn prune(&mut self, out: &mut EventOutbox) {
        let mut next = self.first.take();
        while let Some(mut tap) = next {
            next = tap.next.take();
            if tap.writer.ring.is_abandoned() {
                out.discard(tap);
            } else {
                self.add(tap);
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn count(&mut self) -> usize {
        let mut count = 0;
        self.each(|_| count += 1);
        count
    }

    fn each(&mut self, mut act: impl FnMut(&mut Tap)) {
        let mut next = self.first.as_mut();
        while let Some(tap) = next {
            act(tap);
            next = tap.next.as_mut();
        }
    }
}
