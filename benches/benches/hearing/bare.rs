//! What is to be compared with: loops that do nothing but read, and libopus.

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use isocord_benches::opus;
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use nix::sys::socket::{MsgFlags, MultiHeaders, recvmmsg};

use crate::Contestant;
use crate::speaker::{Speaker, pace};

/// How a loop empties a socket.
#[derive(Clone, Copy)]
pub enum Reading {
    /// `recv` until there is no more.
    One,
    /// `recvmmsg`, which gives less than was asked for when there is no more.
    Batch,
}

/// As many sockets as there are connections, in one poll.
pub struct Sockets {
    reading: Reading,
    server: UdpSocket,
    addresses: Vec<SocketAddr>,
    packets: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

const BATCH: usize = 16;
const ROOM: usize = 2_048;

impl Sockets {
    pub fn open(count: usize, reading: Reading) -> Self {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sockets: Vec<UdpSocket> = (0..count)
            .map(|_| {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.connect(server.local_addr().unwrap()).unwrap();
                socket.set_nonblocking(true).unwrap();
                socket
            })
            .collect();
        let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
        let (packets, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let name = match reading {
            Reading::One => "bare-one",
            Reading::Batch => "bare-batch",
        };
        let work = {
            let (packets, stop) = (Arc::clone(&packets), Arc::clone(&stop));
            move || read(&sockets, reading, &packets, &stop)
        };
        let thread = Some(Builder::new().name(name.to_owned()).spawn(work).unwrap());
        Self { reading, server, addresses, packets, stop, thread }
    }
}

fn read(sockets: &[UdpSocket], reading: Reading, packets: &AtomicU64, stop: &AtomicBool) {
    let mut poll = Poll::new().unwrap();
    for (index, socket) in sockets.iter().enumerate() {
        let fd = socket.as_raw_fd();
        let mut source = SourceFd(&fd);
        poll.registry().register(&mut source, Token(index), Interest::READABLE).unwrap();
    }
    let mut events = Events::with_capacity(256);
    let mut room = Box::new([[0; ROOM]; BATCH]);
    let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
    while !stop.load(Relaxed) {
        poll.poll(&mut events, Some(Duration::from_millis(500))).unwrap();
        for event in &events {
            let socket = &sockets[event.token().0];
            match reading {
                Reading::One => {
                    while socket.recv(&mut room[0]).is_ok() {
                        packets.fetch_add(1, Relaxed);
                    }
                }
                Reading::Batch => loop {
                    let mut parts = room.each_mut().map(|room| [IoSliceMut::new(room)]);
                    let flags = MsgFlags::empty();
                    let came = recvmmsg(socket.as_raw_fd(), &mut headers, &mut parts, flags, None);
                    let count = came.map_or(0, Iterator::count);
                    packets.fetch_add(count as u64, Relaxed);
                    if count < BATCH {
                        break;
                    }
                },
            }
        }
    }
}

impl Contestant for Sockets {
    fn name(&self) -> String {
        match self.reading {
            Reading::One => "a bare loop of recv".to_owned(),
            Reading::Batch => "a bare loop of recvmmsg".to_owned(),
        }
    }

    fn hear(&mut self, speaker: &mut Speaker, time: Duration) {
        speaker.speak(&self.server, &self.addresses, time);
    }

    fn threads(&self) -> &'static str {
        match self.reading {
            Reading::One => "bare-one",
            Reading::Batch => "bare-batch",
        }
    }

    fn packets(&self) -> u64 {
        self.packets.load(Relaxed)
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// libopus, called for each speaker in the millisecond in which the packet would come.
pub struct Decoding {
    begin: Option<SyncSender<Duration>>,
    packets: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Decoding {
    pub fn start(count: usize) -> Self {
        let packets = Arc::new(AtomicU64::new(0));
        let (begin, begun) = sync_channel::<Duration>(0);
        let decoded = Arc::clone(&packets);
        let work = move || {
            let frames = opus();
            let mut decoders: Vec<Decoder> = (0..count).map(|_| Decoder::new().unwrap()).collect();
            let mut pcm = [0; MAX_DECODED_LEN];
            let mut said = 0;
            for time in begun {
                pace(count, time, |part, parts| {
                    said += usize::from(part == 0);
                    for decoder in decoders.iter_mut().skip(part).step_by(parts) {
                        decoder.decode(frames[said % frames.len()].as_bytes(), &mut pcm).unwrap();
                        decoded.fetch_add(1, Relaxed);
                    }
                });
            }
        };
        let thread = Some(Builder::new().name("bare-opus".to_owned()).spawn(work).unwrap());
        Self { begin: Some(begin), packets, thread }
    }
}

impl Contestant for Decoding {
    fn name(&self) -> String {
        "libopus alone, in the same rhythm".to_owned()
    }

    fn hear(&mut self, _: &mut Speaker, time: Duration) {
        self.begin.as_ref().unwrap().send(time).unwrap();
        // A moment more, in which it comes to its end.
        std::thread::sleep(time + Duration::from_millis(100));
    }

    fn threads(&self) -> &'static str {
        "bare-opus"
    }

    fn packets(&self) -> u64 {
        self.packets.load(Relaxed)
    }
}

impl Drop for Decoding {
    fn drop(&mut self) {
        drop(self.begin.take());
        self.thread.take().unwrap().join().unwrap();
    }
}
