//! What a connection holds in memory, and what a stream on top of it does while it plays, in KB by the C library's
//! count: `cargo run --release -p isocord-benches --example stream_memory [streams]`. Needs glibc (mallinfo2).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use isocord_benches::{Deaf, music, ogg, opus, wav};
use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::play::deck::Deck;
use isocord_io::source::{AudioFile, AudioFileOptions, Input};
use isocord_proto::cipher::TransportMode;
use isocord_proto::dave::SenderChange;
use isocord_proto::opus::EncoderOptions;

const PLAYED: Duration = Duration::from_secs(3);

#[repr(C)]
#[derive(Clone, Copy)]
struct MallInfo([usize; 10]);

unsafe extern "C" {
    fn mallinfo2() -> MallInfo;
}

/// KB in use: those of the heap, and those of mappings of their own.
fn in_use() -> f64 {
    // SAFETY: it only counts.
    let MallInfo(counts) = unsafe { mallinfo2() };
    (counts[7] + counts[4]) as f64 / 1_024.0
}

fn main() {
    let streams = std::env::args().nth(1).map_or(50, |count| count.parse().expect("a number"));
    let engine = Engine::start().expect("threads");
    let sink = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let server = sink.local_addr().expect("bound");
    let each = |kb: f64| kb / f64::from(streams);
    let alone = in_use();
    let connections: Vec<Connection> = (0..streams)
        .map(|_| {
            let connection = Connection::new(Arc::clone(&engine), Arc::new(Deaf)).expect("a connection");
            connection.open(server, 99, PLAYED).expect("a socket");
            connection.start_session(TransportMode::Aes256GcmRtpsize, &[1; 32]).expect("taken");
            connection.change_sender(SenderChange::Passthrough).expect("taken");
            connection
        })
        .collect();
    std::thread::sleep(PLAYED);
    println!("{:20} {:7.1} KB", "idle connection", each(in_use() - alone));

    let (sound, packets) = (music().repeat(20), opus().repeat(20));
    let kinds = [
        ("passthrough (Ogg)", ogg(&packets), 1.0),
        ("encoded (WAV)", wav(&sound), 1.0),
        ("encoded (Ogg)", ogg(&packets), 0.5),
    ];
    let path = std::env::temp_dir().join(format!("isocord-memory-{}", std::process::id()));
    for (name, bytes, volume) in kinds {
        std::fs::write(&path, bytes).expect("a file");
        let options = AudioFileOptions { volume, ..AudioFileOptions::default() };
        let open = || AudioFile::open(Input::Path(path.clone()), options.clone()).expect("a file");
        let before = in_use();
        let files: Vec<AudioFile> = (0..streams).map(|_| open()).collect();
        let opened = in_use();
        let playing: Vec<_> = files
            .into_iter()
            .zip(&connections)
            .map(|(file, connection)| {
                let deck = Arc::new(Deck::from(file));
                let track = deck.track(engine.pool(), &EncoderOptions::default(), 25);
                let (reader, state, job) = track.expect("a track");
                connection.play(reader).expect("taken");
                (deck, state, job)
            })
            .collect();
        std::thread::sleep(PLAYED);
        let (whole, file) = (each(in_use() - before), each(opened - before));
        println!("{name:20} {whole:7.1} KB, of which the open file {file:7.1}");
        drop(playing);
        connections.iter().for_each(|connection| connection.stop().expect("taken"));
        std::thread::sleep(PLAYED / 10);
    }
    std::fs::remove_file(&path).expect("it is there");
    engine.stop();
}
