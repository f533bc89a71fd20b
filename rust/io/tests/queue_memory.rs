//! A queue that plays leaves the allocator alone, frame after frame.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counting;
mod desk_support;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use isocord_io::desk::queue::{Entry, Given, Opened, Queue, QueueOptions, QueueSource, Repeat};
use isocord_io::source::{Downstream, FrameBuf, FrameSource, SourceFrame, Want};

use counting::allocated;
use desk_support::{Hum, Taker};

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

/// A queue of two, as its connection hears it: the 25 frames before are to be heard yet.
fn playing(hum: fn() -> (Hum, Option<u64>), options: QueueOptions) -> (Queue, QueueSource) {
    let queue = Queue::new(options).expect("in its range");
    for _ in 0..2 {
        let (hum, duration) = hum();
        let given = Given::new(Opened::new(Box::new(hum), duration));
        queue.add(Arc::new(Entry::new(Box::new(given)))).expect("room");
    }
    let mut source = queue.source().expect("it plays nowhere");
    let taker = Arc::new(Taker::default());
    source.attach(&(Arc::clone(&taker) as Arc<dyn Downstream>), 30);
    pull(&mut source, &mut FrameBuf::new(), 1);
    taker.0.store(25, Relaxed);
    (queue, source)
}

#[test]
fn frames_are_played_without_the_allocator() {
    for crossfade in [0.0, 2.0] {
        let options = QueueOptions { crossfade, ..QueueOptions::default() };
        let (queue, mut source) = playing(|| (Hum::endless(), None), options);
        let mut frame = FrameBuf::new();
        pull(&mut source, &mut frame, 300);
        assert_eq!(pull(&mut source, &mut frame, 500), 0, "as it goes on");
        queue.seek(30.0).expect("it is heard");
        source.revise(23);
        pull(&mut source, &mut frame, 300);
        assert_eq!(pull(&mut source, &mut frame, 500), 0, "after a seek");
    }
}

#[test]
fn a_crossfade_sounds_without_the_allocator() {
    const MINUTE: u64 = 60 * 48_000;
    let options = QueueOptions { crossfade: 10.0, repeat: Repeat::All, ..QueueOptions::default() };
    let (_queue, mut source) = playing(|| (Hum::new(MINUTE), Some(MINUTE)), options);
    let mut frame = FrameBuf::new();
    for crossfade in 0..3 {
        // Together they are louder than one: a tenth of the way into the crossfade by so much.
        let begins = (0..20_000).any(|_| {
            pull(&mut source, &mut frame, 1);
            frame.pcm[0] > 0.45
        });
        assert!(begins, "crossfade {crossfade}");
        let during = pull(&mut source, &mut frame, 200);
        // A list of frames may double, now that two sources keep theirs; frames have the room of those that went.
        assert!(crossfade == 0 || during < 4, "{during} in 200 frames of crossfade {crossfade}");
        pull(&mut source, &mut frame, 500);
    }
}
