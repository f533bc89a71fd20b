//! What is measured, in which order, and how it is told.

use std::path::PathBuf;

use super::lab::{Figures, Sink, measure};
use super::ours::write_file;

/// What a row measures, and the ratio that it is to reach.
struct Row {
    kind: &'static str,
    streams: usize,
    beside: &'static str,
    aim: f64,
}

const COSTS: [Row; 10] = [
    Row { kind: "sealed", streams: 100, beside: "bare", aim: 1.15 },
    Row { kind: "sealed", streams: 1_000, beside: "bare", aim: 1.15 },
    Row { kind: "ring", streams: 10, beside: "bare", aim: 1.15 },
    Row { kind: "passthrough", streams: 10, beside: "bare", aim: 1.15 },
    Row { kind: "passthrough", streams: 100, beside: "bare", aim: 1.15 },
    Row { kind: "passthrough", streams: 1_000, beside: "bare", aim: 1.15 },
    Row { kind: "sources", streams: 100, beside: "bare", aim: 1.35 },
    Row { kind: "encoded", streams: 10, beside: "libopus", aim: 1.10 },
    Row { kind: "encoded", streams: 50, beside: "libopus", aim: 1.10 },
    Row { kind: "encoded", streams: 100, beside: "libopus", aim: 1.10 },
];

/// Kind, streams, cores.
const CAPACITY: [(&str, usize, &[usize]); 7] = [
    ("encoded", 105, &[0]),
    ("encoded", 300, &[0]),
    ("sealed", 3_000, &[0]),
    ("passthrough", 3_000, &[0]),
    ("encoded", 200, &[0, 1]),
    ("sealed", 5_000, &[0, 1]),
    ("passthrough", 5_000, &[0, 1]),
];

/// How long and how often.
struct Plan<'a> {
    seconds: &'static str,
    rounds: usize,
    /// Another build of this program.
    against: Option<&'a str>,
    /// What plays sources written in Python.
    sources: Option<&'a str>,
    sink: &'a str,
    /// Rows whose kind and number, with a space behind each, contain this.
    only: &'a str,
}

pub fn print(words: &[&str]) {
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1));
    let quick = words.contains(&"--quick");
    let plan = Plan {
        seconds: if quick { "3" } else { "8" },
        rounds: after("--rounds").map_or(if quick { 1 } else { 5 }, |word| word.parse().expect("a number")),
        against: after("--against").copied(),
        sources: after("--sources").copied(),
        sink: after("--sink").copied().unwrap_or("wait"),
        only: after("--only").copied().unwrap_or(""),
    };
    if words.first() != Some(&"capacity") {
        costs(&plan);
    }
    if words.first() != Some(&"cost") {
        capacity(&plan);
    }
}

fn file_of(kind: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("isocord-streams-{}-{kind}", std::process::id()));
    if !path.exists() {
        write_file(kind, &path);
    }
    path
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn costs(plan: &Plan<'_>) {
    println!(
        "| streams | CPU of each, ms a second | clocks | pool | beside | ratio | aim | gaps over 40 ms |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut sink = Sink::start(plan.sink, None);
    for row in COSTS.iter().filter(|row| format!("{} {} ", row.kind, row.streams).contains(plan.only)) {
        let path = file_of(row.kind);
        let (path, count) = (path.to_str().expect("text"), row.streams.to_string());
        let builds = match (row.kind, plan.against) {
            ("sources", _) if plan.sources.is_none() => continue,
            ("sources", _) => vec![plan.sources],
            ("sealed", _) => vec![None],
            (_, Some(_)) => vec![plan.against, None],
            (_, None) => vec![None],
        };
        let mut seen: Vec<Vec<(Figures, f64)>> = vec![Vec::new(); builds.len()];
        let mut plain = Vec::new();
        for _ in 0..plan.rounds {
            let beside = measure(None, &[row.beside, &count, "10", plan.seconds, path], &mut sink, &[]);
            let beside = beside.cpu("", row.streams);
            plain.push(beside);
            for (build, seen) in builds.iter().zip(&mut seen) {
                let ours = measure(*build, &[row.kind, &count, "10", plan.seconds, path], &mut sink, &[]);
                let ratio = ours.cpu("", row.streams) / beside;
                seen.push((ours, ratio));
            }
        }
        for (build, seen) in builds.iter().zip(&seen) {
            let of =
                |value: &dyn Fn(&Figures) -> f64| median(seen.iter().map(|(ours, _)| value(ours)).collect());
            println!(
                "| {} {}{} | {:.3} | {:.3} | {:.3} | {} {:.3} | {:.2} | {:.2} | {} of {} |",
                row.streams,
                row.kind,
                if build.is_some() && *build == plan.against { ", before" } else { "" },
                of(&|it| it.cpu("", row.streams)),
                of(&|it| it.cpu("clock", row.streams)),
                of(&|it| it.cpu("pool", row.streams)),
                row.beside,
                median(plain.clone()),
                median(seen.iter().map(|(_, ratio)| *ratio).collect()),
                row.aim,
                seen.iter().map(|(ours, _)| ours.heard[2]).sum::<f64>(),
                seen.iter().map(|(ours, _)| ours.heard[1]).sum::<f64>(),
            );
        }
    }
    sink.end();
    ["passthrough", "encoded", "ring"].iter().for_each(|kind| drop(std::fs::remove_file(file_of(kind))));
}

fn capacity(plan: &Plan<'_>) {
    println!(
        "| streams | cores | packets of those due | gaps over 40 ms | longest, ms | slots missed | underruns | simplified | CPU, cores |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (kind, streams, cores) in
        CAPACITY.iter().filter(|(kind, streams, _)| format!("{kind} {streams} ").contains(plan.only))
    {
        let path = file_of(kind);
        let (path, count) = (path.to_str().expect("text"), streams.to_string());
        let is_new = plan.against.is_none() || *kind == "sealed";
        for build in [plan.against, None].iter().skip(usize::from(is_new)) {
            let mut sink = Sink::start("drain", (cores.len() == 1).then_some(1));
            let ours = measure(*build, &[kind, &count, "10", plan.seconds, path], &mut sink, cores);
            sink.end();
            let due = ours.values["wall"] / 2e7 * *streams as f64;
            let (packets, lost) = (ours.heard[1], ours.heard[3]);
            let noted = |name: &str| ours.values.get(name).map_or_else(|| "-".to_owned(), f64::to_string);
            println!(
                "| {streams} {kind}{} | {} | {:.2} % | {:.3} % | {} | {} | {} | {} | {:.2} |",
                if build.is_some() { ", before" } else { "" },
                cores.len(),
                (packets + lost) / due * 100.0,
                ours.heard[2] / packets * 100.0,
                ours.heard[4],
                noted("missed"),
                noted("underruns"),
                noted("simplified"),
                ours.cpu("", 1) / 1e3,
            );
        }
    }
    ["passthrough", "encoded"].iter().for_each(|kind| drop(std::fs::remove_file(file_of(kind))));
}
