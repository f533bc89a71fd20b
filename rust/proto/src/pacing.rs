//! What a stream does with each slot of 20 ms: a frame, silence, or nothing.
//!
//! Discord asks for five frames of silence before any gap, or the listener's decoder
//! smears the last sound into it.

use crate::frame::SILENCE_BURST;

/// What the source of frames has at the moment of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// A frame waits.
    Ready,
    /// None waits, and more will come: it is late.
    Empty,
    /// None waits, and more will come: none is due, for the source is at rest.
    Resting,
    /// None waits, and none will come.
    Exhausted,
}

/// What to do with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Take a frame from the source and send it.
    Frame,
    /// Send a frame of silence.
    Silence,
    /// The source is exhausted: it has ended. Then ask again for the same slot.
    End,
    /// Send nothing until [`Pacer::play`], [`Pacer::resume`] or, where a source plays, new frames.
    Rest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Playing,
    Paused,
}

/// Decides what each slot is used for.
#[derive(Debug)]
pub struct Pacer {
    state: State,
    silence_due: u8,
    underrun: bool,
}

impl Default for Pacer {
    fn default() -> Self {
        Self { state: State::Idle, silence_due: 0, underrun: false }
    }
}

impl Pacer {
    /// A source begins or takes the place of the one that plays.
    pub fn play(&mut self) {
        self.state = State::Playing;
    }

    /// The source holds.
    pub fn pause(&mut self) {
        if self.state == State::Playing {
            self.state = State::Paused;
        }
    }

    /// The source goes on.
    pub fn resume(&mut self) {
        if self.state == State::Paused {
            self.state = State::Playing;
        }
    }

    /// The source is taken away.
    pub fn stop(&mut self) {
        self.state = State::Idle;
    }

    /// A packet left outside the slots; silence is due after it too.
    pub fn sent_one(&mut self) {
        self.silence_due = SILENCE_BURST;
    }

    /// Whether a source plays, as far as commands go.
    #[must_use]
    pub fn is_playing(&self) -> bool {
        self.state == State::Playing
    }

    /// Whether the last slot found nothing where a frame was due.
    #[must_use]
    pub fn underran(&self) -> bool {
        self.underrun
    }

    /// The use of the slot that is due now.
    pub fn turn(&mut self, supply: Supply) -> Turn {
        self.underrun = false;
        match (self.state, supply) {
            (State::Playing, Supply::Ready) => {
                self.silence_due = SILENCE_BURST;
                Turn::Frame
            }
            (State::Playing, Supply::Exhausted) => {
                self.state = State::Idle;
                Turn::End
            }
            (State::Playing, Supply::Empty) => {
                // After the silence the gap is just longer.
                self.underrun = self.silence_due > 0;
                self.silence()
            }
            (State::Playing, Supply::Resting) | (State::Idle | State::Paused, _) => self.silence(),
        }
    }

    fn silence(&mut self) -> Turn {
        match self.silence_due {
            0 => Turn::Rest,
            due => {
                self.silence_due = due - 1;
                Turn::Silence
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(pacer: &mut Pacer, supply: Supply, count: usize) -> Vec<Turn> {
        (0..count).map(|_| pacer.turn(supply)).collect()
    }

    #[test]
    fn a_track_ends_with_five_frames_of_silence() {
        let mut pacer = Pacer::default();
        assert_eq!(pacer.turn(Supply::Exhausted), Turn::Rest);
        pacer.play();
        assert_eq!(turns(&mut pacer, Supply::Ready, 2), [Turn::Frame; 2]);
        assert_eq!(pacer.turn(Supply::Exhausted), Turn::End);
        assert_eq!(turns(&mut pacer, Supply::Exhausted, 5), [Turn::Silence; 5]);
        assert_eq!(pacer.turn(Supply::Exhausted), Turn::Rest);
    }

    #[test]
    fn a_pause_is_five_frames_of_silence_and_then_nothing() {
        let mut pacer = Pacer::default();
        pacer.play();
        pacer.turn(Supply::Ready);
        pacer.pause();
        assert_eq!(turns(&mut pacer, Supply::Ready, 5), [Turn::Silence; 5]);
        assert_eq!(pacer.turn(Supply::Ready), Turn::Rest);
        pacer.resume();
        assert_eq!(pacer.turn(Supply::Ready), Turn::Frame);
    }

    #[test]
    fn an_underrun_is_bridged_by_silence_and_counted_only_after_the_start() {
        let mut pacer = Pacer::default();
        pacer.play();
        assert_eq!(pacer.turn(Supply::Empty), Turn::Rest);
        assert!(!pacer.underran());
        pacer.turn(Supply::Ready);
        assert_eq!(pacer.turn(Supply::Empty), Turn::Silence);
        assert!(pacer.underran());
        assert_eq!(pacer.turn(Supply::Ready), Turn::Frame);
        assert!(!pacer.underran());
    }

    #[test]
    fn a_track_in_the_place_of_another_has_no_silence_between() {
        let mut pacer = Pacer::default();
        pacer.play();
        pacer.turn(Supply::Ready);
        pacer.play();
        assert_eq!(pacer.turn(Supply::Ready), Turn::Frame);
    }
}
