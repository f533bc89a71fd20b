//! What a stream whose packets pass holds in memory while it plays, by the allocator's count of all threads. What others
//! hold depends on how busy the machine is: `benches/examples/stream_memory.rs` measures it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counting;
mod source_files;

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::events::{Event, EventHandler};
use isocord_io::play::deck::Deck;
use isocord_io::play::track::DEFAULT_LOOKAHEAD;
use isocord_io::source::{AudioFile, AudioFileOptions, Input};
use isocord_proto::cipher::TransportMode;
use isocord_proto::dave::SenderChange;
use isocord_proto::opus::EncoderOptions;

use counting::in_use_by_all;

/// Enough of them for what the threads of the pool share to count for little.
const STREAMS: usize = 16;
/// Packets of each until all of them have been filled anew, and until it is looked at for the last time.
const SETTLED: usize = 40;
const HEARD: usize = 80;
const BOUND: Duration = Duration::from_secs(20);

struct Deaf;

impl EventHandler for Deaf {
    fn on_event(&self, _: Event) {}
}

/// KB that a stream of that file holds at the most while it is heard.
fn held(bytes: &Arc<[u8]>) -> f64 {
    let engine = Engine::start().expect("threads");
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    server.set_read_timeout(Some(BOUND)).expect("a timeout");
    let address = server.local_addr().expect("bound");
    let connections = std::array::from_fn::<_, STREAMS, _>(|_| {
        let connection = Connection::new(Arc::clone(&engine), Arc::new(Deaf)).expect("a connection");
        connection.open(address, 99, BOUND).expect("a socket");
        connection.start_session(TransportMode::Aes256GcmRtpsize, &[1; 32]).expect("taken");
        connection.change_sender(SenderChange::Passthrough).expect("taken");
        connection
    });
    // What it takes to be there at all is not meant: each has asked for its address.
    let mut datagram = [0; 2_048];
    let mut hear =
        |count: usize| (0..count).for_each(|_| assert!(server.recv(&mut datagram).expect("in time") > 0));
    hear(STREAMS);
    let before = in_use_by_all();
    let playing = connections.each_ref().map(|connection| {
        let input = Input::bytes(Arc::clone(bytes));
        let file = AudioFile::open(input, AudioFileOptions::default()).expect("a file");
        let deck = Arc::new(Deck::from(file));
        let track = deck.track(engine.pool(), &EncoderOptions::default(), DEFAULT_LOOKAHEAD);
        let (reader, state, job) = track.expect("a track");
        connection.play(reader).expect("taken");
        (deck, state, job)
    });
    hear(STREAMS * SETTLED);
    let looks = (SETTLED..HEARD).map(|_| {
        hear(STREAMS);
        in_use_by_all() - before
    });
    let most = looks.max().expect("some");
    drop(playing);
    engine.stop();
    most as f64 / 1_024.0 / STREAMS as f64
}

/// Ten seconds of 128 kbit/s, one to a page, as most files have it.
fn opus() -> Arc<[u8]> {
    let packets = source_files::opus_packets(960, 500);
    let head = source_files::opus_head(2, 312, 0);
    source_files::ogg_pages(7, &head, &packets, 50, 960, 480_000).into()
}

#[test]
fn a_stream_whose_packets_pass_holds_them_and_a_page() {
    let kb = held(&opus());
    assert!(kb < 51.2, "{kb} KB");
}
