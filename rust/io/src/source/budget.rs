//! What reading a file may cost.
//!
//! A demuxer looks for sound until it finds some, and only asks for bytes meanwhile; a file that was made for it keeps
//! it looking for hours. So every byte is counted where it is read. A call of the demuxer that has had its share gets
//! an error in place of more, and so has a file that has given no sound for long. What is looked for packet by packet
//! is looked for in slices, between which the thread serves others.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::StageError;

const MIB: u64 = 1 << 20;
/// Bytes that may be read in a row without any sound in them: the pictures of a film between two of its sounds.
pub(crate) const MAX_QUIET: u64 = 256 * MIB;
/// A slice is over after so many bytes, or after this time.
const SLICE_BYTES: u64 = MIB / 2;
const SLICE: Duration = Duration::from_millis(5);
/// When a slice began whose time has not begun.
const NOT_YET: u64 = u64::MAX;
/// A call that has read less is not looked at for the time it takes.
const ALWAYS: u64 = MIB;
/// How often the processor's clock is read: it costs a system call.
const CLOCK_EVERY: u64 = 64 * 1024;

/// One call of a demuxer, which cannot be interrupted but by an error.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// Until there is sound: tables, pictures, fonts.
    Open,
    /// The next packet, and what lies in front of it.
    Packet,
    /// To a place. What this does not reach is reached packet by packet.
    Seek,
}

impl Call {
    /// Bytes, and time on the processor.
    fn limits(self) -> (u64, Duration) {
        match self {
            Self::Open => (64 * MIB, Duration::from_millis(500)),
            Self::Packet => (16 * MIB, Duration::from_millis(250)),
            Self::Seek => (64 * MIB, Duration::from_millis(100)),
        }
    }
}

/// Why no more is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Spent {
    /// One call has had its bytes.
    Bytes = 1,
    /// One call has had its time.
    Time = 2,
    /// Too much was read since the last sound.
    Quiet = 3,
    /// Nobody wants it any more.
    Closed = 4,
    /// What is behind it gives no more.
    Failed = 5,
}

impl Spent {
    fn from_code(code: u8) -> Option<Self> {
        [Self::Bytes, Self::Time, Self::Quiet, Self::Closed, Self::Failed]
            .into_iter()
            .find(|spent| *spent as u8 == code)
    }
}

/// Counts what is read of one file. One thread reads at a time; any may close.
pub(crate) struct Meter {
    /// Bytes in all.
    read: AtomicU64,
    /// What `read` was when the call, the slice and the quiet began.
    call_from: AtomicU64,
    slice_from: AtomicU64,
    quiet_from: AtomicU64,
    max_bytes: AtomicU64,
    max_ns: AtomicU64,
    /// The thread's time when the call began, and what `read` was when it was last looked at.
    cpu_from: AtomicU64,
    clock_at: AtomicU64,
    /// When the slice began, in nanoseconds since `born`.
    slice_began: AtomicU64,
    born: Instant,
    opening: AtomicBool,
    spent: AtomicU8,
    closed: AtomicBool,
    others: Mutex<Others>,
}

/// What is not asked with each read.
#[derive(Default)]
struct Others {
    /// Why what is behind it gives no more.
    failure: Option<String>,
    /// Told when it is closed: someone may wait.
    on_close: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter")
            .field("read", &self.read)
            .field("spent", &self.spent())
            .finish_non_exhaustive()
    }
}

impl Meter {
    /// For a file that is being opened.
    pub(crate) fn new() -> Arc<Self> {
        let meter = Self {
            read: AtomicU64::new(0),
            call_from: AtomicU64::new(0),
            slice_from: AtomicU64::new(0),
            quiet_from: AtomicU64::new(0),
            max_bytes: AtomicU64::new(0),
            max_ns: AtomicU64::new(0),
            cpu_from: AtomicU64::new(0),
            clock_at: AtomicU64::new(0),
            slice_began: AtomicU64::new(NOT_YET),
            born: Instant::now(),
            opening: AtomicBool::new(false),
            spent: AtomicU8::new(0),
            closed: AtomicBool::new(false),
            others: Mutex::default(),
        };
        meter.begin(Call::Open);
        meter.opening.store(true, Relaxed);
        Arc::new(meter)
    }

