//! A mixer that plays leaves the allocator alone, frame after frame.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counting;
mod desk_support;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use isocord_io::desk::Errands;
use isocord_io::desk::mixer::{LayerOptions, MixSource, Mixer};
use isocord_io::dsp::Volume;
use isocord_io::source::{Downstream, FrameBuf, FrameSource, SourceFrame, Want};

use counting::allocated;
use desk_support::{Hum, Taker};

struct AtOnce;

impl Errands for AtOnce {
    fn run(&self, errand: Box<dyn FnOnce() + Send>) {
        errand();
    }
}

fn pull(source: &mut MixSource, frame: &mut FrameBuf, frames: usize) -> u64 {
    let before = allocated();
    for _ in 0..frames {
        source.is_changed();
        assert_eq!(source.next(frame, Want::PCM).expect("no error"), Some(SourceFrame::Pcm));
    }
    allocated() - before
}

#[test]
fn frames_are_mixed_without_the_allocator() {
    let mixer = Mixer::new(true, Arc::new(AtOnce));
    let mut source = mixer.source().expect("it plays nowhere");
    let taker = Arc::new(Taker::default());
    source.attach(&(Arc::clone(&taker) as Arc<dyn Downstream>), 30);
    let layers: Vec<_> = (0..4)
        .map(|number| {
            let options = LayerOptions {
                // Too loud together, so that the limiter works; one that speaks, one that loops.
                duck: (number == 1).then_some(0.25),
                looped: number == 2,
                ..LayerOptions::new(Volume::default(), None)
            };
            mixer.play(Box::new(Hum::endless()), options).expect("in its range")
        })
        .collect();
    let mut frame = FrameBuf::new();
    source.revise(0);
    taker.0.store(25, Relaxed);
    pull(&mut source, &mut frame, 100);
    assert_eq!(pull(&mut source, &mut frame, 500), 0, "as it goes on");
    layers[0].fade(0.2, 5.0, None).expect("in its range");
    layers[1].pause(true);
    source.revise(23);
    // What was gone back over has its room on the tapes made anew.
    pull(&mut source, &mut frame, 60);
    assert_eq!(pull(&mut source, &mut frame, 500), 0, "in a fade, while the others come back");
}
