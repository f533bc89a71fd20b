//! Filters one after the other.

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

use super::kind::{Filter, FilterError, FilterSpec};
use super::line::Line;
use super::memory::Memory;

/// More filters than this are no wish, but a mistake.
pub const MAX_FILTERS: usize = 32;
/// Beyond this there is no sound.
const TOO_LOUD: f32 = 1e4;
/// Filters one after the other, and what has come out of them.
pub(crate) struct Chain {
    specs: Vec<FilterSpec>,
    filters: Vec<Box<dyn Filter>>,
    /// Sample pairs by which it may go back, of its output.
    history: usize,
    block: Vec<f32>,
    output: Line,
    /// Pairs of the output that were taken.
    taken: u64,
    /// Pairs that are not given: they were heard before.
    surplus: u64,
}

impl Chain {
    /// A chain that may go back by so many sample pairs of its output.
    pub(crate) fn new(history: usize) -> Self {
        Self {
            specs: Vec::new(),
            filters: Vec::new(),
            history,
            block: Vec::new(),
            output: Line::new(0, 0, 0),
            taken: 0,
            surplus: 0,
        }
    }

    /// Whether a chain may be made of these.
    ///
    /// # Errors
    /// They are more than a chain has, or more than one of them changes the tempo.
    pub(crate) fn check(specs: &[FilterSpec]) -> Result<(), FilterError> {
        if specs.len() > MAX_FILTERS {
            return Err(FilterError::Many(specs.len()));
        }
        if specs.iter().filter(|spec| spec.is_timescale()).count() > 1 {
            return Err(FilterError::Timescales);
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether it is made of these.
    pub(crate) fn is(&self, specs: &[FilterSpec]) -> bool {
        self.specs == specs
    }

    /// The sound jumps here: what was taken in and not given is dropped.
    pub(crate) fn skip(&mut self) {
        let behind =
            self.filters.iter().rev().fold(0.0, |waiting, filter| waiting * filter.tempo() + filter.behind());
        self.taken = self.output.at();
        self.leave_out(behind);
    }

    /// Goes over to other filters; gives whether the pace stays. Where it does, filters that stay keep what they
    /// remember. Where it does not, what was taken in and not given is dropped, and all begin anew. A filter that begins
    /// hears `before` first, the sound that came last.
    pub(crate) fn change(&mut self, specs: Vec<FilterSpec>, before: &[f32]) -> bool {
        let pace = |specs: &[FilterSpec]| specs.iter().find(|spec| spec.is_timescale()).cloned();
        let keeps_pace = pace(&self.specs) == pace(&specs);
        let old = self.specs.drain(..).zip(self.filters.drain(..)).filter(|_| keeps_pace);
        let mut old: Vec<_> = old.map(Some).collect();
        let tempo: f64 = specs.iter().map(FilterSpec::tempo).product();
        let mut history = self.history as f64 * tempo;
        for spec in &specs {
            let stays = old.iter_mut().find(|one| one.as_ref().is_some_and(|(old, _)| old == spec));
            let filter = stays.and_then(Option::take).map(|(_, filter)| filter);
            self.filters.push(filter.unwrap_or_else(|| {
                let mut filter = spec.make(history as usize);
                for block in before.chunks(FRAME_LEN) {
                    self.block.clear();
                    self.block.extend_from_slice(block);
                    filter.process(&mut self.block);
                }
                filter
            }));
            history /= spec.tempo();
        }
        self.specs = specs;
        if !keeps_pace || self.output.at() == 0 {
            let most = self.filters.iter().fold(FRAME_SAMPLES, |pairs, filter| filter.most(pairs));
            self.output = Line::new(FRAME_SAMPLES + most, FRAME_SAMPLES, self.history);
            (self.taken, self.surplus) = (0, 0);
        }
        keeps_pace
    }

    /// So many pairs of what is taken in from now on are not heard.
    pub(crate) fn leave_out(&mut self, pairs: f64) {
        self.surplus = (pairs / self.tempo()).round().max(0.0) as u64;
    }

    /// Takes in up to a frame of interleaved stereo.
    pub(crate) fn feed(&mut self, pcm: &[f32]) {
        self.block.clear();
        self.block.extend(pcm.iter().map(|sample| if sample.abs() < TOO_LOUD { *sample } else { 0.0 }));
        self.filters.iter_mut().for_each(|filter| filter.process(&mut self.block));
        if !self.block.iter().all(|sample| sample.is_finite()) {
            // Whatever it was, it is over with this block.
            self.block.fill(0.0);
            for (filter, spec) in self.filters.iter_mut().zip(&self.specs) {
                *filter = spec.make(self.history);
            }
        }
        let pairs = self.block.as_chunks::<2>().0;
        let dropped = pairs.len().min(self.surplus as usize);
        self.surplus -= dropped as u64;
        pairs[dropped..].iter().for_each(|pair| self.output.push(*pair));
    }

    /// Sample pairs that can be taken.
    pub(crate) fn ready(&self) -> usize {
        (self.output.at() - self.taken) as usize
    }

    /// Gives up to `most` sample pairs, and silence for the rest of the frame. Says how many it gave.
    pub(crate) fn take(&mut self, out: &mut [f32; FRAME_LEN], most: usize) -> usize {
        let pairs = self.ready().min(most);
        let (sound, silence) = out.split_at_mut(pairs * 2);
        sound.copy_from_slice(self.output.slice(self.taken as i64, pairs).as_flattened());
        silence.fill(0.0);
        self.taken += pairs as u64;
        pairs
    }

    /// Sample pairs that were taken in and not given yet.
    pub(crate) fn behind(&self) -> f64 {
        let waiting = self.ready() as f64 - self.surplus as f64;
        self.filters.iter().rev().fold(waiting, |waiting, filter| waiting * filter.tempo() + filter.behind())
    }

    /// Sample pairs that are still to come when nothing more is taken in but silence.
    pub(crate) fn rest(&self) -> u64 {
        let tail: u64 = self.filters.iter().map(|filter| filter.tail()).sum();
        (self.behind().max(0.0) / self.tempo()).round() as u64 + tail
    }

    /// Shows where it stands.
    pub(crate) fn remember(&mut self, memory: &mut Memory) {
        self.filters.iter_mut().for_each(|filter| filter.remember(memory));
        self.output.remember(memory);
        memory.count(&mut self.taken);
        memory.count(&mut self.surplus);
    }

    fn tempo(&self) -> f64 {
        self.filters.iter().map(|filter| filter.tempo()).product()
    }
}
