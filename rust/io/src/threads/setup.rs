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

/// Makes the wake-ups of the calling thread, which works once in each `period`, as exact as the system allows.
///
/// A normal thread waits for the time slices of others that compute: 4 to 8 ms at the 99th percentile on a busy Linux
/// machine, whatever its niceness; a real-time one of the lowest priority does not. The thread works for microseconds
/// at a time and never waits for a lock, so it takes nothing from anybody.
pub fn prefer_exact_wakeups(period: Duration) {
    // The kernel otherwise may put off a wake-up by 50 us to save power.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    if be_real_time(period) {
        return;
    }
    // Allowed to some who may not have the former; on Linux a niceness is a thread's own.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), -11);
}

/// On Linux this takes root, `CAP_SYS_NICE` or a limit like systemd's `LimitRTPRIO=1`; elsewhere nothing.
#[cfg(not(any(target_os = "macos", windows)))]
fn be_real_time(_: Duration) -> bool {
    use thread_priority::unix::{set_thread_priority_and_policy, thread_native_id};
    use thread_priority::{RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy).is_ok()
}

/// On macOS the time-constraint policy, for `SCHED_RR` at its lowest priority stands below the default one there; on
/// Windows the class "Audio" of the multimedia scheduler.
#[cfg(any(target_os = "macos", windows))]
fn be_real_time(period: Duration) -> bool {
    // The library counts in samples; one a microsecond is as good as any.
    audio_thread_priority::promote_current_thread_to_real_time(period.as_micros() as u32, 1_000_000).is_ok()
}

/// Sleeps until the thread is unparked or the time is over, as exactly as the system can; may return early.
#[cfg(not(windows))]
pub(crate) fn park_for(time: Duration) {
    std::thread::park_timeout(time);
}

/// `park_timeout` wakes with the system's tick of 15.6 ms here; `sleep` has a timer of high resolution, but nobody can
/// cut it short. So the last tick is slept in pieces, between which the caller looks up.
#[cfg(windows)]
pub(crate) fn park_for(time: Duration) {
    const TICK: Duration = Duration::from_millis(16);
    const PIECE: Duration = Duration::from_millis(2);
    match time.checked_sub(TICK) {
        Some(rest) if rest > PIECE => std::thread::park_timeout(rest),
        _ => std::thread::sleep(time.min(PIECE)),
    }
}
