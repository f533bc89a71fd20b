//! A track that is interrupted: what the threads agree on between the word of one and the end that another makes.

use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use isocord_proto::frame::SAMPLES_PER_MS;

/// So long after the packet with which speech was enough a frame may leave: two slots. Then it is cut, if nobody has
/// made a last frame, or too late.
const PATIENCE: u64 = 40 * SAMPLES_PER_MS;
/// Who has sent a frame within that time is heard: three slots.
const HEARD: u64 = 60 * SAMPLES_PER_MS;

/// How far it is.
///
/// | from \ step | ask   | go out    | cut |
/// |-------------|-------|-----------|-----|
/// | quiet       | asked | -         | -   |
/// | asked       | -     | going out | cut |
/// | going out   | -     | -         | -   |
/// | cut         | -     | -         | -   |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// Nobody interrupts.
    Quiet = 0,
    /// Somebody does.
    Asked = 1,
    /// The last frame is in the ring: the sound goes out in it.
    GoingOut = 2,
    /// No other frame follows.
    Cut = 3,
}

impl Stage {
    fn from_code(code: u8) -> Self {
        [Self::Asked, Self::GoingOut, Self::Cut]
            .into_iter()
            .find(|stage| *stage as u8 == code)
            .unwrap_or(Self::Quiet)
    }
}

/// Who interrupts. Times are on the common clock, in samples of 48 kHz.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupter {
    /// Whose speech it is.
    pub user_id: u64,
    /// When the packet came that speech began with.
    pub began: u64,
    /// When the packet came with which it was enough.
    pub at: u64,
}

/// How a track was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted {
    /// By whom.
    pub by: Interrupter,
    /// Frames that had left before the one in which the sound went out.
    pub heard: u64,
    /// When the last one left, with or without sound going out in it; on the common clock.
    pub last: u64,
}

/// Of one track. The receive thread asks, the pool makes the last frame, the clock thread ends.
pub(crate) struct Interruption {
    stage: AtomicU8,
    /// Whether somebody makes a last frame.
    fades: AtomicBool,
    user_id: AtomicU64,
    began: AtomicU64,
    at: AtomicU64,
    heard: AtomicU64,
    /// When a frame left last, plus one; zero before the first, and where nobody wants to know.
    last: AtomicU64,
}

