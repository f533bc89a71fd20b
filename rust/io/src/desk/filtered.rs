//! A source with filters behind it, which may be others at any time.

mod moments;

use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex};

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

use self::moments::{Moment, Moments};
use crate::dsp::filters::{Chain, FilterError, FilterSpec};
use crate::dsp::limiter::peaks;
use crate::dsp::{Volume, apply_gain};
use crate::source::{
    DECODER_LEAD, Downstream, FrameBuf, FrameSource, Reached, SeekError, SourceError, SourceFrame, Tape, Want,
};
use crate::threads::lock;

/// Frames that a filter hears before it is heard itself, so that it does not begin in silence.
const LEAD: u64 = 10;
/// Frames by which the source can go back beyond one and a half times what is asked: enough for what is usual. Where a
/// timescale takes more of them at a time, what is asked of the source itself is heard that much later.
const SPARE: u64 = 8;

/// The filters of a [`Filtered`], for who changes them while it plays. Any thread may.
#[derive(Clone, Default)]
pub struct Filters(Arc<Shared>);

#[derive(Default)]
struct Shared {
    wanted: Mutex<Vec<FilterSpec>>,
    changed: AtomicBool,
    downstream: Mutex<Option<Arc<dyn Downstream>>>,
}

impl Filters {
    /// What is asked for now.
    #[must_use]
    pub fn get(&self) -> Vec<FilterSpec> {
        lock(&self.0.wanted).clone()
    }

    /// Asks for other filters, in the order in which the sound passes them. Heard at once where it plays.
    ///
    /// # Errors
    /// They are too many, or two of them change the tempo.
    pub fn set(&self, specs: Vec<FilterSpec>) -> Result<(), FilterError> {
        Chain::check(&specs)?;
        *lock(&self.0.wanted) = specs;
        self.0.changed.store(true, Release);
        let downstream = lock(&self.0.downstream).clone();
        if let Some(downstream) = downstream {
            downstream.wake();
        }
        Ok(())
    }

    fn is_changed(&self) -> bool {
        self.0.changed.load(Acquire)
    }

    fn granted(&self) -> Vec<FilterSpec> {
        self.0.changed.store(false, Release);
        self.get()
    }
}

/// A source with filters behind it. Without any it gives what the source gives, packets too.
///
/// Its frames are as long as those of the source, but a timescale makes fewer or more of them. What rings on, rings out
/// after the end.
pub struct Filtered {
    source: Box<dyn FrameSource>,
    /// Of the source; it is applied before the filters.
    volume: Volume,
    /// What it was when it was last granted.
    gain: f32,
    filters: Filters,
    tape: Tape,
    chain: Chain,
    past: Moments,
    now: Moment,
    depth: u64,
    /// By how many frames the source may be told to go back.
    source_depth: u64,
    /// The source has packets and could not give one: it decodes by itself what is to be PCM.
    mixed: bool,
}

impl Filtered {
    /// `source`, its own volume, and the handle of its filters.
    #[must_use]
    pub fn new(source: Box<dyn FrameSource>, volume: Volume, filters: Filters) -> Self {
        let gain = volume.get();
        let now = Moment::new(gain);
        let mut filtered = Self {
            source,
            volume,
            gain,
            filters,
            tape: Tape::new(),
            chain: Chain::new(0),
            past: Moments::default(),
            now,
            depth: 0,
            source_depth: 0,
            mixed: false,
        };
        filtered.refit();
        filtered
    }

