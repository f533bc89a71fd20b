//! One voice connection's UDP leg, as its owner holds it.

mod barge_in;
mod hearing;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use isocord_proto::cipher::{KEY_LEN, Opener, TransportMode};
use isocord_proto::dave::SenderChange;
use isocord_proto::discovery::Discovery;
use isocord_proto::frame::OpusFrame;
use isocord_proto::opus::OpusError;
use isocord_proto::send::SendPath;
use isocord_proto::timeline::Timeline;
use ring::rand::{SecureRandom, SystemRandom};

pub use barge_in::BargeIn;

use crate::engine::Engine;
use crate::events::EventHandler;
use crate::play::track::TrackReader;
use crate::receive::common_clock::CommonClock;
use crate::receive::inlet::InletCommand;
use crate::receive::intake::Line;
use crate::receive::receiver::ReceiveCommand;
use crate::receive::report::Published;
use crate::receive::sieve::Sieve;
use crate::receive::socket::VoiceSocket;
use crate::record::SinkError;
use crate::send::clock::OutletHandle;
use crate::send::outlet::{Outlet, OutletCommand, PlayedTrack};
pub use crate::send::tap::{Sent, SentReader, SentWriter};
use crate::stats::{Counters, Stats};
use crate::threads::ConnectionId;

/// Why a connection cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The socket could not be made.
    #[error("the UDP socket to the voice server could not be opened: {0}")]
    Socket(#[from] io::Error),
    /// It is closed, or has no session yet.
    #[error("the voice connection has no session")]
    NoSession,
    /// The track was given to a connection before.
    #[error("a track plays only once")]
    TrackUsed,
    /// There is no memory for a decoder.
    #[error(transparent)]
    Opus(#[from] OpusError),
    /// The native threads are overloaded or have stopped.
    #[error("the native threads do not take commands")]
    Stalled,
}

/// Why a recording cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The connection is closed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The options, or a target.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// There is no thread for it.
    #[error("no thread for the recording: {0}")]
    Thread(#[from] io::Error),
}

/// A connection's socket, keys and slot. Dropping it closes it.
pub struct Connection {
    id: ConnectionId,
    engine: Arc<Engine>,
    outlet: OutletHandle,
    handler: Arc<dyn EventHandler>,
    counters: Arc<Counters>,
    published: Arc<Published>,
    sieve: Arc<Sieve>,
    ssrc: AtomicU32,
    has_session: AtomicBool,
    closed: AtomicBool,
}

impl Connection {
    /// A connection without a socket.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn new(engine: Arc<Engine>, handler: Arc<dyn EventHandler>) -> Result<Self, ConnectionError> {
        let counters = Arc::new(Counters::default());
        let id = engine.new_id();
        let outlet = Outlet::new(random_timeline(), Arc::clone(&counters));
        let outlet = engine.clocks.attach(id.0, outlet).ok_or(ConnectionError::Stalled)?;
        let published = Arc::new(Published::default());
        if !engine.receiver(id).send(ReceiveCommand::Attach(id, Arc::clone(&published))) {
            outlet.detach();
            return Err(ConnectionError::Stalled);
        }
        Ok(Self {
            id,
            engine,
            outlet,
            handler,
            counters,
            published,
            sieve: Arc::default(),
            ssrc: AtomicU32::new(0),
            has_session: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// Opens a socket to the voice server and asks for our own address. A socket from before is
    /// replaced; what plays waits for [`Self::start_session`].
    ///
    /// # Errors
    /// [`ConnectionError::Socket`], [`ConnectionError::NoSession`] once closed, [`ConnectionError::Stalled`].
    pub fn open(&self, server: SocketAddr, ssrc: u32, timeout: Duration) -> Result<(), ConnectionError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(ConnectionError::NoSession);
        }
        self.has_session.store(false, Ordering::Release);
        let local: IpAddr =
            if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((local, 0))?;
        // Only datagrams of the server's address reach a connected socket, and sending is cheaper.
        socket.connect(server)?;
        socket.set_nonblocking(true)?;
        crate::send::go_first(&socket);
        let socket = Arc::new(socket);
        self.ssrc.store(ssrc, Ordering::Release);

        let now = self.engine.epoch.elapsed().as_millis() as u64;
        let heard = Box::new(VoiceSocket::new(
            Line::new(&socket)?,
            Arc::clone(&self.sieve),
            Discovery::new(ssrc, now, now + timeout.as_millis() as u64),
            now,
            Arc::clone(&self.counters),
            Arc::clone(&self.handler),
        ));
        self.sieve.watch(Some(Arc::clone(&socket)));
        self.command(OutletCommand::Socket(Box::new(socket)))?;
        self.to_receiver(ReceiveCommand::Open(self.id, heard))
    }

    /// Takes the keys of a session. Packets that come are opened from now on; packets leave once
    /// [`Self::change_sender`] has said how.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn start_session(&self, mode: TransportMode, key: &[u8; KEY_LEN]) -> Result<(), ConnectionError> {
        let path = SendPath::new(self.ssrc.load(Ordering::Acquire), self.engine.sealer(mode, key));
        self.receive(InletCommand::Session(Box::new(Opener::new(mode, key))))?;
        self.command(OutletCommand::Session(Box::new(path)))?;
        self.has_session.store(true, Ordering::Release);
        Ok(())
    }

    /// The voice server has ended the session: what plays waits for the next [`Self::start_session`], where it
    /// would be sent to nobody.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn end_session(&self) -> Result<(), ConnectionError> {
        self.has_session.store(false, Ordering::Release);
        self.command(OutletCommand::EndSession)
    }

    /// Obeys the DAVE session of this voice session: from the next packet on.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn change_sender(&self, change: SenderChange) -> Result<(), ConnectionError> {
        self.command(OutletCommand::Sender(change))
    }

    /// Starts a track, or puts it in the place of the one that plays, as soon as it has a frame. On a closed connection
    /// it ends as closed.
    ///
    /// # Errors
    /// [`ConnectionError::TrackUsed`], [`ConnectionError::Stalled`].
    pub fn play(&self, track: TrackReader) -> Result<(), ConnectionError> {
        self.play_with(track, None)
    }

    /// The same; while it is heard, who speaks may interrupt it: it goes out within a frame, and ends.
    ///
    /// # Errors
    /// As above.
    pub fn play_with(&self, track: TrackReader, barge_in: Option<BargeIn>) -> Result<(), ConnectionError> {
        let outlet = self.outlet.clone();
        // A clock that takes no commands has stopped, and has ended the track.
        let wake = move || {
            outlet.send(OutletCommand::Ready);
        };
        if !track.state().attach(Box::new(wake)) {
            return Err(ConnectionError::TrackUsed);
        }
        let mut monitor = None;
        if let Some(options) = barge_in {
            let (bell, watch) = barge_in::watch(options, track.state(), self.clock())?;
            self.receive(InletCommand::Bell(bell, self.sieve.hear()))?;
            monitor = Some(watch);
        }
        let handler = Arc::clone(&self.handler);
        self.command(OutletCommand::Play(Box::new(PlayedTrack { reader: track, handler, monitor })))
    }

    /// Ends the track.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn stop(&self) -> Result<(), ConnectionError> {
        self.command(OutletCommand::Stop)
    }

    /// Holds the track.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn pause(&self) -> Result<(), ConnectionError> {
        self.command(OutletCommand::Pause)
    }

    /// Lets the track go on.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn resume(&self) -> Result<(), ConnectionError> {
        self.command(OutletCommand::Resume)
    }

    /// Sends one packet now, outside the slots.
    ///
    /// # Errors
    /// [`ConnectionError::NoSession`], [`ConnectionError::Stalled`].
    pub fn send_packet(&self, frame: OpusFrame) -> Result<(), ConnectionError> {
        if !self.has_session.load(Ordering::Acquire) {
            return Err(ConnectionError::NoSession);
        }
        self.command(OutletCommand::Packet(Box::new(frame)))
    }

    /// The clock that positions of received sound refer to.
    #[must_use]
    pub fn clock(&self) -> CommonClock {
        self.engine.common_clock()
    }

    /// Leaves the clock and closes the socket; what plays ends as closed. Idempotent.
    pub fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.has_session.store(false, Ordering::Release);
        // Should the threads have stopped already, they have closed everything themselves.
        let _ = self.to_receiver(ReceiveCommand::Close(self.id));
        self.sieve.watch(None);
        self.outlet.detach();
    }

    /// The counts now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.counters.snapshot();
        stats.packets_received += self.sieve.dropped();
        stats
    }

    fn receive(&self, command: InletCommand) -> Result<(), ConnectionError> {
        self.to_receiver(ReceiveCommand::To(self.id, command))
    }

    fn to_receiver(&self, command: ReceiveCommand) -> Result<(), ConnectionError> {
        if self.engine.receiver(self.id).send(command) { Ok(()) } else { Err(ConnectionError::Stalled) }
    }

    fn command(&self, command: OutletCommand) -> Result<(), ConnectionError> {
        if self.outlet.send(command) { Ok(()) } else { Err(ConnectionError::Stalled) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

/// Sequence and timestamp begin anywhere (RFC 3550, section 5.1).
fn random_timeline() -> Timeline {
    let mut start = [0; 6];
    // Without randomness zero does as well; it only makes guessing easier.
    let _ = SystemRandom::new().fill(&mut start);
    let [a, b, timestamp @ ..] = start;
    Timeline::new(u16::from_be_bytes([a, b]), u32::from_be_bytes(timestamp))
}
