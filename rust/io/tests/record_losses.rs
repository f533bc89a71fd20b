//! Lost packets in files of Opus packets, and the end of talk: what a player of the file hears.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod record_support;

use isocord_io::record::{
    DocType, Format, FrameSink, Layout, Payload, Recorder, RecorderOptions, RecorderReport, Target,
};
use isocord_proto::frame::SILENCE;
use isocord_proto::opus::{Application, Bandwidth, Decoder, Encoder, EncoderOptions, Signal};
use isocord_proto::toc;
use proptest::prelude::*;
use record_support::{Shared, matroska, ogg};

const FRAME: usize = 960;

/// Syllables of a voice whose pitch and vowel never rest, so that no frame foretells the next.
fn voice(frames: usize) -> Vec<i16> {
    let mut phase = 0.0f64;
    (0..frames * FRAME)
        .flat_map(|n| {
            let t = n as f64 / 48_000.0;
            phase += std::f64::consts::TAU * (140.0 + 40.0 * (7.0 * t).sin()) / 48_000.0;
            let vowel = 900.0 + 600.0 * (11.0 * t).sin();
            let harmonics = (1..24).map(|k| {
                let hz = 140.0 * f64::from(k);
                let formants =
                    (-((hz - 450.0) / 220.0).powi(2)).exp() + (-((hz - vowel) / 260.0).powi(2)).exp();
                formants * (f64::from(k) * phase + f64::from(k * k)).sin()
            });
            let loud = (0.5 - 0.5 * (std::f64::consts::TAU * 3.3 * t).cos()).sqrt();
            [(harmonics.sum::<f64>() * loud * 2_500.0) as i16; 2]
        })
        .collect()
}

fn speech(bandwidth: Bandwidth, fec: bool, pcm: &[i16]) -> Vec<Vec<u8>> {
    let options = EncoderOptions {
        application: Application::Voip,
        signal: Signal::Voice,
        bitrate: if bandwidth == Bandwidth::Full { 40 } else { 24 },
        bandwidth,
        fec,
        expected_packet_loss: if fec { 0.2 } else { 0.0 },
        ..EncoderOptions::default()
    };
    let mut encoder = Encoder::new(&options).unwrap();
    let packets = pcm.chunks_exact(2 * FRAME).map(|frame| {
        let mut packet = [0; 1_275];
        let len = encoder.encode(frame, &mut packet).unwrap();
        packet[..len].to_vec()
    });
    packets.collect()
}

/// The packets of the file that a recorder makes of those that came.
fn record(format: Format, packets: &[Option<Vec<u8>>]) -> (Vec<Vec<u8>>, RecorderReport) {
    let file = Shared::default();
    let theirs = file.clone();
    let layout = Layout::PerUser(Box::new(move |_, _| Ok(Target::Seekable(Box::new(theirs.clone())))));
    let options = RecorderOptions { format, ..RecorderOptions::default() };
    let mut recorder = Recorder::new(options, layout).unwrap();
    for (at, packet) in (0..).step_by(FRAME).zip(packets) {
        if let Some(packet) = packet {
            recorder.frame(1, at, Payload::Opus(packet));
        }
        recorder.advance(at + FRAME as u64);
    }
    let report = recorder.finish(Some((packets.len() * FRAME) as u64));
    let written = match format {
        _ if file.bytes().is_empty() => Vec::new(),
        Format::OggOpus => ogg(&file.bytes()).packets,
        _ => matroska(&file.bytes()).tracks.remove(0).blocks.into_iter().map(|block| block.1).collect(),
    };
    (written, report)
}

fn left(packets: &[Vec<u8>]) -> Vec<f64> {
    let mut decoder = Decoder::new().unwrap();
    let mut room = [0i16; 2 * 5_760];
    let mut all = Vec::new();
    for packet in packets {
        let samples = decoder.decode(packet, &mut room).unwrap();
        all.extend(room[..2 * samples].iter().step_by(2).map(|&sample| f64::from(sample)));
    }
    all
}

/// How alike two sounds are at the frames, 1.0 at the most.
fn likeness(one: &[f64], other: &[f64], frames: &[usize]) -> f64 {
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for &frame in frames {
        for at in frame * FRAME..(frame + 1) * FRAME {
            both += one[at] * other[at];
            first += one[at] * one[at];
            second += other[at] * other[at];
        }
    }
    both / (first * second).sqrt()
}

