//! The receive thread: every voice socket in one poll. Lets each [`VoiceSocket`] do what is due, and gives what comes
//! in to each connection's [`Inlet`].

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token, Waker};

use super::inlet::{Inlet, InletCommand};
use super::report::Published;
use super::socket::VoiceSocket;
use crate::events::EventOutbox;
use crate::threads::ConnectionId;
use crate::threads::inbox::{Commands, Inbox, inbox};

const COMMANDS: usize = 1_024;
const WAKE: Token = Token(usize::MAX);
/// Bigger than any datagram of Discord's.
const DATAGRAM: usize = 2_048;
/// Datagrams that one socket may hand over before the others have their turn.
const BATCH: usize = 64;
/// With nothing to do the thread looks up this often.
const IDLE_LOOK_UP: Duration = Duration::from_secs(5);

/// To the receive thread.
pub(crate) enum ReceiveCommand {
    /// A connection is made; its counts are published there.
    Attach(ConnectionId, Arc<Published>),
    /// A socket, in the place of the one before.
    Open(ConnectionId, Box<VoiceSocket>),
    Close(ConnectionId),
    To(ConnectionId, InletCommand),
}

/// The way to the receive thread.
#[derive(Clone)]
pub(crate) struct ReceiverHandle(Arc<Shared>);

struct Shared {
    inbox: Inbox<ReceiveCommand>,
    waker: Waker,
}

impl ReceiverHandle {
    /// Queues a command, waiting a bounded time if the queue is full; false if it stays full or the
    /// thread has stopped.
    pub(crate) fn send(&self, command: ReceiveCommand) -> bool {
        self.0.inbox.send(command, || self.wake()).is_ok()
    }

    pub(crate) fn send_to(&self, id: ConnectionId, command: InletCommand) -> bool {
        self.send(ReceiveCommand::To(id, command))
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

/// The receive thread's state.
pub(crate) struct Receiver {
    commands: Commands<ReceiveCommand>,
    poll: Poll,
    sockets: HashMap<ConnectionId, Box<VoiceSocket>>,
    inlets: HashMap<ConnectionId, Inlet>,
    /// Whose sockets were left before they were empty; the poll does not tell of those again.
    unread: Vec<ConnectionId>,
    out: EventOutbox,
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
    pub(crate) fn new(out: EventOutbox, epoch: Instant) -> io::Result<(Self, ReceiverHandle)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let (inbox, commands) = inbox(COMMANDS);
        let receiver = Self {
            commands,
            poll,
            sockets: HashMap::new(),
            inlets: HashMap::new(),
            unread: Vec::new(),
            out,
            epoch,
        };
        Ok((receiver, ReceiverHandle(Arc::new(Shared { inbox, waker }))))
    }

    /// The thread's work.
    pub(crate) fn run(mut self) {
        let mut ready = Events::with_capacity(256);
        let mut datagram = [0; DATAGRAM];
        let mut wait = Duration::ZERO;
        while !self.commands.is_stopped() {
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
        while let Some(command) = self.commands.take() {
            match command {
                ReceiveCommand::Attach(id, published) => {
                    self.inlets.insert(id, Inlet::new(published));
                }
                ReceiveCommand::Open(id, socket) => self.open(id, socket),
                ReceiveCommand::Close(id) => {
                    self.close(id);
                    if let Some(inlet) = self.inlets.remove(&id) {
                        inlet.close(self.epoch.elapsed());
                    }
                }
                ReceiveCommand::To(id, command) => {
                    // A connection that closed meanwhile needs no command.
                    if let Some(inlet) = self.inlets.get_mut(&id) {
                        inlet.command(command, self.epoch.elapsed());
                    }
                }
            }
        }
    }

    fn open(&mut self, id: ConnectionId, mut socket: Box<VoiceSocket>) {
        self.close(id);
        if let Some(inlet) = self.inlets.get_mut(&id) {
            inlet.end_session(self.epoch.elapsed());
        }
        let token = Token(id.0 as usize);
        match self.poll.registry().register(socket.pollable(), token, Interest::READABLE) {
            Ok(()) => drop(self.sockets.insert(id, socket)),
            Err(error) => socket.fail(error.to_string(), &mut self.out),
        }
    }

    fn close(&mut self, id: ConnectionId) {
        if let Some(mut socket) = self.sockets.remove(&id) {
            // The socket closes right after, which would take it out of the poll as well.
            let _ = self.poll.registry().deregister(socket.pollable());
        }
    }

    /// Reads until the socket is empty, which is when the poll looks at it again, but no more than a batch.
    fn read(&mut self, id: ConnectionId, datagram: &mut [u8; DATAGRAM]) -> Left {
        let mut left = Left::Errors;
        for _ in 0..BATCH {
            let Some(socket) = self.sockets.get_mut(&id) else { return Left::Empty };
            let received = socket.receive(datagram);
            // What was commanded before a datagram came holds for it: a key, or that somebody listens.
            if !self.commands.is_empty() {
                self.take_commands();
            }
            let Some(socket) = self.sockets.get_mut(&id) else { return Left::Empty };
            match received {
                Ok((len, age)) => {
                    left = Left::More;
                    let datagram = &mut datagram[..len];
                    if socket.is_ours(datagram, &mut self.out) {
                        continue;
                    }
                    if let Some(inlet) = self.inlets.get_mut(&id) {
                        inlet.datagram(datagram, age, self.epoch.elapsed());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Left::Empty,
                // A connected socket reports here what became of an earlier packet; the next one may be fine.
                Err(_) => socket.note_refused(),
            }
        }
        left
    }

    /// Sends what is due; returns the time until something is.
    fn run_timers(&mut self) -> Duration {
        let time = self.epoch.elapsed();
        let heard = self.inlets.values_mut().filter_map(|inlet| inlet.run_timers(time)).min();
        let now = self.now_ms();
        let next = self.sockets.values_mut().map(|socket| socket.run_timers(now, &mut self.out)).min();
        let next = [heard, next].into_iter().flatten().min();
        next.map_or(IDLE_LOOK_UP, |at| Duration::from_millis(at.saturating_sub(now)))
    }

    fn now_ms(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }
}

#[cfg(test)]
mod tests;
