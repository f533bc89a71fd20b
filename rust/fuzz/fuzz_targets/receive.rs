//! The whole story with the key known to the attacker: any plaintext, header and order of events.
#![no_main]

use std::time::Duration;

use isocord_proto::cipher::{MAX_OVERHEAD, Opener, Sealer, TransportMode};
use isocord_proto::dave::{Openers, ReceiverChange};
use isocord_proto::recv::{DelayBounds, Frame, Listening, FrameOutput, ReceivePath, Sound, Speaking, Workspace};
use libfuzzer_sys::fuzz_target;

#[derive(Default)]
struct Listener {
    pcm_end: [u64; 4],
    opus_end: [u64; 4],
}

impl FrameOutput for Listener {
    fn frame(&mut self, frame: Frame<'_>) {
        let ends = match frame.sound {
            Sound::Pcm(_) => &mut self.pcm_end,
            Sound::Opus(_) => &mut self.opus_end,
        };
        let end = &mut ends[frame.user_id as usize];
        assert!(frame.position >= *end, "frames overlap");
        *end = frame.position + u64::from(frame.samples);
    }

    fn speaking(&mut self, user_id: u64, _: Speaking, _: u64) {
        assert!(user_id < 4);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, mut rest)) = bytes.split_first() else { return };
    let mode = TransportMode::ALL[usize::from(first) % TransportMode::ALL.len()];
    let key = [9; 32];
    let mut sealer = Sealer::new(mode, &key);
    let mut listener = Listener::default();
    let mut now = Duration::ZERO;
    let mut workspace = Workspace::new();
    let mut path = ReceivePath::new(Openers::new(), DelayBounds::default());
    path.start_session(Opener::new(mode, &key));
    path.change_keys(now, &mut workspace, &mut listener, |openers| openers.apply(ReceiverChange::AllowPlain, Duration::ZERO));
    path.listen(Listening::PcmAndOpus, now, &mut workspace, &mut listener);
    // Each event: what it is, how long after the last, how many bytes belong to it.
    while let [what, wait, len, tail @ ..] = rest {
        let (body, after) = tail.split_at(usize::from(*len).min(tail.len()));
        rest = after;
        now += Duration::from_millis(u64::from(*wait) * if what & 0x80 == 0 { 1 } else { 50 });
        match what & 15 {
            0 => path.assign_ssrc(u32::from(*wait & 3), u64::from(*len & 3), now, &mut workspace, &mut listener),
            1 => path.user_left(u64::from(*len & 3), now, &mut workspace, &mut listener),
            2 => {
                path.end_session(now, &mut workspace, &mut listener);
                path.start_session(Opener::new(mode, &key));
            }
            3 => {
                let listening = [Listening::Off, Listening::Pcm, Listening::Opus, Listening::PcmAndOpus];
                path.listen(listening[usize::from(*len & 3)], now, &mut workspace, &mut listener);
            }
            4 => path.datagram(&mut body.to_vec(), now, &mut workspace, &mut listener),
            5 => path.change_keys(now, &mut workspace, &mut listener, |openers| {
                let plain = [ReceiverChange::AllowPlain, ReceiverChange::RefusePlain];
                plain.into_iter().nth(usize::from(*len & 1)).into_iter().for_each(|to| openers.apply(to, now));
            }),
            _ => {
                // A sealed packet: the header is the body's beginning, with a version and an SSRC that fit.
                let mut packet = body.to_vec();
                packet.resize(packet.len().max(16), 0);
                packet[0] = packet[0] & 0x3F | 0x80;
                if what & 0x40 == 0 {
                    packet[1] = 0x78;
                }
                (packet[8], packet[9], packet[10]) = (0, 0, 0);
                packet[11] &= 3;
                let isocord_proto::rtp::Datagram::Rtp(head) = isocord_proto::rtp::parse(&packet) else { continue };
                let clear = if mode.is_rtpsize() { head.clear_len() } else { head.fixed_len };
                let len = packet.len();
                packet.resize(len + MAX_OVERHEAD, 0);
                let Ok(total) = sealer.seal(&mut packet, clear.min(len), len) else { continue };
                path.datagram(&mut packet[..total], now, &mut workspace, &mut listener);
            }
        }
        if let Some(due) = path.poll(now, &mut workspace, &mut listener) {
            assert!(due > now);
        }
    }
    let stats = path.stats();
    let opened: u64 = path.users().map(|(_, user)| user.received).sum();
    assert!(opened <= stats.rtp);
    for (_, user) in path.users() {
        assert!(user.recovered + user.concealed <= user.lost);
    }
});