    /// Goes over to the filters that are asked for now.
    fn refit(&mut self) {
        let specs = self.filters.granted();
        if self.chain.is(&specs) {
            return;
        }
        // What is heard next, which need not be what is read next.
        let heard = self.heard();
        let from = ((heard / FRAME_SAMPLES as f64) as u64).clamp(self.tape.first(), self.tape.end());
        let mut before = Vec::new();
        if !specs.is_empty() {
            let mut pcm = [0.0; FRAME_LEN];
            for number in from.saturating_sub(LEAD).max(self.tape.first())..from {
                // It fails only where there is no memory for a decoder: then the filter begins in silence.
                if self.tape.pcm(number, &mut pcm).is_ok() {
                    before.extend(pcm.iter().map(|sample| sample * self.now.gain));
                }
            }
        }
        let keeps_pace = self.chain.change(specs, &before);
        if !keeps_pace {
            let into = (heard - (from * FRAME_SAMPLES as u64) as f64).clamp(0.0, FRAME_SAMPLES as f64);
            if self.chain.is_empty() {
                self.now.input = from + u64::from(into >= FRAME_SAMPLES as f64 / 2.0);
            } else {
                self.now.input = from;
                self.chain.leave_out(into + self.chain.behind());
            }
        }
        self.now.rest = None;
        self.past.clear();
    }

    /// Where in the frames of the source the next frame begins, in samples from the beginning of their numbers.
    fn heard(&self) -> f64 {
        ((self.now.input * FRAME_SAMPLES as u64) as f64 - self.chain.behind()).max(0.0)
    }

    fn read(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Reached, SourceError> {
        let has_packets = self.source.has_packets();
        let lead = if has_packets { DECODER_LEAD } else { 0 };
        let first = self.past.first_input().unwrap_or(self.now.input).min(self.now.input);
        let waiting = (self.chain.behind().max(0.0) / FRAME_SAMPLES as f64).ceil() as u64;
        self.tape.forget_before(first.saturating_sub(LEAD + lead + waiting));
        let packets = want.packets || (has_packets && !self.mixed);
        let number = self.now.input;
        let reached = self.tape.read(&mut *self.source, frame, number, Want { packets, ..want })?;
        self.mixed |= has_packets && self.tape.is_pcm(number);
        Ok(reached)
    }

    /// Gives a frame of the source as it is, but for its volume.
    fn pass(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let (before, gain) = (self.now.gain, self.gain);
        let plain = before == 1.0 && gain == 1.0;
        match self.read(frame, Want { packets: want.packets && plain, ..want })? {
            Reached::There => {}
            Reached::End => return Ok(Some(SourceFrame::End)),
            Reached::Searching => return Ok(None),
            Reached::Starved => return Ok(Some(SourceFrame::Starved)),
        }
        let number = self.now.input;
        frame.position = self.tape.place_of(number).unwrap_or_default();
        frame.samples = self.tape.samples(number) as u16;
        let packet = self.tape.packet(number).filter(|_| want.packets && plain);
        let given = match packet {
            Some(packet) => {
                frame.opus = packet.clone();
                SourceFrame::Opus
            }
            None => {
                self.tape.pcm(number, &mut frame.pcm)?;
                if !plain {
                    apply_gain(before, gain, &mut frame.pcm);
                }
                SourceFrame::Pcm
            }
        };
        self.now.gain = gain;
        self.now.input += 1;
        self.now.number += 1;
        Ok(Some(given))
    }

    /// Makes a frame by way of the filters.
    fn work(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        let place = self.place();
        // So much is given at most, and silence is taken for what is not there.
        let mut most = FRAME_SAMPLES;
        while self.chain.ready() < most {
            if let Some(rest) = self.now.rest {
                most = most.min(rest as usize);
                if self.chain.ready() < most {
                    self.chain.feed(&[0.0; FRAME_LEN]);
                }
                continue;
            }
            match self.read(frame, Want { packets: false, ..want })? {
                Reached::There => {}
                Reached::End => {
                    self.now.rest = Some(self.chain.rest());
                    continue;
                }
                Reached::Searching => return Ok(None),
                Reached::Starved => return Ok(Some(SourceFrame::Starved)),
            }
            let (before, gain) = (self.now.gain, self.gain);
            self.tape.pcm(self.now.input, &mut frame.pcm)?;
            if before != 1.0 || gain != 1.0 {
                apply_gain(before, gain, &mut frame.pcm);
            }
            self.chain.feed(&frame.pcm[..self.tape.samples(self.now.input) * 2]);
            self.now.gain = gain;
            self.now.input += 1;
        }
        if let Some(rest) = &mut self.now.rest {
            most = most.min(*rest as usize);
            *rest -= most as u64;
        }
        let pairs = self.chain.take(&mut frame.pcm, most);
        if pairs == 0 {
            return Ok(Some(SourceFrame::End));
        }
        // Filters may make it too loud to be encoded.
        let here = peaks(&frame.pcm);
        self.now.limiter.limit(&mut frame.pcm, &here, None);
        (frame.position, frame.samples) = (place.unwrap_or_else(|| self.position()), pairs as u16);
        self.now.number += 1;
        Ok(Some(SourceFrame::Pcm))
    }

    /// The place in the source of what is heard next, where it is on the tape.
    fn place(&self) -> Option<u64> {
        let heard = self.heard();
        let number = (heard / FRAME_SAMPLES as f64) as u64;
        let into = (heard - (number * FRAME_SAMPLES as u64) as f64).max(0.0) as u64;
        match self.tape.place_of(number) {
            Some(place) => Some(place + into.min(self.tape.samples(number) as u64)),
            // It rings on.
            None => {
                let last = self.tape.end().checked_sub(1)?;
                let place = self.tape.place_of(last)?;
                (number > last && self.now.rest.is_some()).then(|| place + self.tape.samples(last) as u64)
            }
        }
    }
}

impl FrameSource for Filtered {
    fn next(&mut self, frame: &mut FrameBuf, want: Want) -> Result<Option<SourceFrame>, SourceError> {
        self.past.note(&self.now, &mut self.chain);
        if self.chain.is_empty() { self.pass(frame, want) } else { self.work(frame, want) }
    }

