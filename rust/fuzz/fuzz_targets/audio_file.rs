//! A file of any bytes is opened, played, sought in and closed within its budget: never a panic, a frame that is none,
//! or a file without end.
#![no_main]

use isocord_io::source::{AudioFile, AudioFileOptions, SourceFrame, FrameBuf, Input};
use libfuzzer_sys::fuzz_target;

/// What one input may be read in all: opening, and a few calls after that.
const MAX_READ: u64 = 512 << 20;

/// Some frames; false at the end.
fn play(file: &mut AudioFile, frames: usize) -> bool {
    let mut buffer = Box::new(FrameBuf::new());
    for _ in 0..frames {
        // A slice at a time, as the pool does; a file of a few kB has no long ways.
        let frame = (0..2_000).find_map(|_| file.try_next_frame(&mut buffer).transpose());
        match frame.expect("the file goes on for ever without a frame") {
            Ok(SourceFrame::Pcm) => assert!(buffer.pcm.iter().all(|sample| sample.abs() <= 1.0)),
            Ok(SourceFrame::Opus) => assert!((1..=1_275).contains(&buffer.opus.len())),
            Ok(SourceFrame::End | SourceFrame::Starved) | Err(_) => return false,
        }
        assert!(buffer.samples <= 960);
    }
    true
}

/// What panics inside of a decoder is caught there and is an error of the file: only what comes through ends the run.
fn let_decoders_panic() {
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|place| !place.file().contains("symphonia")) {
            eprintln!("{panic}");
        }
    }));
}

// Two bytes say how it is played; the rest is the file.
fuzz_target!(init: let_decoders_panic(), |input: &[u8]| {
    let [how, place, bytes @ ..] = input else { return };
    let options = AudioFileOptions {
        volume: if how & 1 == 0 { 1.0 } else { 0.5 },
        start: if how & 2 == 0 { 0.0 } else { f64::from(*place) / 50.0 },
        ..AudioFileOptions::default()
    };
    let Ok(mut file) = AudioFile::open(Input::bytes(bytes.to_vec()), options) else { return };
    let info = file.info();
    assert!(info.sample_rate > 0 && info.channels > 0 && info.container != "unknown");
    play(&mut file, 20);
    for seconds in [f64::from(*place) / 100.0, 0.0, 1e6] {
        let _ = file.begin_seek(seconds);
        play(&mut file, 5);
    }
    let _ = file.seek(f64::from(*how) / 10.0);
    let _ = file.volume().set(0.25);
    play(&mut file, 5);
    assert!(file.bytes_read() < MAX_READ);
});
