//! ffmpeg, as a process, for what nothing else here reads.
//!
//! It fetches nothing and opens nothing itself: a file is its standard input, anything else is fed to it, and of its
//! formats only those are allowed that hold their sound themselves. No playlist can have it read what is not played.

mod process;
mod said;
mod stream;

use std::path::PathBuf;

pub(crate) use process::ExitCode;
pub(crate) use stream::FfmpegStream;

/// The ffmpeg on the `PATH`, if there is one.
#[must_use]
pub fn find_ffmpeg() -> Option<PathBuf> {
    let name = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| is_program(file))
}

#[cfg(unix)]
fn is_program(file: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &std::path::Path) -> bool {
    file.is_file()
}
