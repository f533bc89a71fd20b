//! What each user says, cut into utterances: made of the unbroken row of frames that a [`Shaper`] fills, on the
//! listener's own thread.
//!
//! [`Shaper`]: super::shape::Shaper

mod turn;

use std::collections::HashMap;

use isocord_proto::frame::{FRAME_SAMPLES, SAMPLE_RATE};

use super::shape::{Out, Shaped};
use crate::dsp::speech::SPEECH;
use turn::Turn;

/// A second.
const SECOND: u64 = SAMPLE_RATE as u64;
/// The longest silence that ends an utterance.
pub const MAX_SILENCE: u64 = 10 * SECOND;
/// The most speech that may be asked for before an utterance begins.
pub const MAX_MIN_SPEECH: u64 = 2 * SECOND;
/// The longest an utterance may get: 46 MB of floating point in stereo at 48 kHz.
pub const MAX_LENGTH: u64 = 120 * SECOND;
/// The most of what was heard before.
pub const MAX_PRE_ROLL: u64 = 2 * SECOND;
/// What is sound but softer than that is silence, in dBFS: some clients send silence that is not quite zero.
const SILENT: f32 = -80.0;

/// Where utterances begin and end, in samples at 48 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// So much without speech ends one; it is its last part.
    pub silence: u64,
    /// So much speech begins one.
    pub min_speech: u64,
    /// None gets longer; what follows is the next one.
    pub max_length: u64,
    /// So much of what was heard before the speech is its first part.
    pub pre_roll: u64,
    /// Whether the voice activity detector says what is speech. Otherwise all is that comes.
    pub vad: bool,
    /// Whether parts are handed out as they come, or all of it at its end.
    pub partial: bool,
}

/// Endpoints that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointsError {
    /// See [`MAX_SILENCE`].
    #[error("silence must be 0.02 to 10 seconds")]
    Silence,
    /// See [`MAX_MIN_SPEECH`].
    #[error("min_speech must be 0 to 2 seconds")]
    MinSpeech,
    /// See [`MAX_LENGTH`].
    #[error("max_length must be 1 to 120 seconds")]
    Length,
    /// See [`MAX_PRE_ROLL`].
    #[error("pre_roll must be 0 to 2 seconds")]
    PreRoll,
}

/// Why an utterance is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Silence followed.
    Silence,
    /// It became too long; the next one follows at once.
    Length,
    /// The user left.
    Left,
    /// Nothing more comes: the connection, or the listening, is over.
    Closed,
}

/// A piece of an utterance, or all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Which one, counted over all users.
    pub number: u64,
    /// Whose.
    pub user_id: u64,
    /// Place of its first sample, at 48 kHz.
    pub start: u64,
    /// Place after its last one.
    pub end: u64,
    /// Samples as the listener wants them.
    pub data: Vec<u8>,
    /// Whether it is the last piece, and why.
    pub ended: Option<Ended>,
}

impl Endpoints {
    /// Whether they make sense.
    ///
    /// # Errors
    /// [`EndpointsError`].
    pub fn check(self) -> Result<Self, EndpointsError> {
        if !(FRAME_SAMPLES as u64..=MAX_SILENCE).contains(&self.silence) {
            return Err(EndpointsError::Silence);
        }
        if self.min_speech > MAX_MIN_SPEECH {
            return Err(EndpointsError::MinSpeech);
        }
        if !(SECOND..=MAX_LENGTH).contains(&self.max_length) {
            return Err(EndpointsError::Length);
        }
        if self.pre_roll > MAX_PRE_ROLL {
            return Err(EndpointsError::PreRoll);
        }
        Ok(self)
    }
}

/// Cuts the frames of all users.
pub struct Segmenter {
    endpoints: Endpoints,
    /// Of each user of whom there are frames.
    turns: HashMap<u64, Turn>,
    begun: u64,
}

impl Segmenter {
    /// Nothing is heard yet.
    #[must_use]
    pub fn new(endpoints: Endpoints) -> Self {
        Self { endpoints, turns: HashMap::new(), begun: 0 }
    }

    /// Takes what a shaper hands out.
    pub fn take(&mut self, item: Out, out: &mut impl FnMut(Part)) {
        match item {
            Out::Frame(frame) => {
                let turn = self.turns.entry(frame.user_id).or_default();
                let is_speech = if self.endpoints.vad {
                    frame.speech.is_some_and(|speech| speech >= SPEECH)
                } else {
                    frame.kind.is_some() && frame.level.is_some_and(|level| level > SILENT)
                };
                let Shaped { user_id, position, data, .. } = frame;
                turn.frame(&self.endpoints, &mut self.begun, user_id, (position, data, is_speech), out);
            }
            Out::Ended(user_id) => {
                if let Some(mut turn) = self.turns.remove(&user_id) {
                    turn.end(user_id, Ended::Left, out);
                }
            }
            Out::Speaking(..) => {}
        }
    }

    /// Nothing more comes.
    pub fn finish(&mut self, out: &mut impl FnMut(Part)) {
        let mut turns: Vec<_> = self.turns.drain().collect();
        turns.sort_by_key(|(_, turn)| turn.number());
        turns.into_iter().for_each(|(user_id, mut turn)| turn.end(user_id, Ended::Closed, out));
    }
}

#[cfg(test)]
mod tests;