#[test]
fn what_the_next_packet_holds_of_a_lost_one_is_heard() {
    let pcm = voice(400);
    for bandwidth in [Bandwidth::Narrow, Bandwidth::Wide, Bandwidth::Full] {
        let sent = speech(bandwidth, true, &pcm);
        let original = left(&sent);
        // One in ten, and sometimes two in a row.
        let is_lost = |n: usize| n > 10 && (n % 10 == 3 || n % 50 == 4);
        let restorable = |n: usize| is_lost(n) && !is_lost(n + 1) && toc::parse(&sent[n + 1]).unwrap().fec;
        let lost: Vec<usize> = (0..395).filter(|&n| restorable(n)).collect();
        assert!(lost.len() > 25, "{bandwidth:?}: {}", lost.len());
        let after: Vec<usize> = lost.iter().map(|n| n + 1).collect();
        let came: Vec<_> = sent.iter().enumerate().map(|(n, p)| (!is_lost(n)).then(|| p.clone())).collect();
        // What a listener would have heard, whose decoder makes use of FEC as the packets come.
        let listened = listen(&came);
        for format in [Format::OggOpus, Format::Matroska(DocType::Webm)] {
            let (written, report) = record(format, &came);
            assert_eq!((written.len(), report.tracks[0].samples), (400, 400 * 960), "{bandwidth:?}");
            let heard = left(&written);
            let here = likeness(&original, &heard, &lost);
            let there = likeness(&original, &listened, &lost);
            let concealed = likeness(&original, &left(&conceal(&came)), &lost);
            let (next, theirs) =
                (likeness(&original, &heard, &after), likeness(&original, &listened, &after));
            let figures = format!(
                "{bandwidth:?}: {here:.3}, listener {there:.3}, concealed {concealed:.3}; after it {next:.3}, {theirs:.3}"
            );
            assert!(here > there - 0.08 && here > concealed + 0.2 && next > theirs - 0.08, "{figures}");
            println!("{figures}");
            // All that came is there as it came.
            assert!(
                written.iter().zip(&came).all(|(here, came)| came.as_ref().is_none_or(|came| came == here))
            );
        }
    }
}

fn listen(came: &[Option<Vec<u8>>]) -> Vec<f64> {
    let mut decoder = Decoder::new().unwrap();
    let mut room = [0i16; 2 * FRAME];
    let mut all = Vec::new();
    for (n, packet) in came.iter().enumerate() {
        let next = came.get(n + 1).cloned().flatten().filter(|next| toc::parse(next).unwrap().fec);
        match (packet, next) {
            (Some(packet), _) => decoder.decode(packet, &mut room).unwrap(),
            (None, Some(next)) => decoder.recover(&next, &mut room).unwrap(),
            (None, None) => decoder.conceal(&mut room).unwrap(),
        };
        all.extend(room.iter().step_by(2).map(|&sample| f64::from(sample)));
    }
    all
}

/// A packet of no bytes for each that is lost.
fn conceal(came: &[Option<Vec<u8>>]) -> Vec<Vec<u8>> {
    let toc = came[0].as_ref().unwrap()[0] & !3;
    came.iter().map(|packet| packet.clone().unwrap_or_else(|| vec![toc])).collect()
}

#[test]
fn without_fec_a_lost_packet_is_concealed_and_a_long_gap_is_silence() {
    let pcm = voice(100);
    let sent = speech(Bandwidth::Wide, false, &pcm);
    let mut came: Vec<_> = sent.iter().cloned().map(Some).collect();
    came[20] = None;
    came[40..60].fill(None);
    let (written, report) = record(Format::OggOpus, &came);
    assert_eq!((written.len(), report.tracks[0].samples), (100, 96_000));
    assert_eq!(written[20], [sent[19][0]]);
    assert!(written[41..60].iter().all(|packet| packet[..] == SILENCE));
    assert_eq!(written[60..], sent[60..]);
}

#[test]
fn talk_by_the_speech_coder_comes_to_rest_before_the_coder_changes() {
    let pcm = voice(50);
    for bandwidth in [Bandwidth::Narrow, Bandwidth::Medium, Bandwidth::Wide] {
        let sent = speech(bandwidth, false, &pcm);
        assert!(sent[49][0] >> 3 < 12);
        let spoken = sent.iter().cloned().map(Some);
        // The user's client says that the talk is over, or the packets just cease.
        for end in [Some(SILENCE.to_vec()), None] {
            let came: Vec<_> = spoken
                .clone()
                .chain(std::iter::repeat_n(end, 5))
                .chain(std::iter::repeat_n(None, 20))
                .collect();
            let (written, _) = record(Format::OggOpus, &came);
            assert_eq!(written.len(), 75);
            // The first packet of silence is still the speech coder's, of the same band and channels.
            assert_eq!((written[50][0], written[50].len() > 3), (sent[49][0] & !3, true));
            assert!(written[51..].iter().all(|packet| packet[..] == SILENCE));
            let rest = &left(&written)[51 * FRAME..];
            assert!(rest.iter().all(|sample| sample.abs() < 40.0), "{bandwidth:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Packets of the speech coder that hold anything at all, of any length and with any gaps between them.
    #[test]
    fn whatever_packets_hold_nothing_panics_and_the_time_is_right(
        packets in prop::collection::vec(prop::option::weighted(0.7, (0u8..64, prop::collection::vec(any::<u8>(), 1..60))), 1..50),
    ) {
        let came: Vec<_> =
            packets.into_iter().map(|packet| packet.map(|(head, rest)| [vec![head << 2], rest].concat())).collect();
        let (written, report) = record(Format::OggOpus, &came);
        let Some(track) = report.tracks.first() else { return Ok(()) };
        let total: u64 = written.iter().map(|packet| u64::from(toc::parse(packet).unwrap().samples)).sum();
        // The last packet may be longer than what is left of it.
        prop_assert!(track.samples <= total && total - track.samples <= 5_760, "{} of {total}", track.samples);
    }
}