impl Interruption {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            stage: AtomicU8::new(Stage::Quiet as u8),
            fades: AtomicBool::new(false),
            user_id: zero(),
            began: zero(),
            at: zero(),
            heard: zero(),
            last: zero(),
        }
    }

    /// Whoever feeds it makes a last frame when it is asked for one.
    pub(crate) fn will_fade(&self) {
        self.fades.store(true, Relaxed);
    }

    /// A frame has left.
    pub(crate) fn note_sent(&self, now: u64) {
        self.last.store(now + 1, Relaxed);
    }

    /// Whether it was heard at that time, about.
    pub(crate) fn is_heard(&self, at: u64) -> bool {
        let last = self.last.load(Relaxed);
        last > 0 && last.abs_diff(at + 1) <= HEARD
    }

    /// Somebody interrupts; false if somebody has already. For one thread.
    pub(super) fn ask(&self, by: Interrupter) -> bool {
        if self.stage() != Stage::Quiet {
            return false;
        }
        self.user_id.store(by.user_id, Relaxed);
        self.began.store(by.began, Relaxed);
        self.at.store(by.at, Relaxed);
        self.stage.store(Stage::Asked as u8, Release);
        true
    }

    /// Whether somebody has interrupted.
    pub(crate) fn is_asked(&self) -> bool {
        self.stage() != Stage::Quiet
    }

    /// Whether a last frame is waited for.
    pub(crate) fn wants_last(&self) -> bool {
        self.stage() == Stage::Asked
    }

    /// The last frame is in the ring, or there is none: `faded` says which.
    pub(crate) fn settle(&self, faded: bool) {
        let stage = if faded { Stage::GoingOut } else { Stage::Cut };
        let _ = self.stage.compare_exchange(Stage::Asked as u8, stage as u8, AcqRel, Acquire);
    }

    /// Whether no more of it may leave, though frames wait: nobody makes a last one, or not in time.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        let late = || now > self.at.load(Relaxed) + PATIENCE;
        match self.stage() {
            Stage::Quiet => false,
            Stage::Asked => !self.fades.load(Relaxed) || late(),
            Stage::GoingOut => late(),
            Stage::Cut => true,
        }
    }

    /// Whether its last frame is in the ring, or has left.
    pub(crate) fn goes_out(&self) -> bool {
        self.stage() == Stage::GoingOut
    }

    /// It ends after so many frames. `all` says that none waits: the one in which it goes out has left as well.
    pub(crate) fn conclude(&self, sent: u64, all: bool) {
        let last = u64::from(all && self.stage() == Stage::GoingOut);
        self.heard.store(sent.saturating_sub(last), Release);
    }

    /// How it was interrupted, once it has ended so.
    pub(super) fn told(&self) -> Interrupted {
        let heard = self.heard.load(Acquire);
        Interrupted {
            by: Interrupter {
                user_id: self.user_id.load(Relaxed),
                began: self.began.load(Relaxed),
                at: self.at.load(Relaxed),
            },
            heard,
            last: self.last.load(Relaxed).saturating_sub(1),
        }
    }

    fn stage(&self) -> Stage {
        Stage::from_code(self.stage.load(Acquire))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: Interrupter = Interrupter { user_id: 7, began: 100, at: 300 };

    #[test]
    fn the_table_of_steps() {
        type Step = fn(&Interruption);
        let ask: Step = |one| {
            let _ = one.ask(BY);
        };
        let (fade, cut): (Step, Step) = (|one| one.settle(true), |one| one.settle(false));
        for (steps, stage) in [
            (&[fade, cut] as &[Step], Stage::Quiet),
            (&[ask, ask], Stage::Asked),
            (&[ask, fade, cut, ask], Stage::GoingOut),
            (&[ask, cut, fade, ask], Stage::Cut),
        ] {
            let one = Interruption::new();
            steps.iter().for_each(|step| step(&one));
            assert_eq!(one.stage(), stage);
        }
    }

    #[test]
    fn who_makes_no_last_frame_in_time_is_cut() {
        let (alone, fed) = (Interruption::new(), Interruption::new());
        fed.will_fade();
        for one in [&alone, &fed] {
            assert!(!one.is_over(u64::MAX) && one.ask(BY) && !one.ask(BY));
        }
        assert!(alone.is_over(BY.at) && !fed.is_over(BY.at + PATIENCE) && fed.is_over(BY.at + PATIENCE + 1));
        fed.settle(true);
        assert!(!fed.is_over(BY.at + PATIENCE) && fed.is_over(BY.at + PATIENCE + 1));
        let cut = Interruption::new();
        cut.will_fade();
        assert!(cut.ask(BY));
        cut.settle(false);
        assert!(cut.is_over(BY.at));
    }

    #[test]
    fn what_was_heard_is_without_the_frame_in_which_it_goes_out() {
        for (settled, all, heard) in
            [(None, true, 8), (Some(true), true, 7), (Some(true), false, 8), (Some(false), true, 8)]
        {
            let one = Interruption::new();
            assert!(one.ask(BY));
            if let Some(faded) = settled {
                one.settle(faded);
            }
            one.note_sent(400);
            one.conclude(8, all);
            assert_eq!(one.told(), Interrupted { by: BY, heard, last: 400 });
        }
    }

    #[test]
    fn nobody_interrupts_what_is_not_heard() {
        let one = Interruption::new();
        assert!(!one.is_heard(0));
        one.note_sent(10_000);
        assert!(one.is_heard(10_000) && one.is_heard(9_000) && one.is_heard(10_000 + HEARD));
        assert!(!one.is_heard(10_001 + HEARD));
    }
}
