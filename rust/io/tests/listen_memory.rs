//! An hour of a call, in virtual time: what those who listen hold does not grow, whether they read or not.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counting;

use counting::in_use;
use isocord_io::receive::queue::{Form, FrameReader, FrameWriter, frame_queue};
use isocord_io::receive::shape::{Shape, Shaper};
use isocord_io::receive::utterances::{Ended, Endpoints, Part, Segmenter};
use isocord_proto::frame::{FRAME_LEN, SAMPLE_RATE};
use isocord_proto::recv::{Frame, FrameKind, Sound, Speaking};

const MINUTE: u64 = 60 * 50;
const MS: u64 = SAMPLE_RATE as u64 / 1_000;
const USERS: u64 = 3;
/// Frames that may wait.
const CAPACITY: usize = 256;

/// Words of 1 to 3 s with pauses as long, of each user in another rhythm; every tenth minute nobody pauses.
fn speaks(user_id: u64, slot: u64) -> bool {
    let length = 50 * (1 + user_id % 3);
    (slot / MINUTE) % 10 == 9 || (slot / length).is_multiple_of(2)
}

/// What comes of all users in one slot of 20 ms.
fn slot(writer: &mut FrameWriter, slot: u64) {
    let pcm: [i16; FRAME_LEN] = std::array::from_fn(|at| if at % 200 < 20 { 9_000 } else { 40 });
    for user_id in 1..=USERS {
        let (before, now) = (slot > 0 && speaks(user_id, slot - 1), speaks(user_id, slot));
        let position = 48_000 + slot * 960;
        match (before, now) {
            (false, true) => writer.speaking(user_id, Speaking::Started, position),
            (true, false) => writer.speaking(user_id, Speaking::Stopped, position),
            _ => {}
        }
        if now {
            let (kind, received, sound) = (FrameKind::Voice, Some(position), Sound::Pcm(&pcm));
            writer.frame(&Frame { user_id, position, samples: 960, kind, received, sound });
        }
    }
    writer.flush();
}

/// An hour; `round` is called after each slot. Returns the most that was in use in the first and in the last 20 minutes.
fn hour(mut round: impl FnMut(&mut FrameReader, u64)) -> (i64, i64, u64) {
    let begun = in_use();
    let (mut writer, mut reader) = frame_queue(Form::Pcm, CAPACITY);
    let mut most = [0; 3];
    for at in 0..60 * MINUTE {
        slot(&mut writer, at);
        round(&mut reader, 48_000 + (at + 4) * 960);
        let most = &mut most[(at / (20 * MINUTE)) as usize];
        *most = i64::max(*most, in_use() - begun);
    }
    (most[0], most[2], reader.dropped())
}

#[test]
fn utterances_do_not_grow() {
    let endpoints = Endpoints {
        silence: 600 * MS,
        min_speech: 100 * MS,
        max_length: 10_000 * MS,
        pre_roll: 300 * MS,
        vad: false,
        partial: false,
    };
    let shape = Shape { fill: true, sample_rate: 16_000, channels: 1, ..Shape::default() };
    let (mut shaper, mut segmenter) =
        (Shaper::new(shape, false).unwrap(), Segmenter::new(endpoints.check().unwrap()));
    let (mut silence, mut length, mut bytes) = (0, 0, 0);
    let (first, last, dropped) = hour(|reader, now| {
        let mut part = |part: Part| {
            assert_eq!(part.data.len() as u64, (part.end - part.start) / 3 * 2);
            bytes = bytes.max(part.data.len());
            match part.ended {
                Some(Ended::Silence) => silence += 1,
                Some(Ended::Length) => length += 1,
                other => panic!("{other:?}"),
            }
        };
        reader.drain(usize::MAX, |item| shaper.item(item, &mut |out| segmenter.take(out, &mut part)));
        shaper.advance(now, 2_880, &mut |out| segmenter.take(out, &mut part));
    });
    assert!(silence > 1_800 && length >= 5 * 6 * 3, "{silence} and {length}");
    assert_eq!((dropped, bytes), (0, 10 * 32_000));
    // Three of 10 s, as vectors grow.
    assert!(last <= first && last < 3_600_000, "{first} and {last} bytes");
}

#[test]
fn who_does_not_read_holds_what_fits_and_no_more() {
    let (first, last, dropped) = hour(|_, _| {});
    assert!(dropped > 250_000, "{dropped}");
    assert_eq!(first, last);
    assert!(last < CAPACITY as i64 * 4_200, "{last} bytes");
}
