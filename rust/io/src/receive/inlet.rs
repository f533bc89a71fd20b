//! One connection on the receive thread: its path, those who listen, its published counts.

use std::sync::Arc;
use std::time::Duration;

use isocord_proto::cipher::Opener;
use isocord_proto::dave::{Openers, ReceiverChange};
use isocord_proto::recv::{
    Arrived, DelayBounds, Frame, FrameOutput, Listening, ReceivePath, Speaking, Workspace,
};

use super::bell::Bell;
use super::queue::{Form, FrameWriter};
use super::report::{PUBLISH_MS, Published};
use super::sieve::Hearing;

/// What is due is played at multiples of this, so that all connections and speakers share a wake-up and
/// consumers get batches.
const TICK_MS: u64 = 10;

/// To one connection on the receive thread.
pub(crate) enum InletCommand {
    /// The key of a session.
    Session(Box<Opener>),
    /// A stream is a user's.
    Assign { ssrc: u32, user_id: u64 },
    /// A user left.
    Left(u64),
    /// Somebody listens, until the other end of the queue is dropped.
    Listen(FrameWriter, Hearing),
    /// Somebody wants to know at once who begins to speak, until the bell's handle is dropped.
    Bell(Bell, Hearing),
    /// New end-to-end keys, or a transition from or to plain frames.
    Keys(ReceiverChange),
}

pub(crate) struct Inlet {
    path: ReceivePath<Openers>,
    listeners: Listeners,
    published: Arc<Published>,
    next_tick: Option<u64>,
    /// When the counts are published next; never while nothing changes.
    publish_at: Option<u64>,
}

#[derive(Default)]
struct Listeners {
    writers: Vec<(FrameWriter, Hearing)>,
    bells: Vec<(Bell, Hearing)>,
}

impl FrameOutput for Listeners {
    fn frame(&mut self, frame: Frame<'_>) {
        self.writers().for_each(|writer| writer.frame(&frame));
    }

    fn speaking(&mut self, user_id: u64, speaking: Speaking, position: u64) {
        self.writers().for_each(|writer| writer.speaking(user_id, speaking, position));
    }

    fn arrived(&mut self, packet: Arrived<'_>) {
        self.bells().for_each(|bell| bell.arrived(&packet));
    }
}

impl Listeners {
    fn writers(&mut self) -> impl Iterator<Item = &mut FrameWriter> {
        self.writers.iter_mut().map(|(writer, _)| writer)
    }

    fn bells(&mut self) -> impl Iterator<Item = &mut Bell> {
        self.bells.iter_mut().map(|(bell, _)| bell)
    }

    /// Whether any of them wants nothing more.
    fn have_gone(&self) -> bool {
        let gone = self.writers.iter().any(|(writer, _)| writer.is_abandoned());
        gone || self.bells.iter().any(|(bell, _)| bell.is_abandoned())
    }

    fn listening(&self) -> Listening {
        let wants = |form| self.writers.iter().any(|(writer, _)| writer.form() == form);
        // Talk spurts are told from packets: there is nothing to decode for them.
        let packets = wants(Form::Opus) || wants(Form::Speaking) || !self.bells.is_empty();
        match (wants(Form::Pcm), packets) {
            (false, false) => Listening::Off,
            (true, false) => Listening::Pcm,
            (false, true) => Listening::Opus,
            (true, true) => Listening::PcmAndOpus,
        }
    }
}

impl Inlet {
    pub(crate) fn new(published: Arc<Published>) -> Self {
        Self {
            path: ReceivePath::new(Openers::new(), DelayBounds::default()),
            listeners: Listeners::default(),
            published,
            next_tick: None,
            publish_at: None,
        }
    }

    /// Carries out a command.
    pub(crate) fn command(&mut self, command: InletCommand, now: Duration, workspace: &mut Workspace) {
        let out = &mut self.listeners;
        match command {
            InletCommand::Session(opener) => self.path.start_session(*opener),
            InletCommand::Assign { ssrc, user_id } => {
                self.path.assign_ssrc(ssrc, user_id, now, workspace, out)
            }
            InletCommand::Left(user_id) => {
                self.path.user_left(user_id, now, workspace, out);
                out.writers().for_each(|writer| writer.left(user_id));
                out.bells().for_each(|bell| bell.left(user_id));
            }
            InletCommand::Listen(writer, hearing) => {
                out.writers.push((writer, hearing));
                self.listeners_changed(now, workspace);
            }
            InletCommand::Bell(bell, hearing) => {
                out.bells.push((bell, hearing));
                self.listeners_changed(now, workspace);
            }
            InletCommand::Keys(change) => {
                self.path.change_keys(now, workspace, out, |openers| openers.apply(change, now));
            }
        }
        self.schedule(now);
    }

