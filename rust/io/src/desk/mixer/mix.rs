//! Adds the layers up: the half of a mixer that makes frames.

use std::sync::Arc;

use isocord_proto::frame::FRAME_SAMPLES;

use super::port::Port;
use super::sounding::{Part, Sounding};
use super::stand::Stand;
use super::sum::Sum;
use crate::desk::past::Past;
use crate::dsp::limiter::Limiter;
use crate::source::{Downstream, FrameBuf, FrameSource, SeekError, SourceError, SourceFrame, Want};

/// A mixer as a source. A frame leaves it when the one after it is mixed, so that the limiter sees what comes.
pub struct MixSource {
    stand: Arc<Stand>,
    port: Arc<Port>,
    layers: Vec<Sounding>,
    /// There has been a layer: without any, it ends.
    began: bool,
    /// The frame that leaves next, if it is mixed.
    held: Option<Sum>,
    /// The frame that is mixed now; those layers have given their part whose next frame is a later one.
    coming: Sum,
    is_begun: bool,
    /// Room for `held`.
    spare: Option<Sum>,
    limiter: Limiter,
    past: Past<Limiter>,
    depth: u64,
    heard: u64,
    /// What it gave when it last went back came too late.
    in_vain: bool,
    /// It holds the mixer's one place.
    is_in_place: bool,
}

/// What became of a frame.
enum Mixed {
    There,
    End,
    Starved,
    Searching,
}

impl MixSource {
    pub(super) fn new(stand: Arc<Stand>, port: Arc<Port>) -> Self {
        port.note_given(0);
        Self {
            stand,
            port,
            layers: Vec::new(),
            began: false,
            held: None,
            coming: Sum::new(),
            is_begun: false,
            spare: Some(Sum::new()),
            limiter: Limiter::new(),
            past: Past::new(0, 0),
            depth: 0,
            heard: 0,
            in_vain: false,
            is_in_place: true,
        }
    }

    /// Number of the frame that is mixed now.
    fn number(&self) -> u64 {
        self.past.next() + u64::from(self.held.is_some())
    }

    /// Sees what has been heard meanwhile: layers whose end it was are over.
    fn watch(&mut self) {
        // Until then the layers may be ahead of what is heard.
        if !self.port.is_settled() {
            return;
        }
        self.heard = self.heard.max(self.port.heard());
        for layer in &self.layers {
            layer.note_heard(self.heard);
        }
        if self.layers.iter().any(|layer| layer.is_over(self.heard)) {
            self.layers.retain(|layer| !layer.is_over(self.heard));
        }
    }

    /// Grants what was asked for, from the next frame on.
    fn grant(&mut self) {
        self.port.take_change();
        let (new, began) = self.stand.take();
        self.began |= began;
        let number = self.number();
        for mut layer in new {
            layer.attach(number, self.depth + 1);
            self.layers.push(layer);
        }
        self.layers.iter_mut().for_each(Sounding::grant);
    }

    /// Mixes frame [`Self::number`], from where it was left. `frame` is room to work in.
    fn mix(&mut self, frame: &mut FrameBuf, now: bool) -> Mixed {
        let number = self.number();
        if !self.is_begun {
            self.coming.clear();
            self.is_begun = true;
        }
        // Whether somebody speaks is known before the others are turned down.
        if let Some(waits) = self.add(number, true, 1.0, frame, now) {
            return waits;
        }
        let duck = self.layers.iter().filter_map(Sounding::ducks_to).fold(1.0, f32::min);
        if let Some(waits) = self.add(number, false, duck, frame, now) {
            return waits;
        }
        if self.stand.is_endless() || !self.began {
            self.coming.samples = FRAME_SAMPLES;
        } else if self.coming.samples == 0 {
            return Mixed::End;
        }
        self.coming.finish();
        self.is_begun = false;
        Mixed::There
    }

