//! Filters one after the other.

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};

use super::kind::{Filter, FilterError, FilterSpec};
use super::limiter::Limiter;
use super::line::Line;
use super::memory::Memory;

/// More filters than this are no wish, but a mistake.
pub const MAX_FILTERS: usize = 32;
/// Frames that one frame may become, and one more that is on its way out.
const ROOM: usize = 17;

/// Filters one after the other, and what has come out of them.
pub(crate) struct Chain {
    specs: Vec<FilterSpec>,
    filters: Vec<Box<dyn Filter>>,
    limiter: Limiter,
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
            limiter: Limiter::new(),
            history,
            block: Vec::new(),
            output: Line::new(0, 0, 0),
            taken: 0,
            surplus: 0,
        }
    }

    /// Whether these many are no more than a chain has.
    ///
    /// # Errors
    /// They are.
    pub(crate) fn check(specs: &[FilterSpec]) -> Result<(), FilterError> {
        if specs.len() <= MAX_FILTERS { Ok(()) } else { Err(FilterError::Many(specs.len())) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Goes over to other filters. Those that stay keep what they remember; new ones hear `before`, the sound that
    /// came last. Where the tempo becomes another, sound that was taken in and not given is dropped.
    pub(crate) fn change(&mut self, specs: Vec<FilterSpec>, before: &[f32]) {
        let keeps_pace = self.pace(&self.specs) == self.pace(&specs);
        let mut old: Vec<_> = self.specs.drain(..).zip(self.filters.drain(..)).map(Some).collect();
        let mut history = self.history as f64 * specs.iter().map(|spec| spec.make(0).tempo()).product::<f64>();
        for spec in &specs {
            let stays = old.iter_mut().find(|one| one.as_ref().is_some_and(|(old, _)| old == spec));
            let filter = stays.and_then(Option::take).map(|(_, filter)| filter);
            let filter = filter.unwrap_or_else(|| {
                let mut filter = spec.make(history as usize);
                for block in before.chunks(FRAME_LEN) {
                    self.block.clear();
                    self.block.extend_from_slice(block);
                    filter.process(&mut self.block);
                }
                filter
            });
            history /= filter.tempo();
            self.filters.push(filter);
        }
        self.specs = specs;
        if !keeps_pace || self.output.at() == 0 {
            self.output = Line::new(FRAME_SAMPLES * ROOM, FRAME_SAMPLES, self.history);
            self.taken = 0;
        }
        self.surplus = 0;
    }
}
