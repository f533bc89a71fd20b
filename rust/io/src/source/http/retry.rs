//! When to ask again after a failure, and when to give up; time is an argument.

use std::time::Duration;

use super::error::HttpError;

/// The first pause; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// A connection that has brought so much has done its work: the next failure is the first again.
const PROGRESS: u64 = 16 * 1024;
/// A file is given up after so long, a radio later: its sender may have to start again.
const FILE_OUTAGE: Duration = Duration::from_secs(45);
const LIVE_OUTAGE: Duration = Duration::from_secs(150);
/// A server that takes each request and never gives a byte.
const MAX_FRUITLESS: u32 = 5;
/// The same, while somebody waits.
const MAX_FRUITLESS_OPENING: u32 = 1;
/// Connections in a row that each brought too little.
const MAX_TRIES: u32 = 40;
/// Fresh URLs in a row that were as stale as the ones before.
const MAX_FRESH: u32 = 3;

/// What to do after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Ask again, after a pause.
    After(Duration),
    /// Ask for a fresh URL, and then with it.
    Fresh,
    /// Tell.
    GiveUp,
}

/// Failures since the last progress.
#[derive(Debug)]
pub(crate) struct Retry {
    live: bool,
    outage: Duration,
    max_fruitless: u32,
    /// When the outage began, on the caller's clock.
    since: Option<Duration>,
    tries: u32,
    fruitless: u32,
    fresh: u32,
    brought: u64,
}

impl Retry {
    /// For a stream that plays.
    pub(crate) fn new(live: bool) -> Self {
        let outage = if live { LIVE_OUTAGE } else { FILE_OUTAGE };
        let max_fruitless = if live { u32::MAX } else { MAX_FRUITLESS };
        Self { live, outage, max_fruitless, since: None, tries: 0, fruitless: 0, fresh: 0, brought: 0 }
    }

    /// For one that is being opened: somebody waits.
    pub(crate) fn opening(time: Duration) -> Self {
        Self { outage: time, max_fruitless: MAX_FRUITLESS_OPENING, ..Self::new(false) }
    }

    /// Bytes came.
    pub(crate) fn brought(&mut self, bytes: usize) {
        self.brought += bytes as u64;
        self.fruitless = 0;
        if self.brought >= PROGRESS {
            *self = Self { brought: PROGRESS, ..Self::new(self.live) };
        }
    }

    /// A request, or its body, has failed; `has_fresh` if there is somebody to ask for another URL.
    pub(crate) fn failed(&mut self, error: &HttpError, has_fresh: bool, now: Duration) -> Next {
        let since = *self.since.get_or_insert(now);
        self.brought = 0;
        self.tries += 1;
        self.fruitless += 1;
        if error.is_stale() && has_fresh {
            self.fresh += 1;
            return if self.fresh > MAX_FRESH { Next::GiveUp } else { Next::Fresh };
        }
        // A radio whose sender is away is not there for a while.
        let passing =
            error.is_passing() || self.live && matches!(error, HttpError::Status { status: 404, .. });
        let too_often = self.tries > MAX_TRIES || self.fruitless > self.max_fruitless;
        if !passing || too_often {
            return Next::GiveUp;
        }
        let pause = (FIRST_PAUSE * 2_u32.pow((self.fruitless - 1).min(10))).min(LONGEST_PAUSE);
        let pause = match error {
            HttpError::Status { retry_after: Some(after), .. } => pause.max(*after),
            _ => pause,
        };
        let left = self.outage.saturating_sub(now.saturating_sub(since));
        if pause > left { Next::GiveUp } else { Next::After(pause) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken() -> HttpError {
        HttpError::Broken("cut".to_owned())
    }

    fn status(status: u16, after: Option<u64>) -> HttpError {
        HttpError::Status { status, retry_after: after.map(Duration::from_secs) }
    }

    /// Pauses until it gives up, in milliseconds, and how long that takes.
    fn pauses(retry: &mut Retry, error: &HttpError) -> (Vec<u128>, Duration) {
        let mut now = Duration::ZERO;
        let mut all = Vec::new();
        while let Next::After(pause) = retry.failed(error, false, now) {
            all.push(pause.as_millis());
            now += pause;
        }
        (all, now)
    }

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(pauses(&mut Retry::new(false), &broken()).0, [250, 500, 1_000, 2_000, 4_000]);
        let (live, took) = pauses(&mut Retry::new(true), &broken());
        assert_eq!(live[..7], [250, 500, 1_000, 2_000, 4_000, 8_000, 8_000]);
        assert!(took <= LIVE_OUTAGE && took > LIVE_OUTAGE - LONGEST_PAUSE);
    }

    #[test]
    fn who_waits_for_a_dead_server_is_told_soon() {
        assert_eq!(pauses(&mut Retry::opening(Duration::from_secs(9)), &broken()).0, [250]);
    }

    #[test]
    fn a_server_that_cuts_but_brings_is_asked_for_ever() {
        let mut retry = Retry::new(false);
        for second in 0..10_000 {
            assert_eq!(retry.failed(&broken(), false, Duration::from_secs(second)), Next::After(FIRST_PAUSE));
            retry.brought(PROGRESS as usize);
        }
    }

    #[test]
    fn a_server_that_brings_next_to_nothing_is_not() {
        let mut retry = Retry::new(false);
        let mut tries = 0;
        while matches!(retry.failed(&broken(), false, Duration::ZERO), Next::After(_)) {
            retry.brought(1);
            tries += 1;
        }
        assert_eq!(tries, MAX_TRIES);
    }

    #[test]
    fn what_the_server_asks_for_is_granted_within_reason() {
        let mut retry = Retry::new(false);
        assert_eq!(
            retry.failed(&status(429, Some(7)), false, Duration::ZERO),
            Next::After(Duration::from_secs(7))
        );
        assert_eq!(retry.failed(&status(503, Some(3_600)), false, Duration::from_secs(7)), Next::GiveUp);
        assert_eq!(
            Retry::opening(Duration::from_secs(8)).failed(&status(429, Some(9)), false, Duration::ZERO),
            Next::GiveUp
        );
    }

    #[test]
    fn what_will_not_get_better_is_told_at_once() {
        for error in
            [status(404, None), status(401, None), status(403, None), HttpError::Refused(String::new())]
        {
            assert_eq!(Retry::new(false).failed(&error, false, Duration::ZERO), Next::GiveUp);
        }
        assert!(matches!(Retry::new(true).failed(&status(404, None), false, Duration::ZERO), Next::After(_)));
    }

    #[test]
    fn a_stale_url_is_made_fresh_a_few_times() {
        let mut retry = Retry::new(false);
        for _ in 0..MAX_FRESH {
            assert_eq!(retry.failed(&status(403, None), true, Duration::ZERO), Next::Fresh);
        }
        assert_eq!(retry.failed(&status(410, None), true, Duration::ZERO), Next::GiveUp);
    }
}
