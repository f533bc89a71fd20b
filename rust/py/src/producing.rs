//! What tracks and reels share that Python writes to.

use std::time::Duration;

use isocord_io::play::track::MAX_LOOKAHEAD;
use isocord_io::source::ReelWriter;
use isocord_proto::frame::FRAME_BYTES;
use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

use crate::codec::frame_of;
use crate::errors::Result;

/// The longest a single wait can be asked for.
const MAX_WAIT: Duration = Duration::from_secs(3_600);

/// Puts whole frames on a reel, the last one filled up with silence. Gives how many had room.
pub(crate) fn push_pcm(reel: &mut ReelWriter, pcm: &[u8]) -> Result<usize> {
    let mut queued = 0;
    for chunk in pcm.chunks(FRAME_BYTES) {
        if !reel.push(&frame_of(chunk)?) {
            break;
        }
        queued += 1;
    }
    Ok(queued)
}

pub(crate) fn duration(seconds: f64) -> PyResult<Duration> {
    let duration = Duration::try_from_secs_f64(seconds.min(MAX_WAIT.as_secs_f64()));
    duration.map_err(|_| PyValueError::new_err("a timeout is a number of seconds, 0 or more"))
}

/// Frames that a track may hold.
pub(crate) fn check_lookahead(frames: i64) -> PyResult<usize> {
    let fits = usize::try_from(frames).ok().filter(|frames| (1..=MAX_LOOKAHEAD).contains(frames));
    fits.ok_or_else(|| {
        PyValueError::new_err(format!("lookahead must be 1 to {MAX_LOOKAHEAD} frames, not {frames}"))
    })
}
