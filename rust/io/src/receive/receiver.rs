//! A receive thread: the voice sockets of its connections in one poll. Lets each [`VoiceSocket`] do what is due, and
//! gives what comes in to each connection's [`Inlet`].

use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isocord_proto::recv::Workspace;
use mio::{Events, Interest, Poll, Token, Waker};
use priority_queue::PriorityQueue;

use super::inlet::{Inlet, InletCommand};
use super::intake::Intake;
use super::report::Published;
use super::socket::VoiceSocket;
use crate::events::EventOutbox;
use crate::threads::ConnectionId;
use crate::threads::inbox::{Commands, Inbox, inbox};

const COMMANDS: usize = 1_024;
const WAKE: Token = Token(usize::MAX);
/// Reads of one socket before the others have their turn.
const READS: usize = 4;
/// With nothing to do the thread looks up this often.
const IDLE_LOOK_UP: Duration = Duration::from_secs(5);

/// To a receive thread.
pub(crate) enum ReceiveCommand {
    /// A connection is made; its counts are published there.
    Attach(ConnectionId, Arc<Published>),
    /// A socket, in the place of the one before.
    Open(ConnectionId, Box<VoiceSocket>),
    Close(ConnectionId),
    To(ConnectionId, InletCommand),
}

/// The way to a receive thread.
pub(crate) struct ReceiverHandle {
    inbox: Inbox<ReceiveCommand>,
    waker: Waker,
}

impl ReceiverHandle {
    /// Queues a command, waiting a bounded time if the queue is full; false if it stays full or the
    /// thread has stopped.
    pub(crate) fn send(&self, command: ReceiveCommand) -> bool {
        self.inbox.send(command, || self.wake()).is_ok()
    }

    pub(crate) fn stop(&self) {
        self.inbox.stop();
        self.wake();
    }

    fn wake(&self) {
        if let Err(error) = self.waker.wake() {
            tracing::warn!(%error, "the receive thread cannot be woken");
        }
    }
}

/// A receive thread's state.
pub(crate) struct Receiver {
    commands: Commands<ReceiveCommand>,
    poll: Poll,
    members: HashMap<ConnectionId, Member>,
    /// Whose turn is when, in milliseconds.
    timers: PriorityQueue<ConnectionId, Reverse<u64>>,
    /// Whose sockets were left before they were empty; the poll does not tell of those again.
    unread: Vec<ConnectionId>,
    /// The same, while they have their turn.
    had: Vec<ConnectionId>,
    /// One for all connections.
    workspace: Box<Workspace>,
    /// Turns so far.
    turns: u64,
    out: EventOutbox,
    epoch: Instant,
}

/// One connection.
struct Member {
    inlet: Inlet,
    socket: Option<Box<VoiceSocket>>,
    /// Whether the poll watches its socket: for each packet that leaves by a watched one the system looks who waits for
    /// it, which costs a tenth of the sending.
    watched: bool,
    /// The last turn in which it was read.
    served: u64,
}