    /// The connection gets a new socket: what belonged to the old server goes.
    pub(crate) fn end_session(&mut self, now: Duration, workspace: &mut Workspace) {
        self.path.end_session(now, workspace, &mut self.listeners);
        self.schedule(now);
    }

    /// Takes a datagram in that came `age` ago; its bytes are overwritten. [`Self::settle`] is to follow.
    pub(crate) fn datagram(
        &mut self,
        datagram: &mut [u8],
        age: Duration,
        now: Duration,
        workspace: &mut Workspace,
    ) {
        self.path.datagram(datagram, now.saturating_sub(age), workspace, &mut self.listeners);
    }

    /// All that came together has been taken in: finds out when it is to be played, so that one more wake-up does.
    pub(crate) fn settle(&mut self, now: Duration, workspace: &mut Workspace) {
        self.let_go(now, workspace);
        if self.path.listening() == Listening::Off {
            self.schedule_report(now.as_millis() as u64);
        } else {
            self.play(now, workspace);
        }
    }

    /// When [`Self::run_timers`] is to be called next, in milliseconds; never while nothing happens.
    pub(crate) fn due(&self) -> Option<u64> {
        [self.next_tick, self.publish_at].into_iter().flatten().min()
    }

    /// Plays and publishes what is due.
    pub(crate) fn run_timers(&mut self, now: Duration, workspace: &mut Workspace) {
        let now_ms = now.as_millis() as u64;
        if self.next_tick.is_some_and(|at| at <= now_ms) {
            self.let_go(now, workspace);
            self.play(now, workspace);
        }
        if self.publish_at.is_some_and(|at| at <= now_ms) {
            self.publish_at = if self.publish() { None } else { Some(now_ms + PUBLISH_MS) };
        }
    }

    /// The connection is closed: plays what waits and lets those who listen know.
    pub(crate) fn close(mut self, now: Duration, workspace: &mut Workspace) {
        self.path.end_session(now, workspace, &mut self.listeners);
        self.publish();
    }

    /// Plays what is due, and says when something is next.
    fn play(&mut self, now: Duration, workspace: &mut Workspace) {
        let due = self.path.poll(now, workspace, &mut self.listeners);
        let delay = self.path.delay();
        for writer in self.listeners.writers() {
            writer.note_delay(delay);
            writer.flush();
        }
        self.schedule_report(now.as_millis() as u64);
        // The tick after the moment, so that one wake-up finds everything due.
        self.next_tick = due.map(|due| (due.as_micros() as u64).div_ceil(1_000 * TICK_MS) * TICK_MS);
    }

    /// Those who want nothing more are noticed with what comes.
    fn let_go(&mut self, now: Duration, workspace: &mut Workspace) {
        if self.listeners.have_gone() {
            self.listeners_changed(now, workspace);
        }
    }

    fn listeners_changed(&mut self, now: Duration, workspace: &mut Workspace) {
        self.listeners.writers.retain(|(writer, _)| !writer.is_abandoned());
        self.listeners.bells.retain(|(bell, _)| !bell.is_abandoned());
        let listening = self.listeners.listening();
        if listening != self.path.listening() {
            self.path.listen(listening, now, workspace, &mut self.listeners);
        }
    }

    /// Something has changed: makes sure that the next tick and the next report come.
    fn schedule(&mut self, now: Duration) {
        let now_ms = now.as_millis() as u64;
        let tick = (now_ms / TICK_MS + 1) * TICK_MS;
        self.next_tick = Some(self.next_tick.map_or(tick, |at| at.min(tick)));
        self.schedule_report(now_ms);
    }

    fn schedule_report(&mut self, now_ms: u64) {
        self.publish_at.get_or_insert(now_ms + PUBLISH_MS);
    }

    fn publish(&self) -> bool {
        self.published.update(|report| {
            report.connection = self.path.stats();
            report.users.clear();
            report.users.extend(self.path.users());
        })
    }
}
