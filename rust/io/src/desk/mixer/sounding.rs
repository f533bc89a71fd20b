//! A layer, as the mixer plays it.

mod revising;

use std::sync::Arc;

use isocord_proto::frame::FRAME_SAMPLES;

use super::layer::Shared;
use super::sum::Sum;
use crate::desk::past::Past;
use crate::dsp::{Ramp, Volume};
use crate::source::{Downstream, FrameBuf, FrameSource, SourceFrame, Want};

/// Samples in which the others are turned down: 40 ms, so that the first word is understood and none is cut off.
const ATTACK: u64 = 1_920;
/// Samples in which they come back: 400 ms.
const RELEASE: u64 = 19_200;

/// What a layer has given to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// So many sample pairs, fewer than 960 only at its end.
    Sound(usize),
    /// Nothing, but it goes on.
    Silence,
    /// Nothing any more.
    Over,
    /// Others have to bring more first.
    Starved,
    /// It is still looked for.
    Searching,
}

/// Where a layer is in its life. Frames are the mixer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It has given nothing yet.
    Waiting,
    Sounding,
    /// It fades out, and then it is stopped.
    Stopping,
    /// It gave its last before this frame; a seek brings it back.
    Ended(u64),
    /// It was stopped, or has failed, before this frame.
    Stopped(u64),
}

/// All that a frame changes.
#[derive(Clone, Copy)]
struct State {
    phase: Phase,
    /// The frame that it began with.
    begun: Option<u64>,
    /// Frames that were taken out of its source.
    taken: u64,
    volume: Ramp,
    /// The volume that its source has of its own.
    own: f32,
    duck: Ramp,
    /// It was heard in the last frame.
    sounded: bool,
    paused: bool,
    /// What was asked for how many times, as far as it is granted.
    seen: Seen,
    /// Where the next frame begins, and whether it goes on from there, if all stays as it is.
    expected: Option<(u64, bool)>,
    underruns: u64,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    volume: u32,
    stop: u32,
    seek: u32,
}

/// What the mixer holds of a layer.
pub(super) struct Sounding {
    layer: Arc<Shared>,
    /// None once it was given away.
    source: Option<Box<dyn FrameSource>>,
    own: Volume,
    duck: Option<f32>,
    /// Samples in which it comes up at its beginning.
    fade_in: u64,
    state: State,
    past: Past<State>,
    /// The frame that it began with in what is heard where its source goes back in vain.
    heard_begun: Option<u64>,
}

impl Sounding {
    /// A layer whose source goes back.
    pub(super) fn new(
        layer: Arc<Shared>,
        source: Box<dyn FrameSource>,
        own: Volume,
        duck: Option<f32>,
        fade_in: u64,
    ) -> Self {
        let volume = Ramp::steady(layer.controls().volume.value.to);
        let state = State {
            phase: Phase::Waiting,
            begun: None,
            taken: 0,
            volume,
            own: own.get(),
            duck: Ramp::steady(1.0),
            sounded: false,
            paused: false,
            seen: Seen::default(),
            expected: None,
            underruns: 0,
        };
        Self {
            layer,
            source: Some(source),
            own,
            duck,
            fade_in,
            state,
            past: Past::new(0, 0),
            heard_begun: None,
        }
    }

    /// From frame `number` on it is mixed in.
    pub(super) fn attach(&mut self, number: u64, depth: u64) {
        self.past = Past::new(number, depth);
        self.layer.note_next(number);
        let downstream: Arc<dyn Downstream> = Arc::clone(&self.layer) as Arc<dyn Downstream>;
        if let Some(source) = &mut self.source {
            source.attach(&downstream, depth);
        }
    }

    /// Number of the frame that it gives its part to next.
    pub(super) fn next(&self) -> u64 {
        self.past.next()
    }

    /// What it turns the others down to.
    pub(super) fn duck(&self) -> Option<f32> {
        self.duck
    }

    /// What it turns the others down to now.
    pub(super) fn ducks_to(&self) -> Option<f32> {
        self.duck.filter(|_| self.state.sounded)
    }

    /// Whether nobody waits for it any more.
    pub(super) fn is_settled(&self) -> bool {
        self.layer.outcome.is_over()
    }

    /// Whether it gives nothing any more.
    fn is_ended(&self) -> bool {
        matches!(self.state.phase, Phase::Ended(_) | Phase::Stopped(_))
    }

    /// Whether its end has been heard, and nobody goes back to before it.
    pub(super) fn is_over(&self, heard: u64) -> bool {
        matches!(self.state.phase, Phase::Ended(from) | Phase::Stopped(from) if from <= heard)
    }

    /// Frames before `heard` have been heard.
    pub(super) fn note_heard(&self, heard: u64) {
        if heard * FRAME_SAMPLES as u64 >= self.state.volume.end() {
            self.layer.note_faded(self.state.seen.volume);
        }
    }

