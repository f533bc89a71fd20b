//! Opus files: packets pass as they stand while they can, and the change to decoding and back is not heard.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod source_files;

use isocord_io::source::{AudioFile, AudioFileOptions, FrameBuf, SourceFrame};
use opusic_c::{Channels, Decoder, SampleRate};
use source_files::{
    FRAME, distance, next_pcm, ogg_opus, ogg_pages, open, open_with, opus_file, opus_head, opus_packets,
    read_pcm,
};

fn next_opus(file: &mut AudioFile, buf: &mut FrameBuf) -> Vec<u8> {
    match file.next_frame(buf).unwrap() {
        SourceFrame::Opus => buf.opus.to_vec(),
        frame => panic!("{frame:?}"),
    }
}

fn rest(file: &mut AudioFile) -> Vec<Vec<u8>> {
    let mut buf = FrameBuf::new();
    let mut packets = Vec::new();
    while let SourceFrame::Opus = file.next_frame(&mut buf).unwrap() {
        packets.push(buf.opus.to_vec());
    }
    packets
}

fn quiet(volume: f32) -> AudioFileOptions {
    AudioFileOptions { volume, ..Default::default() }
}

#[test]
fn packets_pass_unchanged() {
    let (bytes, packets) = opus_file();
    let mut file = open(bytes);
    assert_eq!((file.info().container, file.info().codec, file.info().channels), ("ogg", "opus", 2));
    assert_eq!(file.info().duration, Some(200 * 960 - 312));
    assert!(file.passthrough());
    assert_eq!(rest(&mut file), packets);
    assert_eq!(file.broken(), 0);
}

#[test]
fn packets_pass_whatever_the_pages() {
    let packets = opus_packets(960, 200);
    for page in [1, 50, 100] {
        let mut file = open(ogg_pages(7, &opus_head(2, 312, 0), &packets, page, 960, 200 * 960));
        assert_eq!(rest(&mut file), packets);
        // The first audible sample of the file is not the first of its packets.
        file.seek(1.5).unwrap();
        assert_eq!(rest(&mut file), packets[75..]);
        assert_eq!(file.broken(), 0);
    }
}

#[test]
fn longer_packets_are_split_without_decoding() {
    for samples in [1_920, 2_880] {
        let packets = opus_packets(samples, 40);
        let end = (40 * samples) as u64;
        let mut file = open(ogg_opus(1, &opus_head(2, 312, 0), &packets, samples as u64, end));
        let mut decoder = Decoder::new(Channels::Stereo, SampleRate::Hz48000).unwrap();
        let mut left = Vec::new();
        for packet in rest(&mut file) {
            let mut pcm = [0.0; 5_760];
            assert_eq!(decoder.decode_float_to_slice(&packet, &mut pcm, false).unwrap(), 960);
            left.extend(pcm[..1_920].chunks_exact(2).map(|pair| pair[0]));
        }
        assert_eq!(left.len(), 40 * samples);
        assert!(distance(&left[2_000..], 2_000.0 - 312.0) < 1e-2);
    }
}

#[test]
fn other_lengths_are_decoded_to_the_sample() {
    for samples in [480, 240] {
        let count = 96_000 / samples;
        let packets = opus_packets(samples, count);
        // The granule position of the last page cuts 100 samples off.
        let bytes = ogg_opus(1, &opus_head(2, 312, 0), &packets, samples as u64, 96_000 - 100);
        let mut file = open(bytes);
        assert!(!file.passthrough());
        let (left, _) = read_pcm(&mut file);
        assert_eq!(left.len(), 96_000 - 100 - 312);
        assert!(distance(&left[1_000..], 1_000.0) < 2e-2);
        file.seek(1.234_5).unwrap();
        assert_eq!(file.position(), 59_256);
        let (left, _) = read_pcm(&mut file);
        assert_eq!(left.len(), 96_000 - 100 - 312 - 59_256);
        assert!(distance(&left, 59_256.0) < 2e-2);
    }
}

#[test]
fn a_change_of_volume_leaves_no_gap() {
    let (bytes, packets) = opus_file();
    let mut file = open(bytes);
    let mut buf = FrameBuf::new();
    for packet in &packets[..100] {
        assert_eq!(next_opus(&mut file, &mut buf), *packet);
    }
    assert_eq!(buf.position as i64, 99 * FRAME - 312);
    file.volume().set(0.5).unwrap();
    assert!(!file.passthrough());
    let ramp = next_pcm(&mut file, &mut buf);
    let from = (100 * FRAME - 312) as f64;
    assert_eq!(buf.position as f64, from);
    // The decoder has all but converged on the packets before: the sound is right from the first sample on.
    assert!(distance(&ramp[..40], from) < 4e-2, "{}", distance(&ramp[..40], from));
    let halved = next_pcm(&mut file, &mut buf).iter().map(|sample| sample * 2.0).collect::<Vec<_>>();
    assert!(distance(&halved, from + 960.0) < 2e-2);
    file.volume().set(1.0).unwrap();
    next_pcm(&mut file, &mut buf);
    assert!(file.passthrough());
    assert_eq!(rest(&mut file), packets[103..]);
}

