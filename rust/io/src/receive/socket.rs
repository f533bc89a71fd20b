//! One socket: asks the voice server for our own address, again and again, for a router may give us another one; sends
//! the keepalives, and notices when the socket leads nowhere.

use std::io;
use std::sync::Arc;

use isocord_proto::discovery::{Discovery, External, Step};
use isocord_proto::keepalive::{self, Keepalive};

use super::intake::{Intake, Line, Taken};
use super::sieve::Sieve;
use crate::events::{Event, EventHandler, EventOutbox, Notice};
use crate::stats::Counters;

/// After so many probes that could not even leave, or were refused, the socket leads nowhere: our own
/// address has gone, or the server has.
const DEAD_ENDS: u32 = 2;

enum Phase {
    Discovering,
    /// The voice server sees us there.
    Open(External),
    /// Discovery failed, now or later on; the owner closes the socket or opens another.
    Failed,
}

/// One socket as the receive thread sees it.
pub(crate) struct VoiceSocket {
    line: Line,
    sieve: Arc<Sieve>,
    discovery: Discovery,
    counters: Arc<Counters>,
    handler: Arc<dyn EventHandler>,
    phase: Phase,
    keepalive: Keepalive,
    next_keepalive_ms: u64,
    /// When something is to be done next.
    due: u64,
    /// Asks whether the server still sees us at the same address.
    probe: Option<Discovery>,
    /// Whether the last probe was answered; one that was not is no longer repeated at short intervals.
    probes_answered: bool,
    /// Whether the system said that a packet did not get away, since the last probe.
    refused: bool,
    /// Probes in a row that had no answer while packets did not get away.
    dead_ends: u32,
}

impl VoiceSocket {
    /// A socket that is connected to the voice server, which is asked for our own address first.
    pub(crate) fn new(
        line: Line,
        sieve: Arc<Sieve>,
        discovery: Discovery,
        now_ms: u64,
        counters: Arc<Counters>,
        handler: Arc<dyn EventHandler>,
    ) -> Self {
        Self {
            line,
            sieve,
            discovery,
            counters,
            handler,
            phase: Phase::Discovering,
            keepalive: Keepalive::default(),
            next_keepalive_ms: now_ms + keepalive::INTERVAL_MS,
            due: now_ms,
            probe: None,
            probes_answered: true,
            refused: false,
            dead_ends: 0,
        }
    }

    /// What the poll watches.
    pub(super) fn pollable(&mut self) -> &mut Line {
        &mut self.line
    }

    /// Whether anything may come: an answer to what was asked, or what the system lets through.
    pub(super) fn may_bring(&self) -> bool {
        matches!(self.phase, Phase::Discovering) || self.probe.is_some() || !self.sieve.is_on()
    }

    /// Reads some datagrams.
    pub(super) fn receive(&self, intake: &mut Intake) -> io::Result<Taken> {
        intake.read(&self.line)
    }

    /// The socket leads nowhere: the owner closes it or opens another.
    pub(super) fn fail(&mut self, reason: String, out: &mut EventOutbox) {
        self.phase = Phase::Failed;
        self.probe = None;
        out.tell(Notice::new(&self.handler, Event::DiscoveryFailed(reason)));
    }

    /// Takes the answers to what is asked here of the server; false for a datagram that is none, which is counted.
    pub(super) fn is_ours(&mut self, datagram: &[u8], out: &mut EventOutbox) -> bool {
        match (&self.phase, self.discovery.answer(datagram)) {
            (Phase::Discovering, Some(external)) => self.found(external, out),
            (Phase::Open(known), Some(external)) => {
                let moved = *known != external;
                // One that nobody asked for tells nothing: it may come late, or from a stranger.
                if self.probe.take().is_some() {
                    self.probes_answered = true;
                    self.refused = false;
                    if moved {
                        tracing::info!("the voice server sees this connection at another address");
                        self.found(external, out);
                    }
                }
            }
            _ if keepalive::is_echo(datagram) => {}
            _ => {
                Counters::add(&self.counters.packets_received, 1);
                return false;
            }
        }
        true
    }

    fn found(&mut self, external: External, out: &mut EventOutbox) {
        self.phase = Phase::Open(external);
        out.tell(Notice::new(&self.handler, Event::Discovered(external)));
    }

    /// When [`Self::run_timers`] is to be called next, in milliseconds.
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    /// Sends what is due.
    pub(super) fn run_timers(&mut self, now: u64, out: &mut EventOutbox) {
        self.due = self.send_due(now, out);
    }

    fn send_due(&mut self, now: u64, out: &mut EventOutbox) -> u64 {
        if let Phase::Discovering = self.phase {
            match self.ask(now) {
                Some(until) => return until,
                None => self.fail("the voice server did not answer IP discovery".to_owned(), out),
            }
        }
        if now >= self.next_keepalive_ms {
            let packet = self.keepalive.next_packet();
            self.transmit(&packet);
            Counters::add(&self.counters.keepalives_sent, 1);
            self.next_keepalive_ms = now + keepalive::INTERVAL_MS;
            // The system's count is kept up with, for it begins anew one day.
            self.sieve.dropped();
            if let Phase::Open(_) = self.phase {
                self.begin_probe(now, out);
            }
        }
        self.next_keepalive_ms.min(self.run_probe(now).unwrap_or(u64::MAX))
    }

    /// The first discovery: the time to wait for an answer until, none once it has come too late.
    fn ask(&mut self, now: u64) -> Option<u64> {
        loop {
            match self.discovery.poll(now) {
                Step::Send(request) => self.transmit(&request),
                Step::Wait(until) => return Some(until),
                Step::GiveUp => return None,
            }
        }
    }

    fn begin_probe(&mut self, now: u64, out: &mut EventOutbox) {
        let unanswered = self.probe.is_some();
        if unanswered {
            self.probes_answered = false;
        }
        let dead_end = unanswered && std::mem::take(&mut self.refused);
        self.dead_ends = if dead_end { self.dead_ends + 1 } else { 0 };
        if self.dead_ends == DEAD_ENDS {
            return self.fail("packets to the voice server do not get away".to_owned(), out);
        }
        self.probe = Some(self.discovery.again(now, self.next_keepalive_ms));
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
        if self.line.send(datagram).is_err() {
            self.note_refused();
        }
    }

    pub(super) fn note_refused(&mut self) {
        self.refused = true;
        Counters::add(&self.counters.send_errors, 1);
    }
}
