//! What is written comes out as it was, whatever its rate, its format and its chunks.

use std::sync::atomic::Ordering::Relaxed;

use super::*;
use crate::desk::stage::{Taker, assert_same, next, pull};
use crate::source::{Downstream, FrameSource, SourceFrame, Want};

const NOW: Want = Want { packets: false, now: true };

/// The largest error of what came out, beside the edges.
fn worst(got: &[f32], expected: &[f64]) -> f64 {
    let edge = 480;
    let pairs = got.iter().zip(expected).take(expected.len() - edge).skip(edge);
    pairs.map(|(one, two)| (f64::from(*one) - two).abs()).fold(0.0, f64::max)
}

#[test]
fn a_tone_stays_where_it_was_at_every_rate_and_in_every_format() {
    for rate in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 47_999, 48_000, 96_000, 192_000] {
        for format in [Format::S16, Format::F32] {
            let (stream, mut source) = stream(&options(rate, 1, format));
            let written = tone(rate, 0, rate as usize);
            let bytes = if format == Format::S16 { s16(&written) } else { f32s(&written) };
            assert_eq!(stream.write(&bytes).expect("it is open"), bytes.len());
            stream.finish();
            let got = pull(&mut source, 50);
            let off = worst(&got, &tone(48_000, 0, 48_000));
            assert!(off < 1e-3, "{rate} {format:?}: {off}");
            assert_eq!(stream.unheard(), 0.0);
        }
    }
}

#[test]
fn chunks_may_be_cut_anywhere_also_in_the_midst_of_a_sample() {
    let left = tone(44_100, 0, 9_000);
    let both: Vec<f64> = left.iter().flat_map(|sample| [*sample, -sample / 2.0]).collect();
    for (format, bytes) in [(Format::S16, s16(&both)), (Format::F32, f32s(&both))] {
        let whole = |size: usize| {
            let (stream, mut source) = stream(&options(44_100, 2, format));
            for chunk in bytes.chunks(size) {
                assert_eq!(stream.write(chunk).expect("it is open"), chunk.len());
            }
            stream.finish();
            pull(&mut source, 10)
        };
        let expected = whole(bytes.len());
        for size in [1, 2, 3, 5, 7, 8, 9, 1_000, 1_763] {
            assert_same(&whole(size), &expected);
        }
    }
}

#[test]
fn many_channels_are_mixed_down() {
    let (stream, mut source) = stream(&options(48_000, 6, Format::F32));
    // The centre alone, which is heard on both sides.
    let frame = [0.0, 0.0, 0.5, 0.0, 0.0, 0.0];
    assert!(stream.write_all(&f32s(&frame.repeat(4_800))).expect("it is open"));
    let level = pull(&mut source, 2)[1_000];
    assert!((0.05..0.5).contains(&level), "{level}");
}

#[test]
fn what_is_no_number_is_silence_and_what_is_too_loud_is_cut() {
    let (stream, mut source) = stream(&options(48_000, 1, Format::F32));
    let mut samples = vec![f64::NAN; 480];
    samples.extend([40.0; 2_000]);
    assert!(stream.write_all(&f32s(&samples)).expect("it is open"));
    let got = pull(&mut source, 2);
    assert!(got[..480].iter().all(|sample| *sample == 0.0) && got[600] == 1.0);
}

#[test]
fn who_writes_more_than_there_is_room_for_waits_until_some_was_read() {
    let (stream, mut source) = stream(&options(24_000, 1, Format::S16));
    let bytes = s16(&tone(24_000, 0, 72_000));
    assert_eq!(stream.write(&bytes).expect("it is open"), 2 * 48_000);
    assert_eq!(stream.write(&bytes).expect("it is open"), 0);
    assert!(!stream.write_all(&bytes[..2]).expect("it is open"));
    let told = Told::default();
    stream.on_room(960, told.listener());
    assert!(told.take().is_empty());
    pull(&mut source, 1);
    assert_eq!(told.take(), [None]);
    assert_eq!(stream.write(&bytes[96_000..]).expect("it is open"), 960);
    // After all is forgotten there is room for all.
    stream.clear();
    assert_eq!(stream.write(&bytes).expect("it is open"), 96_000);
}

