//! All that producer and consumer agree on, in one atomic word, so that no two of its facts are ever seen apart.

/// Who waits for whom, and whether more will come.
pub(crate) const STARVES: u64 = 1;
pub(crate) const SLEEPS: u64 = 1 << 1;
pub(crate) const FINISHED: u64 = 1 << 2;

const EPOCH: u64 = 1 << 4;
const EPOCH_BITS: u32 = 9;
const QUEUED: u64 = EPOCH << EPOCH_BITS;
const QUEUED_BITS: u32 = 11;
const TAKEN: u64 = QUEUED << QUEUED_BITS;

/// The longest ring that the word can count.
pub(crate) const MAX_QUEUED: usize = (1 << QUEUED_BITS) - 1;

/// From the highest bits down: frames taken (40 bits, some centuries of sound), frames queued, how often frames were
/// taken back (so that a consumer that was in the middle of one notices), and the flags.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) u64);

impl Word {
    /// Number of the frame that is taken next.
    pub(crate) fn next(self) -> u64 {
        self.0 / TAKEN
    }

    pub(crate) fn queued(self) -> u64 {
        self.0 / QUEUED % (1 << QUEUED_BITS)
    }

    /// Number of the frame that is pushed next.
    pub(crate) fn end(self) -> u64 {
        self.next() + self.queued()
    }

    /// Whether the frames that waited before wait still: none was taken, or taken back, since.
    pub(crate) fn same_frames(self, before: Self) -> bool {
        self.next() == before.next()
            && self.0 / EPOCH % (1 << EPOCH_BITS) == before.0 / EPOCH % (1 << EPOCH_BITS)
    }

    pub(crate) fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }

    pub(crate) fn with(self, flag: u64) -> Self {
        Self(self.0 | flag)
    }

    pub(crate) fn without(self, flag: u64) -> Self {
        Self(self.0 & !flag)
    }

    pub(crate) fn after_push(self) -> Self {
        Self(self.0 + QUEUED)
    }

    pub(crate) fn after_take(self) -> Self {
        Self(self.0 + TAKEN - QUEUED)
    }

    /// The other way, so many times; what is queued may be more than there is room for.
    pub(crate) fn before_takes(self, count: u64) -> Self {
        let count = count.min((1 << QUEUED_BITS) - 1 - self.queued());
        Self(self.0 - count * TAKEN + count * QUEUED)
    }

    /// The frames from `next` to `end` are those that wait now, and more will come.
    pub(crate) fn replaced(self, next: u64, end: u64) -> Self {
        let epoch = (self.0 + EPOCH) & (QUEUED - EPOCH);
        let flags = self.0 & (STARVES | SLEEPS);
        Self(next * TAKEN + (end - next) * QUEUED + epoch + flags)
    }
}

impl std::fmt::Debug for Word {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{} flags {:03b}", self.next(), self.end(), self.0 % 8)
    }
}
