//! A track in parts: new files at the same moments for all, without a lost or doubled sample.
//!
//! A part ends where the format lets it: PCM at the very sample, packets at the first one that begins at the cut or
//! later. What makes packets (an encoder, what fills gaps) goes on over the cut, so that all parts' packets in a row are
//! those of the uncut recording.

use crate::threads::lock;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Moments at which all tracks go on in new files, in the recording's time.
#[derive(Clone, Default)]
pub(crate) struct Cuts(Arc<Mutex<Moments>>);

#[derive(Default)]
struct Moments {
    /// Each so many samples.
    every: Option<u64>,
    /// And there; ascending.
    asked: Vec<u64>,
}

impl Cuts {
    pub(crate) fn every(samples: Option<u64>) -> Self {
        Self(Arc::new(Mutex::new(Moments { every: samples, asked: Vec::new() })))
    }

    /// One more, behind all that were asked for before.
    pub(crate) fn add(&self, at: u64) {
        let asked = &mut lock(&self.0).asked;
        if at > asked.last().copied().unwrap_or(0) {
            asked.push(at);
        }
    }

    /// The first cut after `at`.
    pub(crate) fn after(&self, at: u64) -> u64 {
        let moments = lock(&self.0);
        let asked = moments.asked.get(moments.asked.partition_point(|&cut| cut <= at)).copied();
        let every = moments.every.map(|every| (at / every + 1).saturating_mul(every));
        asked.unwrap_or(u64::MAX).min(every.unwrap_or(u64::MAX))
    }

    /// The last cut up to `at`, and the number of the part that begins there.
    pub(crate) fn part_at(&self, at: u64) -> (u64, u32) {
        let (mut begin, mut number) = (0, 1);
        // Both kinds may fall together: they are counted in order.
        let moments = lock(&self.0);
        if moments.asked.is_empty() {
            let count = moments.every.map_or(0, |every| at / every);
            return (moments.every.map_or(0, |every| count * every), number + count as u32);
        }
        drop(moments);
        loop {
            let next = self.after(begin);
            if next > at {
                return (begin, number);
            }
            (begin, number) = (next, number + 1);
        }
    }
}

/// What a file has of a recording, as in [`PartReport`].
pub(crate) struct Extent {
    pub(crate) number: u32,
    pub(crate) offset: u64,
    pub(crate) samples: u64,
    pub(crate) bytes: u64,
}

/// A file of a recording that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartReport {
    /// Whose; None for a file of all users.
    pub user_id: Option<u64>,
    /// Whether all users are summed in it.
    pub mixdown: bool,
    /// From 1 on, the same for all tracks unless files are split by their size.
    pub number: u32,
    /// The file, if it is one that the recorder opened.
    pub path: Option<PathBuf>,
    /// Where its first sample lies in the recording, in samples.
    pub offset: u64,
    /// Its length in samples.
    pub samples: u64,
    /// Its bytes.
    pub bytes: u64,
}

/// The files of a track: those that are complete, in order, and the one that is being written.
#[derive(Clone, Default)]
pub(crate) struct Shelf(Arc<Mutex<Files>>);

#[derive(Default)]
struct Files {
    complete: Vec<PartReport>,
    open: Option<PathBuf>,
}

impl Shelf {
    /// A file has been opened.
    pub(crate) fn open(&self, path: Option<PathBuf>) {
        lock(&self.0).open = path;
    }

    /// The file that was open is complete; `part` need not know its path.
    pub(crate) fn put(&self, user_id: Option<u64>, mixdown: bool, extent: Extent) {
        let mut files = lock(&self.0);
        let path = files.open.take();
        let Extent { number, offset, samples, bytes } = extent;
        files.complete.push(PartReport { user_id, mixdown, number, path, offset, samples, bytes });
    }

    /// Those that are complete, from the given index on.
    pub(crate) fn from(&self, index: usize) -> Vec<PartReport> {
        lock(&self.0).complete.get(index..).unwrap_or_default().to_vec()
    }

    /// The file that is being written.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        lock(&self.0).open.clone()
    }

    /// All files, which are forgotten.
    pub(crate) fn clear(&self) -> Vec<PathBuf> {
        let files = std::mem::take(&mut *lock(&self.0));
        files.complete.into_iter().filter_map(|part| part.path).chain(files.open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_of_both_kinds_are_counted_together() {
        let cuts = Cuts::every(Some(100));
        for at in [50, 50, 20, 100, 130] {
            cuts.add(at);
        }
        let found: Vec<u64> = std::iter::successors(Some(0), |&at| Some(cuts.after(at))).take(6).collect();
        assert_eq!(found, [0, 50, 100, 130, 200, 300]);
        for (at, begin, number) in [(0, 0, 1), (49, 0, 1), (50, 50, 2), (129, 100, 3), (200, 200, 5)] {
            assert_eq!(cuts.part_at(at), (begin, number), "{at}");
        }
        assert_eq!(Cuts::every(Some(100)).part_at(250), (200, 3));
        assert_eq!((Cuts::default().after(5), Cuts::default().part_at(5)), (u64::MAX, (0, 1)));
    }
}