    /// Has those layers give their part that duck, or those that do not; says what has to be waited for.
    fn add(
        &mut self,
        number: u64,
        duckers: bool,
        duck: f32,
        frame: &mut FrameBuf,
        now: bool,
    ) -> Option<Mixed> {
        let mut waits = None;
        let layers = self.layers.iter_mut();
        for layer in layers.filter(|layer| layer.duck().is_some() == duckers && layer.next() == number) {
            match layer.give(duck, frame, &mut self.coming, now) {
                Part::Sound(samples) => self.coming.samples = self.coming.samples.max(samples),
                Part::Silence => self.coming.samples = FRAME_SAMPLES,
                Part::Over => {}
                // What is looked for is found by looking on.
                Part::Searching => waits = Some(Mixed::Searching),
                Part::Starved => {
                    waits.get_or_insert(Mixed::Starved);
                }
            }
        }
        waits
    }

    /// What was mixed becomes what leaves next.
    fn hold(&mut self) {
        let room = self.spare.take().unwrap_or_else(Sum::new);
        self.held = Some(std::mem::replace(&mut self.coming, room));
    }
}

impl FrameSource for MixSource {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        self.watch();
        if self.number() == 0 && self.port.is_changed() {
            // Nobody has heard anything else.
            self.revise(0);
        }
        if self.held.is_none() {
            match self.mix(frame, want.now) {
                Mixed::There => self.hold(),
                Mixed::End => {
                    // If all has been heard, the last one is over now.
                    self.watch();
                    return Ok(Some(SourceFrame::End));
                }
                Mixed::Starved => return Ok(Some(SourceFrame::Starved)),
                Mixed::Searching => return Ok(None),
            }
        }
        // If it is not known yet, this one does not wait for it.
        let is_known = matches!(self.mix(frame, false), Mixed::There);
        let Some(mut held) = self.held.take() else { return Ok(None) };
        let number = self.past.next();
        self.past.note(self.limiter);
        let peaks = held.peaks;
        self.limiter.limit(held.pcm(), &peaks, is_known.then_some(&self.coming.peaks));
        frame.pcm.copy_from_slice(held.pcm());
        frame.samples = held.samples as u16;
        frame.position = number * FRAME_SAMPLES as u64;
        self.spare = Some(held);
        if is_known {
            self.hold();
        }
        self.port.note_given(self.past.next());
        Ok(Some(SourceFrame::Pcm))
    }

    /// A mix has no places.
    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        Err(SeekError::Fixed(seconds))
    }

    fn is_once(&self) -> bool {
        true
    }

    fn position(&self) -> u64 {
        self.past.next() * FRAME_SAMPLES as u64
    }

    fn has_packets(&self) -> bool {
        false
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        self.depth = depth;
        self.past = Past::new(self.past.next(), depth);
        self.port.lead_to(Some(Arc::clone(downstream)));
        let number = self.number();
        for layer in &mut self.layers {
            layer.attach(number, depth + 1);
        }
    }

    /// Its layers are over: what was made of them and is not heard never will be.
    fn detach(&mut self) {
        self.port.note_given(self.port.heard());
        self.port.lead_to(None);
        self.layers.clear();
        if std::mem::take(&mut self.is_in_place) {
            self.stand.leave();
        }
    }

    fn goes_back(&self) -> bool {
        true
    }

    fn is_changed(&mut self) -> bool {
        self.watch();
        self.in_vain || self.port.is_changed() || self.layers.iter_mut().any(Sounding::is_changed)
    }

    fn revise(&mut self, frames: u64) {
        let number = self.past.next().saturating_sub(frames);
        if let Some(limiter) = self.past.back_to(number) {
            self.limiter = limiter;
        }
        if let Some(held) = self.held.take() {
            self.spare = Some(held);
        }
        self.is_begun = false;
        let in_vain = std::mem::take(&mut self.in_vain);
        for layer in &mut self.layers {
            layer.back_to(number, in_vain);
        }
        self.grant();
        self.port.note_given(number);
    }

    fn in_vain(&mut self) {
        self.in_vain = true;
        self.layers.iter_mut().for_each(Sounding::in_vain);
    }
}

impl Drop for MixSource {
    fn drop(&mut self) {
        self.detach();
    }
}