    /// A call begins. While the file is being opened, all calls share what that may cost.
    pub(crate) fn begin(&self, call: Call) {
        if self.opening.load(Relaxed) {
            return;
        }
        let (bytes, time) = call.limits();
        let read = self.read.load(Relaxed);
        self.call_from.store(read, Relaxed);
        self.clock_at.store(read, Relaxed);
        self.max_bytes.store(bytes, Relaxed);
        self.max_ns.store(time.as_nanos() as u64, Relaxed);
        self.cpu_from.store(cpu_time(), Relaxed);
        self.spent.store(0, Relaxed);
    }

    /// The file is open: from now on each call has limits of its own.
    pub(crate) fn opened(&self) {
        self.opening.store(false, Relaxed);
        self.heard();
        self.begin_slice();
    }

    /// There was sound.
    pub(crate) fn heard(&self) {
        self.quiet_from.store(self.read.load(Relaxed), Relaxed);
    }

    /// Its time begins when it is first asked whether it is over: most slices are a packet that is at hand, and over before.
    pub(crate) fn begin_slice(&self) {
        self.slice_from.store(self.read.load(Relaxed), Relaxed);
        self.slice_began.store(NOT_YET, Relaxed);
    }

    /// Whether others should have their turn. A file is opened in one go.
    pub(crate) fn slice_is_over(&self) -> bool {
        let read = self.read.load(Relaxed) - self.slice_from.load(Relaxed);
        let now = self.born.elapsed().as_nanos() as u64;
        if self.slice_began.load(Relaxed) == NOT_YET {
            self.slice_began.store(now, Relaxed);
        }
        let lasts = Duration::from_nanos(now.saturating_sub(self.slice_began.load(Relaxed)));
        !self.opening.load(Relaxed) && (read > SLICE_BYTES || lasts > SLICE)
    }

    /// Lets nothing more be read, for good.
    pub(crate) fn close(&self) {
        self.closed.store(true, Relaxed);
        let told = self.others().on_close.clone();
        if let Some(told) = told {
            told();
        }
    }

    /// Who is told when it is closed, in place of who was told before; at once if it is.
    pub(crate) fn on_close(&self, told: impl Fn() + Send + Sync + 'static) {
        let told = Arc::new(told);
        self.others().on_close = Some(Arc::<_>::clone(&told) as _);
        if self.closed.load(Relaxed) {
            told();
        }
    }

    /// What is behind it gives no more. Not every demuxer hands on the error, so it is remembered until the next call.
    pub(crate) fn fail(&self, error: &io::Error) {
        self.others().failure = Some(error.to_string());
        self.spent.store(Spent::Failed as u8, Relaxed);
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why nothing more is read now.
    pub(crate) fn spent(&self) -> Option<Spent> {
        Spent::from_code(self.spent.load(Relaxed))
    }

    /// Bytes read in all.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }

    /// Asked before each read.
    ///
    /// # Errors
    /// Nothing more may be read.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.spent.load(Relaxed) == 0
            && let Some(spent) = self.judge()
        {
            self.spent.store(spent as u8, Relaxed);
        }
        match self.spent() {
            // Interrupted would be tried again, and the end of a file is no error to a demuxer.
            Some(_) => Err(io::Error::other("no more of it is read")),
            None => Ok(()),
        }
    }

    /// Told after each read.
    pub(crate) fn count(&self, bytes: usize) {
        self.read.fetch_add(bytes as u64, Relaxed);
    }

    fn judge(&self) -> Option<Spent> {
        if self.closed.load(Relaxed) {
            return Some(Spent::Closed);
        }
        let read = self.read.load(Relaxed);
        let in_call = read - self.call_from.load(Relaxed);
        if in_call >= self.max_bytes.load(Relaxed) {
            return Some(Spent::Bytes);
        }
        if read - self.quiet_from.load(Relaxed) >= MAX_QUIET {
            return Some(Spent::Quiet);
        }
        if in_call >= ALWAYS && read - self.clock_at.load(Relaxed) >= CLOCK_EVERY {
            self.clock_at.store(read, Relaxed);
            let took = cpu_time().saturating_sub(self.cpu_from.load(Relaxed));
            if took >= self.max_ns.load(Relaxed) {
                return Some(Spent::Time);
            }
        }
        None
    }

