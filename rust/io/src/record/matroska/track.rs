//! One track of a Matroska file, and the sharing of the file.

use std::sync::{Arc, Mutex, MutexGuard};

use super::super::about::Owner;
use super::super::error::SinkError;
use super::super::lane::PacketWriter;
use super::muxer::Muxer;
use crate::threads::lock;

/// A file shared by the tracks of one recorder, which all live on one thread.
#[derive(Clone)]
pub(crate) struct SharedMuxer(Arc<Mutex<Muxer>>);

impl SharedMuxer {
    pub(crate) fn new(muxer: Muxer) -> Self {
        Self(Arc::new(Mutex::new(muxer)))
    }

    /// Whether no track is in it any more.
    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    pub(crate) fn get(&self) -> MutexGuard<'_, Muxer> {
        lock(&self.0)
    }
}

/// One track of the file.
pub(crate) struct MuxTrack {
    muxer: SharedMuxer,
    owner: Owner,
    /// Where the track starts in the recording.
    offset: u64,
    pre_skip: u32,
    index: usize,
    bytes: u64,
    /// Where its last packet ends, once it has that.
    end: Option<u64>,
    /// The file has no other track.
    alone: bool,
}

impl MuxTrack {
    pub(crate) fn new(muxer: SharedMuxer, owner: Owner, offset: u64) -> Self {
        Self { muxer, owner, offset, pre_skip: 0, index: 0, bytes: 0, end: None, alone: false }
    }

    /// The only track of a file of its own, which starts with the track.
    pub(crate) fn alone(muxer: Muxer, owner: Owner) -> Self {
        Self { alone: true, ..Self::new(SharedMuxer::new(muxer), owner, 0) }
    }

    /// Where `at` lies in the file's sound.
    fn sound_at(&self, at: u64) -> u64 {
        (self.offset + at).saturating_sub(u64::from(self.pre_skip))
    }

    fn put(&mut self, packet: &[u8], at: u64, samples: u32, trim: u32) -> Result<(), SinkError> {
        let start = self.offset + at;
        let end = self.sound_at(at + u64::from(samples - trim));
        self.bytes += packet.len() as u64;
        let mut muxer = self.muxer.get();
        if self.alone {
            return muxer.push(self.index, packet, start, end, trim);
        }
        muxer.push_shared(self.index, packet, start, end, trim);
        Ok(())
    }
}

impl PacketWriter for MuxTrack {
    fn begin(&mut self, pre_skip: u32) -> Result<(), SinkError> {
        self.pre_skip = pre_skip;
        self.index = self.muxer.get().add_track(self.owner.clone(), pre_skip)?;
        Ok(())
    }

    fn fits(&mut self, held: usize, next: usize) -> bool {
        self.muxer.get().fits(self.index, held, next)
    }

    fn is_over(&mut self, _: u64, _: usize, _: usize) -> bool {
        self.muxer.get().is_over()
    }

    fn packet(&mut self, packet: &[u8], at: u64, samples: u32) -> Result<(), SinkError> {
        self.put(packet, at, samples, 0)
    }

    fn last(&mut self, packet: &[u8], at: u64, samples: u32, trim: u32) -> Result<(), SinkError> {
        self.put(packet, at, samples, trim)?;
        self.end = Some(self.sound_at(at + u64::from(samples - trim)));
        self.muxer.get().release(self.index);
        if self.alone { self.muxer.get().finish() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), SinkError> {
        // A file of many tracks is flushed by the recorder, once for all.
        if self.alone { self.muxer.get().flush() } else { Ok(()) }
    }

    fn len(&self) -> u64 {
        if self.alone { self.muxer.get().len() } else { self.bytes }
    }

    fn samples(&self) -> u64 {
        let end = self.end.unwrap_or_else(|| self.muxer.get().written(self.index));
        end.saturating_sub(self.offset)
    }
}
