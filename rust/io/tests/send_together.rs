//! Where there are many connections their packets leave together; nobody notices.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod call_support;

use std::net::UdpSocket;

use call_support::{BOUND, KEY, MODE, connect, heard};
use isocord_io::connection::Connection;
use isocord_io::engine::Engine;
use isocord_io::play::track::{TrackEnd, track};
use isocord_proto::cipher::Opener;
use isocord_proto::dave::SenderChange;
use isocord_proto::frame::OpusFrame;

/// More than a clock has room for when it begins, and several slots of them.
const CALLS: usize = 100;
const FRAMES: u8 = 20;

/// Everybody plays to a server of their own, and the first one to a port where nobody is.
fn all_are_heard() {
    let engine = Engine::start().expect("threads");
    let connect = |_| {
        let (connection, _, server) = connect(&engine);
        connection.start_session(MODE, &KEY).expect("taken");
        connection.change_sender(SenderChange::Passthrough).expect("taken");
        (connection, Some(server))
    };
    let mut calls: Vec<_> = (0..CALLS).map(connect).collect();
    calls[0].1 = None;
    let play = |(number, (connection, _)): (usize, &(Connection, _))| {
        let (mut writer, reader) = track(usize::from(FRAMES));
        for frame in 0..FRAMES {
            assert!(writer.push(&OpusFrame::new(&[0xFC, number as u8, frame]).expect("short")));
        }
        writer.finish();
        connection.play(reader).expect("taken");
        writer
    };
    let writers: Vec<_> = calls.iter().enumerate().map(play).collect();
    let opener = Opener::new(MODE, &KEY);
    for (number, ((connection, server), writer)) in calls.iter().zip(&writers).enumerate() {
        let heard = server.iter().flat_map(|server| hear(server, &opener));
        for (frame, opus) in (0..).zip(heard) {
            assert_eq!(opus, [0xFC, number as u8, frame]);
        }
        assert_eq!(writer.state().wait_end(BOUND), Some(TrackEnd::Finished));
        assert_eq!(writer.state().frames_sent(), u64::from(FRAMES));
        let stats = connection.stats();
        // Of two packets to nobody the system refuses the second one, for the first has come back.
        assert_eq!(stats.send_errors > 0, server.is_none(), "{number}: {stats:?}");
        assert!(stats.packets_sent >= u64::from(FRAMES), "{number}: {stats:?}");
    }
    engine.stop();
}

/// The frames of a track, in the order of their packets.
fn hear(server: &UdpSocket, opener: &Opener) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut last = None;
    while frames.len() < usize::from(FRAMES) {
        // It asks for its address, which nobody tells it here.
        let Ok(packet) = heard(server, opener) else { continue };
        assert!(last.is_none_or(|last: u16| packet.sequence == last.wrapping_add(1)));
        last = Some(packet.sequence);
        frames.push(packet.opus);
    }
    frames
}

#[test]
fn many_are_heard_and_one_that_is_refused_disturbs_nobody() {
    all_are_heard();
}

/// As where a container is not allowed to.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn many_are_heard_where_the_system_does_not_let_them_leave_together() {
    use std::collections::BTreeMap;

    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
    let filter = SeccompFilter::new(
        BTreeMap::from([(libc::SYS_io_uring_setup, Vec::new())]),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        std::env::consts::ARCH.try_into().expect("a known processor"),
    );
    let program: BpfProgram = filter.expect("a filter").try_into().expect("a program");
    apply_filter(&program).expect("an unprivileged thread may filter its own calls");
    all_are_heard();
}
