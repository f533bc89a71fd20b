//! Going back gives the same again.

use std::sync::atomic::Ordering::Relaxed;

use isocord_proto::frame::{FRAME_LEN, SAMPLE_RATE};
use isocord_proto::opus::{Decoder, Encoder, EncoderOptions};

use super::*;
use crate::desk::stage::{Sound, Taker, assert_same, next, pull};
use crate::source::Packet;

const DEPTH: u64 = 25;

fn attached(source: impl FrameSource + 'static) -> Box<dyn FrameSource> {
    let mut taped = taped(Box::new(source));
    let taker: Arc<dyn Downstream> = Arc::new(Taker::default());
    taped.attach(&taker, DEPTH);
    taped
}

#[test]
fn the_same_comes_again_from_any_frame_within_its_depth() {
    let mut source = attached(Sound::tone(40 * 960 + 17, 440.0, 0.7));
    let all = pull(&mut *source, 40);
    let last = next(&mut *source, Want::PCM).expect("the last seventeen samples");
    assert!(last[17..].iter().all(|sample| *sample == 0.0));
    assert_eq!(next(&mut *source, Want::PCM), Err(Some(SourceFrame::End)));
    for frames in [1, 7, DEPTH] {
        source.revise(frames);
        assert_eq!(source.position(), (41 - frames) * 960);
        assert_same(&pull(&mut *source, frames as usize - 1), &all[(41 - frames as usize) * 960..]);
        assert_eq!(next(&mut *source, Want::PCM).as_ref(), Ok(&last));
        assert_eq!(next(&mut *source, Want::PCM), Err(Some(SourceFrame::End)));
    }
}

#[test]
fn going_back_further_than_is_kept_goes_as_far_as_it_can() {
    let mut source = attached(Sound::tone(960 * 100, 440.0, 0.7));
    let all = pull(&mut *source, 50);
    source.revise(50);
    let at = source.position() as usize;
    assert!(at > 0 && at <= (50 - DEPTH as usize) * 960, "{at}");
    assert_same(&pull(&mut *source, 50 - at / 960), &all[at..]);
}

#[test]
fn a_seek_leaves_what_was_before_it() {
    let mut source = attached(Sound::tone(960 * 200, 440.0, 0.7));
    let all = pull(&mut *source, 10);
    source.revise(5);
    source.seek(2.0).expect("a place");
    assert_eq!(source.position(), u64::from(SAMPLE_RATE) * 2);
    let there = pull(&mut *source, 10);
    source.revise(12);
    assert_same(&pull(&mut *source, 2), &all[3 * 960..5 * 960]);
    assert_same(&pull(&mut *source, 10), &there);
    assert!(source.seek(-1.0).is_err());
    assert_eq!(source.position(), 110 * 960, "a seek that is none changes nothing");
}

#[test]
fn an_error_is_told_once_and_is_the_end_from_then_on() {
    let mut sound = Sound::tone(960 * 200, 440.0, 0.7);
    sound.fails_at = Some(960 * 3);
    let mut source = attached(sound);
    let all = pull(&mut *source, 3);
    assert!(source.next(&mut FrameBuf::new(), Want::PCM).is_err());
    source.revise(2);
    assert_same(&pull(&mut *source, 2), &all[960..]);
    assert_eq!(next(&mut *source, Want::PCM), Err(Some(SourceFrame::End)));
}

#[test]
fn what_starves_is_waited_for_and_what_is_kept_is_not() {
    let sound = Sound::tone(960 * 200, 440.0, 0.7);
    let starves = Arc::clone(&sound.starves);
    let mut source = attached(sound);
    let all = pull(&mut *source, 10);
    starves.store(true, Relaxed);
    assert_eq!(next(&mut *source, Want::PCM), Err(Some(SourceFrame::Starved)));
    source.revise(4);
    assert_same(&pull(&mut *source, 4), &all[6 * 960..]);
    starves.store(false, Relaxed);
    assert_eq!(source.position(), 10 * 960);
    assert!(next(&mut *source, Want::PCM).is_ok());
}

#[test]
fn who_goes_back_by_itself_is_not_taped_again() {
    let source = taped(Box::new(Sound::tone(960, 440.0, 0.7)));
    let before: *const dyn FrameSource = &raw const *source;
    assert!(std::ptr::addr_eq(before, &raw const *taped(source)));
}

/// Packets of a tone, over and over.
struct Packets {
    packets: Vec<Packet>,
    at: usize,
}

impl FrameSource for Packets {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        assert!(want.packets, "it need not decode");
        let Some(packet) = self.packets.get(self.at) else { return Ok(Some(SourceFrame::End)) };
        frame.opus = packet.clone();
        (frame.position, frame.samples) = (self.at as u64 * 960, 960);
        self.at += 1;
        Ok(Some(SourceFrame::Opus))
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.at = (seconds * 50.0) as usize;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.at as u64 * 960
    }

    fn has_packets(&self) -> bool {
        true
    }
}

#[test]
fn packets_come_as_they_are_or_decoded_as_a_decoder_that_heard_them_all() {
    let mut encoder = Encoder::new(&EncoderOptions::default()).expect("an encoder");
    let mut tone = Sound::tone(960 * 60, 440.0, 0.7);
    let mut frame = FrameBuf::new();
    let packets: Vec<Packet> = (0..60)
        .map(|_| {
            tone.next(&mut frame, Want::PCM).expect("a frame");
            let mut packet = [0; 1_275];
            let len = encoder.encode_float(&frame.pcm, &mut packet).expect("a packet");
            Packet::from(&packet[..len])
        })
        .collect();
    let mut decoder = Decoder::new().expect("a decoder");
    let mut pcm = [0.0; FRAME_LEN];
    let decoded: Vec<f32> = packets
        .iter()
        .flat_map(|packet| {
            decoder.decode_float(packet, &mut pcm).expect("Opus");
            pcm.iter().step_by(2).copied().collect::<Vec<_>>()
        })
        .collect();
    let mut source = attached(Packets { packets: packets.clone(), at: 0 });
    for packet in &packets[..20] {
        let got = source.next(&mut frame, Want::PACKETS).expect("no error");
        assert_eq!((got, &frame.opus[..]), (Some(SourceFrame::Opus), &packet[..]));
    }
    let near = |got: &[f32], from: usize| {
        let apart = got.iter().zip(&decoded[from * 960..]).map(|(one, two)| (one - two).abs());
        assert!(apart.clone().all(|apart| apart < 0.02), "{:?}", apart.fold(0.0, f32::max));
    };
    // A decoder that had heard nothing is off by more than the tone itself.
    near(&pull(&mut *source, 40), 20);
    source.revise(DEPTH);
    near(&pull(&mut *source, 10), 35);
    let got = source.next(&mut frame, Want::PACKETS).expect("no error");
    assert_eq!((got, &frame.opus[..]), (Some(SourceFrame::Opus), &packets[45][..]));
}
