//! What a listener hears of a track that somebody speaks over.

use std::f64::consts::TAU;

use isocord_proto::frame::FRAME_LEN;
use isocord_proto::opus::{Application, Encoder, EncoderOptions};
use isocord_proto::pacing::Supply;

use super::Deck;
use super::bench::{Bench, decode, roughness};
use crate::dsp::Volume;
use crate::play::track::Interrupter;
use crate::source::{
    FrameBuf, FrameSource, MAX_OPUS_FRAME, Packet, SeekError, SourceError, SourceFrame, Want,
};

const FRAME: usize = FRAME_LEN / 2;
const PITCH: f64 = 440.0;
/// The largest second difference of the sine itself.
const IDEAL: f64 = 16_384.0 * (TAU * PITCH / 48_000.0) * (TAU * PITCH / 48_000.0);
const BY: Interrupter = Interrupter { user_id: 7, began: 0, at: 0 };

/// A sine of some frames, as PCM or as packets, which does not go back.
struct Sine {
    frames: u64,
    next: u64,
    packets: Option<Encoder>,
}

impl Sine {
    fn bench(frames: u64, packets: bool, options: &EncoderOptions) -> Bench<Self> {
        let packets = packets.then(|| Encoder::new(&EncoderOptions::default()).expect("an encoder"));
        Bench::new(Deck::new(Self { frames, next: 0, packets }, Volume::default(), None), options)
    }
}

impl FrameSource for Sine {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        if self.next == self.frames {
            return Ok(Some(SourceFrame::End));
        }
        for (index, pair) in frame.pcm.chunks_exact_mut(2).enumerate() {
            let time = (self.next as usize * FRAME + index) as f64 / 48_000.0;
            pair.fill(((TAU * PITCH * time).sin() * 0.5) as f32);
        }
        (frame.position, frame.samples) = (self.next * FRAME as u64, FRAME as u16);
        self.next += 1;
        let Some(encoder) = &mut self.packets else { return Ok(Some(SourceFrame::Pcm)) };
        let mut packet = [0; MAX_OPUS_FRAME];
        let len = encoder.encode_float(&frame.pcm, &mut packet).expect("a packet");
        frame.opus = Packet::from(&packet[..len]);
        assert!(want.packets, "it is decoded by who wants the sound");
        Ok(Some(SourceFrame::Opus))
    }

    fn seek(&mut self, _: f64) -> Result<(), SeekError> {
        self.next = 0;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.next * FRAME as u64
    }

    fn has_packets(&self) -> bool {
        self.packets.is_some()
    }

    fn passes(&self) -> bool {
        self.packets.is_some()
    }
}

fn interrupt<S: FrameSource + 'static>(bench: &Bench<S>) {
    bench.reader.state().interrupt(BY);
}

fn level(heard: &[f64], frame: usize) -> f64 {
    let frame = &heard[frame * FRAME..(frame + 1) * FRAME];
    (frame.iter().map(|sample| sample * sample).sum::<f64>() * 2.0 / FRAME as f64).sqrt() / 16_384.0
}

/// Silence as the clock sends it after an end.
fn with_silence(bench: &Bench<Sine>) -> Vec<Vec<u8>> {
    bench.heard.iter().cloned().chain(std::iter::repeat_n(vec![0xf8, 0xff, 0xfe], 5)).collect()
}

#[test]
fn it_goes_out_in_the_very_next_frame_and_is_over() {
    let voice = EncoderOptions { application: Application::Voip, bitrate: 24, ..Default::default() };
    for (packets, options) in
        [(false, EncoderOptions::default()), (true, EncoderOptions::default()), (false, voice)]
    {
        let mut bench = Sine::bench(1_000, packets, &options);
        bench.play(20);
        interrupt(&bench);
        bench.work();
        assert_eq!(bench.reader.supply(), Supply::Ready);
        bench.play(10);
        assert_eq!(bench.heard.len(), 21, "one frame, in which it goes out");
        assert_eq!(bench.reader.supply(), Supply::Exhausted);
        let heard = decode(&with_silence(&bench));
        assert!(level(&heard, 19) > 0.9, "{}", level(&heard, 19));
        // The second half of the frame is 3.5 ms of the fade and silence.
        assert!((0.2..0.8).contains(&level(&heard, 20)), "{}", level(&heard, 20));
        assert!(level(&heard, 21) < 0.01 && level(&heard, 22) < 0.001);
        let rough = roughness(&heard);
        assert!(rough < 2.0 * IDEAL, "{packets} {rough}, ideally {IDEAL}");
    }
}

#[test]
fn no_old_frame_follows_however_the_clock_runs_meanwhile() {
    // The clock takes frames between the word and the pool's work; with two of them it would have cut.
    for between in 0..4 {
        let mut bench = Sine::bench(1_000, false, &EncoderOptions::default());
        bench.play(20);
        interrupt(&bench);
        for _ in 0..between {
            bench.heard.push(bench.reader.take().expect("a frame").as_bytes().to_vec());
        }
        bench.work();
        bench.play(10);
        assert_eq!(bench.heard.len(), 20 + between + 1);
    }
}

#[test]
fn what_is_interrupted_within_a_seek_is_cut() {
    let mut bench = Sine::bench(1_000, false, &EncoderOptions::default());
    bench.play(20);
    bench.deck.seek(1.0).expect("a place");
    interrupt(&bench);
    bench.work();
    bench.play(5);
    assert!(bench.heard.len() <= 21 && bench.reader.supply() == Supply::Exhausted);
}

#[test]
fn at_the_end_of_a_source_it_goes_out_too_and_after_its_last_frame_there_is_nothing() {
    for left in [3, 1, 0] {
        let mut bench = Sine::bench(20, false, &EncoderOptions::default());
        bench.play(20 - left);
        interrupt(&bench);
        bench.work();
        bench.play(5);
        assert_eq!(bench.heard.len(), 20 - left + usize::from(left > 0), "{left}");
        assert_eq!(bench.reader.supply(), Supply::Exhausted);
    }
}

#[test]
fn what_is_asked_of_it_afterwards_changes_nothing() {
    let mut bench = Sine::bench(1_000, false, &EncoderOptions::default());
    bench.play(20);
    interrupt(&bench);
    bench.work();
    bench.deck.seek(2.0).expect("a place");
    bench.set_volume(2.0);
    interrupt(&bench);
    bench.play(5);
    assert_eq!(bench.heard.len(), 21);
}
