//! A queue that plays leaves the allocator alone, frame after frame.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isocord_io::desk::queue::{Entry, Given, Opened, Queue, QueueOptions, QueueSource};
use isocord_io::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

use counting::allocated;

/// Goes on and on, and can go anywhere.
struct Hum(u64);

impl FrameSource for Hum {
    fn next(&mut self, frame: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        frame.pcm.fill(0.4);
        (frame.position, frame.samples) = (self.0, 960);
        self.0 += 960;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.0 = (seconds * 48_000.0) as u64;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.0
    }

    fn has_packets(&self) -> bool {
        false
    }
}

/// The 25 frames before are to be heard yet.
#[derive(Default)]
struct Taker(AtomicU64);

impl Downstream for Taker {
    fn wake(&self) {}

    fn ahead(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

fn pull(source: &mut QueueSource, frame: &mut FrameBuf, frames: usize) -> u64 {
    let before = allocated();
    for _ in 0..frames {
        source.is_changed();
        while source.next(frame, Want::PCM).expect("no error") != Some(SourceFrame::Pcm) {
            // What comes first is opened in another thread.
            std::thread::yield_now();
        }
    }
    allocated() - before
}

#[test]
fn frames_are_played_without_the_allocator() {
    for crossfade in [0.0, 2.0] {
        let queue = Queue::new(QueueOptions { crossfade, ..QueueOptions::default() }).expect("in its range");
        for _ in 0..2 {
            let given = Given::new(Opened::new(Box::new(Hum(0)), None));
            queue.add(Arc::new(Entry::new(Box::new(given)))).expect("room");
        }
        let mut source = queue.source().expect("it plays nowhere");
        let taker = Arc::new(Taker::default());
        source.attach(&(Arc::clone(&taker) as Arc<dyn Downstream>), 30);
        let mut frame = FrameBuf::new();
        pull(&mut source, &mut frame, 1);
        taker.0.store(25, Relaxed);
        pull(&mut source, &mut frame, 300);
        assert_eq!(pull(&mut source, &mut frame, 500), 0, "as it goes on");
        queue.seek(30.0).expect("it is heard");
        source.revise(23);
        pull(&mut source, &mut frame, 300);
        assert_eq!(pull(&mut source, &mut frame, 500), 0, "after a seek");
    }
}
