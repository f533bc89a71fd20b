//! One run of ffmpeg: its sound comes through a window, and it does not outlive it.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::super::budget::{Call, Meter};
use super::super::input::MediaFile;
use super::super::stream::{Outline, Stop, Supply, Window, fill};
use super::said::{FORMATS, Said};
use crate::threads::child;

/// How ffmpeg ended, if that was a failure: its exit status; below zero, the signal that ended it.
pub(crate) type ExitCode = Arc<OnceLock<i32>>;

/// After the end of its sound it gets that long to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// And its last words that long to come.
const WORDS: Duration = Duration::from_secs(1);
const PIECE: usize = 32 << 10;

/// What others hold of it.
pub(super) struct Process {
    child: Mutex<Child>,
    pub(super) said: Said,
    /// Why it was not given all of its input.
    unfed: OnceLock<String>,
    code: ExitCode,
}

/// A run that has begun.
pub(super) struct Run {
    pub(super) window: Arc<Window>,
    pub(super) process: Arc<Process>,
    feeder: Option<JoinHandle<()>>,
}

impl Run {
    /// Starts it at a place in seconds.
    pub(super) fn start(
        program: &Path,
        file: &MediaFile,
        fed: &Arc<Meter>,
        seconds: f64,
        code: &ExitCode,
    ) -> io::Result<Self> {
        let plain = file.plain().filter(|_| cfg!(unix)).transpose()?;
        let place = (seconds > 0.0).then(|| ["-ss".to_owned(), format!("{seconds:.6}")]);
        let mut command = Command::new(program);
        command.args("-hide_banner -nostdin -nostats -loglevel level+info -threads 1".split(' '));
        command.arg("-format_whitelist").arg(FORMATS);
        command.arg("-protocol_whitelist").arg(if plain.is_some() { "file" } else { "pipe" });
        // A file is sought in; through a pipe, what lies before the place is decoded and dropped.
        if let (Some(place), true) = (&place, plain.is_some()) {
            command.args(place);
        }
        command.args(["-i", if plain.is_some() { "file:/dev/stdin" } else { "pipe:0" }]);
        if let (Some(place), false) = (&place, plain.is_some()) {
            command.args(place);
        }
        command.args("-map 0:a:0 -vn -sn -dn -f f32le -c:a pcm_f32le -ar 48000 -ac 2 pipe:1".split(' '));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let is_fed = plain.is_none();
        command.stdin(plain.map_or_else(Stdio::piped, Stdio::from));
        child::apart(&mut command);
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let process = Arc::new(Process {
            child: Mutex::new(child),
            said: Said::default(),
            unfed: OnceLock::new(),
            code: Arc::clone(code),
        });
        // From here on it is ended by being dropped.
        let output = Output { stdout, process: Arc::clone(&process) };
        if let Some(stderr) = stderr {
            let process = Arc::clone(&process);
            child::spawn(move || process.said.listen(stderr))?;
        }
        let feeder = match stdin.filter(|_| is_fed) {
            Some(stdin) => {
                let (process, file) = (Arc::clone(&process), file.again(Arc::clone(fed)));
                Some(child::spawn(move || process.feed(stdin, &file))?)
            }
            None => None,
        };
        let window = fill("isocord-ffmpeg", Outline::default(), Box::new(output))?;
        Ok(Self { window, process, feeder })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.window.close();
        // The next run reads from the same place.
        if let Some(feeder) = self.feeder.take() {
            let _ = feeder.join();
        }
    }
}

impl Process {
    fn feed(&self, mut stdin: ChildStdin, file: &MediaFile) {
        let mut piece = vec![0; PIECE];
        let mut at = 0;
        loop {
            file.meter().begin(Call::Packet);
            match file.read_at(&mut piece, at) {
                Ok(0) => return,
                // It wants no more, or is gone: that is told by how it ends.
                Ok(count) if stdin.write_all(&piece[..count]).is_err() => return,
                Ok(count) => at += count as u64,
                Err(error) => {
                    let _ = self.unfed.set(error.to_string());
                    return;
                }
            }
        }
    }

    fn kill(&self) {
        child::kill(&mut self.child.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// What it came to, after its sound.
    fn finish(&self) -> io::Result<()> {
        let look = || self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait();
        let Some(status) = child::ended(Instant::now() + PATIENCE, look)? else {
            self.kill();
            return Err(io::Error::other("ffmpeg did not end after its sound"));
        };
        if let Some(reason) = self.unfed.get() {
            return Err(io::Error::other(reason.clone()));
        }
        if status.success() {
            return Ok(());
        }
        let code = child::code(status);
        let _ = self.code.set(code);
        let how = if code < 0 {
            format!("was ended by signal {}", -code)
        } else {
            format!("ended with exit status {code}")
        };
        Err(io::Error::other(match self.said.last_line(WORDS) {
            Some(line) => format!("ffmpeg {how}: {line}"),
            None => format!("ffmpeg {how}"),
        }))
    }
}

impl Stop for Process {
    fn interrupt(&self) {}

    fn close(&self) {
        self.kill();
    }
}

/// Its standard output.
struct Output {
    stdout: Option<ChildStdout>,
    process: Arc<Process>,
}

impl Supply for Output {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stdout.as_mut().map_or(Ok(0), |stdout| stdout.read(buf)) {
                Ok(0) => return self.process.finish().map(|()| 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Never asked: what has no ranges is read from front to back.
    fn go_to(&mut self, _: u64) {}

    fn stopper(&self) -> Arc<dyn Stop> {
        Arc::clone(&self.process) as _
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.process.kill();
    }
}
