//! What a listener hears where the volume changes: a sine that has no step, whatever lay in the ring.

use std::f64::consts::TAU;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES, OpusFrame};
use isocord_proto::opus::{Application, Encoder};
use isocord_proto::pacing::Supply;

use super::bench::{Bench, decode, roughness};
use super::*;
use crate::dsp::apply_gain;
use crate::play::{Feed, Pressure, Turn};
use crate::source::{AudioFile, AudioFileOptions, Input};

const PITCH: f64 = 240.0;
const LEVEL: f64 = 16_000.0;
const SECONDS: usize = 4;
/// The largest second difference of that sine.
const IDEAL: f64 = LEVEL * (TAU * PITCH / 48_000.0) * (TAU * PITCH / 48_000.0);

/// Packets and encoded sound that take turns every few frames differ by what the codec loses.
const TURNS: f64 = 2.5;

fn sine() -> Vec<i16> {
    let place = |index: usize| index as f64 * PITCH / 48_000.0;
    (0..SECONDS * 48_000).flat_map(|index| [((place(index) * TAU).sin() * LEVEL) as i16; 2]).collect()
}

fn wav(samples: &[i16]) -> Vec<u8> {
    let len = samples.len() as u32 * 2;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + len).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0data");
    out.extend(len.to_le_bytes());
    out.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    out
}

fn encode_all(samples: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(&EncoderOptions::default()).expect("an encoder");
    let mut packet = [0; 1_275];
    let mut encode = |frame| encoder.encode(frame, &mut packet).map(|len| packet[..len].to_vec());
    samples.chunks_exact(FRAME_LEN).map(|frame| encode(frame).expect("a packet")).collect()
}

/// An Ogg file of Opus packets of 20 ms.
fn ogg(packets: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ogg::PacketWriter::new(&mut out);
    let head = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
    let tags = b"OpusTags\0\0\0\0\0\0\0\0".to_vec();
    let end = ogg::PacketWriteEndInfo::EndPage;
    for header in [head, tags] {
        writer.write_packet(header, 1, end, 0).expect("memory");
    }
    for (index, packet) in packets.iter().enumerate() {
        let last = index + 1 == packets.len();
        let info = if last { ogg::PacketWriteEndInfo::EndStream } else { end };
        writer.write_packet(packet.clone(), 1, info, (index as u64 + 1) * 960).expect("memory");
    }
    drop(writer);
    out
}

fn file(bytes: Vec<u8>, options: &EncoderOptions) -> Bench<AudioFile> {
    let file = AudioFile::open(Input::bytes(bytes), AudioFileOptions::default()).expect("a sound file");
    Bench::new(Deck::from(file), options)
}

#[test]
fn what_is_heard_is_what_an_encoder_makes_that_never_looked_ahead() {
    let samples = sine();
    let voip = EncoderOptions { application: Application::Voip, bitrate: 24, ..EncoderOptions::default() };
    for options in [EncoderOptions::default(), voip] {
        let mut bench = file(wav(&samples), &options);
        // From this frame on, with this volume: the second after the one that is taken next.
        let changes = [(32, 0.2), (33, 0.25), (80, 1.0), (102, 1.8), (150, 0.0), (160, 0.7)];
        for (frame, volume) in changes {
            let now = bench.heard.len();
            bench.play(frame - 2 - now);
            bench.set_volume(volume);
        }
        bench.play(SECONDS * 50);
        let mut encoder = Encoder::new(&options).expect("an encoder");
        let mut gain = 1.0;
        for (number, frame) in samples.chunks_exact(FRAME_LEN).enumerate() {
            let mut pcm = [0.0; FRAME_LEN];
            pcm.iter_mut().zip(frame).for_each(|(out, &sample)| *out = f32::from(sample) / 32_768.0);
            let target =
                changes.iter().rev().find(|(from, _)| *from <= number).map_or(1.0, |(_, volume)| *volume);
            apply_gain(gain, target, &mut pcm);
            gain = target;
            let mut expected = OpusFrame::SILENCE;
            encoder.stand_alone(number == 0).expect("a setting");
            expected.fill(|out| encoder.encode_float(&pcm, out)).expect("a packet");
            assert!(bench.heard[number] == expected.as_bytes(), "frame {number} of {options:?}");
        }
    }
}