    fn seek(&mut self, seconds: f64) -> Result<(), SeekError> {
        self.source.seek(seconds)?;
        // What waits in the filters for its turn was before.
        self.tape.cut(self.now.input);
        self.chain.skip();
        self.now.rest = None;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.place().unwrap_or_else(|| self.source.position())
    }

    fn has_packets(&self) -> bool {
        self.source.has_packets()
    }

    fn passes(&self) -> bool {
        self.chain.is_empty() && self.gain == 1.0 && self.source.passes()
    }

    fn is_once(&self) -> bool {
        self.source.is_once()
    }

    fn rests(&self) -> bool {
        self.source.rests()
    }

    fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        *lock(&self.filters.0.downstream) = Some(Arc::clone(downstream));
        self.depth = depth;
        self.source_depth = depth.saturating_add(depth / 2 + SPARE);
        self.source.attach(downstream, self.source_depth);
        self.past.hold(depth);
        self.chain = Chain::new(depth as usize * FRAME_SAMPLES);
        self.filters.0.changed.fetch_or(true, AcqRel);
        self.refit();
    }

    fn detach(&mut self) {
        *lock(&self.filters.0.downstream) = None;
        self.source.detach();
    }

    fn goes_back(&self) -> bool {
        true
    }

    fn is_changed(&mut self) -> bool {
        self.filters.is_changed() || self.source.is_changed() || self.volume.get() != self.gain
    }

    fn in_vain(&mut self) {
        self.source.in_vain();
    }

    fn revise(&mut self, frames: u64) {
        self.past.recall(frames, &mut self.now, &mut self.chain);
        if self.source.is_changed() {
            let back = match self.source.goes_back() {
                true => self.tape.end().saturating_sub(self.now.input).min(self.source_depth),
                false => 0,
            };
            self.source.revise(back);
            self.tape.cut(self.tape.end() - back);
            self.now.rest = None;
        }
        self.gain = self.volume.get();
        if self.filters.is_changed() {
            self.refit();
        }
    }
}

#[cfg(test)]
mod tests;
