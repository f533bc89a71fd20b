//! Who hears the streams: a process that answers IP discovery and notes how even the packets of each stream come.

use std::collections::HashMap;
use std::io::{BufRead, IoSliceMut, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use isocord_benches::answer;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, setsockopt, sockopt,
};
use nix::sys::time::TimeSpec;

/// Datagrams that one system call takes.
const BATCH: usize = 64;
const BUFFER: usize = 4 << 20;
const LATE: Duration = Duration::from_millis(40);
/// Between two looks of a sink that nobody wakes.
const LOOK: Duration = Duration::from_millis(2);
const RESTING: u8 = 0;
const COUNTING: u8 = 1;
const OVER: u8 = 2;

#[derive(Default)]
struct Stream {
    last: Option<(u16, Duration)>,
    packets: u64,
    late: u64,
    lost: u64,
    longest: Duration,
}

impl Stream {
    fn note(&mut self, number: u16, at: Duration) {
        self.packets += 1;
        if let Some((before, then)) = self.last {
            match number.wrapping_sub(before) {
                1 => {
                    let gap = at.saturating_sub(then);
                    self.late += u64::from(gap > LATE);
                    self.longest = self.longest.max(gap);
                }
                missing => self.lost += u64::from(missing.wrapping_sub(1)),
            }
        }
        self.last = Some((number, at));
    }
}

/// Runs until standard input ends. Prints its port; after the line `begin` it counts, after `end` it prints streams,
/// packets, gaps over 40 ms, packets lost, and the longest gap in milliseconds. A gap is one between packets that
/// follow one another, so what the sink itself loses is no gap. If it `drains`, it looks up every 2 ms, so that no
/// sender pays for waking it.
pub fn run(drains: bool) {
    static STATE: AtomicU8 = AtomicU8::new(RESTING);
    let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let _ = setsockopt(&server, sockopt::RcvBuf, &BUFFER);
    setsockopt(&server, sockopt::ReceiveTimestampns, &true).expect("the kernel's times");
    server.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    println!("{}", server.local_addr().expect("bound").port());
    let hearing = std::thread::spawn(move || hear(&server, drains, &STATE));
    for line in std::io::stdin().lock().lines() {
        STATE.store(if line.expect("text") == "begin" { COUNTING } else { RESTING }, Ordering::SeqCst);
    }
    STATE.store(OVER, Ordering::SeqCst);
    hearing.join().expect("no panic");
}

fn hear(server: &UdpSocket, drains: bool, state: &AtomicU8) {
    let mut buffers = vec![[0_u8; 2_048]; BATCH];
    let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, Some(nix::cmsg_space!(TimeSpec)));
    let mut streams: HashMap<u32, Stream> = HashMap::new();
    let mut before = RESTING;
    let flags = if drains { MsgFlags::MSG_DONTWAIT } else { MsgFlags::MSG_WAITFORONE };
    while before != OVER {
        let now = state.load(Ordering::SeqCst);
        match (before, now) {
            (RESTING, COUNTING) => streams.clear(),
            (COUNTING, RESTING) => tell(&streams),
            _ => {}
        }
        before = now;
        let mut answers: Vec<(SocketAddr, [u8; 74])> = Vec::new();
        let mut taken = 0;
        {
            let mut slices: Vec<_> = buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
            let Ok(messages) = recvmmsg(server.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None)
            else {
                std::thread::sleep(if drains { LOOK } else { Duration::ZERO });
                continue;
            };
            for message in messages {
                taken += 1;
                let data = message.iovs().next().expect("one part");
                let from = message.address.map(|from| SocketAddr::from((from.ip(), from.port())));
                if let Some((from, answer)) = from.and_then(|from| Some((from, answer(data, from)?))) {
                    answers.push((from, answer));
                } else if data.len() > 12 {
                    let number = u16::from_be_bytes([data[2], data[3]]);
                    let ssrc = u32::from_be_bytes([data[8], data[9], data[10], data[11]]);
                    let came = message.cmsgs().expect("whole").find_map(|note| match note {
                        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
                        _ => None,
                    });
                    streams.entry(ssrc).or_default().note(number, came.expect("the kernel's time"));
                }
            }
        }
        for (to, data) in answers {
            let _ = server.send_to(&data, to);
        }
        if drains && taken < BATCH {
            std::thread::sleep(LOOK);
        }
    }
}

fn tell(streams: &HashMap<u32, Stream>) {
    let sum = |of: fn(&Stream) -> u64| streams.values().map(of).sum::<u64>();
    let longest = streams.values().map(|stream| stream.longest).max().unwrap_or_default();
    let (packets, late, lost) = (sum(|it| it.packets), sum(|it| it.late), sum(|it| it.lost));
    println!("{} {packets} {late} {lost} {}", streams.len(), longest.as_millis());
    std::io::stdout().flush().expect("a reader");
}
