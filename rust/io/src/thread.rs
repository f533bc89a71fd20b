//! How isocord's threads are set up.

use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// How long a thread is waited for when it is told to stop.
pub(crate) const JOIN_BOUND: Duration = Duration::from_secs(2);
/// The threads need little stack; a small one saves memory where stacks are committed at once.
const STACK: usize = 256 * 1024;

/// Starts a thread of this name.
pub(crate) fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).stack_size(STACK).spawn(run)
}

/// Waits for a thread that was told to stop; false if it did not in time.
pub(crate) fn join(handle: JoinHandle<()>) -> bool {
    let deadline = Instant::now() + JOIN_BOUND;
    while !handle.is_finished() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    handle.join().is_ok()
}

/// Makes the calling thread's sleeps as exact as the system allows without privileges,
/// and asks for more where there are some.
pub(crate) fn prefer_exact_wakeups() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::setpriority_process;
        // The kernel otherwise may put off a wake-up by 50 us to save power.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        // Allowed only to the privileged; on Linux a priority is a thread's own.
        let _ = setpriority_process(Some(rustix::thread::gettid()), -11);
    }
}
