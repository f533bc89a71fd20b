//! What the receive path hands out.

use crate::frame::FRAME_LEN;

/// 20 ms of a user's sound, or one Opus packet of it, with its place in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who speaks.
    pub user_id: u64,
    /// Its first sample on the connection's common clock: samples at 48 kHz since the moment that the
    /// caller's time is zero. Frames of a user never overlap; where one does not begin at the end of the
    /// one before, there is silence between them.
    pub position: u64,
    /// Samples per channel.
    pub samples: u32,
    /// Where the sound comes from.
    pub kind: FrameKind,
    /// When the packet came that it was decoded from, the newest one if they are several; on the common clock.
    pub received: Option<u64>,
    /// The sound.
    pub sound: Sound<'a>,
}

/// Where a frame's sound comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// A packet that arrived.
    Voice,
    /// A lost packet, filled in from the sound before it (PLC).
    Concealed,
    /// A lost packet, restored from the next one (in-band FEC).
    Recovered,
}

/// A frame's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound<'a> {
    /// 16-bit samples, left and right in turn; always 20 ms.
    Pcm(&'a [i16; FRAME_LEN]),
    /// A packet as the user sent it, 2.5 to 120 ms. Lost ones are not handed out: a gap stands for them.
    Opus(&'a [u8]),
}

/// Whether a user speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaking {
    /// A talk spurt begins; it is told with the first packet, before its sound is due.
    Started,
    /// A talk spurt is over, and all of it has been handed out.
    Stopped,
}

/// A packet right when it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived<'a> {
    /// Who speaks.
    pub user_id: u64,
    /// As in its header.
    pub sequence: u16,
    /// Its RTP timestamp.
    pub timestamp: u32,
    /// When it came, on the common clock.
    pub at: u64,
    /// The silence that ends a talk spurt.
    pub silence: bool,
    /// The Opus packet.
    pub opus: &'a [u8],
}

/// Takes what the receive path hands out. Calls come in the order of time for each user.
pub trait FrameOutput {
    /// A frame.
    fn frame(&mut self, frame: Frame<'_>);

    /// A user begins or ceases to speak at `position`.
    fn speaking(&mut self, user_id: u64, speaking: Speaking, position: u64);

    /// A packet of Opus has come, long before its turn: for those who watch for speech. As it comes, so in any order.
    fn arrived(&mut self, _packet: Arrived<'_>) {}
}

/// Which forms of the sound somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Listening {
    /// Nobody listens: packets are counted and dropped.
    #[default]
    Off,
    /// PCM.
    Pcm,
    /// Opus packets, undecoded.
    Opus,
    /// Both.
    PcmAndOpus,
}

impl Listening {
    /// Whether packets are decoded.
    #[must_use]
    pub fn wants_pcm(self) -> bool {
        matches!(self, Self::Pcm | Self::PcmAndOpus)
    }

    /// Whether packets are handed out.
    #[must_use]
    pub fn wants_opus(self) -> bool {
        matches!(self, Self::Opus | Self::PcmAndOpus)
    }
}
