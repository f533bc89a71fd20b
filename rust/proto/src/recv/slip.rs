//! The sound of one stream goes on without a break while its place on the clock moves under it.

/// How much later than its place the sound lies that is handed out.
#[derive(Debug, Default)]
pub(super) struct Slip {
    samples: i64,
    /// The place of what comes next, if the sound goes on.
    next: i64,
}

impl Slip {
    /// In samples; less than zero where the sound lies too early.
    pub(super) fn get(&self) -> i64 {
        self.samples
    }

    /// The stream's place has moved by so many samples, its sound has not.
    pub(super) fn shift(&mut self, by: i64) {
        self.samples -= by;
        self.next += by;
    }

    /// So many samples were put into the sound, or, below zero, taken out of it.
    pub(super) fn make_up(&mut self, samples: i64) {
        self.samples += samples;
    }

    /// Where sound goes whose place is `position`, with `end` as the end of what has been handed out. At a
    /// break it goes to its place, unless that is taken.
    pub(super) fn place(&mut self, position: i64, samples: i64, end: i64) -> i64 {
        if position != self.next {
            self.samples = self.samples.min(end - position).max(0);
        }
        self.next = position + samples;
        position + self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_goes_on_until_it_is_made_up_for_or_breaks_off() {
        let mut slip = Slip::default();
        assert_eq!(slip.place(5_000, 960, 0), 5_000);
        slip.shift(-700);
        assert_eq!((slip.place(5_260, 960, 5_960), slip.get()), (5_960, 700));
        slip.make_up(-400);
        assert_eq!(slip.place(6_220, 960, 6_520), 6_520);
        assert_eq!(slip.place(9_000, 960, 7_480), 9_000, "after a pause it is in its place");
        slip.shift(300);
        assert_eq!(slip.place(10_260, 960, 9_960), 9_960);
        slip.shift(-1_000);
        assert_eq!(slip.place(10_400, 960, 10_920), 10_920, "what has been handed out stays");
    }
}
