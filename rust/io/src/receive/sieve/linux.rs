//! A filter of the classic Berkeley kind on the socket. It drops RTP, and lets through what has an answer or is rare:
//! IP discovery, echoes of keepalives, RTCP, and what is none of it. What it drops the system counts.

use std::net::UdpSocket;

use isocord_proto::rtp::{HEADER_LEN, RTCP_TYPES};
use nix::libc::{self, sock_filter, sock_fprog};
use nix::sys::socket::{getsockopt, setsockopt};
use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

/// In front of what a filter sees of a datagram.
const UDP_HEADER: u32 = 8;
/// All of a datagram.
const PASS: u32 = u32::MAX;
/// Where the count of dropped datagrams is in what `SO_MEMINFO` tells.
const DROPS: usize = 8;

sockopt_impl!(
    /// Puts a filter on.
    AttachFilter, SetOnly, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, sock_fprog
);
sockopt_impl!(
    /// Takes it off, whatever the value.
    DetachFilter, SetOnly, libc::SOL_SOCKET, libc::SO_DETACH_FILTER, libc::c_int
);
sockopt_impl!(
    /// What a socket holds, and what it dropped.
    MemInfo, GetOnly, libc::SOL_SOCKET, libc::SO_MEMINFO, [u32; DROPS + 1]
);

const fn load(what: u32, at: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_LD | what) as u16, jt: 0, jf: 0, k: at }
}

/// Goes on, or leaves out so many steps, where what was loaded compares with `than` in this way, or does not.
const fn jump(how: u32, than: u32, (yes, no): (u8, u8)) -> sock_filter {
    sock_filter { code: (libc::BPF_JMP | how | libc::BPF_K) as u16, jt: yes, jf: no, k: than }
}

const fn keep(bytes: u32) -> sock_filter {
    sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: bytes }
}

const FILTER: [sock_filter; 10] = [
    load(libc::BPF_W | libc::BPF_LEN, 0),
    jump(libc::BPF_JGE, UDP_HEADER + HEADER_LEN as u32, (0, 6)),
    load(libc::BPF_B | libc::BPF_ABS, UDP_HEADER),
    // Version 2.
    jump(libc::BPF_JGE, 0x80, (0, 4)),
    jump(libc::BPF_JGE, 0xC0, (3, 0)),
    load(libc::BPF_B | libc::BPF_ABS, UDP_HEADER + 1),
    jump(libc::BPF_JGE, *RTCP_TYPES.start() as u32, (0, 2)),
    jump(libc::BPF_JGT, *RTCP_TYPES.end() as u32, (1, 0)),
    keep(PASS),
    keep(0),
];

/// The count of what the system has dropped so far, if there is a filter on the socket now and the system counts.
pub(super) fn put_on(socket: &UdpSocket) -> Option<u32> {
    let before = dropped(socket)?;
    let mut steps = FILTER;
    let filter = sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    setsockopt(socket, AttachFilter, &filter).ok()?;
    Some(before)
}

pub(super) fn take_off(socket: &UdpSocket) {
    // It fails where there is none.
    let _ = setsockopt(socket, DetachFilter, &0);
}

pub(super) fn dropped(socket: &UdpSocket) -> Option<u32> {
    getsockopt(socket, MemInfo).ok().map(|counts| counts[DROPS])
}
