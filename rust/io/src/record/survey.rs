//! Who spoke when, and how loud: gathered while it is recorded, from the sound that goes to the files.
//!
//! Places are samples of the recording's own time. What lies in memory is bounded for each user.

use std::collections::BTreeMap;

use isocord_proto::frame::{CHANNELS, FRAME_SAMPLES, SAMPLE_RATE};

use super::assembler::Held;
use super::lane::Unpacker;
use crate::dsp::meter::{Levels, Meter, Outline};
use crate::dsp::speech::{SPEECH, SpeechDetector};
use crate::receive::shape::row::{Origin, Row};
use crate::receive::shape::{Out, Shaped};
use crate::receive::utterances::{Endpoints, Part, Segmenter};

/// What a user says begins and ends as the utterances do that bots listen to, without what these have before and after.
const ENDPOINTS: Endpoints = Endpoints {
    silence: SAMPLE_RATE as u64 * 6 / 10,
    min_speech: SAMPLE_RATE as u64 / 10,
    max_length: SAMPLE_RATE as u64 * 120,
    pre_roll: 0,
    vad: true,
    partial: false,
};
/// Of a gap so much is heard as silence, which ends what was said.
const QUIET: u64 = SAMPLE_RATE as u64;
/// Of so many users the loudness is measured, which takes 0.3 MB each.
const MAX_LOUD: usize = 200;
/// The most spans of a user, 0.5 MB; of one who has more, those nearest to each other become one.
const MAX_SPANS: usize = 32_768;

/// What is known of one user's sound, at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct VoiceReport {
    /// Whose.
    pub user_id: u64,
    /// Where the user spoke, from and to, in order.
    pub spans: Vec<(u64, u64)>,
    /// How loud it is.
    pub levels: Levels,
    /// Samples that were not listened to, for frames waited for the files.
    pub missed: u64,
    /// The samples that each step of the outline stands for.
    pub step: u64,
    /// The highest sample of each step, from the recording's begin on, 32,768 being full scale.
    pub outline: Vec<u16>,
}

/// Listens to what is recorded.
#[derive(Default)]
pub(crate) struct Survey {
    voices: BTreeMap<u64, Voice>,
    /// There is no time but for the files.
    hurries: bool,
}

impl Survey {
    /// Whether there is no time to listen to what comes.
    pub(crate) fn hurry(&mut self, hurries: bool) {
        self.hurries = hurries;
    }

    /// What a user says at a place. What lies behind what was heard already is left out.
    pub(crate) fn frame(&mut self, user_id: u64, at: u64, frame: &Held) {
        if self.hurries {
            return self.miss(user_id, at, frame.samples());
        }
        let voice = self.voice(user_id, at);
        match frame {
            Held::Pcm(pcm) => voice.hear(at, pcm),
            Held::Opus(packet, samples) => {
                let mut unpacker = std::mem::take(&mut voice.unpacker);
                // It fails where there is no memory for a decoder.
                if let Ok(pcm) = unpacker.decode(packet, *samples) {
                    voice.hear(at, pcm);
                }
                voice.unpacker = unpacker;
            }
        }
    }

    fn miss(&mut self, user_id: u64, at: u64, samples: u64) {
        self.voice(user_id, at).missed += samples;
    }

    fn voice(&mut self, user_id: u64, at: u64) -> &mut Voice {
        let loud = self.voices.len() < MAX_LOUD;
        self.voices.entry(user_id).or_insert_with(|| Voice::new(user_id, at, loud))
    }

    /// Nothing is told of what a user has said.
    pub(crate) fn forget(&mut self, user_id: u64) {
        self.voices.remove(&user_id);
    }

    /// Of each user, by id. Nothing more comes.
    pub(crate) fn finish(&mut self) -> Vec<VoiceReport> {
        std::mem::take(&mut self.voices).into_values().map(Voice::finish).collect()
    }
}

