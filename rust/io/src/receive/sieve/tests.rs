//! What comes through, and what is counted, on the loopback device, where a datagram is there when `send` returns.

use isocord_proto::rtp::{self, Datagram, Header};

use super::*;

struct Pair {
    server: UdpSocket,
    socket: Arc<UdpSocket>,
}

impl Pair {
    fn new() -> Self {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server.local_addr().unwrap()).unwrap();
        server.connect(socket.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { server, socket: Arc::new(socket) }
    }

    fn say(&self, count: usize) {
        (0..count).for_each(|n| {
            let header = Header { sequence: n as u16, timestamp: 0, ssrc: 1 }.encode();
            assert_eq!(self.server.send(&header).unwrap(), header.len());
        });
    }

    /// How many came through.
    fn came(&self) -> usize {
        let mut datagram = [0; 100];
        std::iter::from_fn(|| self.socket.recv(&mut datagram).ok()).count()
    }
}

#[test]
fn nothing_is_lost_and_nothing_counted_twice() {
    let (sieve, pair) = (Arc::<Sieve>::default(), Pair::new());
    sieve.watch(Some(Arc::clone(&pair.socket)));
    let mut sent = 0;
    let mut came = 0;
    for round in 1..20 {
        pair.say(round);
        came += pair.came();
        let (first, second) = (sieve.hear(), sieve.hear());
        for hearing in [first, second] {
            pair.say(7);
            assert_eq!(pair.came(), 7, "all comes while one listens");
            drop(hearing);
        }
        sent += round;
        assert_eq!(came as u64 + sieve.dropped(), sent as u64);
    }
    sieve.watch(None);
    pair.say(3);
    assert_eq!(pair.came(), 3, "a socket that nobody has any more is as it was");
    assert_eq!(came as u64 + sieve.dropped(), sent as u64);
}

#[test]
fn a_new_socket_is_as_the_one_before() {
    let (sieve, first, second) = (Arc::<Sieve>::default(), Pair::new(), Pair::new());
    sieve.watch(Some(Arc::clone(&first.socket)));
    first.say(5);
    sieve.watch(Some(Arc::clone(&second.socket)));
    second.say(6);
    let came = first.came() + second.came();
    assert_eq!(came as u64 + sieve.dropped(), 11);
    let hearing = sieve.hear();
    let third = Pair::new();
    sieve.watch(Some(Arc::clone(&third.socket)));
    third.say(4);
    assert_eq!(third.came(), 4);
    drop(hearing);
    assert_eq!(came as u64 + sieve.dropped(), 11);
}

#[cfg(target_os = "linux")]
#[test]
fn the_system_drops_rtp_and_nothing_else() {
    let (sieve, pair) = (Arc::<Sieve>::default(), Pair::new());
    sieve.watch(Some(Arc::clone(&pair.socket)));
    let mut dropped = 0;
    for first in 0..=u8::MAX {
        for second in [0, 2, 0x78, 0xF8, 120, 199, 200, 201, 204, 205, 255] {
            for len in [0, 1, 2, 8, 11, 12, 13, 74, 1_200] {
                let mut datagram = vec![0; len];
                for (byte, value) in datagram.iter_mut().zip([first, second]) {
                    *byte = value;
                }
                pair.server.send(&datagram).unwrap();
                let came = pair.came() == 1;
                // The header says more than what this looks at: the filter takes it to be whole.
                datagram.resize(len.max(100), 0);
                let is_rtp = len >= rtp::HEADER_LEN && matches!(rtp::parse(&datagram), Datagram::Rtp(_));
                assert_eq!(came, !is_rtp, "{first:#x} {second:#x} of {len} bytes");
                dropped += u64::from(is_rtp);
            }
        }
    }
    assert_eq!(sieve.dropped(), dropped);
    assert!(dropped > 1_000);
}
