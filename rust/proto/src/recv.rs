//! The story of a datagram that comes in: RTP or RTCP, the transport opened, its user found, the
//! end-to-end encryption opened, put in order, decoded, and handed out with its place in time.
//!
//! Authentication comes before any state: what a stranger sends is counted and changes nothing else.
//! A bad packet is counted, never fatal; memory is bounded by what the gateway announces.

mod clock;
mod end_to_end;
mod framer;
mod output;
mod passing;
mod playout;
mod replay;
mod slip;
mod stats;
mod stream;
mod stretch;
mod transport;
mod users;
mod workspace;

use core::time::Duration;

pub use end_to_end::{EndToEnd, NotOpened, PlainFrames};
pub use output::{Arrived, Frame, FrameKind, FrameOutput, Listening, Sound, Speaking};
pub use stats::{ReceiveStats, UserStats};
pub use workspace::Workspace;

use crate::cipher::Opener;
use crate::jitter::Arrival;
pub use crate::jitter::DelayBounds;
pub use crate::rtcp::SenderReport;
use crate::rtp::{self, Datagram, PAYLOAD_TYPE, Packet};
use crate::ssrc::{Assigned, SsrcMap};
use crate::waiting::{Waiting, WaitingRoom};
use crate::{keepalive, rtcp, toc};
use clock::{earlier, samples, time};
use stream::{Stage, Stream};
use users::{Presence, Users};

/// How often what lies unused is looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// The receiving side of one connection. Times are since any fixed moment, the same one in every call;
/// that moment is where positions begin. What every packet needs for a moment is the caller's [`Workspace`].
pub struct ReceivePath<E> {
    opener: Option<Opener>,
    end_to_end: E,
    bounds: DelayBounds,
    listening: Listening,
    ssrcs: SsrcMap,
    users: Users,
    waiting: WaitingRoom,
    stats: ReceiveStats,
    housekeeping: Duration,
    /// The earliest moment that a stream wants to play.
    due: Option<i64>,
}

/// A packet whose sender the transport vouches for.
#[derive(Clone, Copy)]
struct Opened<'a> {
    packet: Waiting,
    media: &'a [u8],
}

impl<E: EndToEnd> ReceivePath<E> {
    /// For a connection that has no session yet, and nobody who listens.
    #[must_use]
    pub fn new(end_to_end: E, bounds: DelayBounds) -> Self {
        Self {
            opener: None,
            end_to_end,
            bounds,
            listening: Listening::Off,
            ssrcs: SsrcMap::default(),
            users: Users::default(),
            waiting: WaitingRoom::default(),
            stats: ReceiveStats::default(),
            housekeeping: Duration::ZERO,
            due: None,
        }
    }

    /// Takes the key of a Session Description. Decoders forget the past at the next break of the sound.
    pub fn start_session(&mut self, opener: Opener) {
        self.opener = Some(opener);
        self.streams().for_each(|stream| stream.reset_at_break());
    }

    /// The voice server has changed: plays what waits and forgets streams, SSRCs and the key. Users'
    /// counts go on.
    pub fn end_session<O: FrameOutput + ?Sized>(
        &mut self,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) {
        self.finish_streams(now, workspace, out);
        self.opener = None;
        self.ssrcs.clear();
        self.waiting.clear();
    }

    /// Somebody listens from now on, or nobody does. In the first case sound is handed out from the next
    /// packets on; in the second what waits is played, and memory is given back.
    pub fn listen<O: FrameOutput + ?Sized>(
        &mut self,
        listening: Listening,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) {
        if listening == Listening::Off {
            self.finish_streams(now, workspace, out);
            self.waiting.clear();
        }
        self.listening = listening;
    }

    /// Whether and in what form somebody listens.
    #[must_use]
    pub fn listening(&self) -> Listening {
        self.listening
    }

    /// The gateway says whose stream it is (opcode 5). What waited for that is played by [`Self::poll`].
    pub fn assign_ssrc<O: FrameOutput + ?Sized>(
        &mut self,
        ssrc: u32,
        user_id: u64,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) {
        let changed = match self.ssrcs.assign(ssrc, user_id) {
            Assigned::TakenFrom(other) => Some(other),
            Assigned::Restarted => Some(user_id),
            Assigned::New | Assigned::Known | Assigned::Full => None,
        };
        if let Some(changed) = changed {
            self.on_stream(changed, workspace, out, |stream, user, stage| {
                stream.restart(samples(now), user, stage);
            });
        }
        if let Some(user) = self.users.get_mut(user_id) {
            user.presence = Presence::Here;
        }
        self.replay(now, workspace, out, |waiting| waiting == ssrc);
    }

