//! Many users in one file, each a track.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod record_support;

use isocord_io::record::{
    DocType, Format, FrameSink, Layout, Payload, Recorder, RecorderOptions, Target, Wants, once,
};
use isocord_proto::opus::{Encoder, EncoderOptions};
use record_support::{Shared, WriteOnly, dominant, matroska, tone};

const START: u64 = 500;

#[test]
fn many_users_in_one_matroska_file() {
    for (seekable, sync_start) in [(true, false), (false, false), (true, true), (false, true)] {
        let file = Shared::default();
        let target = if seekable {
            Target::Seekable(Box::new(file.clone()))
        } else {
            Target::Stream(Box::new(WriteOnly(file.clone())))
        };
        let format = Format::Matroska(DocType::Matroska);
        let options = RecorderOptions { format, start: START, sync_start, ..RecorderOptions::default() };
        let mut recorder = Recorder::new(options, Layout::Tracks(once(target))).unwrap();
        assert_eq!(recorder.wants(), Wants::Opus);
        let mut encoders: Vec<Encoder> =
            (0..3).map(|_| Encoder::new(&EncoderOptions::default()).unwrap()).collect();
        for n in 0..300u64 {
            for (user, encoder) in encoders.iter_mut().enumerate() {
                if n >= 100 * user as u64 {
                    let mut packet = [0; 1_275];
                    let pcm = tone(500.0 * (user + 1) as f64, n * 960, 960);
                    let len = encoder.encode(&pcm, &mut packet).unwrap();
                    recorder.frame(user as u64 + 1, START + n * 960, Payload::Opus(&packet[..len]));
                }
            }
            recorder.advance(START + (n + 1) * 960);
        }
        let report = recorder.finish(None);
        let read = matroska(&file.bytes());
        assert_eq!(read.whole, seekable);
        for user in 0..3 {
            let track = &read.tracks[user];
            assert_eq!(track.name.as_deref(), Some((user + 1).to_string().as_str()));
            // Without an unbroken row of packets a program that heeds no timestamps would lose the alignment.
            let late = if sync_start { 0 } else { 100 * user };
            assert_eq!(track.blocks.len(), 300 - late);
            assert_eq!(track.blocks[0].0, 20 * late as i64);
            assert!(track.blocks.windows(2).all(|pair| pair[1].0 == pair[0].0 + 20));
            let told = &report.tracks[user];
            assert_eq!((told.offset, told.samples), (960 * late as u64, 960 * (300 - late) as u64));
            let pcm = track.decode();
            let (silence, sound) = pcm.split_at(2 * 960 * (100 * user - late));
            assert!(silence.iter().all(|&sample| sample == 0.0));
            assert_eq!(dominant(&sound[9_600..]), Some(500 * (user as u32 + 1)));
        }
        if seekable {
            assert_eq!((read.tracks.len(), read.duration), (3, Some(6_000.0)));
        }
    }
}