#[test]
fn a_volume_set_before_the_first_frame_left_is_there_from_the_first_sample() {
    let mut bench = file(wav(&sine()), &EncoderOptions::default());
    bench.set_volume(0.1);
    bench.play(10);
    let loudest = decode(&bench.heard).into_iter().fold(0.0, f64::max);
    assert!((loudest - LEVEL * 0.1).abs() < LEVEL * 0.02, "{loudest}");
    assert_eq!(bench.deck.position(), 0.2);
}

#[test]
fn packets_pass_untouched_and_the_way_out_and_back_is_not_heard() {
    let packets = encode_all(&sine());
    let mut bench = file(ogg(&packets), &EncoderOptions::default());
    bench.play(50);
    bench.set_volume(0.4);
    bench.play(40);
    bench.set_volume(1.0);
    bench.play(SECONDS * 50);
    assert_eq!(bench.heard.len(), packets.len());
    assert!(bench.heard[..52] == packets[..52]);
    assert!(bench.heard[93..] == packets[93..], "back at 1.0 they pass again, from the frame after the ramp");
    let left = decode(&bench.heard);
    assert!(roughness(&left) < 2.0 * IDEAL, "{} where {IDEAL} is right", roughness(&left));
    // Neither a sample was lost nor one repeated: in between it is the same wave, but softer.
    let straight = decode(&packets);
    let middle = 60 * FRAME_SAMPLES..85 * FRAME_SAMPLES;
    let off = middle.map(|at| (left[at] - straight[at] * 0.4).abs()).fold(0.0, f64::max);
    assert!(off < LEVEL * 0.02, "{off}");
}

#[test]
fn what_leaves_while_it_is_encoded_again_is_followed_exactly() {
    let samples = sine();
    for (kind, bytes, most) in [("wav", wav(&samples), 2.0), ("ogg", ogg(&encode_all(&samples)), TURNS)] {
        let Bench { deck: source, mut feed, mut reader, .. } = file(bytes, &EncoderOptions::default());
        let over = AtomicBool::new(false);
        let mut heard = Vec::new();
        std::thread::scope(|scope| {
            // The pool, at work without a pause; the clock is fast, so that it is often in the way.
            scope.spawn(|| {
                let mut volumes = [0.9, 0.3, 1.0, 0.6, 0.95, 1.0].iter().cycle();
                while !over.load(Relaxed) {
                    source.set_volume(*volumes.next().expect("a cycle")).expect("a volume");
                    for piece in 0..6 {
                        // Turns are short or long, as others need theirs.
                        feed.feed(&Turn::new(Pressure::None, &|| piece % 2 == 0));
                    }
                }
            });
            loop {
                match reader.supply() {
                    Supply::Ready => heard.push(reader.take().expect("a frame").as_bytes().to_vec()),
                    Supply::Exhausted => break,
                    Supply::Empty | Supply::Resting => {}
                }
                std::thread::sleep(std::time::Duration::from_micros(700));
            }
            over.store(true, Relaxed);
        });
        assert_eq!(heard.len(), SECONDS * 50, "no frame is lost, and none comes twice");
        let left = decode(&heard);
        let rough = roughness(&left);
        assert!(rough < most * IDEAL, "{kind}: {rough} where {IDEAL} is right");
    }
}

#[test]
fn changes_that_follow_one_another_every_few_frames_are_not_heard() {
    let samples = sine();
    for (kind, bytes, most) in [("wav", wav(&samples), 2.0), ("ogg", ogg(&encode_all(&samples)), TURNS)] {
        for (frames, pieces) in [(1, 100), (2, 100), (5, 100), (3, 1), (7, 2)] {
            let mut bench = file(bytes.clone(), &EncoderOptions::default());
            bench.play(20);
            let volumes = [0.9, 0.3, 1.0, 0.6, 0.95, 1.0, 1.0, 0.3, 0.6, 0.9];
            for change in 0..60 {
                bench.deck.set_volume(volumes[change * change % 10]).expect("a volume");
                for _ in 0..pieces {
                    bench.feed.feed(&Turn::new(Pressure::None, &|| true));
                }
                bench.play(1 + change % frames);
            }
            bench.play(SECONDS * 50);
            let rough = roughness(&decode(&bench.heard));
            assert!(rough < most * IDEAL, "{kind}, every {frames}: {rough} where {IDEAL} is right");
        }
    }
}
