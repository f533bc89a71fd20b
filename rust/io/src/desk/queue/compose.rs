//! The next frame of a queue, made of what is there: a packet as it stands, or the sum of what sounds.

use std::sync::LazyLock;

use isocord_proto::frame::SILENCE;
use isocord_proto::opus::OpusError;

use super::loading::dispose;
use super::part::Part;
use super::player::{FRAME, Player};
use super::shared::Shared;
use super::state::Run;
use crate::source::{Downstream, FrameBuf, Packet, Reached, SourceFrame, Want};

/// Frames that are read for one that is made, until as much is known of what comes as a crossfade takes. With two, the
/// end of an entry is known before its last half begins.
const CATCH_UP: usize = 2;

static SILENT: LazyLock<Packet> = LazyLock::new(|| Packet::from(SILENCE));

impl Player {
    /// Reads what a crossfade has to know in advance: where the last part ends.
    pub(super) fn read_ahead(&mut self, buffer: &mut FrameBuf) {
        // The end is told one frame after the last.
        let to = (self.cursor + 3) * FRAME + self.crossfade;
        let Some(last) = self.parts.back_mut().filter(|_| self.crossfade > 0) else { return };
        for _ in 0..CATCH_UP {
            let known = last.spool.len().is_some() || last.spool.frames() * FRAME >= last.local(to);
            if known || last.spool.read(buffer, false) != Reached::There {
                return;
            }
        }
    }

    /// Makes the next frame.
    ///
    /// # Errors
    /// There is no memory for a decoder.
    pub(super) fn compose(
        &mut self,
        shared: &Shared,
        frame: &mut FrameBuf,
        want: Want,
    ) -> Result<SourceFrame, OpusError> {
        let (from, to) = (self.cursor * FRAME, (self.cursor + 1) * FRAME);
        self.tell(shared, to);
        let end = self.silence.as_ref().filter(|_| !shared.endless).map_or(to, |silence| silence.since);
        frame.samples = if end <= from { FRAME as u16 } else { (end.min(to) - from) as u16 };
        (frame.position, frame.lead) = (self.place(), 0);
        let made = match self.packet().filter(|_| want.packets) {
            Some(packet) => {
                frame.opus = packet.clone();
                SourceFrame::Opus
            }
            None => {
                self.mix(&mut frame.pcm)?;
                SourceFrame::Pcm
            }
        };
        self.cursor += 1;
        shared.lock().made = self.cursor;
        self.forget(shared, made == SourceFrame::Opus);
        Ok(made)
    }

    /// Whether what sounds has nothing because nothing is due.
    pub(super) fn rests(&self) -> bool {
        let (from, to) = (self.cursor * FRAME, (self.cursor + 1) * FRAME);
        self.parts.iter().any(|part| part.sounds(from, to) && part.spool.rests())
    }

    /// Whether the next frame would be a packet, as far as what follows has been read.
    pub(super) fn passes(&self) -> bool {
        let at = self.cursor * FRAME;
        let mut sounding = self.parts.iter().filter(|part| part.sounds(at, at + FRAME));
        let passes = |part: &Part| part.spool.packet(part.local(at)).is_some();
        sounding.next().is_some_and(passes) && sounding.next().is_none()
    }

    /// The packet that the next frame is as it stands, if it is one.
    fn packet(&self) -> Option<&Packet> {
        let (from, to) = (self.cursor * FRAME, (self.cursor + 1) * FRAME);
        let mut sounding = self.parts.iter().filter(|part| part.sounds(from, to));
        match (sounding.next(), sounding.next()) {
            (None, _) => Some(&SILENT),
            (Some(part), None) => {
                let whole =
                    part.from <= from && part.cut.is_none_or(|cut| cut >= to) && !part.fades(from, to);
                part.spool.packet(part.local(from)).filter(|_| whole)
            }
            _ => None,
        }
    }

    fn mix(&mut self, pcm: &mut [f32]) -> Result<(), OpusError> {
        let (from, to) = (self.cursor * FRAME, (self.cursor + 1) * FRAME);
        pcm.fill(0.0);
        let mut crossing = None;
        for part in self.parts.iter_mut().filter(|part| part.sounds(from, to)) {
            part.add(from, pcm, &mut self.room[..])?;
            crossing = part.fade_in.or(crossing);
        }
        if let Some(fade) = crossing {
            fade.tame(from, pcm);
        }
        Ok(())
    }

    /// Where in its entry the next frame begins, in samples.
    pub(super) fn place(&self) -> u64 {
        let at = self.cursor * FRAME;
        self.parts.iter().rev().find(|part| part.sounds(at, at + FRAME)).map_or(0, |part| part.place(at))
    }

    /// What begins before sample `to` will be heard.
    pub(super) fn tell(&mut self, shared: &Shared, to: u64) {
        let news = self.parts.iter().any(|part| part.from < to && !part.told)
            || self.silence.as_ref().is_some_and(|silence| silence.since < to && !silence.told);
        if !news {
            return;
        }
        let mut state = shared.lock();
        for part in self.parts.iter_mut().filter(|part| part.from < to && !part.told) {
            part.told = true;
            state.runs.push_back(Run {
                turn: part.turn,
                entry: Some(part.spool.entry().clone()),
                follows: !part.stray,
                start: part.from,
                origin: part.beginning(),
                error: part.spool.error().map(str::to_owned),
            });
        }
        if let Some(silence) = self.silence.as_mut().filter(|silence| silence.since < to && !silence.told) {
            silence.told = true;
            state.runs.push_back(Run {
                turn: silence.turn,
                entry: None,
                follows: silence.follows,
                start: silence.since,
                origin: 0,
                error: None,
            });
        }
    }

    /// Lets go what is not gone back to any more.
    fn forget(&mut self, shared: &Shared, passed: bool) {
        let (gone, next) = (self.cursor.saturating_sub(self.depth) * FRAME, self.cursor * FRAME);
        for part in &mut self.parts {
            let gone = part.local(gone);
            part.spool.forget_before(gone);
            part.note_given(next);
            if passed {
                part.spool.rest();
            }
        }
        // One that ends leaves its room to the one that comes.
        let parts = self.parts.make_contiguous();
        for index in 1..parts.len() {
            let (before, after) = parts.split_at_mut(index);
            before[index - 1].spool.leave_room(&mut after[0].spool);
        }
        self.let_go(shared, gone);
    }

    /// Lets go the parts that have ended before a sample, to which nobody goes back.
    pub(super) fn let_go(&mut self, shared: &Shared, gone: u64) {
        while self.parts.len() > usize::from(self.silence.is_none())
            && self.parts.front().and_then(Part::end).is_some_and(|end| end <= gone)
        {
            let mut state = shared.lock();
            state.observe(self.relay.ahead(), &shared.events);
            // One that the list has not gone on to counts still.
            let heard = |part: &Part| part.turn <= state.turn || part.stray;
            if !self.parts.front().is_some_and(heard) {
                return;
            }
            drop(state);
            if let Some(part) = self.parts.pop_front() {
                dispose(part.spool, self.downstream());
            }
        }
    }
}
