//! One track that many connections play: each hears what the first of them has just come to.
//!
//! Whoever comes to a frame first takes it out of the ring; it is kept for the others, whose slots come a little later.
//! Who was held, or starts later, goes on where the others are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use isocord_proto::frame::OpusFrame;
use isocord_proto::pacing::Supply;

use super::own::OwnReader;
use super::{TrackEnd, TrackState};

/// Frames that a connection may be behind the first one.
const KEPT: usize = 8;

/// A track for any number of connections.
#[derive(Clone)]
pub struct SharedTrack(Arc<Shared>);

struct Shared {
    taken: Mutex<Taken>,
    listeners: Mutex<Vec<Weak<TrackState>>>,
}

/// What has left, as far as somebody may still want it. Only clock threads lock it, each for no longer than a copy.
struct Taken {
    source: OwnReader,
    /// Frames that were taken out of the ring.
    count: u64,
    kept: [OpusFrame; KEPT],
}

impl Taken {
    /// Number of the frame that comes next for one who is at `next`: who is too far behind goes on where the others are.
    fn from(&self, next: u64) -> u64 {
        if next + (KEPT as u64) < self.count { self.count } else { next }
    }
}

impl SharedTrack {
    /// Dropping all that share it ends the track as closed.
    pub(super) fn new(source: OwnReader) -> Self {
        let state = Arc::clone(source.state());
        let taken = Taken { source, count: 0, kept: [OpusFrame::SILENCE; KEPT] };
        let shared = Arc::new(Shared { taken: Mutex::new(taken), listeners: Mutex::default() });
        let all = Arc::downgrade(&shared);
        state.attach(Box::new(move || {
            if let Some(shared) = all.upgrade() {
                shared.wake_all();
            }
        }));
        Self(shared)
    }

    /// An end for one more connection.
    pub(super) fn reader(&self) -> SharedReader {
        let taken = self.0.taken();
        let state = Arc::new(taken.source.state().beside());
        let next = taken.count;
        drop(taken);
        let mut listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(Arc::downgrade(&state));
        SharedReader { shared: Arc::clone(&self.0), state, next }
    }
}

impl Shared {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_all(&self) {
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().filter_map(Weak::upgrade).for_each(|listener| listener.wake_consumer());
    }
}

/// One connection's end.
pub(super) struct SharedReader {
    shared: Arc<Shared>,
    state: Arc<TrackState>,
    /// Number of the frame that it takes next.
    next: u64,
}

impl SharedReader {
    pub(super) fn track(&self) -> SharedTrack {
        SharedTrack(Arc::clone(&self.shared))
    }

    pub(super) fn state(&self) -> &Arc<TrackState> {
        &self.state
    }

    pub(super) fn supply(&self) -> Supply {
        let taken = self.shared.taken();
        if self.next < taken.count { Supply::Ready } else { taken.source.supply() }
    }

    pub(super) fn starve(&mut self) -> bool {
        let mut taken = self.shared.taken();
        self.next >= taken.count && taken.source.starve()
    }

    /// See [`TrackReader::take_into`](super::TrackReader::take_into).
    pub(super) fn take(&mut self, out: &mut [u8]) -> Option<usize> {
        let mut taken = self.shared.taken();
        self.next = taken.from(self.next);
        let place = (self.next % KEPT as u64) as usize;
        if self.next >= taken.count {
            let Taken { source, count, kept } = &mut *taken;
            kept[place].fill(|bytes| source.take(bytes).ok_or(())).ok()?;
            *count += 1;
        }
        self.next += 1;
        let frame = taken.kept[place].as_bytes();
        let len = frame.len().min(out.len());
        out[..len].copy_from_slice(&frame[..len]);
        Some(len)
    }

    /// Who is too far behind is where the others are from now on.
    pub(super) fn catch_up(&mut self) {
        self.next = self.shared.taken().from(self.next);
    }

