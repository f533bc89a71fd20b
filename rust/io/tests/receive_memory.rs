//! No packet that comes in takes memory of its own once those who speak are known, whether somebody listens or not.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod counting;
mod receive_support;

use std::time::{Duration, Instant};

use counting::{allocated, allocated_by_all};
use isocord_io::receive::queue::{Form, FrameReader};

use receive_support::{BOUND, Call, Speaker, tone};

/// Sends packets and waits until all have been counted; returns how often the native threads asked for memory.
fn receive(call: &Call, reader: &mut Option<FrameReader>, packets: &[Vec<u8>], sent: &mut u64) -> u64 {
    let before = allocated_by_all() - allocated();
    for packet in packets {
        call.send(packet);
        *sent += 1;
        let deadline = Instant::now() + BOUND;
        while call.connection.stats().packets_received < *sent {
            assert!(Instant::now() < deadline, "a packet is missing");
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(reader) = reader {
            reader.drain(usize::MAX, |_| {});
        }
    }
    allocated_by_all() - allocated() - before
}

#[test]
fn packets_take_no_memory() {
    let call = Call::new();
    call.connection.assign_ssrc(1, 100).expect("taken");
    let mut speaker = Speaker::new(1);
    let mut sent = 0;
    for form in [None, Some(Form::Opus), Some(Form::Pcm)] {
        let mut reader = form.map(|form| call.connection.listen(form, 100).expect("taken"));
        let packets: Vec<_> = (0..500).map(|_| speaker.packet(&tone())).collect();
        let (warm, rest) = packets.split_at(300);
        // The queue is full once: it then has all the frames that it will ever have.
        receive(&call, &mut None, warm, &mut sent);
        // The place of a packet may still grow, for some are longer than others; none takes memory of its own.
        let asked = receive(&call, &mut reader, rest, &mut sent);
        assert!(asked < rest.len() as u64 / 10, "{form:?}: {asked} times");
    }
}
