//! Streams of isocord's own: from files whose packets pass through, from files that are encoded, from rings alone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use isocord_benches::{Deaf, music, ogg, opus, wav};
use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::play::deck::Deck;
use isocord_io::play::track::{TrackReader, track};
use isocord_io::source::{AudioFile, AudioFileOptions, Input};
use isocord_proto::cipher::TransportMode;
use isocord_proto::dave::{SenderChange, SenderRatchet};
use isocord_proto::opus::EncoderOptions;

use crate::lab::Work;

const BOUND: Duration = Duration::from_secs(20);
/// Seconds of a file: longer than any measurement.
const LENGTH: usize = 120;
/// In which all streams begin, one after the other.
const ARRIVING: Duration = Duration::from_millis(1_500);

/// Writes the file that streams of a kind play, if there is one.
pub fn write_file(kind: &str, path: &Path) {
    let bytes = match kind {
        "passthrough" => ogg(&opus().repeat(LENGTH)),
        "encoded" => {
            let mut bytes = wav(&music().repeat(LENGTH));
            // As it is played, so that nothing is resampled.
            bytes[24..28].copy_from_slice(&48_000_u32.to_le_bytes());
            bytes[28..32].copy_from_slice(&192_000_u32.to_le_bytes());
            bytes
        }
        _ => return,
    };
    std::fs::write(path, bytes).expect("a file");
}

fn connect(engine: &Arc<Engine>, server: SocketAddr, ssrc: usize) -> Connection {
    let connection = Connection::new(Arc::clone(engine), Arc::new(Deaf)).expect("a connection");
    connection.open(server, ssrc as u32, BOUND).expect("a socket");
    connection.start_session(TransportMode::Aes256GcmRtpsize, &[1; 32]).expect("taken");
    connection.change_sender(SenderChange::key(SenderRatchet::new(&[2; 16]))).expect("taken");
    connection
}

/// Plays so many streams, sealed end to end, and counts what they take.
pub fn run(kind: &str, path: &Path, count: usize, complexity: u8, port: u16, lasts: Duration) {
    let server = SocketAddr::from(([127, 0, 0, 1], port));
    let engine = Engine::start().expect("threads");
    let connections: Vec<Connection> = (0..count).map(|ssrc| connect(&engine, server, ssrc)).collect();
    let options = EncoderOptions { complexity, ..EncoderOptions::default() };
    let mut kept: Vec<Box<dyn std::any::Any>> = Vec::new();
    let packets = opus();
    let mut decks = Vec::new();
    for connection in &connections {
        let reader: TrackReader = if kind == "ring" {
            let (mut writer, reader) = track(1_000);
            packets.iter().cycle().take(1_000).for_each(|packet| assert!(writer.push(packet)));
            kept.push(Box::new(writer));
            reader
        } else {
            let file = AudioFile::open(Input::Path(path.to_owned()), AudioFileOptions::default());
            let deck = Arc::new(Deck::from(file.expect("a file")));
            let (reader, state, job) = deck.track(engine.pool(), &options, 25).expect("a track");
            decks.push(Arc::clone(&deck));
            kept.push(Box::new((deck, state, job)));
            reader
        };
        connection.play(reader).expect("taken");
        std::thread::sleep(ARRIVING / count as u32);
    }
    let mut work = Work::begin(lasts);
    while work.goes_on() {
        std::thread::sleep(Duration::from_millis(50));
    }
    let stats: Vec<_> = connections.iter().map(Connection::stats).collect();
    let mut p99: Vec<_> = stats.iter().map(|stats| stats.lateness_p99.as_micros() as u64).collect();
    p99.sort_unstable();
    work.end(&[
        ("missed", stats.iter().map(|stats| stats.missed_slots).sum()),
        ("underruns", stats.iter().map(|stats| stats.underruns).sum()),
        ("refused", stats.iter().map(|stats| stats.send_errors).sum()),
        ("simplified", decks.iter().map(|deck| deck.simplified()).sum()),
        ("late_us", p99.get(p99.len() / 2).copied().unwrap_or(0)),
    ]);
    // Nothing is waited for: the process ends.
    std::process::exit(0);
}