    /// Whether something is to be granted.
    pub(super) fn is_changed(&mut self) -> bool {
        self.own.get() != self.state.own || self.source.as_mut().is_some_and(|source| source.is_changed())
    }

    /// Gives its part to the next frame. `frame` is room to work in.
    pub(super) fn give(&mut self, duck: f32, frame: &mut FrameBuf, sum: &mut Sum, now: bool) -> Part {
        let before = self.state;
        let part = self.part(duck, frame, sum, now);
        if matches!(part, Part::Starved | Part::Searching) {
            self.state = before;
            return part;
        }
        self.state.sounded = matches!(part, Part::Sound(_)) && self.is_audible();
        self.past.note(before);
        self.layer.note_next(self.next());
        part
    }

    fn part(&mut self, duck: f32, frame: &mut FrameBuf, sum: &mut Sum, now: bool) -> Part {
        let at = self.next() * FRAME_SAMPLES as u64;
        let state = &mut self.state;
        if state.duck.target() != duck {
            state.duck.turn(duck, at, if duck < state.duck.at(at) { ATTACK } else { RELEASE });
        }
        if state.phase == Phase::Stopping && at >= state.volume.end() {
            return self.end(Phase::Stopped(self.next()));
        }
        if self.is_ended() {
            return Part::Over;
        }
        if self.state.paused {
            return self.stand();
        }
        let Some(source) = &mut self.source else { return Part::Over };
        match source.next(frame, Want { packets: false, now }) {
            Ok(Some(SourceFrame::Pcm)) => self.mix(at, frame, sum),
            Ok(Some(SourceFrame::End)) => self.end(Phase::Ended(self.next())),
            // What has not begun holds nobody up: it wakes the mixer when it can.
            Ok(Some(SourceFrame::Starved)) if self.state.phase == Phase::Waiting => self.stand(),
            Ok(None) if self.state.phase == Phase::Waiting && now => self.stand(),
            Ok(None | Some(SourceFrame::Starved)) if now => {
                if !source.rests() {
                    self.state.underruns += 1;
                    self.layer.note_underruns(self.state.underruns);
                }
                self.stand()
            }
            Ok(None) => Part::Searching,
            Ok(Some(SourceFrame::Starved)) => Part::Starved,
            Ok(Some(SourceFrame::Opus)) => self.fail("it gives packets where sound was asked for".to_owned()),
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn mix(&mut self, at: u64, frame: &FrameBuf, sum: &mut Sum) -> Part {
        let state = &mut self.state;
        if state.phase == Phase::Waiting {
            state.phase = Phase::Sounding;
            state.begun = Some(self.past.next());
            self.layer.note_begun(true);
            if self.fade_in > 0 && state.seen.volume == 0 {
                let to = state.volume.target();
                state.volume = Ramp::steady(0.0);
                state.volume.turn(to, at, self.fade_in);
            }
        }
        state.taken += 1;
        if state.expected != Some((frame.position, true)) {
            self.begin_run(frame.position, true);
        }
        self.state.expected = Some((frame.position + FRAME_SAMPLES as u64, true));
        let State { volume, duck, own, .. } = &self.state;
        if at >= volume.end() && at >= duck.end() {
            sum.add(&frame.pcm, own * volume.target() * duck.target());
        } else {
            let mut gains = [*own; FRAME_SAMPLES];
            volume.apply(at, &mut gains);
            duck.apply(at, &mut gains);
            sum.add_with(&frame.pcm, &gains);
        }
        Part::Sound(usize::from(frame.samples))
    }

    /// Whether it is there to be listened to: one that goes makes room for the others.
    fn is_audible(&self) -> bool {
        self.state.phase == Phase::Sounding && (self.state.volume.target() > 0.0)
    }

    fn stand(&mut self) -> Part {
        let place = self.place();
        if self.state.expected != Some((place, false)) {
            self.begin_run(place, false);
        }
        Part::Silence
    }

    fn end(&mut self, phase: Phase) -> Part {
        self.begin_run(self.place(), false);
        self.state.phase = phase;
        Part::Over
    }

    fn fail(&mut self, error: String) -> Part {
        self.layer.fail(error);
        self.end(Phase::Stopped(self.next()))
    }

    fn place(&self) -> u64 {
        let source = self.source.as_ref().map_or(0, |source| source.position());
        self.state.expected.map_or(source, |(place, _)| place)
    }

    fn begin_run(&mut self, place: u64, moves: bool) {
        let heard = self.layer.port.heard();
        self.layer.runs().begin(self.next(), place, moves, heard);
        self.state.expected = Some((place, moves));
    }
}

impl Drop for Sounding {
    fn drop(&mut self) {
        let mut source = self.source.take();
        if let Some(source) = &mut source {
            // It sees what has been heard, once more.
            let _ = source.is_changed();
        }
        self.layer.settle(move || {
            if let Some(mut source) = source {
                source.detach();
            }
        });
    }
}