/// One user's sound so far: a row of frames, with silence where there was none.
struct Voice {
    user_id: u64,
    unpacker: Unpacker,
    detector: SpeechDetector,
    segmenter: Segmenter,
    meter: Meter,
    outline: Outline,
    spans: Spans,
    missed: u64,
    row: Row,
    /// The place after the last frame that was speech.
    spoken: u64,
}

impl Voice {
    fn new(user_id: u64, at: u64, loud: bool) -> Self {
        Self {
            user_id,
            unpacker: Unpacker::default(),
            detector: SpeechDetector::new(),
            segmenter: Segmenter::new(ENDPOINTS),
            meter: Meter::new(loud),
            outline: Outline::new(),
            spans: Spans { spans: Vec::new(), within: ENDPOINTS.silence },
            missed: 0,
            row: Row::new(true, at),
            spoken: 0,
        }
    }

    fn hear(&mut self, at: u64, pcm: &[i16]) {
        self.gap(at.saturating_sub(self.row.at()));
        let behind = self.row.at().saturating_sub(at).min((pcm.len() / CHANNELS) as u64) as usize;
        let pcm = &pcm[CHANNELS * behind..];
        if !pcm.is_empty() {
            self.meter.sound(pcm);
            self.outline.sound(self.row.at(), pcm);
            self.row.sound(Origin::default(), pcm);
        }
        self.judge();
    }

    fn gap(&mut self, samples: u64) {
        let end = self.row.at() + samples;
        self.meter.gap(samples);
        self.row.silence(end.min(self.row.at() + QUIET));
        if self.row.at() < end {
            // The row begins anew at the very place where there is sound again.
            self.row.end();
            self.row.start_at(end);
        }
    }

    /// Judges the frames that are whole.
    fn judge(&mut self) {
        for (position, _, pcm) in self.row.take() {
            let speech = self.detector.frame(position, &pcm);
            // Where speech is does not need the sound.
            let frame = Shaped {
                user_id: self.user_id,
                position,
                samples: FRAME_SAMPLES as u32,
                kind: None,
                received: None,
                level: None,
                speech: Some(speech),
                data: Vec::new(),
            };
            let (spans, spoken) = (&mut self.spans, self.spoken);
            self.segmenter.take(Out::Frame(frame), &mut |part| spans.add(&part, spoken));
            if speech >= SPEECH {
                self.spoken = position + FRAME_SAMPLES as u64;
            }
        }
    }

    fn finish(mut self) -> VoiceReport {
        let end = self.row.at();
        self.row.end();
        self.judge();
        // The last frame may be longer than what there is of it.
        let (spans, spoken) = (&mut self.spans, self.spoken.min(end));
        self.segmenter.finish(&mut |part| spans.add(&part, spoken));
        let (step, outline) = self.outline.take();
        let (user_id, levels) = (self.user_id, self.meter.levels());
        VoiceReport { user_id, spans: self.spans.spans, levels, missed: self.missed, step, outline }
    }
}

/// Where one user spoke.
struct Spans {
    spans: Vec<(u64, u64)>,
    /// So much between two makes them one.
    within: u64,
}

impl Spans {
    /// An utterance, without the silence that ends it: the last speech ends at `spoken`.
    fn add(&mut self, part: &Part, spoken: u64) {
        self.push((part.start, part.end.min(spoken)));
        while self.spans.len() >= MAX_SPANS {
            self.within *= 2;
            for span in std::mem::take(&mut self.spans) {
                self.push(span);
            }
        }
    }

