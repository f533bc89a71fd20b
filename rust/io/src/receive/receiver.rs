//! The receive thread: every voice socket in one poll. Does IP discovery, again and again, for a router may
//! give us another address; sends the keepalives, and gives what comes in to each connection's [`Ear`].

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isocord_proto::discovery::{Discovery, External, Step};
use isocord_proto::keepalive::{self, Keepalive};
use mio::{Events, Interest, Poll, Token, Waker};

use crate::messages::{ConnectionId, Event, Peer, RecvCommand};
use crate::receive::ear::{Ear, EarCommand};
use crate::stats::Counters;
use crate::threads::events::EventSender;
use crate::threads::inbox::Inbox;

const COMMANDS: usize = 1_024;
const WAKE: Token = Token(usize::MAX);
/// Bigger than any datagram of Discord's.
const DATAGRAM: usize = 2_048;
/// Datagrams that one socket may hand over before the others have their turn.
const BATCH: usize = 64;
/// With nothing to do the thread looks up this often.
const IDLE_LOOK_UP: Duration = Duration::from_secs(5);
/// After so many probes that could not even leave, or were refused, the socket leads nowhere: our own
/// address has gone, or the server has.
const DEAD_ENDS: u32 = 2;

/// The way to the receive thread.
#[derive(Clone)]
pub(crate) struct RecvHandle(Arc<Shared>);

struct Shared {
    inbox: Inbox<RecvCommand>,
    waker: Waker,
}

impl RecvHandle {
    /// Queues a command, waiting a bounded time if the queue is full; false if it stays full or the
    /// thread has stopped.
    pub(crate) fn send(&self, command: RecvCommand) -> bool {
        self.0.inbox.send(command, || self.wake())
    }

    pub(crate) fn send_to(&self, id: ConnectionId, command: EarCommand) -> bool {
        self.send(RecvCommand::To(id, command))
    }

    pub(crate) fn stop(&self) {
        self.0.inbox.stop();
        self.wake();
    }

    fn wake(&self) {
        if let Err(error) = self.0.waker.wake() {
            tracing::warn!(%error, "the receive thread cannot be woken");
        }
    }
}

enum Phase {
    Discovering,
    /// The voice server sees us there.
    Open(External),
    /// Discovery failed, now or later on; the owner closes the socket or opens another.
    Failed,
}

struct Line {
    peer: Box<Peer>,
    phase: Phase,
    keepalive: Keepalive,
    next_keepalive_ms: u64,
    /// Asks whether the server still sees us at the same address.
    probe: Option<Discovery>,
    /// Whether the last probe was answered; one that was not is no longer repeated at short intervals.
    probes_answered: bool,
    /// Whether the system said that a packet did not get away, since the last probe.
    refused: bool,
    /// Probes in a row that had no answer while packets did not get away.
    dead_ends: u32,
}

/// The receive thread's state.
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    poll: Poll,
    lines: HashMap<ConnectionId, Line>,
    ears: HashMap<ConnectionId, Ear>,
    /// Whose sockets were left before they were empty; the poll does not tell of those again.
    unread: Vec<ConnectionId>,
    events: EventSender,
    epoch: Instant,
}

/// Why a socket's turn is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It is empty, or closed: the poll tells when there is more.
    Empty,
    /// The others have their turn.
    More,
    /// It had nothing but errors. There may be more behind them, but it is not asked in haste.
    Errors,
}