impl Member {
    fn due(&self) -> Option<u64> {
        let socket = self.socket.as_ref().map(|socket| socket.due());
        [self.inlet.due(), socket].into_iter().flatten().min()
    }
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
    pub(crate) fn new(out: EventOutbox, epoch: Instant) -> io::Result<(Self, ReceiverHandle)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let (inbox, commands) = inbox(COMMANDS);
        let receiver = Self {
            commands,
            poll,
            members: HashMap::new(),
            timers: PriorityQueue::new(),
            unread: Vec::new(),
            had: Vec::new(),
            workspace: Workspace::new(),
            turns: 0,
            out,
            epoch,
        };
        Ok((receiver, ReceiverHandle { inbox, waker }))
    }

    /// The thread's work.
    pub(crate) fn run(mut self) {
        let mut ready = Events::with_capacity(256);
        let mut intake = Intake::new();
        let mut wait = Duration::ZERO;
        while !self.commands.is_stopped() {
            wait = self.turn(&mut ready, &mut intake, wait);
        }
    }

    /// Waits for `wait` at most and reads a batch from each socket that has something; returns how long to
    /// wait next.
    fn turn(&mut self, ready: &mut Events, intake: &mut Intake, wait: Duration) -> Duration {
        if let Err(error) = self.poll.poll(ready, Some(wait))
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::error!(%error, "a receive thread cannot poll its sockets");
            std::thread::sleep(Duration::from_millis(100));
        }
        self.take_commands();
        self.turns += 1;
        std::mem::swap(&mut self.unread, &mut self.had);
        let mut hurry = false;
        let told = ready.iter().map(mio::event::Event::token).filter(|token| *token != WAKE);
        for id in told.map(|token| ConnectionId(token.0 as u64)) {
            hurry |= self.serve(id, intake);
        }
        while let Some(id) = self.had.pop() {
            hurry |= self.serve(id, intake);
        }
        let wait = self.run_timers();
        if hurry { Duration::ZERO } else { wait }
    }

    fn take_commands(&mut self) {
        while let Some(command) = self.commands.take() {
            let id = match command {
                ReceiveCommand::Attach(id, published) => {
                    let inlet = Inlet::new(published);
                    self.members.insert(id, Member { inlet, socket: None, watched: false, served: 0 });
                    id
                }
                ReceiveCommand::Open(id, socket) => {
                    self.open(id, socket);
                    id
                }
                ReceiveCommand::Close(id) => {
                    self.leave(id);
                    if let Some(member) = self.members.remove(&id) {
                        member.inlet.close(self.epoch.elapsed(), &mut self.workspace);
                    }
                    id
                }
                ReceiveCommand::To(id, command) => {
                    // A connection that closed meanwhile needs no command.
                    if let Some(member) = self.members.get_mut(&id) {
                        member.inlet.command(command, self.epoch.elapsed(), &mut self.workspace);
                    }
                    id
                }
            };
            self.settle(id, 0);
        }
    }

    fn open(&mut self, id: ConnectionId, socket: Box<VoiceSocket>) {
        self.leave(id);
        let Some(member) = self.members.get_mut(&id) else { return };
        member.inlet.end_session(self.epoch.elapsed(), &mut self.workspace);
        member.socket = Some(socket);
    }

    /// Closes a connection's socket.
    fn leave(&mut self, id: ConnectionId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if let (Some(mut socket), true) = (member.socket.take(), std::mem::take(&mut member.watched)) {
            // The poll would go on watching what others still hold.
            let _ = self.poll.registry().deregister(socket.pollable());
        }
    }

    /// Has the poll watch a connection's socket as long as it may bring anything.
    fn watch(&mut self, id: ConnectionId) {
        let Some(Member { socket: place, watched, .. }) = self.members.get_mut(&id) else { return };
        let Some(socket) = place.as_mut().filter(|socket| socket.may_bring() != *watched) else { return };
        let (registry, token) = (self.poll.registry(), Token(id.0 as usize));
        let changed = match *watched {
            true => registry.deregister(socket.pollable()),
            // What has come meanwhile is told of at once.
            false => registry.register(socket.pollable(), token, Interest::READABLE),
        };
        match changed {
            Ok(()) => *watched = !*watched,
            Err(error) => {
                socket.fail(error.to_string(), &mut self.out);
                self.leave(id);
            }
        }
    }

    /// A connection's turn; whether it has more, which is not to wait.
    fn serve(&mut self, id: ConnectionId, intake: &mut Intake) -> bool {
        match self.members.get_mut(&id) {
            // One that the poll has told of was left unread as well.
            Some(member) if member.served != self.turns => member.served = self.turns,
            _ => return false,
        }
        let left = self.read(id, intake);
        if left != Left::Empty {
            self.unread.push(id);
        }
        self.settle(id, 0);
        left == Left::More
    }

    /// Reads until the socket is empty, which is when the poll looks at it again, but no more than a batch.
    fn read(&mut self, id: ConnectionId, intake: &mut Intake) -> Left {
        let mut left = Left::Errors;
        for _ in 0..READS {
            let Some(Member { socket: Some(socket), .. }) = self.members.get(&id) else { return Left::Empty };
            let read = socket.receive(intake);
            // What was commanded before a datagram came holds for it: a key, or that somebody listens.
            if !self.commands.is_empty() {
                self.take_commands();
            }
            let Some(Member { inlet, socket: Some(socket), .. }) = self.members.get_mut(&id) else {
                return Left::Empty;
            };
            let taken = match read {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Left::Empty,
                // A connected socket reports here what became of an earlier packet; the next one may be fine.
                Err(_) => {
                    socket.note_refused();
                    continue;
                }
            };
            let now = self.epoch.elapsed();
            let mut heard = false;
            for (datagram, age) in intake.datagrams(taken.count) {
                if !socket.is_ours(datagram, &mut self.out) {
                    inlet.datagram(datagram, age, now, &mut self.workspace);
                    heard = true;
                }
            }
            if heard {
                inlet.settle(now, &mut self.workspace);
            }
            if taken.refused {
                socket.note_refused();
            }
            if taken.all {
                return Left::Empty;
            }
            left = Left::More;
        }
        left
    }

    /// Lets those whose time has come do what is due; returns the time until the next one's.
    fn run_timers(&mut self) -> Duration {
        let time = self.epoch.elapsed();
        let now = time.as_millis() as u64;
        while let Some((&id, &Reverse(at))) = self.timers.peek() {
            if at > now {
                return Duration::from_millis(at - now);
            }
            if let Some(member) = self.members.get_mut(&id) {
                member.inlet.run_timers(time, &mut self.workspace);
                if let Some(socket) = &mut member.socket {
                    socket.run_timers(now, &mut self.out);
                }
            }
            self.settle(id, now + 1);
        }
        IDLE_LOOK_UP
    }

    /// After whatever has changed with a connection: what it waits for, and for how long, from `earliest` on.
    fn settle(&mut self, id: ConnectionId, earliest: u64) {
        self.watch(id);
        match self.members.get(&id).and_then(Member::due) {
            Some(due) => drop(self.timers.push(id, Reverse(due.max(earliest)))),
            None => drop(self.timers.remove(&id)),
        }
    }
}

#[cfg(test)]
mod tests;
