//! Places for packets, by their extended sequence numbers; memory is used again.

/// Packets that fit: 2.5 s of 20 ms.
pub(super) const CAPACITY: i64 = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Empty,
    Waiting,
    Played,
}

/// A packet in its place.
#[derive(Debug, Default)]
pub(super) struct Slot {
    state: State,
    sequence: i64,
    pub timestamp: i64,
    /// When it came.
    pub at: i64,
    pub samples: u32,
    pub frame_samples: u32,
    pub silence: bool,
    pub payload: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Slots(Box<[Slot]>);

impl Default for Slots {
    fn default() -> Self {
        Self((0..CAPACITY).map(|_| Slot::default()).collect())
    }
}

impl Slots {
    /// The place for a packet of this number, which must not be further than [`CAPACITY`] from the
    /// oldest that waits.
    pub(super) fn place(&mut self, sequence: i64) -> &mut Slot {
        let slot = &mut self.0[index(sequence)];
        slot.sequence = sequence;
        slot.state = State::Waiting;
        slot
    }

    pub(super) fn waiting(&self, sequence: i64) -> Option<&Slot> {
        self.has(sequence, State::Waiting).then(|| &self.0[index(sequence)])
    }

    /// The first that waits in `from..=to`, and its number.
    pub(super) fn first_waiting(&self, from: i64, to: i64) -> Option<(i64, &Slot)> {
        let to = to.min(from + CAPACITY - 1);
        (from..=to).find_map(|sequence| Some((sequence, self.waiting(sequence)?)))
    }

    /// Takes a packet out; its bytes stay readable until the place is needed.
    pub(super) fn take(&mut self, sequence: i64) -> &Slot {
        let slot = &mut self.0[index(sequence)];
        slot.state = State::Played;
        slot
    }

    /// Whether the packet was here and has left.
    pub(super) fn was_played(&self, sequence: i64) -> bool {
        self.has(sequence, State::Played)
    }

    /// Remembers a packet that came too late, so that its double is known as one.
    pub(super) fn note_late(&mut self, sequence: i64) {
        let slot = &mut self.0[index(sequence)];
        if slot.state != State::Waiting {
            slot.sequence = sequence;
            slot.state = State::Played;
        }
    }

    pub(super) fn clear(&mut self) {
        for slot in &mut self.0 {
            slot.state = State::Empty;
        }
    }

    fn has(&self, sequence: i64, state: State) -> bool {
        let slot = &self.0[index(sequence)];
        slot.sequence == sequence && slot.state == state
    }
}

fn index(sequence: i64) -> usize {
    sequence.rem_euclid(CAPACITY) as usize
}