impl Receiver {
    pub(crate) fn new(events: EventSender, epoch: Instant) -> io::Result<(Self, RecvHandle)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let shared = Arc::new(Shared { inbox: Inbox::new(COMMANDS), waker });
        let receiver = Self {
            shared: Arc::clone(&shared),
            poll,
            lines: HashMap::new(),
            ears: HashMap::new(),
            unread: Vec::new(),
            events,
            epoch,
        };
        Ok((receiver, RecvHandle(shared)))
    }

    /// The thread's work.
    pub(crate) fn run(mut self) {
        let mut ready = Events::with_capacity(256);
        let mut datagram = [0; DATAGRAM];
        let mut wait = Duration::ZERO;
        while !self.shared.inbox.is_stopped() {
            wait = self.turn(&mut ready, &mut datagram, wait);
        }
    }

    /// Waits for `wait` at most and reads a batch from each socket that has something; returns how long to
    /// wait next.
    fn turn(&mut self, ready: &mut Events, datagram: &mut [u8; DATAGRAM], wait: Duration) -> Duration {
        if let Err(error) = self.poll.poll(ready, Some(wait))
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "the receive thread cannot poll its sockets");
            std::thread::sleep(Duration::from_millis(100));
        }
        self.take_commands();
        let unread = std::mem::take(&mut self.unread);
        let mut hurry = false;
        let told = ready.iter().map(mio::event::Event::token).filter(|token| *token != WAKE);
        for id in told.map(|token| ConnectionId(token.0 as u64)).chain(unread) {
            // One that the poll has told of as well has had its turn.
            if self.unread.contains(&id) {
                continue;
            }
            let left = self.read(id, datagram);
            hurry |= left == Left::More;
            if left != Left::Empty {
                self.unread.push(id);
            }
        }
        let wait = self.run_timers();
        if hurry { Duration::ZERO } else { wait }
    }

    fn take_commands(&mut self) {
        while let Some(command) = self.shared.inbox.take() {
            match command {
                RecvCommand::Attach(id, published) => {
                    self.ears.insert(id, Ear::new(published));
                }
                RecvCommand::Open { id, peer } => self.open(id, peer),
                RecvCommand::Close(id) => {
                    self.close(id);
                    if let Some(ear) = self.ears.remove(&id) {
                        ear.close(self.epoch.elapsed());
                    }
                }
                RecvCommand::To(id, command) => {
                    // A connection that closed meanwhile needs no command.
                    if let Some(ear) = self.ears.get_mut(&id) {
                        ear.command(command, self.epoch.elapsed());
                    }
                }
            }
        }
    }

    fn open(&mut self, id: ConnectionId, mut peer: Box<Peer>) {
        self.close(id);
        if let Some(ear) = self.ears.get_mut(&id) {
            ear.end_session(self.epoch.elapsed());
        }
        let token = Token(id.0 as usize);
        if let Err(error) = self.poll.registry().register(&mut peer.socket, token, Interest::READABLE) {
            self.events.event(&peer.handler, Event::DiscoveryFailed(error.to_string()));
            return;
        }
        let line = Line {
            peer,
            phase: Phase::Discovering,
            keepalive: Keepalive::default(),
            next_keepalive_ms: self.now_ms() + keepalive::INTERVAL_MS,
            probe: None,
            probes_answered: true,
            refused: false,
            dead_ends: 0,
        };
        self.lines.insert(id, line);
    }

    fn close(&mut self, id: ConnectionId) {
        if let Some(mut line) = self.lines.remove(&id) {
            // The socket closes right after, which would take it out of the poll as well.
            let _ = self.poll.registry().deregister(&mut line.peer.socket);
        }
    }

    /// Reads until the socket is empty, which is when the poll looks at it again, but no more than a batch.
    fn read(&mut self, id: ConnectionId, datagram: &mut [u8; DATAGRAM]) -> Left {
        let mut left = Left::Errors;
        for _ in 0..BATCH {
            let Some(line) = self.lines.get(&id) else { return Left::Empty };
            let received = line.peer.socket.recv(datagram);
            // What was commanded before a datagram came holds for it: a key, or that somebody listens.
            if !self.shared.inbox.is_empty() {
                self.take_commands();
            }
            let Some(line) = self.lines.get_mut(&id) else { return Left::Empty };
            match received {
                Ok(len) => {
                    left = Left::More;
                    let datagram = &mut datagram[..len];
                    if line.is_ours(datagram, &self.events) {
                        continue;
                    }
                    Counters::add(&line.peer.counters.packets_received, 1);
                    if let Some(ear) = self.ears.get_mut(&id) {
                        ear.datagram(datagram, self.epoch.elapsed());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Left::Empty,
                // A connected socket reports here what became of an earlier packet; the next one may be fine.
                Err(_) => line.note_refused(),
            }
        }
        left
    }

    /// Sends what is due; returns the time until something is.
    fn run_timers(&mut self) -> Duration {
        let time = self.epoch.elapsed();
        let heard = self.ears.values_mut().filter_map(|ear| ear.run_timers(time)).min();
        let now = self.now_ms();
        let next = self.lines.values_mut().map(|line| line.run_timers(now, &self.events)).min();
        let next = [heard, next].into_iter().flatten().min();
        next.map_or(IDLE_LOOK_UP, |at| Duration::from_millis(at.saturating_sub(now)))
    }

    fn now_ms(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }
}

impl Line {
    /// Takes the answers to what this thread asks the server; false if the datagram is none.
    fn is_ours(&mut self, datagram: &[u8], events: &EventSender) -> bool {
        match (&self.phase, self.peer.discovery.answer(datagram)) {
            (Phase::Discovering, Some(external)) => self.found(external, events),
            (Phase::Open(known), Some(external)) => {
                let moved = *known != external;
                // One that nobody asked for tells nothing: it may come late, or from a stranger.
                if self.probe.take().is_some() {
                    self.probes_answered = true;
                    self.refused = false;
                    if moved {
                        tracing::info!("the voice server sees this connection at another address");
                        self.found(external, events);
                    }
                }
            }
            _ => return keepalive::is_echo(datagram),
        }
        true
    }

    fn found(&mut self, external: External, events: &EventSender) {
        self.phase = Phase::Open(external);
        events.event(&self.peer.handler, Event::Discovered(external));
    }

    /// Sends what is due; returns when to be called next, in milliseconds.
    fn run_timers(&mut self, now: u64, events: &EventSender) -> u64 {
        if let Phase::Discovering = self.phase {
            match self.ask(now) {
                Some(until) => return until,
                None => {
                    self.phase = Phase::Failed;
                    let reason = "the voice server did not answer IP discovery".to_owned();
                    events.event(&self.peer.handler, Event::DiscoveryFailed(reason));
                }
            }
        }
        if now >= self.next_keepalive_ms {
            let packet = self.keepalive.next_packet();
            self.transmit(&packet);
            Counters::add(&self.peer.counters.keepalives_sent, 1);
            self.next_keepalive_ms = now + keepalive::INTERVAL_MS;
            if let Phase::Open(_) = self.phase {
                self.begin_probe(now, events);
            }
        }
        self.next_keepalive_ms.min(self.run_probe(now).unwrap_or(u64::MAX))
    }

    /// The first discovery: the time to wait for an answer until, none once it has come too late.
    fn ask(&mut self, now: u64) -> Option<u64> {
        loop {
            match self.peer.discovery.poll(now) {
                Step::Send(request) => self.transmit(&request),
                Step::Wait(until) => return Some(until),
                Step::GiveUp => return None,
            }
        }
    }

    fn begin_probe(&mut self, now: u64, events: &EventSender) {
        let unanswered = self.probe.is_some();
        if unanswered {
            self.probes_answered = false;
        }
        let dead_end = unanswered && std::mem::take(&mut self.refused);
        self.dead_ends = if dead_end { self.dead_ends + 1 } else { 0 };
        if self.dead_ends == DEAD_ENDS {
            self.phase = Phase::Failed;
            self.probe = None;
            let reason = "packets to the voice server do not get away".to_owned();
            return events.event(&self.peer.handler, Event::DiscoveryFailed(reason));
        }
        self.probe = Some(self.peer.discovery.again(now, self.next_keepalive_ms));
    }

    fn run_probe(&mut self, now: u64) -> Option<u64> {
        loop {
            match self.probe.as_mut()?.poll(now) {
                Step::Send(request) => self.transmit(&request),
                // A server that answers no probes is not to be bothered with repetitions.
                Step::Wait(_) if !self.probes_answered => return None,
                Step::Wait(until) => return Some(until),
                Step::GiveUp => return None,
            }
        }
    }

    fn transmit(&mut self, datagram: &[u8]) {
        if self.peer.socket.send(datagram).is_err() {
            self.note_refused();
        }
    }

    fn note_refused(&mut self) {
        self.refused = true;
        Counters::add(&self.peer.counters.send_errors, 1);
    }
}

#[cfg(test)]
mod tests;
