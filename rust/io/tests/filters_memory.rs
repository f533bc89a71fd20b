//! Filters leave the allocator alone once they run, and so does going back.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counting;

use std::sync::Arc;

use isocord_io::desk::{Filtered, Filters};
use isocord_io::dsp::Volume;
use isocord_io::dsp::filters::{FilterSpec, KINDS};
use isocord_io::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

use counting::allocated;

/// Two tones without end.
struct Tones(u64);

impl FrameSource for Tones {
    fn next(&mut self, frame: &mut FrameBuf, _: Want) -> Result<Option<SourceFrame>, SourceError> {
        for (index, pair) in frame.pcm.chunks_exact_mut(2).enumerate() {
            let time = (self.0 + index as u64) as f32 / 48_000.0;
            pair[0] = (time * 2_000.0).sin() * 0.4;
            pair[1] = (time * 700.0).sin() * 0.4;
        }
        (frame.position, frame.samples) = (self.0, 960);
        self.0 += 960;
        Ok(Some(SourceFrame::Pcm))
    }

    fn seek(&mut self, _: f64) -> Result<(), SeekError> {
        Ok(())
    }

    fn position(&self) -> u64 {
        self.0
    }

    fn has_packets(&self) -> bool {
        false
    }
}

struct Nobody;

impl Downstream for Nobody {
    fn wake(&self) {}

    fn ahead(&self) -> u64 {
        0
    }
}

fn run(source: &mut Filtered, frame: &mut FrameBuf, frames: usize) {
    for _ in 0..frames {
        assert_eq!(source.next(frame, Want::PCM).expect("no error"), Some(SourceFrame::Pcm));
    }
}

#[test]
fn no_filter_allocates_a_frame() {
    let downstream: Arc<dyn Downstream> = Arc::new(Nobody);
    let mut frame = FrameBuf::new();
    let timescales = [[1.7, 1.0, 1.0], [0.6, 1.2, 1.0], [1.0, 1.0, 2.5]];
    let timescales = timescales.map(|values| FilterSpec::new("timescale", &values).expect("in range"));
    let all = KINDS.iter().map(|kind| FilterSpec::default_of(kind.name).expect("known"));
    for spec in all.chain(timescales) {
        let filters = Filters::default();
        filters.set(vec![spec.clone()]).expect("one");
        let volume = Volume::new(1.0).expect("in range");
        let mut source = Filtered::new(Box::new(Tones(0)), volume, filters);
        source.attach(&downstream, 25);
        for _ in 0..4 {
            run(&mut source, &mut frame, 100);
            source.revise(25);
        }
        let before = allocated();
        run(&mut source, &mut frame, 100);
        source.revise(25);
        run(&mut source, &mut frame, 100);
        assert_eq!(allocated() - before, 0, "{spec:?}");
    }
}