#[test]
fn decoded_frames_keep_to_the_packets() {
    let (bytes, packets) = opus_file();
    let mut file = open_with(bytes, quiet(0.5));
    let mut buf = FrameBuf::new();
    let mut left = Vec::new();
    for _ in 0..50 {
        left.extend(next_pcm(&mut file, &mut buf).iter().map(|sample| sample * 2.0));
    }
    assert!(left[..312].iter().all(|sample| *sample == 0.0));
    assert!(distance(&left[1_000..], 1_000.0 - 312.0) < 2e-2);
    file.volume().set(1.0).unwrap();
    next_pcm(&mut file, &mut buf);
    assert_eq!(next_opus(&mut file, &mut buf), packets[51]);
}

#[test]
fn seeks_find_the_packet_or_the_sample() {
    let (bytes, packets) = opus_file();
    let mut file = open(bytes.clone());
    let mut buf = FrameBuf::new();
    for seconds in [3.0, 0.5, 2.222_2, 0.0, 3.99] {
        file.seek(seconds).unwrap();
        let target = (seconds * 48_000.0).round() as i64;
        let index = (target + 312) / FRAME;
        assert_eq!(file.position() as i64, (index * FRAME - 312).max(0));
        assert_eq!(next_opus(&mut file, &mut buf), packets[index as usize], "{seconds}");
        assert_eq!(buf.position as i64, (index * FRAME - 312).max(0));
    }
    // Decoded, it begins at the same packet, with the sound right from its first sample on.
    let mut file = open_with(bytes, quiet(0.5));
    file.seek(2.222_2).unwrap();
    assert_eq!(file.position() as i64, 111 * FRAME - 312);
    let left = next_pcm(&mut file, &mut buf).iter().map(|sample| sample * 2.0).collect::<Vec<_>>();
    assert_eq!(buf.position as i64, 111 * FRAME - 312);
    assert!(distance(&left, buf.position as f64) < 4e-2, "{}", distance(&left, buf.position as f64));
    file.seek(100.0).unwrap();
    assert_eq!(file.next_frame(&mut buf).unwrap(), SourceFrame::End);
}

#[test]
fn chained_streams_play_on_and_can_be_sought() {
    let packets = opus_packets(960, 100);
    let mut bytes = Vec::new();
    for serial in 1..=3 {
        bytes.extend(ogg_opus(serial, &opus_head(2, 312, 0), &packets, 960, 100 * 960));
    }
    let link = 100 * FRAME - 312;
    let mut file = open(bytes);
    assert_eq!(file.info().duration, Some(3 * link as u64));
    assert_eq!(rest(&mut file).len(), 300);
    let mut buf = FrameBuf::new();
    for at in [2, 0, 1] {
        file.seek((at * link + 48_000) as f64 / 48_000.0).unwrap();
        assert_eq!(next_opus(&mut file, &mut buf), packets[50]);
        assert_eq!(buf.position as i64, at * link + 50 * FRAME - 312);
    }
    assert_eq!(rest(&mut file).len(), 149);
}

#[test]
fn a_header_with_a_gain_is_obeyed() {
    let packets = opus_packets(960, 50);
    // -6.02 dB in units of 1/256 dB.
    let mut file = open(ogg_opus(1, &opus_head(2, 312, -1_541), &packets, 960, 50 * 960));
    assert!(!file.passthrough());
    let (left, _) = read_pcm(&mut file);
    assert_eq!(left.len(), 50 * 960 - 312);
    let doubled = left.iter().map(|sample| sample * 2.0).collect::<Vec<_>>();
    assert!(distance(&doubled[1_000..], 1_000.0) < 2e-2);
}

#[test]
fn a_damaged_page_is_skipped_and_counted() {
    let (mut bytes, packets) = opus_file();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    let mut file = open(bytes);
    let got = rest(&mut file);
    assert!((180..200).contains(&got.len()));
    assert_eq!(got.last(), packets.last());
    assert_eq!(file.position(), 200 * 960 - 312);
    assert!(file.broken() >= 1);
}

#[test]
fn a_file_that_was_cut_off_plays_to_its_end() {
    let (bytes, packets) = opus_file();
    let got = rest(&mut open(bytes[..bytes.len() * 3 / 4].to_vec()));
    assert!((130..160).contains(&got.len()));
    assert_eq!(got, packets[..got.len()]);
}

#[test]
fn broken_packets_do_not_reach_the_listener() {
    let mut packets = opus_packets(960, 50);
    // Code 3 with no frames, code 1 of odd length: RFC 6716 forbids both.
    packets[10] = vec![0xff, 0x00, 1, 2, 3];
    packets[20] = vec![0xfd, 1, 2, 3, 4, 5];
    let mut file = open(ogg_opus(1, &opus_head(2, 312, 0), &packets, 960, 50 * 960));
    let got = rest(&mut file);
    assert_eq!(got.len(), 48);
    assert_eq!(file.broken(), 2);
    assert_eq!(got[..10], packets[..10]);
}
