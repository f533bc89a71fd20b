//! ffmpeg, for formats that no living crate writes: PCM goes into its standard input as it is recorded.
//!
//! What it writes comes back through a pipe and goes to its target in whole pieces ([`super::coded`]). There are
//! no temporary files, and the process is waited for, or killed, before its target is given up.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::about::About;
use super::coded::{self, Coded, Progress};
use super::error::SinkError;
use super::output::{OpenTarget, system};
use super::target::{Encoding, Target};
use crate::threads::child::{apart, ended, spawn};

/// After the end of its input it gets that long to finish its file.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);
/// As much of what it complains of is kept.
const MAX_COMPLAINT: usize = 2_048;

/// An MP4 has more than that before its first sound.
const LEAST: u64 = 2_048;

/// How ffmpeg is run.
#[derive(Debug, Clone)]
pub struct Ffmpeg {
    /// The program.
    pub program: PathBuf,
    /// What it encodes to.
    pub coded: Coded,
    /// kbit/s.
    pub bitrate: u16,
    /// The most bytes that a file may get.
    pub max_file_bytes: Option<u64>,
}

impl Ffmpeg {
    /// Refuses a limit that leaves no room for any sound.
    ///
    /// # Errors
    /// [`SinkError::Limit`].
    pub fn check(&self) -> Result<(), SinkError> {
        match self.max_file_bytes {
            Some(limit) if limit < LEAST => Err(SinkError::Limit { limit, least: LEAST }),
            _ => Ok(()),
        }
    }

    /// Starts a process that takes s16le stereo at 48 kHz and writes to `target`. A file with a title tells that it
    /// begins now, too.
    ///
    /// # Errors
    /// The system's, if it cannot be started or the file not be made.
    pub fn start(&self, target: Target, title: Option<&str>) -> io::Result<Target> {
        let mut told = Vec::new();
        if let Some(title) = title {
            told.push(format!("title={title}"));
            let began = About::default().began(SystemTime::now()).file(None, 0).began();
            told.extend(began.map(|began| format!("creation_time={began}")));
        }
        Ok(Target::Process(Box::new(self.run(target, &told)?)))
    }

    fn run(&self, target: Target, metadata: &[String]) -> io::Result<Process> {
        if matches!(target, Target::Process(_)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let out = OpenTarget::open(target, self.max_file_bytes).map_err(system)?;
        let mut command = Command::new(&self.program);
        command
            .args("-hide_banner -nostdin -loglevel error".split(' '))
            // It would listen to a second of it before it wrote anything.
            .args("-probesize 32 -analyzeduration 0 -f s16le -ar 48000 -ac 2 -i pipe:0".split(' '))
            .args(["-b:a", &format!("{}k", self.bitrate)])
            .args(metadata.iter().flat_map(|told| ["-metadata", told]))
            .args(self.coded.arguments().split(' '))
            .args(["-flush_packets", "1", "pipe:1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        apart(&mut command);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let progress = Arc::new(Progress::default());
        let mut process = Process {
            child,
            stdin,
            path: out.path().map(Into::into),
            complaints: None,
            copy: None,
            progress: Arc::clone(&progress),
            end: None,
        };
        let (stdout, stderr) = (process.child.stdout.take(), process.child.stderr.take());
        if let Some(stderr) = stderr {
            process.complaints = Some(spawn(move || complaints(stderr))?);
        }
        if let Some(stdout) = stdout {
            let kind = (self.coded, self.bitrate);
            let copy = move || coded::copy(stdout, out, kind, &progress).map_err(system);
            process.copy = Some(spawn(copy)?);
        }
        Ok(process)
    }
}

/// A process that takes PCM.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    path: Option<PathBuf>,
    complaints: Option<JoinHandle<String>>,
    /// Brings what it writes to the target.
    copy: Option<JoinHandle<io::Result<()>>>,
    progress: Arc<Progress>,
    /// What it came to, once it has ended.
    end: Option<Result<(), String>>,
}

impl Encoding for Process {
    fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn bytes(&self) -> u64 {
        self.progress.bytes()
    }

    fn samples(&self) -> u64 {
        let given = self.progress.given();
        let whole = matches!(self.end, Some(Ok(()))) && !self.is_full();
        if whole { given } else { self.progress.samples().min(given) }
    }

    fn is_full(&self) -> bool {
        self.progress.is_full()
    }

    fn close(&mut self) -> io::Result<()> {
        if self.end.is_none() {
            self.stdin = None;
            let end = self.reap();
            self.end = Some(end.map_err(|error| error.to_string()));
        }
        let end = self.end.clone().unwrap_or(Ok(()));
        end.map_err(io::Error::other)
    }
}

impl Process {
    fn reap(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let status = ended(deadline, || self.child.try_wait())?;
        if status.is_none() {
            self.child.kill()?;
            self.child.wait()?;
        }
        let complaint = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let copied = self.copied(deadline);
        match status {
            None => Err(io::Error::new(io::ErrorKind::TimedOut, "ffmpeg did not finish the file in time")),
            Some(status) if !status.success() => {
                let complaint = if complaint.is_empty() { status.to_string() } else { complaint };
                // A file object that refuses is what made ffmpeg fail.
                copied.and(Err(io::Error::other(format!("ffmpeg failed: {complaint}"))))
            }
            Some(_) => copied,
        }
    }

    /// What became of the copying; a target that takes nothing is given up.
    fn copied(&mut self, deadline: Instant) -> io::Result<()> {
        let Some(thread) = self.copy.take() else { return Ok(()) };
        while !thread.is_finished() {
            if Instant::now() >= deadline {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the target did not take the file in time",
                ));
            }
            std::thread::sleep(POLL);
        }
        thread.join().unwrap_or(Ok(()))
    }
}

impl Write for Process {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_full() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let Some(stdin) = &mut self.stdin else { return Err(io::ErrorKind::BrokenPipe.into()) };
        let written = stdin.write(bytes);
        self.progress.give(*written.as_ref().unwrap_or(&0) as u64);
        match written {
            // It has died: its own words say more.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.close()?;
                Err(error)
            }
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Who wanted to know how it ended has called `close`.
        let _ = self.close();
    }
}

fn complaints(mut stderr: impl Read) -> String {
    let mut text = Vec::new();
    let _ = stderr.by_ref().take(MAX_COMPLAINT as u64).read_to_end(&mut text);
    // The rest is read as well, or ffmpeg would wait for room.
    let _ = io::copy(&mut stderr, &mut io::sink());
    String::from_utf8_lossy(&text).trim().to_owned()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{Pid, getpgid, getpgrp};

    use super::*;

    #[test]
    fn ctrl_c_in_the_terminal_does_not_reach_it() {
        // It need not be ffmpeg: a process that has ended keeps its group until it is waited for.
        let ffmpeg = Ffmpeg { program: "cat".into(), coded: Coded::M4a, bitrate: 128, max_file_bytes: None };
        let process = ffmpeg.run(Target::Stream(Box::new(io::sink())), &[]).unwrap();
        let group = getpgid(Pid::from_raw(process.child.id() as i32)).unwrap();
        assert_ne!(group, getpgrp());
        assert_eq!(group.as_raw_nonzero().get(), process.child.id() as i32);
    }
}
