//! Opus goes through a queue as it stands, and is decoded where it has to be.

use std::sync::Arc;

use isocord_proto::frame::{FRAME_LEN, SILENCE};
use isocord_proto::opus::{Decoder, Encoder, EncoderOptions};

use super::stand::{Stand, given, made};
use crate::desk::queue::{Entry, Opened, QueueOptions};
use crate::source::{AudioFile, AudioFileOptions, Input, Want};

const PRE_SKIP: usize = 312;

/// An Ogg file of a tone with a level at its ends, and its packets.
fn tone(samples: usize, from: usize, edge: f32) -> (Arc<Entry>, Vec<Vec<u8>>) {
    let mut encoder = Encoder::new(&EncoderOptions::default()).unwrap();
    let level = |at: usize| {
        let way = ((at.min(samples - at.min(samples)) as f32 - 2_880.0) / 9_600.0).clamp(0.0, 1.0);
        edge + (0.4 - edge) * way
    };
    let sample = |at: usize| if at < samples { ((from + at) as f32 * 0.0576).sin() * level(at) } else { 0.0 };
    let count = (samples + PRE_SKIP).div_ceil(960);
    let packets: Vec<Vec<u8>> = (0..count)
        .map(|frame| {
            let pcm: Vec<f32> = (0..960).flat_map(|at| [sample(frame * 960 + at); 2]).collect();
            let mut packet = [0; 1_275];
            let len = encoder.encode_float(&pcm, &mut packet).unwrap();
            packet[..len].to_vec()
        })
        .collect();
    let file = ogg(&packets, samples + PRE_SKIP);
    let entry = made(move || {
        let opened = AudioFile::open(Input::bytes(file.clone()), AudioFileOptions::default()).unwrap();
        let duration = opened.info().duration;
        Ok(Opened::new(Box::new(opened), duration))
    });
    (entry, packets)
}

fn ogg(packets: &[Vec<u8>], end: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = ogg::PacketWriter::new(&mut out);
    let head = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
    let page = ogg::PacketWriteEndInfo::EndPage;
    for header in [head, b"OpusTags\0\0\0\0\0\0\0\0".to_vec()] {
        writer.write_packet(header, 1, page, 0).unwrap();
    }
    for (index, packet) in packets.iter().enumerate() {
        let last = index + 1 == packets.len();
        let info = if last { ogg::PacketWriteEndInfo::EndStream } else { page };
        writer.write_packet(packet.clone(), 1, info, ((index + 1) * 960).min(end) as u64).unwrap();
    }
    drop(writer);
    out
}

fn decoded(packets: &[Vec<u8>]) -> Vec<f32> {
    let mut decoder = Decoder::new().unwrap();
    let mut pcm = [0.0; FRAME_LEN];
    let decode = |packet: &Vec<u8>| {
        decoder.decode_float(packet, &mut pcm).unwrap();
        pcm.iter().step_by(2).copied().collect::<Vec<_>>()
    };
    packets.iter().flat_map(decode).collect()
}

fn playing(options: QueueOptions, entries: &[Arc<Entry>]) -> Stand {
    let mut stand = Stand::new(options, entries);
    stand.want = Want::PACKETS;
    stand
}

#[test]
fn quiet_entries_pass_as_they_stand_one_after_the_other() {
    let (one, first) = tone(48_321, 0, 0.0);
    let (two, second) = tone(30_000, 0, 0.0);
    let mut stand = playing(QueueOptions::default(), &[one, two]);
    stand.hear_all();
    let packets: Vec<_> = stand.packets().into_iter().map(|packet| packet.expect("a packet")).collect();
    assert!(packets == [first, second].concat());
}

#[test]
fn loud_entries_are_joined_to_the_sample() {
    let (one, first) = tone(48_321, 0, 0.4);
    let (two, second) = tone(48_000, 48_321, 0.4);
    let mut stand = playing(QueueOptions::default(), &[one, two]);
    stand.hear_all();
    let packets = stand.packets();
    assert!(packets[..50].iter().zip(&first).all(|(got, packet)| got.as_ref() == Some(packet)));
    assert!(packets[51..].iter().all(Option::is_none), "they are not on the grid of the frames");
    stand = playing(QueueOptions::default(), &[tone(48_321, 0, 0.4).0, tone(48_000, 48_321, 0.4).0]);
    stand.want = Want::PCM;
    stand.hear_all();
    let (first, second) = (decoded(&first), decoded(&second));
    let whole = [&first[PRE_SKIP..PRE_SKIP + 48_321], &second[PRE_SKIP..PRE_SKIP + 48_000]].concat();
    let sound = stand.sound();
    // What is decoded begins behind the pre-skip.
    let apart = sound.iter().zip(&whole).map(|(got, want)| (got - want).abs()).fold(0.0, f32::max);
    assert!(apart < 0.002, "{apart}");
}

#[test]
fn what_cannot_pass_is_decoded_and_what_can_passes_again() {
    let (one, packets) = tone(96_000, 0, 0.0);
    let mut stand = playing(QueueOptions::default(), &[one]);
    stand.hear(20);
    stand.want = Want::PCM;
    stand.hear(20);
    stand.want = Want::PACKETS;
    stand.hear_all();
    let got = stand.packets();
    assert!(got[..45].iter().zip(&packets).all(|(got, packet)| got.as_ref() == Some(packet)));
    assert!(got[45..65].iter().all(Option::is_none));
    assert!(got[65..].iter().zip(&packets[65..]).all(|(got, packet)| got.as_ref() == Some(packet)));
}

#[test]
fn silence_passes_too() {
    let (one, packets) = tone(19_200, 0, 0.0);
    let mut stand = playing(QueueOptions { endless: true, ..QueueOptions::default() }, &[one]);
    stand.hear(100);
    let got = stand.packets();
    assert!(got[..packets.len()].iter().zip(&packets).all(|(got, packet)| got.as_ref() == Some(packet)));
    assert!(got[packets.len()..].iter().all(|packet| packet.as_deref() == Some(&SILENCE)));
}

#[test]
fn a_source_that_is_there_passes_each_time() {
    let (_, packets) = tone(19_200, 0, 0.0);
    let file =
        AudioFile::open(Input::bytes(ogg(&packets, 19_200 + PRE_SKIP)), AudioFileOptions::default()).unwrap();
    let options = QueueOptions { repeat: crate::desk::queue::Repeat::One, ..QueueOptions::default() };
    let mut stand = playing(options, &[given(file, Some(19_200))]);
    stand.hear(60);
    let got = stand.packets();
    let other = got.iter().zip(packets.iter().cycle()).position(|(got, packet)| got.as_ref() != Some(packet));
    assert_eq!(other, None, "of {}", got.len());
}
