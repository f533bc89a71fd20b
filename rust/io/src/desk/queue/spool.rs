//! One source of a queue with its last frames, addressed by the sample.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES};
use isocord_proto::opus::OpusError;

use super::entry::{Entry, Opened};
use crate::dsp::{Volume, apply_gain};
use crate::source::{
    DECODER_LEAD, Downstream, FrameBuf, FrameSource, Packet, Pcm, Reached, SeekError, Tape, Want,
};

const FRAME: u64 = FRAME_SAMPLES as u64;
/// Packets come as they are: the tape decodes what is mixed.
const WANT: Want = Want::PACKETS;

/// The queue's downstream, as one of its sources sees it.
struct Further {
    downstream: Arc<dyn Downstream>,
    given: Arc<GivenOn>,
}

/// What the queue has given on of a source.
#[derive(Default)]
struct GivenOn {
    /// Frames that were read and not given on.
    kept: AtomicU64,
    /// Frames of others that were given since it ended.
    since: AtomicU64,
}

impl Downstream for Further {
    fn wake(&self) {
        self.downstream.wake();
    }

    fn ahead(&self) -> u64 {
        self.downstream.ahead().saturating_sub(self.given.since.load(Relaxed)) + self.given.kept.load(Relaxed)
    }

    fn is_settled(&self) -> bool {
        self.downstream.is_settled()
    }
}

/// What is played of an entry. Samples are counted from the first one of its first frame.
pub(super) struct Spool {
    entry: Arc<Entry>,
    /// None when it was read to its end and is needed elsewhere.
    source: Option<Box<dyn FrameSource>>,
    owner: Option<Box<dyn Any + Send>>,
    tape: Tape,
    volume: Volume,
    /// The volume of what is made.
    gain: f32,
    given: Arc<GivenOn>,
    /// Samples at its beginning that are not to be heard.
    lead: u64,
    /// Samples that were read.
    read: u64,
    ended: bool,
    error: Option<String>,
}

impl Spool {
    pub(super) fn new(
        entry: &Arc<Entry>,
        opened: Opened,
        downstream: &Arc<dyn Downstream>,
        depth: u64,
    ) -> Self {
        entry.note_duration(opened.duration);
        let mut spool = Self {
            entry: Arc::clone(entry),
            source: Some(opened.source),
            owner: opened.owner,
            tape: Tape::new(),
            gain: opened.volume.get(),
            volume: opened.volume,
            given: Arc::default(),
            lead: 0,
            read: 0,
            ended: false,
            error: None,
        };
        spool.attach(downstream, depth);
        spool
    }

    pub(super) fn attach(&mut self, downstream: &Arc<dyn Downstream>, depth: u64) {
        if let Some(source) = &mut self.source {
            let further = Further { downstream: Arc::clone(downstream), given: Arc::clone(&self.given) };
            let further: Arc<dyn Downstream> = Arc::new(further);
            source.attach(&further, depth);
        }
    }

    pub(super) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Samples at its beginning that are not to be heard.
    pub(super) fn lead(&self) -> u64 {
        self.lead
    }

    /// How many samples it has, if it was read to its end.
    pub(super) fn len(&self) -> Option<u64> {
        self.ended.then_some(self.read)
    }

    /// Frames that were read.
    pub(super) fn frames(&self) -> u64 {
        self.tape.end()
    }

    /// Where in the source its first frame begins.
    pub(super) fn place(&self) -> u64 {
        self.tape.place().unwrap_or_default()
    }

    /// Why it ended early.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Reads one frame more; of what is due `now` whatever is there. An error is its end.
    pub(super) fn read(&mut self, buffer: &mut FrameBuf, now: bool) -> Reached {
        let Some(source) = self.source.as_mut().filter(|_| !self.ended) else { return Reached::End };
        let number = self.tape.end();
        buffer.lead = 0;
        match self.tape.read(&mut **source, buffer, number, Want { now, ..WANT }) {
            Ok(Reached::There) => {
                if self.lead == self.read {
                    self.lead += u64::from(buffer.lead);
                }
                self.read = number * FRAME + self.tape.samples(number) as u64;
                Reached::There
            }
            Ok(Reached::End) => {
                self.ended = true;
                Reached::End
            }
            Ok(other) => other,
            Err(error) => {
                (self.ended, self.error) = (true, Some(error.to_string()));
                Reached::End
            }
        }
    }

    /// Reads until sample `to` is there.
    pub(super) fn read_to(&mut self, to: u64, buffer: &mut FrameBuf, now: bool) -> Reached {
        // After a frame that is not full the end is looked for, so that it is known where what is there ends.
        while !self.ended && (self.frames() * FRAME < to || self.read < self.frames() * FRAME) {
            match self.read(buffer, now) {
                Reached::There => {}
                // A stream that runs dry has given what it had, and does not say whether that was all.
                Reached::Starved if now && self.tape.end() * FRAME >= to => break,
                other => return other,
            }
        }
        if self.tape.end() * FRAME >= to { Reached::There } else { Reached::End }
    }

