//! Mixdowns with a user whose jitter buffer is as long as it gets, in virtual time: nothing of anybody is left out.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod record_support;
#[path = "../../proto/tests/recv_support/mod.rs"]
mod recv_support;

use isocord_io::receive::queue::Item;
use isocord_io::receive::shape::{Out, Shape, Shaper};
use isocord_io::record::{Format, FrameSink, Layout, Payload, Recorder, RecorderOptions, Target, once};
use isocord_proto::frame::FRAME_LEN;
use isocord_proto::opus::{Encoder, EncoderOptions};
use isocord_proto::recv::{Frame, Listening, Sound, Speaking};
use record_support::{Shared, tone};
use recv_support::{Call, FRAME_MS, Heard, Sender, ms, samples};

/// Packets of each user.
const PACKETS: u64 = 1_000;
/// Queues are looked at this often.
const ROUND_MS: u64 = 40;
/// How late the second user's packets are at most; that is near the longest delay.
const LATE_MS: u64 = 480;

/// What the network holds packet `n` back: it rises and falls between nothing and the most in 4 s.
fn held_back(n: u64) -> u64 {
    let place = n % 200;
    place.min(200 - place) * LATE_MS / 100
}

/// A call of two who speak without a break, one of them over a bad line. `round` gets what was handed out, the
/// clock and the longest delay.
fn two_speak(mut round: impl FnMut(Vec<Heard>, u64, u32)) {
    let mut call = Call::new(Listening::Pcm);
    for user in [1, 2] {
        call.assign(user, u64::from(user));
        let mut sender = Sender::new(user, 7, 9_000);
        let mut encoder = Encoder::new(&EncoderOptions::default()).unwrap();
        for n in 0..PACKETS {
            let mut opus = [0; 1_275];
            let len = encoder.encode(&tone(300.0 * f64::from(user), n * 960, 960), &mut opus).unwrap();
            let packet = sender.packet(&opus[..len], 960);
            call.wire(ms(100 + n * FRAME_MS + if user == 2 { held_back(n) } else { 0 }), packet);
        }
    }
    for at in (0..PACKETS * FRAME_MS + 2_000).step_by(ROUND_MS as usize) {
        call.run_until(ms(at));
        let delay = call.path.delay();
        round(call.take(), samples(ms(at)), delay);
    }
    assert!(call.user(2).delay > 23_000, "{:?}", call.user(2));
    assert_eq!(call.user(2).lost, 0);
}

/// The sum of what was handed out.
#[derive(Default)]
struct Sum(Vec<i16>);

impl Sum {
    fn add(&mut self, position: u64, pcm: &[i16]) {
        let from = 2 * position as usize;
        self.0.resize(self.0.len().max(from + pcm.len()), 0);
        self.0[from..].iter_mut().zip(pcm).for_each(|(sum, sample)| *sum += sample);
    }
}

#[test]
fn nobody_is_too_late_for_a_recorded_mixdown() {
    let file = Shared::default();
    let layout = Layout::Mixdown(once(Target::Seekable(Box::new(file.clone()))));
    let options = RecorderOptions { format: Format::Pcm, ..RecorderOptions::default() };
    let mut recorder = Recorder::new(options, layout).unwrap();
    let mut sum = Sum::default();
    two_speak(|heard, now, _| {
        for frame in heard {
            recorder.frame(frame.user_id, frame.position, Payload::Pcm(&frame.pcm));
            sum.add(frame.position, &frame.pcm);
        }
        recorder.advance(now);
    });
    let report = recorder.finish(None);
    assert_eq!(report.stats.late_samples, 0);
    let pcm: Vec<i16> = file.bytes().chunks(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect();
    assert!(pcm[..sum.0.len()] == sum.0, "the mixdown is another one");
}

#[test]
fn what_is_too_late_for_a_mixdown_is_counted() {
    let layout = Layout::Mixdown(once(Target::Seekable(Box::new(Shared::sparse()))));
    let options = RecorderOptions { format: Format::Pcm, mix_window: 19_200, ..RecorderOptions::default() };
    let mut recorder = Recorder::new(options, layout).unwrap();
    two_speak(|heard, now, _| {
        for frame in heard {
            recorder.frame(frame.user_id, frame.position, Payload::Pcm(&frame.pcm));
        }
        recorder.advance(now);
    });
    assert!(recorder.finish(None).stats.late_samples > 48_000);
}

#[test]
fn nobody_is_too_late_for_a_live_mixdown_and_it_waits_no_longer_than_it_must() {
    let mut shaper =
        Shaper::new(Shape { mixdown: true, latency: 11_520, ..Shape::default() }, false).unwrap();
    let (mut sum, mut mixed) = (Sum::default(), Sum::default());
    let (mut behind_least, mut behind_most) = (u64::MAX, 0);
    let mut take = |out, now: Option<u64>| {
        let Out::Frame(frame) = out else { return };
        if let Some(now) = now {
            behind_least = behind_least.min(now - frame.position);
            behind_most = behind_most.max(now - frame.position);
        }
        let pcm = frame.data.chunks(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect::<Vec<_>>();
        mixed.add(frame.position, &pcm);
    };
    for user_id in [1, 2] {
        shaper.item(Item::Speaking(user_id, Speaking::Started, samples(ms(100))), &mut |_| {});
    }
    two_speak(|heard, now, delay| {
        for Heard { user_id, position, samples, kind, pcm, .. } in &heard {
            let sound: &[i16; FRAME_LEN] = pcm.as_slice().try_into().unwrap();
            let (user_id, position, samples, kind) = (*user_id, *position, *samples, *kind);
            let received = None;
            let frame = Frame { user_id, position, samples, kind, received, sound: Sound::Pcm(sound) };
            shaper.item(Item::Frame(frame), &mut |out| take(out, None));
        }
        heard.iter().for_each(|frame| sum.add(frame.position, &frame.pcm));
        shaper.advance(now, delay, &mut |out| take(out, Some(now)));
    });
    shaper.finish(&mut |out| take(out, None));
    let end = sum.0.len();
    assert!(mixed.0[..end] == sum.0, "the mixdown is another one");
    // 60 ms are the delay of a user of whom nothing is known yet.
    assert!(behind_least <= samples(ms(60 + 240 + 20 + ROUND_MS)), "{behind_least}");
    assert!(behind_most <= samples(ms(500 + 240 + 20 + ROUND_MS)), "{behind_most}");
}
