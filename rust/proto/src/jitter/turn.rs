//! What goes into a jitter buffer and what comes out of it.

/// A packet as it comes, opened and known to be Opus.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// As in its header.
    pub sequence: u16,
    /// As in its header.
    pub timestamp: u32,
    /// When it came, in samples on the common clock.
    pub at: i64,
    /// Samples per channel in it.
    pub samples: u32,
    /// Samples per channel in each of its Opus frames.
    pub frame_samples: u32,
    /// The silence that ends a talk spurt.
    pub silence: bool,
    /// The Opus packet.
    pub payload: &'a [u8],
}

/// What became of an [`Arrival`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It waits for its time; its first sample will lie there on the common clock, as far as is known.
    Queued(i64),
    /// It was here before.
    Duplicate,
    /// A later one has been played.
    Late,
    /// Its number is far from the others. If the next one follows it, the stream has restarted.
    Suspect,
    /// The buffer is full: call [`hurry`](super::JitterBuffer::hurry), play what is due, and insert it again.
    Full,
    /// The stream has restarted: call [`hurry`](super::JitterBuffer::hurry), play what is due, call
    /// [`restart`](super::JitterBuffer::restart), and insert it again.
    Restarted,
}

/// What is to be played.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn<'a> {
    /// A packet.
    Packet {
        /// Of its first sample.
        position: i64,
        /// Samples per channel in it.
        samples: u32,
        /// When it came.
        at: i64,
        /// The silence that ends a talk spurt.
        silence: bool,
        /// The Opus packet.
        payload: &'a [u8],
    },
    /// A packet was lost.
    Lost {
        /// Of its first sample.
        position: i64,
        /// Samples per channel that are missing.
        samples: u32,
        /// The packet right after it, and the samples of each of its Opus frames: it may hold FEC.
        next: Option<(&'a [u8], u32)>,
    },
    /// So many packets were lost in an outage that is too long to conceal.
    Skipped(u64),
    /// In the midst of a spurt the stream's place on the clock has moved by so many samples: what follows
    /// begins that much later, or earlier, than what came before it ends.
    Shifted(i64),
    /// The talk spurt is over.
    SpurtEnd,
    /// Nothing before this time.
    Wait(i64),
    /// Nothing before the next packet.
    Rest,
}