    /// The gateway says that a user left (opcode 13). What waits is played; the decoder goes after a while.
    pub fn user_left<O: FrameOutput + ?Sized>(
        &mut self,
        user_id: u64,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) {
        self.ssrcs.remove(user_id);
        self.on_stream(user_id, workspace, out, |stream, user, stage| {
            stream.restart(samples(now), user, stage)
        });
        if let Some(user) = self.users.get_mut(user_id) {
            user.presence = Presence::LeftAt(now);
        }
    }

    /// Lets `change` give the end-to-end encryption new keys, and tries the packets that waited for
    /// them; [`Self::poll`] plays them. Decoders forget the past at the next break of the sound.
    pub fn change_keys<O: FrameOutput + ?Sized>(
        &mut self,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
        change: impl FnOnce(&mut E),
    ) {
        change(&mut self.end_to_end);
        self.streams().for_each(|stream| stream.reset_at_break());
        self.replay(now, workspace, out, |_| true);
    }

    /// Takes a datagram in; its bytes are overwritten. Then, or after all datagrams that have come
    /// together, [`Self::poll`] is to be called.
    pub fn datagram<O: FrameOutput + ?Sized>(
        &mut self,
        datagram: &mut [u8],
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) {
        match rtp::parse(datagram) {
            Datagram::Rtp(packet) => {
                self.stats.rtp += 1;
                self.rtp(datagram, packet, now, workspace, out);
            }
            Datagram::Rtcp(_) => {
                self.stats.rtcp += 1;
                self.rtcp(datagram);
            }
            Datagram::Unknown if keepalive::is_echo(datagram) => {}
            Datagram::Unknown => self.stats.malformed += 1,
        }
    }

    /// Plays what is due at `now`; returns when to be called next at the latest, never if none.
    pub fn poll<O: FrameOutput + ?Sized>(
        &mut self,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) -> Option<Duration> {
        self.drop_expired(now);
        let at = samples(now);
        if self.due.is_some_and(|due| due <= at) {
            self.play(at, workspace, out);
        }
        if now >= self.housekeeping {
            self.housekeeping = now + HOUSEKEEPING;
            self.users.keep_house(now);
        }
        let housekeeping = (!self.users.is_empty()).then_some(self.housekeeping);
        [self.due.map(time), self.waiting.next_expiry(), housekeeping].into_iter().flatten().min()
    }

    /// The counts of the connection.
    #[must_use]
    pub fn stats(&self) -> ReceiveStats {
        self.stats
    }