    /// The frame that comes after `ahead` others, as things stand.
    pub(super) fn peek(&self, ahead: usize) -> Option<OpusFrame> {
        let taken = self.shared.taken();
        let number = taken.from(self.next) + ahead as u64;
        match number.checked_sub(taken.count) {
            Some(waiting) => taken.source.peek(usize::try_from(waiting).ok()?),
            None => Some(taken.kept[(number % KEPT as u64) as usize]),
        }
    }

    pub(super) fn rests(&self) -> bool {
        self.shared.taken().source.state().rests()
    }

    pub(super) fn is_finished(&self) -> bool {
        self.shared.taken().source.is_finished()
    }

    /// Changes whenever what [`Self::peek`] shows may have.
    pub(super) fn revision(&self) -> u64 {
        let taken = self.shared.taken();
        // What was taken shows in the ring's own, and this end moves by itself only.
        taken.source.revision()
    }

    pub(super) fn failed(&self) -> bool {
        self.shared.taken().source.state().failed()
    }
}

impl Drop for SharedReader {
    fn drop(&mut self) {
        self.state.end_with(TrackEnd::Closed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;
    use crate::play::track::{TrackEnd, TrackReader, TrackWriter, track};

    fn shared(frames: usize) -> (TrackWriter, SharedTrack) {
        let (mut writer, reader) = track(25);
        (0..frames).for_each(|number| push(&mut writer, number));
        (writer, reader.share())
    }

    fn push(writer: &mut TrackWriter, number: usize) {
        assert!(writer.push(&OpusFrame::new(&[number as u8]).expect("a packet")));
    }

    fn take(reader: &mut TrackReader) -> Option<u8> {
        reader.take().map(|frame| frame.as_bytes()[0])
    }

    #[test]
    fn all_hear_the_same_and_who_comes_later_what_the_others_hear() {
        let (_writer, shared) = shared(10);
        let (mut one, mut two) = (TrackReader::of(&shared), TrackReader::of(&shared));
        assert_eq!([take(&mut one), take(&mut two)], [Some(0), Some(0)]);
        assert_eq!([take(&mut two), take(&mut one), take(&mut one)], [Some(1), Some(1), Some(2)]);
        let mut late = TrackReader::of(&shared);
        assert_eq!([take(&mut late), take(&mut one), take(&mut two)], [Some(3), Some(3), Some(2)]);
    }

    #[test]
    fn who_was_held_goes_on_where_the_others_are() {
        let (_writer, shared) = shared(20);
        let (mut one, mut held) = (TrackReader::of(&shared), TrackReader::of(&shared));
        assert_eq!(take(&mut held), Some(0));
        (0..15).for_each(|number| assert_eq!(take(&mut one), Some(number)));
        assert_eq!([take(&mut held), take(&mut one), take(&mut held)], [Some(15), Some(15), Some(16)]);
    }

    #[test]
    fn who_goes_ends_his_own_and_the_end_is_everybodys() {
        let (mut writer, shared) = shared(1);
        let (one, mut two) = (TrackReader::of(&shared), TrackReader::of(&shared));
        let state = Arc::clone(one.state());
        drop(one);
        assert_eq!(state.end(), Some(TrackEnd::Closed));
        assert!(writer.state().end().is_none() && two.state().end().is_none());
        writer.fail();
        assert_eq!((two.supply(), take(&mut two)), (Supply::Ready, Some(0)));
        assert!(two.supply() == Supply::Exhausted && two.failed());
        drop((two, shared));
        assert_eq!(writer.state().end(), Some(TrackEnd::Closed));
    }

    #[test]
    fn all_who_starve_are_woken() {
        let (mut writer, shared) = shared(0);
        let woken = Arc::new(AtomicUsize::new(0));
        let mut readers = [TrackReader::of(&shared), TrackReader::of(&shared)];
        for reader in &mut readers {
            let woken = Arc::clone(&woken);
            assert!(reader.state().attach(Box::new(move || {
                let _ = woken.fetch_add(1, Relaxed);
            })));
            assert!(reader.starve());
        }
        push(&mut writer, 7);
        assert_eq!(woken.load(Relaxed), 2);
        assert_eq!(readers.each_mut().map(take), [Some(7), Some(7)]);
    }
}
