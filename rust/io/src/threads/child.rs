//! Processes of other programs: ffmpeg, to read and to write.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks whether one has ended.
const POLL: Duration = Duration::from_millis(2);

/// Windows: Ctrl-C does not reach the process.
#[cfg(windows)]
const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;

/// Ctrl-C goes to all processes of the terminal's group: this one is ended by us.
pub(crate) fn apart(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(command, CREATE_NEW_PROCESS_GROUP);
    #[cfg(not(any(unix, windows)))]
    let _ = command;
}

/// Ends one that was started [`apart`], with all that it has started itself, and waits for it. Does nothing twice.
pub(crate) fn kill(child: &mut Child) {
    // Its number is its own until it has been waited for.
    if let Ok(None) = child.try_wait() {
        #[cfg(unix)]
        if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Waits until one has ended: its exit status, or None if that takes longer than until the deadline. `look` is its
/// `try_wait`.
///
/// # Errors
/// The system's.
pub(crate) fn ended(
    deadline: Instant,
    mut look: impl FnMut() -> io::Result<Option<ExitStatus>>,
) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = look()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        std::thread::sleep(POLL);
    }
}

/// Its exit status; below zero, the signal that ended it.
pub(crate) fn code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal = None::<i32>;
    status.code().or(signal.map(|signal| -signal)).unwrap_or(1)
}

/// A thread that waits for one, or brings it what it wants.
///
/// # Errors
/// The system gives none.
pub(crate) fn spawn<T: Send + 'static>(
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    std::thread::Builder::new().name("isocord-ffmpeg".to_owned()).spawn(run)
}