    /// The packet that begins at sample `at`, if one does, and is to be heard as it is.
    pub(super) fn packet(&self, at: u64) -> Option<&Packet> {
        if self.gain == 1.0 && at.is_multiple_of(FRAME) { self.tape.packet(at / FRAME) } else { None }
    }

    /// The sound from sample `at` on; silence where it has none.
    pub(super) fn pcm(&mut self, at: u64, out: &mut [f32]) -> Result<(), OpusError> {
        let mut frame: Pcm = [0.0; FRAME_LEN];
        let (mut at, mut rest) = (at, out);
        while !rest.is_empty() {
            let within = (at % FRAME) as usize * 2;
            let count = (FRAME_LEN - within).min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            self.tape.pcm(at / FRAME, &mut frame)?;
            now.copy_from_slice(&frame[within..within + count]);
            let end = at + count as u64 / 2;
            now[..((self.lead.clamp(at, end) - at) * 2) as usize].fill(0.0);
            if self.ended {
                now[((self.read.clamp(at, end) - at) * 2) as usize..].fill(0.0);
            }
            apply_gain(self.gain, self.gain, now);
            (at, rest) = (end, later);
        }
        Ok(())
    }

    /// Whether no sample of the frames that hold samples `from` to `to` is louder than `level`.
    pub(super) fn is_quiet(&mut self, from: u64, to: u64, level: f32) -> Result<bool, OpusError> {
        let mut frame: Pcm = [0.0; FRAME_LEN];
        for number in from / FRAME..to.div_ceil(FRAME) {
            self.tape.pcm(number, &mut frame)?;
            if frame.iter().any(|sample| sample.abs() > level) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Samples before `at` are not asked for again.
    pub(super) fn forget_before(&mut self, at: u64) {
        self.tape.forget_before((at / FRAME).saturating_sub(DECODER_LEAD));
    }

    /// Those from `next` on have not been given on; if it has ended there, so many samples of others were since.
    pub(super) fn note_given(&self, next: u64, since: u64) {
        self.given.kept.store(self.read.saturating_sub(next).div_ceil(FRAME), Relaxed);
        self.given.since.store(since / FRAME, Relaxed);
    }

    /// If it was read to its end, it leaves the room of what went to another one.
    pub(super) fn leave_room(&mut self, other: &mut Self) {
        if self.ended {
            self.tape.leave_room(&mut other.tape);
        }
    }

    /// Lets the memory go that decoding takes.
    pub(super) fn rest(&mut self) {
        self.tape.rest();
    }

    pub(super) fn is_changed(&mut self) -> bool {
        self.gain != self.volume.get() || self.source.as_mut().is_some_and(|source| source.is_changed())
    }

    /// What its source gave since it last went back nobody has heard.
    pub(super) fn note_in_vain(&mut self) {
        if let Some(source) = &mut self.source {
            source.in_vain();
        }
    }

    /// Has the source grant what it was asked for, from the frame on that holds sample `at`.
    pub(super) fn revise(&mut self, at: u64) {
        self.gain = self.volume.get();
        let Some(source) = &mut self.source else { return };
        let from = (at / FRAME).max(self.tape.first());
        if !source.is_changed() {
            return;
        }
        if source.goes_back() {
            source.revise(self.tape.end().saturating_sub(from));
            self.tape.cut(from);
            (self.read, self.ended, self.error) = (self.read.min(from * FRAME), false, None);
        } else {
            source.revise(0);
        }
    }

    /// Goes to a place; false if its source is elsewhere. Samples count from there on.
    pub(super) fn seek(&mut self, seconds: f64) -> Option<Result<(), SeekError>> {
        let source = self.source.as_mut()?;
        self.tape.restart(0);
        (self.lead, self.read, self.ended, self.error) = (0, 0, false, None);
        Some(source.seek(seconds))
    }

    /// Nothing more can be had of it.
    pub(super) fn break_off(&mut self, error: String) {
        (self.ended, self.error) = (true, Some(error));
    }

    /// Whether its source has nothing because nothing is due.
    pub(super) fn rests(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.rests())
    }

    /// Gives the source back to its entry, which needs it for another time. What was read of it stays.
    pub(super) fn release(&mut self) {
        if let Some(source) = self.source.take() {
            self.ended = true;
            self.close(source);
        }
    }
}

impl Spool {
    fn close(&mut self, source: Box<dyn FrameSource>) {
        let (duration, volume, owner) = (self.entry.duration(), self.volume.clone(), self.owner.take());
        self.entry.opening().close(Opened { source, duration, volume, owner });
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Some(source) = self.source.take() {
            self.close(source);
        }
    }
}