    fn push(&mut self, (start, end): (u64, u64)) {
        match self.spans.last_mut() {
            Some((_, last)) if start <= *last + self.within => *last = end.max(*last),
            _ if end > start => self.spans.push((start, end)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As speech is to the detector: a tone of 180 Hz with overtones that goes up and down four times a second.
    fn said(seconds: f64) -> Vec<i16> {
        let count = (seconds * f64::from(SAMPLE_RATE)) as usize;
        let value = |index: usize| {
            let at = index as f64 / f64::from(SAMPLE_RATE);
            let turns = std::f64::consts::TAU * (180.0 * at + 3.0 * (std::f64::consts::TAU * 3.0 * at).sin());
            let loud = 0.5 - 0.5 * (std::f64::consts::TAU * 4.0 * at).cos();
            let sum: f64 = (1..20).map(|n| (turns * f64::from(n)).sin() / f64::from(n)).sum();
            (6_000.0 * loud * sum) as i16
        };
        (0..count).flat_map(|index| [value(index); 2]).collect()
    }

    fn feed(survey: &mut Survey, user_id: u64, mut at: u64, pcm: &[i16], size: usize) {
        for piece in pcm.chunks(CHANNELS * size) {
            survey.frame(user_id, at, &Held::Pcm(piece.to_vec()));
            at += (piece.len() / CHANNELS) as u64;
        }
    }

    const SECOND: u64 = SAMPLE_RATE as u64;

    #[test]
    fn who_spoke_when_whatever_the_frames_are() {
        for size in [960, 480, 120, 5_760] {
            let mut survey = Survey::default();
            feed(&mut survey, 7, 5 * SECOND + 17, &said(2.0), size);
            feed(&mut survey, 8, 6 * SECOND, &said(1.0), size);
            feed(&mut survey, 7, 3_600 * SECOND + 1, &said(1.0), size);
            let told = survey.finish();
            let near = |place: u64, second: f64| (place as f64 / SECOND as f64 - second).abs() < 0.25;
            assert_eq!(told.iter().map(|voice| voice.user_id).collect::<Vec<_>>(), [7, 8]);
            let [(one, two), (three, four)] = told[0].spans[..] else { panic!("{:?}", told[0].spans) };
            assert!(
                near(one, 5.0) && near(two, 7.0) && near(three, 3_600.0) && near(four, 3_601.0),
                "{size}"
            );
            assert!(matches!(told[1].spans[..], [(from, to)] if near(from, 6.0) && near(to, 7.0)), "{size}");
            assert!(survey.finish().is_empty());
        }
    }

    #[test]
    fn silence_and_noise_are_nobody() {
        let mut survey = Survey::default();
        let noise: Vec<i16> = (0..2 * SECOND as i64 * 3)
            .scan(1_u64, |state, _| {
                *state =
                    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                Some(((*state >> 52) as i16) - 2_048)
            })
            .collect();
        feed(&mut survey, 7, 0, &noise, 960);
        let told = survey.finish();
        assert!(told[0].spans.is_empty() && told[0].levels.rms > -40.0, "{told:?}");
    }

    #[test]
    fn what_there_is_no_time_for_is_counted_and_is_no_speech() {
        let mut survey = Survey::default();
        survey.miss(7, 0, 2 * SECOND);
        feed(&mut survey, 7, 2 * SECOND, &said(2.0), 960);
        survey.miss(7, 4 * SECOND, SECOND);
        let told = survey.finish();
        assert_eq!((told.len(), told[0].missed), (1, 3 * SECOND));
        assert!(
            matches!(told[0].spans[..], [(from, to)] if from >= 2 * SECOND && to <= 4 * SECOND),
            "{told:?}"
        );
    }

    #[test]
    fn one_who_is_forgotten_has_said_nothing() {
        let mut survey = Survey::default();
        feed(&mut survey, 7, 0, &said(1.0), 960);
        survey.forget(7);
        assert!(survey.finish().is_empty());
    }

    #[test]
    fn spans_stay_few() {
        let mut spans = Spans { spans: Vec::new(), within: ENDPOINTS.silence };
        let part = |start: u64| Part {
            number: 1,
            user_id: 7,
            start,
            end: start + 960,
            data: Vec::new(),
            ended: None,
        };
        let count = 3 * MAX_SPANS as u64;
        for number in 0..count {
            spans.add(&part(number * SECOND), u64::MAX);
        }
        assert!(spans.spans.len() < MAX_SPANS);
        assert_eq!((spans.spans[0].0, spans.spans.last().unwrap().1), (0, (count - 1) * SECOND + 960));
    }
}
