//! The vocabulary between threads: commands to the clock and to the receive thread, events out.

use std::net::UdpSocket;
use std::sync::Arc;

use isocord_proto::dave::SenderChange;
use isocord_proto::discovery::{Discovery, External};
use isocord_proto::frame::OpusFrame;
use isocord_proto::send::SendPath;

use crate::play::track::{TrackEnd, TrackReader, TrackState};
use crate::receive::ear::EarCommand;
use crate::receive::report::Published;
use crate::send::outlet::Outlet;
use crate::stats::Counters;
use crate::threads::events::EventHandler;

/// Names a connection in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub(crate) u64);

/// To the clock thread. Boxes are made and dropped elsewhere.
pub(crate) enum ClockCommand {
    Attach(Box<Outlet>),
    Detach(ConnectionId),
    To(ConnectionId, OutletCommand),
}

/// To one connection on the clock thread.
pub(crate) enum OutletCommand {
    /// A new socket; packets wait for the session that belongs to it.
    Socket(Arc<UdpSocket>),
    Session(Box<SendPath>),
    /// The session is over; packets wait for the next one.
    EndSession,
    /// What the end-to-end encryption does from now on.
    Sender(SenderChange),
    Play(TrackReader),
    Stop,
    Pause,
    Resume,
    Packet(Box<OpusFrame>),
    /// The track that ran empty has frames again.
    Ready,
}

/// To the receive thread.
pub(crate) enum RecvCommand {
    /// A connection is made; its counts are published there.
    Attach(ConnectionId, Arc<Published>),
    Open {
        id: ConnectionId,
        peer: Box<Peer>,
    },
    Close(ConnectionId),
    To(ConnectionId, EarCommand),
}

/// One socket as the receive thread sees it.
pub(crate) struct Peer {
    pub socket: mio::net::UdpSocket,
    pub discovery: Discovery,
    pub counters: Arc<Counters>,
    pub handler: Arc<dyn EventHandler>,
}

/// To the owner of a connection.
#[derive(Debug, Clone)]
pub enum Event {
    /// IP discovery was answered.
    Discovered(External),
    /// IP discovery had no answer in its time, or the socket leads nowhere any more.
    DiscoveryFailed(String),
    /// A track is over.
    TrackEnded(Arc<TrackState>, TrackEnd),
}
