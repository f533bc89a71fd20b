//! A measurement: a process that does one thing for a while, and who hears it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// RTP header, Opus at 128 kbit/s, tag and nonce.
pub const PACKET_LEN: usize = 12 + 320 + 20;
const WARM_UP: Duration = Duration::from_secs(2);

/// The time of a measurement, and the processor's time that it takes.
pub struct Work {
    began: Instant,
    lasts: Duration,
    before: Option<BTreeMap<String, u64>>,
    over: bool,
}

impl Work {
    pub fn begin(lasts: Duration) -> Self {
        Self { began: Instant::now(), lasts, before: None, over: false }
    }

    /// Whether to work on. After the first seconds, when all is warm, counting begins.
    pub fn goes_on(&mut self) -> bool {
        let elapsed = self.began.elapsed();
        if self.before.is_none() && elapsed >= WARM_UP {
            println!("begin");
            self.before = Some(threads());
        }
        self.over |= elapsed >= WARM_UP + self.lasts;
        !self.over
    }

    /// Ends the counting: prints nanoseconds of each kind of thread, and what else there is to say.
    pub fn end(self, notes: &[(&str, u64)]) {
        let after = threads();
        println!("end");
        let before = self.before.unwrap_or_default();
        let mut line = format!("wall={}", (self.began.elapsed() - WARM_UP).as_nanos());
        for (name, ns) in after {
            let ns = ns - before.get(&name).copied().unwrap_or(0);
            write!(line, " cpu.{name}={ns}").expect("memory");
        }
        for (name, value) in notes {
            write!(line, " {name}={value}").expect("memory");
        }
        println!("{line}");
    }
}

/// Nanoseconds on a processor so far, of all threads of a name; numbers at its end do not count.
fn threads() -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
        let ns = read("schedstat").split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
        let name = read("comm").trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned();
        *sums.entry(name).or_insert(0) += ns;
    }
    sums
}

/// The process that hears.
pub struct Sink {
    child: Child,
    say: ChildStdin,
    told: BufReader<ChildStdout>,
    pub port: u16,
}

impl Sink {
    pub fn start(kind: &str, core: Option<usize>) -> Self {
        let mut child = start(&["sink", kind], &core.into_iter().collect::<Vec<_>>());
        let say = child.stdin.take().expect("piped");
        let mut told = BufReader::new(child.stdout.take().expect("piped"));
        let port = line(&mut told).parse().expect("a port");
        Self { child, say, told, port }
    }

    pub fn end(self) {
        let Self { mut child, say, .. } = self;
        drop(say);
        child.wait().expect("it ends");
    }
}

/// What a measurement gave.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Nanoseconds, counts.
    pub values: BTreeMap<String, f64>,
    /// Streams, packets, gaps over 40 ms, lost packets, the longest gap in ms.
    pub heard: Vec<f64>,
}

impl Figures {
    /// Milliseconds of processor time that each stream takes in a second, of all threads or of those of a name.
    pub fn cpu(&self, thread: &str, streams: usize) -> f64 {
        let ns: f64 = self
            .values
            .iter()
            .filter(|(name, _)| name.strip_prefix("cpu.").is_some_and(|name| name.contains(thread)))
            .map(|(_, ns)| ns)
            .sum();
        // The sum of nothing is -0.0.
        (ns + 0.0) / self.values["wall"] / streams as f64 * 1e3
    }
}

/// Runs `what` in a process of its own, on some cores only if any are named.
pub fn measure(program: Option<&str>, what: &[&str], sink: &mut Sink, cores: &[usize]) -> Figures {
    let port = sink.port.to_string();
    let mut arguments = vec!["run"];
    arguments.extend(what);
    arguments.push(&port);
    let mut child = start_of(program, &arguments, cores);
    let mut told = BufReader::new(child.stdout.take().expect("piped"));
    let mut figures = Figures::default();
    loop {
        let said = line(&mut told);
        match said.as_str() {
            "begin" => writeln!(sink.say, "begin").expect("the sink lives"),
            "end" => {
                writeln!(sink.say, "end").expect("the sink lives");
                let heard = line(&mut sink.told);
                figures.heard = heard.split(' ').map(|word| word.parse().expect("a number")).collect();
            }
            values => {
                for (name, value) in values.split(' ').filter_map(|word| word.split_once('=')) {
                    figures.values.insert(name.to_owned(), value.parse().expect("a number"));
                }
                break;
            }
        }
    }
    assert!(child.wait().expect("it ends").success(), "{what:?} has failed");
    figures
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).expect("text");
    assert!(!line.is_empty(), "a process has ended");
    line.trim().to_owned()
}

fn start(arguments: &[&str], cores: &[usize]) -> Child {
    start_of(None, arguments, cores)
}

fn start_of(program: Option<&str>, arguments: &[&str], cores: &[usize]) -> Child {
    let own = std::env::current_exe().expect("a program");
    let program = program.map_or(own, Into::into);
    let mut command = if cores.is_empty() {
        Command::new(program)
    } else {
        let list = cores.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut command = Command::new("taskset");
        command.args(["-c", &list]).arg(program);
        command
    };
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts")
}