    /// What to tell of a failure: that the budget is spent, if it is, else what was seen.
    pub(crate) fn explain(&self, seen: StageError) -> StageError {
        let Some(spent) = self.spent() else { return seen };
        let doing =
            if self.opening.load(Relaxed) { "to find its first sound" } else { "to go on to its next sound" };
        let mib = |bytes: u64| bytes as f64 / MIB as f64;
        let in_call = mib(self.read() - self.call_from.load(Relaxed));
        match spent {
            Spent::Closed => StageError::Closed,
            Spent::Failed => match self.others().failure.clone() {
                Some(reason) if !self.closed.load(Relaxed) => StageError::Network(reason),
                _ => StageError::Closed,
            },
            Spent::Bytes => {
                StageError::TooMuch(format!("{in_call:.0} MiB of it were read {doing}, without end"))
            }
            Spent::Time => {
                let seconds = Duration::from_nanos(self.max_ns.load(Relaxed)).as_secs_f64();
                StageError::TooMuch(format!(
                    "{in_call:.0} MiB of it took the processor {seconds} s {doing}, without end"
                ))
            }
            Spent::Quiet => StageError::TooMuch(format!("{:.0} MiB of it hold no sound", mib(MAX_QUIET))),
        }
    }
}

/// Time that this thread has had of a processor, in nanoseconds: a machine under load gives less of it, and a disk
/// that stalls takes none.
#[cfg(unix)]
fn cpu_time() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec.unsigned_abs().saturating_mul(1_000_000_000).saturating_add(now.tv_nsec.unsigned_abs())
}

/// The time that passes, where the thread's own is not to be had so easily.
#[cfg(not(unix))]
fn cpu_time() -> u64 {
    static BORN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    BORN.elapsed().as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Arc<Meter> {
        let meter = Meter::new();
        meter.opened();
        meter
    }

    fn read(meter: &Meter, mib: u64) -> bool {
        (0..mib * 16).all(|_| {
            let may = meter.check().is_ok();
            meter.count(if may { 64 * 1024 } else { 0 });
            may
        })
    }

    #[test]
    fn a_call_has_its_bytes_and_the_next_one_has_its_own() {
        let meter = open();
        for _ in 0..5 {
            meter.begin(Call::Packet);
            assert!(read(&meter, 16));
            assert!(!read(&meter, 1));
            assert_eq!(meter.spent(), Some(Spent::Bytes));
        }
        assert_eq!(meter.read(), 5 * 16 * MIB);
        assert!(
            matches!(meter.explain(StageError::Unknown), StageError::TooMuch(text) if text.contains("16 MiB"))
        );
    }

    #[test]
    fn opening_is_one_call_whatever_it_is_made_of() {
        let meter = Meter::new();
        for _ in 0..8 {
            meter.begin(Call::Seek);
            assert!(read(&meter, 8));
        }
        meter.begin(Call::Packet);
        assert!(!read(&meter, 1));
        assert!(!meter.slice_is_over());
    }

    #[test]
    fn sound_now_and_then_is_enough() {
        let meter = open();
        let call = |mib| {
            meter.begin(Call::Packet);
            read(&meter, mib)
        };
        for _ in 0..10 {
            assert!((0..15).all(|_| call(16)));
            meter.heard();
        }
        assert!((0..16).all(|_| call(16)));
        assert!(!call(1));
        assert_eq!(meter.spent(), Some(Spent::Quiet));
    }

    #[test]
    fn what_is_closed_stays_so() {
        let meter = open();
        meter.close();
        meter.begin(Call::Packet);
        assert!(!read(&meter, 1));
        assert!(matches!(meter.explain(StageError::Unknown), StageError::Closed));
    }

    #[test]
    fn a_slice_ends_after_its_bytes() {
        let meter = open();
        meter.begin(Call::Packet);
        assert!(read(&meter, 1));
        assert!(meter.slice_is_over());
    }
}
