//! Packets leave together, by real sockets, and each has an outcome of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use isocord_volley::Volley;

const LEN: usize = 32;

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    socket
}

fn connected(to: &UdpSocket) -> UdpSocket {
    let socket = socket();
    socket.connect(to.local_addr().expect("bound")).expect("connected");
    socket
}

fn packets(count: usize) -> Vec<[u8; LEN]> {
    (0..count).map(|number| [number as u8; LEN]).collect()
}

fn heard(sink: &UdpSocket) -> Vec<u8> {
    let mut packet = [0; 2 * LEN];
    let len = sink.recv(&mut packet).expect("a packet");
    packet[..len].to_vec()
}

/// Where the system does not allow it, there is nothing to test.
fn volley(most: usize) -> Option<Volley> {
    Volley::new(most).ok()
}

#[test]
fn all_leave_in_their_order_and_as_long_as_was_said() {
    let Some(mut volley) = volley(300) else { return };
    let sink = socket();
    // More than one call takes, and from more sockets than one.
    let sockets: Vec<_> = (0..3).map(|_| connected(&sink)).collect();
    for packets in [packets(100), packets(300)] {
        let (count, began) = (packets.len(), Instant::now());
        volley.clear();
        // The system's buffer of the sink does not hold them all.
        for places in (0..count).collect::<Vec<_>>().chunks(50) {
            volley.clear();
            places.iter().for_each(|&place| volley.load(&sockets[place % 3], place, 1 + place % LEN));
            volley.fire(&packets);
            let departed: Vec<_> = volley.departed().collect();
            assert_eq!(departed.iter().map(|shot| shot.place).collect::<Vec<_>>(), places);
            assert!(departed.iter().all(|shot| shot.result.as_ref().ok() == Some(&(1 + shot.place % LEN))));
            assert!(departed.is_sorted_by_key(|shot| shot.at) && departed[0].at >= began);
            for &place in places {
                assert_eq!(heard(&sink), &packets[place][..1 + place % LEN]);
            }
        }
    }
}

#[test]
fn more_than_one_call_takes() {
    let Some(mut volley) = volley(1_000) else { return };
    let sinks: Vec<_> = (0..20).map(|_| socket()).collect();
    let sockets: Vec<_> = sinks.iter().map(connected).collect();
    let packets = packets(1_000);
    (0..1_000).for_each(|place| volley.load(&sockets[place % 20], place, LEN));
    volley.fire(&packets);
    assert_eq!(volley.departed().filter(|shot| shot.result.is_ok()).count(), 1_000);
    for (number, sink) in sinks.iter().enumerate() {
        (number..1_000).step_by(20).for_each(|place| assert_eq!(heard(sink), packets[place]));
    }
}

#[test]
fn who_is_refused_disturbs_nobody() {
    let Some(mut volley) = volley(3) else { return };
    let (sink, gone) = (socket(), socket());
    let (well, refused) = (connected(&sink), connected(&gone));
    drop(gone);
    // The system tells of it with the send after the one that was refused.
    let _ = refused.send(&[0]);
    let packets = packets(3);
    for (place, socket) in [&well, &refused, &well].into_iter().enumerate() {
        volley.load(socket, place, LEN);
    }
    volley.fire(&packets);
    let results: Vec<_> = volley.departed().map(|shot| shot.result.map_err(|error| error.kind())).collect();
    assert_eq!(results, [Ok(LEN), Err(std::io::ErrorKind::ConnectionRefused), Ok(LEN)]);
    assert_eq!([heard(&sink), heard(&sink)], [packets[0], packets[2]]);
}

#[test]
fn what_was_taken_out_or_has_no_room_does_not_leave() {
    let Some(mut volley) = volley(2) else { return };
    let sink = socket();
    let socket = connected(&sink);
    let packets = packets(4);
    volley.load(&socket, 0, LEN);
    volley.clear();
    volley.fire(&packets);
    assert_eq!(volley.departed().count(), 0);
    (1..4).for_each(|place| volley.load(&socket, place, LEN));
    assert_eq!(volley.departed().count(), 0, "nothing has left yet");
    volley.fire(&packets);
    assert_eq!(volley.departed().map(|shot| shot.place).collect::<Vec<_>>(), [1, 2]);
    assert_eq!([heard(&sink), heard(&sink)], [packets[1], packets[2]]);
    for (place, len) in [(4, LEN), (3, LEN + 1)] {
        volley.clear();
        volley.load(&socket, place, len);
        volley.load(&socket, 0, LEN);
        volley.fire(&packets);
        assert_eq!(volley.departed().map(|shot| shot.place).collect::<Vec<_>>(), [0]);
        assert_eq!(heard(&sink), packets[0]);
    }
}