#[test]
fn who_waits_is_told_why_there_will_be_no_more() {
    let (stream, source) = stream(&options(24_000, 1, Format::S16));
    let (room, drained) = (Told::default(), Told::default());
    assert!(stream.write_all(&s16(&tone(24_000, 0, 48_000))).expect("it is open"));
    stream.on_room(2, room.listener());
    stream.on_drained(drained.listener());
    stream.finish();
    assert_eq!(room.take(), [Some("nothing can be written after finish()".to_owned())]);
    assert_eq!(stream.write(&[0, 0]), Err(WriteError::Finished));
    assert!(drained.take().is_empty());
    drop(source);
    assert!(drained.take()[0].as_ref().is_some_and(|why| why.contains("over")));
    stream.on_drained(drained.listener());
    assert_eq!(drained.take().len(), 1, "also who asks later is told");
    assert!(matches!(stream.write(&[0, 0]), Err(WriteError::Closed(_))));
}

#[test]
fn it_begins_when_enough_is_there_or_all() {
    let (stream, mut source) = stream(&Options { prebuffer: 0.1, ..options(16_000, 1, Format::S16) });
    let write = |from: usize, samples: usize| {
        assert!(stream.write_all(&s16(&tone(16_000, from, samples))).expect("it is open"));
    };
    assert_eq!(next(&mut source, NOW), Err(Some(SourceFrame::Starved)));
    write(0, 1_599);
    assert_eq!(next(&mut source, NOW), Err(Some(SourceFrame::Starved)));
    write(1_599, 1);
    assert!(next(&mut source, NOW).is_ok());
    while next(&mut source, NOW).is_ok() {}
    assert_eq!(stream.starved(), 0, "nobody has heard that yet");
    // Then a single frame is enough, unless it is to hold.
    write(1_600, 320);
    assert!(next(&mut source, NOW).is_ok());
    while next(&mut source, NOW).is_ok() {}
    write(1_920, 20);
    assert_eq!(next(&mut source, NOW), Err(Some(SourceFrame::Starved)));
    stream.flush();
    assert!(next(&mut source, NOW).is_ok());
}

#[test]
fn one_that_holds_begins_again_as_at_first() {
    let (stream, mut source) =
        stream(&Options { prebuffer: 0.1, hold: true, ..options(16_000, 1, Format::S16) });
    let write = |samples: usize| assert!(stream.write_all(&s16(&tone(16_000, 0, samples))).expect("open"));
    write(1_600);
    while next(&mut source, NOW).is_ok() {}
    write(1_599);
    assert_eq!(next(&mut source, NOW), Err(Some(SourceFrame::Starved)));
    write(1);
    assert!(next(&mut source, NOW).is_ok());
}

#[test]
fn nothing_that_is_still_to_come_is_guessed_while_there_is_time() {
    let (stream, mut source) = stream(&options(24_000, 1, Format::S16));
    assert!(stream.write_all(&s16(&tone(24_000, 0, 1_030))).expect("it is open"));
    assert_eq!(pull(&mut source, 2).len(), 1_920);
    assert_eq!(next(&mut source, Want::PCM), Err(Some(SourceFrame::Starved)));
    assert!(stream.write_all(&s16(&tone(24_000, 1_030, 22_970))).expect("it is open"));
    stream.finish();
    let (whole, mut again) = super::stream(&options(24_000, 1, Format::S16));
    assert!(whole.write_all(&s16(&tone(24_000, 0, 24_000))).expect("it is open"));
    whole.finish();
    pull(&mut again, 2);
    assert_same(&pull(&mut source, 48), &pull(&mut again, 48));
}

