//! A file is opened, and what the main thread waits for ends with Ctrl-C.

use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use isocord_io::lock;
use isocord_io::source::{AudioFile, AudioFileOptions, Input};
use pyo3::prelude::*;

use crate::errors::{AudioFileError, Result};

/// Between two looks at whether there was a signal.
const LOOK: Duration = Duration::from_millis(100);

/// Opens a file; whoever waits for a network can be interrupted.
///
/// # Errors
/// It cannot be played; what a signal's handler raises.
pub(crate) fn open(py: Python<'_>, input: Input, options: AudioFileOptions) -> Result<AudioFile> {
    let is_far = matches!(input, Input::Url { .. });
    let open = || Ok(AudioFile::open(input, options)?);
    if is_far { interruptible(py, open) } else { py.detach(open) }
}

/// Does `work` on a thread of its own and waits for it without the GIL. Signals are handled meanwhile, which only the
/// main thread does.
///
/// # Errors
/// That of `work`; what a signal's handler raises, as KeyboardInterrupt: then what the work still gives is dropped.
fn interruptible<T: Send + 'static>(
    py: Python<'_>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let (give, take) = sync_channel(1);
    // It is this thread's alone, and the compiler wants to see that.
    let take = Mutex::new(take);
    let begin = thread::Builder::new().name("isocord-open".to_owned());
    let begun = begin.spawn(move || drop(give.send(work())));
    begun.map_err(|error| AudioFileError::new_err(format!("no thread could be started: {error}")))?;
    loop {
        match py.detach(|| lock(&take).recv_timeout(LOOK)) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) => py.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(AudioFileError::new_err("opening it failed").into());
            }
        }
    }
}
