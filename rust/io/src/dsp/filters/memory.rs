//! What a filter remembers, as plain numbers that can be put back.

/// Numbers that are written down, or put back in the same order. The room is kept, so that nothing is allocated.
#[derive(Default)]
pub(crate) struct Memory {
    numbers: Vec<f64>,
    /// The number that is put back next; None while they are written down.
    next: Option<usize>,
}

impl Memory {
    /// What is shown from now on is written down.
    pub(crate) fn note(&mut self) -> &mut Self {
        self.numbers.clear();
        self.next = None;
        self
    }

    /// What is shown from now on is as it was when it was written down.
    pub(crate) fn recall(&mut self) -> &mut Self {
        self.next = Some(0);
        self
    }

    pub(super) fn number(&mut self, value: &mut f64) {
        match &mut self.next {
            None => self.numbers.push(*value),
            Some(next) => {
                if let Some(noted) = self.numbers.get(*next) {
                    *value = *noted;
                }
                *next += 1;
            }
        }
    }

    pub(super) fn numbers(&mut self, values: &mut [f64]) {
        values.iter_mut().for_each(|value| self.number(value));
    }

    pub(super) fn sample(&mut self, value: &mut f32) {
        let mut number = f64::from(*value);
        self.number(&mut number);
        *value = number as f32;
    }

    /// A count below 2^53: three thousand years of samples.
    pub(super) fn count(&mut self, value: &mut u64) {
        let mut number = *value as f64;
        self.number(&mut number);
        *value = number as u64;
    }
}