#[test]
fn what_is_made_again_is_the_same_to_the_bit() {
    let (stream, mut source) = stream(&options(22_050, 1, Format::S16));
    let taker = Arc::new(Taker::default());
    let downstream: Arc<dyn Downstream> = Arc::clone(&taker) as _;
    source.attach(&downstream, 29);
    assert!(stream.write_all(&s16(&tone(22_050, 0, 22_050))).expect("it is open"));
    let first = pull(&mut source, 30);
    taker.ahead.store(25, Relaxed);
    assert!((stream.played() - 0.1).abs() < 1e-9);
    source.revise(25);
    assert_same(&pull(&mut source, 25), &first[5 * 960..]);
    assert!((stream.played() - 0.1).abs() < 1e-9);
}

#[test]
fn what_was_heard_before_the_end_is_known_to_whoever_waits() {
    for unheard in [0, 1] {
        let (stream, mut source) = stream(&options(48_000, 1, Format::S16));
        let taker = Arc::new(Taker::default());
        let downstream: Arc<dyn Downstream> = Arc::clone(&taker) as _;
        source.attach(&downstream, 29);
        assert!(stream.write_all(&s16(&tone(48_000, 0, 9_600))).expect("it is open"));
        stream.finish();
        taker.ahead.store(10, Relaxed);
        pull(&mut source, 10);
        let told = Told::default();
        stream.on_drained(told.listener());
        assert!(told.take().is_empty());
        taker.ahead.store(unheard, Relaxed);
        stream.close("it is over");
        assert_eq!(told.take(), [(unheard > 0).then(|| "it is over".to_owned())]);
    }
}

#[test]
fn what_is_forgotten_has_left_when_it_is_no_longer_heard() {
    let (stream, mut source) = stream(&options(48_000, 1, Format::S16));
    let taker = Arc::new(Taker::default());
    let downstream: Arc<dyn Downstream> = Arc::clone(&taker) as _;
    source.attach(&downstream, 29);
    assert!(stream.write_all(&s16(&tone(48_000, 0, 48_000))).expect("it is open"));
    pull(&mut source, 20);
    taker.ahead.store(8, Relaxed);
    stream.clear();
    let told = Told::default();
    stream.on_drained(told.listener());
    // The clock is faster than who would go back.
    taker.ahead.store(5, Relaxed);
    assert!(source.is_changed());
    assert!(told.take().is_empty(), "old sound is still heard");
    taker.unsettled.store(true, Relaxed);
    source.revise(5);
    taker.ahead.store(0, Relaxed);
    assert_eq!(pull(&mut source, 1), vec![0.0; 960], "the old sound goes out in it");
    assert!(told.take().is_empty());
    // The clock was faster than that, too: frames of the old sound that were taken back have left.
    taker.ahead.store(3, Relaxed);
    assert!(source.unrevise() && source.is_changed() && told.take().is_empty());
    source.revise(3);
    pull(&mut source, 1);
    taker.ahead.store(1, Relaxed);
    source.is_changed();
    assert!(told.take().is_empty());
    taker.unsettled.store(false, Relaxed);
    source.is_changed();
    assert_eq!(told.take(), [None]);
    assert!((stream.played() - 0.34).abs() < 1e-9);
    // Where nothing sounds there is nothing to wait for but that it is seen.
    taker.ahead.store(0, Relaxed);
    stream.clear();
    stream.on_drained(told.listener());
    assert!(source.is_changed());
    source.revise(0);
    assert!(next(&mut source, NOW).is_err());
    source.is_changed();
    assert_eq!(told.take(), [None]);
}

#[test]
fn options_out_of_range_are_refused() {
    let good = options(24_000, 1, Format::S16);
    let refused = |options: Options| WrittenStream::new(&options, Arc::new(Here)).err();
    assert!(matches!(refused(Options { rate: 0, ..good.clone() }), Some(OptionsError::Rate(0))));
    assert!(matches!(refused(Options { channels: 0, ..good.clone() }), Some(OptionsError::Channels(0))));
    assert!(refused(Options { capacity: f64::NAN, ..good.clone() }).is_some());
    let text = refused(Options { prebuffer: 1.5, ..good }).expect("an error").to_string();
    assert_eq!(text, "prebuffer must be 0 seconds to half of the capacity (1), not 1.5");
}