    /// The counts of each user who has been heard.
    pub fn users(&self) -> impl Iterator<Item = (u64, UserStats)> + '_ {
        self.users.iter().map(|(user_id, user)| (user_id, user.stats))
    }

    /// The longest that packets of anybody who is here are held now, in samples at 48 kHz; 0 if nobody was heard.
    #[must_use]
    pub fn delay(&self) -> u32 {
        let here = self.users.iter().filter(|(_, user)| user.presence == Presence::Here);
        here.filter_map(|(_, user)| user.stream.as_deref()).map(Stream::delay).max().unwrap_or(0)
    }

    /// A user's newest sender report.
    #[must_use]
    pub fn sender_report(&self, user_id: u64) -> Option<SenderReport> {
        self.users.get(user_id)?.report
    }

    fn rtp<O: FrameOutput + ?Sized>(
        &mut self,
        datagram: &mut [u8],
        packet: Packet,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) {
        if self.listening == Listening::Off {
            self.stats.unheard += 1;
            return;
        }
        let ssrc = packet.header.ssrc;
        if packet.payload_type != PAYLOAD_TYPE {
            self.stats.ignored += 1;
            if let Some(user) = self.ssrcs.user(ssrc).and_then(|user_id| self.users.get_mut(user_id)) {
                user.stats.ignored += 1;
            }
            return;
        }
        let Some(opener) = &self.opener else {
            self.stats.forged += 1;
            return;
        };
        let media = match transport::open(opener, datagram, &packet) {
            Ok(media) => media,
            Err(refused) => return self.stats.note(refused),
        };
        let rtp::Header { sequence, timestamp, .. } = packet.header;
        let packet = Waiting { ssrc, sequence, timestamp, arrived: now };
        self.opened(Opened { packet, media }, now, workspace, out);
    }

    fn rtcp(&mut self, datagram: &mut [u8]) {
        let (Some(opener), true) = (&self.opener, self.listening != Listening::Off) else { return };
        let Ok(len) = opener.open(datagram, rtcp::CLEAR_LEN) else {
            self.stats.forged += 1;
            return;
        };
        for report in rtcp::sender_reports(&datagram[..rtcp::CLEAR_LEN + len]) {
            let user = self.ssrcs.user(report.ssrc).and_then(|user_id| self.users.get_mut(user_id));
            if let Some(user) = user {
                user.report = Some(report);
            }
        }
    }

    /// A packet that the transport vouches for: to its user, or to wait for one.
    fn opened<O: FrameOutput + ?Sized>(
        &mut self,
        opened: Opened<'_>,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) {
        let Opened { packet, media } = opened;
        let Some(user_id) = self.ssrcs.user(packet.ssrc) else {
            if !self.waiting.push(packet, media) {
                self.stats.unknown_dropped += 1;
            }
            return;
        };
        let Some(user) = self.users.get_or_insert(user_id) else {
            self.stats.unknown_dropped += 1;
            return;
        };
        let Workspace { media: room, pcm } = workspace;
        let opus = match self.end_to_end.open(user_id, media, room, now) {
            Ok(len) => &room[..len],
            Err(NotOpened::NoKey) => {
                if !self.waiting.push(packet, media) {
                    user.stats.failed_to_open += 1;
                }
                return;
            }
            Err(NotOpened::Final) => {
                user.stats.failed_to_open += 1;
                return;
            }
        };
        user.stats.received += 1;
        let Some(head) = toc::parse(opus) else {
            user.stats.malformed += 1;
            return;
        };
        let arrival = Arrival {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            at: samples(packet.arrived),
            samples: head.samples,
            frame_samples: head.frame_samples,
            silence: head.silence,
            payload: opus,
        };
        let at = arrival.at.max(0) as u64;
        let Waiting { sequence, timestamp, .. } = packet;
        out.arrived(Arrived { user_id, sequence, timestamp, at, silence: head.silence, opus });
        let end = user.end;
        let stream = user.stream.get_or_insert_with(|| Box::new(Stream::new(user_id, self.bounds, end)));
        let mut stage = Stage { listening: self.listening, scratch: pcm, out };
        stream.receive(&arrival, samples(now), &mut user.stats, &mut stage);
        self.due = earlier(self.due, stream.due);
    }

    fn play<O: FrameOutput + ?Sized>(&mut self, now: i64, workspace: &mut Workspace, out: &mut O) {
        let mut stage = Stage { listening: self.listening, scratch: &mut workspace.pcm, out };
        let mut next = None;
        for user in self.users.values_mut() {
            let Some(stream) = &mut user.stream else { continue };
            if stream.due.is_some_and(|due| due <= now) {
                stream.play(now, &mut user.stats, &mut stage);
            }
            next = earlier(next, stream.due);
        }
        self.due = next;
    }

    fn finish_streams<O: FrameOutput + ?Sized>(
        &mut self,
        now: Duration,
        workspace: &mut Workspace,
        out: &mut O,
    ) {
        let mut stage = Stage { listening: self.listening, scratch: &mut workspace.pcm, out };
        for user in self.users.values_mut() {
            if let Some(mut stream) = user.stream.take() {
                stream.finish(samples(now), &mut user.stats, &mut stage);
                user.end = stream.end();
            }
        }
        self.due = None;
    }

    fn on_stream<O: FrameOutput + ?Sized>(
        &mut self,
        user_id: u64,
        workspace: &mut Workspace,
        out: &mut O,
        act: impl FnOnce(&mut Stream, &mut UserStats, &mut Stage<'_, O>),
    ) {
        let Some(user) = self.users.get_mut(user_id) else { return };
        let Some(stream) = &mut user.stream else { return };
        let mut stage = Stage { listening: self.listening, scratch: &mut workspace.pcm, out };
        act(stream, &mut user.stats, &mut stage);
    }

    fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.users.values_mut().filter_map(|user| user.stream.as_deref_mut())
    }
}
