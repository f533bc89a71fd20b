//! Sends that the system refuses: counted, and lost alone.
//!
//! The kernel itself refuses them, by a filter on the threads of the test: `sendto` of a datagram of a certain length
//! fails with a certain error, every other system call works.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod call_support;

use std::collections::BTreeMap;

use call_support::{BOUND, Call, Heard};
use isocord_io::play::track::{TrackEnd, track};
use isocord_proto::frame::OpusFrame;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

/// RTP header, tag and nonce.
const OVERHEAD: usize = 12 + 16 + 4;
const UNREACHABLE: usize = 1_000;
const NO_BUFFER: usize = 1_100;

/// From now on this thread, and each that it starts, cannot send packets with an Opus frame of `len` bytes.
fn refuse(len: usize, errno: i32) {
    let length = SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, (len + OVERHEAD) as u64);
    let rule = SeccompRule::new(vec![length.expect("a condition")]).expect("a rule");
    let filter = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_sendto, vec![rule])]),
        SeccompAction::Allow,
        SeccompAction::Errno(errno as u32),
        std::env::consts::ARCH.try_into().expect("a known processor"),
    );
    let program: BpfProgram = filter.expect("a filter").try_into().expect("a program");
    apply_filter(&program).expect("an unprivileged thread may filter its own calls");
}

#[test]
fn refused_sends_are_counted_and_everything_else_arrives() {
    refuse(UNREACHABLE, libc::ENETUNREACH);
    refuse(NO_BUFFER, libc::EAGAIN);
    let call = Call::new();
    call.start();
    let lengths = [50, UNREACHABLE, 51, 52, NO_BUFFER, NO_BUFFER, UNREACHABLE, 53, 54];
    let (mut writer, reader) = track(25);
    for (index, len) in lengths.into_iter().enumerate() {
        let mut frame = vec![index as u8; len];
        frame[0] = 0xFC;
        assert!(writer.push(&OpusFrame::new(&frame).expect("short enough")), "no room");
    }
    writer.finish();
    call.connection.play(reader).expect("taken");

    let heard: Vec<Heard> = (0..5).map(|_| call.hear()).collect();
    let arrived = [0, 2, 3, 7, 8];
    for (packet, index) in heard.iter().zip(arrived) {
        assert_eq!((packet.opus.len(), packet.opus[1]), (lengths[index], index as u8));
        // The listener sees the gap: what was refused had its number and its time.
        assert_eq!(packet.sequence, heard[0].sequence.wrapping_add(index as u16));
    }
    assert_eq!(writer.state().wait_end(BOUND), Some(TrackEnd::Finished));
    assert_eq!(writer.state().frames_sent(), lengths.len() as u64);
    assert_eq!(call.connection.stats().send_errors, 4);
}
