//! What many streams cost beside the least that they could: `cargo run --release -p isocord-benches --example streams
//! -- [cost|capacity] [--quick] [--rounds N] [--only WORD] [--against PROGRAM] [--sink wait|drain]
//! [--sources benches/python/source_streams.py]`. Linux.
//!
//! Each measurement is a process of its own that speaks to a sink in another one, over UDP on 127.0.0.1, sealed end to
//! end. Passthrough is held against a bare loop of absolute sleep and `send()`, and so is such a loop that seals before
//! it sends; encoding against libopus that is called for 13 frames every 260 ms. Measurements take turns, and what is
//! told are medians of ratios between neighbours, in the processor's time: a machine that others use disturbs them
//! alike. `--against` measures another build of this program in the same turns, `--sources` what plays sources written
//! in Python.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod lab;
mod ours;
mod plain;
mod sink;
mod tables;

use std::path::Path;
use std::time::Duration;

use lab::Work;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["sink", kind] => sink::run(kind == "drain"),
        ["run", kind, count, complexity, seconds, path, port] => {
            let number = |word: &str| word.parse::<usize>().expect("a number");
            run(kind, number(count), number(complexity), number(seconds), path, number(port));
        }
        _ => tables::print(&words),
    }
}

fn run(kind: &str, count: usize, complexity: usize, seconds: usize, path: &str, port: usize) {
    let (lasts, complexity, port) = (Duration::from_secs(seconds as u64), complexity as u8, port as u16);
    match kind {
        "libopus" => plain::libopus(count, complexity, Work::begin(lasts)),
        "bare" | "sealed" => plain::bare(count, port, kind == "sealed", Work::begin(lasts)),
        _ => ours::run(kind, Path::new(path), count, complexity, port, lasts),
    }
}
