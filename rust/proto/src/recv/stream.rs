//! One user's stream: jitter buffer, decoder and counts.

use super::framer::Source;
use super::output::{Frame, FrameOutput, Listening, Sound, Speaking};
use super::passing::Passing;
use super::playout::{Playout, Replaced, Scratch};
use super::stats::{Jitter, UserStats};
use crate::jitter::{Arrival, DelayBounds, Inserted, JitterBuffer, Turn};
use crate::toc;

/// Discord's clients end a spurt with so many packets of silence; some go on for longer.
const SILENCES: u32 = 5;

/// When a decoder forgets the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reset {
    NotDue,
    /// At the next break in the sound. The sender's encoder goes on through a change of keys, so a
    /// reset in the midst of a word would be heard.
    AtBreak,
}

/// What a stream needs of its connection to play.
pub(super) struct Stage<'a, O: ?Sized> {
    pub listening: Listening,
    pub scratch: &'a mut Scratch,
    pub out: &'a mut O,
}

pub(super) struct Stream {
    user_id: u64,
    jitter: JitterBuffer,
    playout: Playout,
    passing: Passing,
    interarrival: Jitter,
    reset: Reset,
    speaking: Speaking,
    /// Where the newest talk spurt was said to begin.
    started_at: i64,
    /// Where the silence that ends it began, and how many packets of it have been played.
    silence_at: i64,
    silences: u32,
    /// Whether the last packet that came was silence, and where words behind it begin while it waits for its turn.
    came_silent: bool,
    words_at: Option<i64>,
    /// When the last packet came.
    pub last_arrival: i64,
    /// When the stream wants to be played next; never, if none.
    pub due: Option<i64>,
}

impl Stream {
    /// The user's sound up to the position `end` has been handed out by an earlier stream.
    pub(super) fn new(user_id: u64, bounds: DelayBounds, end: i64) -> Self {
        Self {
            user_id,
            jitter: JitterBuffer::new(bounds),
            playout: Playout::new(end),
            passing: Passing::new(end),
            interarrival: Jitter::default(),
            reset: Reset::NotDue,
            speaking: Speaking::Stopped,
            started_at: 0,
            silence_at: 0,
            silences: 0,
            came_silent: false,
            words_at: None,
            last_arrival: 0,
            due: None,
        }
    }

    /// Takes in a packet, the first one of a talk spurt being told of at once. It is played by [`Self::play`] at the
    /// earliest, after the others that came with it.
    pub(super) fn receive<O: FrameOutput + ?Sized>(
        &mut self,
        arrival: &Arrival<'_>,
        now: i64,
        stats: &mut UserStats,
        stage: &mut Stage<'_, O>,
    ) {
        stats.jitter = self.interarrival.note(arrival.at, arrival.timestamp);
        self.last_arrival = arrival.at;
        self.due = Some(now);
        // Making room or beginning anew takes one more turn each.
        for _ in 0..3 {
            match self.jitter.insert(arrival) {
                Inserted::Queued(position) => {
                    if !arrival.silence && self.speaking == Speaking::Stopped {
                        self.started_at = position;
                        self.announce(Speaking::Started, position, stage.out);
                    } else if !arrival.silence && self.came_silent {
                        self.words_at = Some(position);
                    }
                    self.came_silent = arrival.silence;
                    break;
                }
                Inserted::Suspect => break,
                Inserted::Duplicate => {
                    stats.duplicate += 1;
                    break;
                }
                Inserted::Late => {
                    stats.late += 1;
                    break;
                }
                Inserted::Full => self.finish(now, stats, stage),
                Inserted::Restarted => {
                    self.restart(now, stats, stage);
                    stats.restarts += 1;
                }
            }
        }
        stats.delay = self.jitter.delay();
    }

    /// Plays what waits and begins anew with the next packet.
    pub(super) fn restart<O: FrameOutput + ?Sized>(
        &mut self,
        now: i64,
        stats: &mut UserStats,
        stage: &mut Stage<'_, O>,
    ) {
        self.finish(now, stats, stage);
        self.jitter.restart();
        self.playout.reset();
        self.interarrival = Jitter::default();
    }

    /// Plays all that waits.
    pub(super) fn finish<O: FrameOutput + ?Sized>(
        &mut self,
        now: i64,
        stats: &mut UserStats,
        stage: &mut Stage<'_, O>,
    ) {
        self.jitter.hurry();
        self.play(now, stats, stage);
    }

    /// How long after its place sound is handed out now.
    pub(super) fn delay(&self) -> u32 {
        self.jitter.delay() + self.playout.ahead()
    }

    /// The end of what has been handed out.
    pub(super) fn end(&self) -> i64 {
        self.passing.end().max(self.playout.end())
    }

    /// The keys have changed: the decoder forgets the past when the sound next breaks off.
    pub(super) fn reset_at_break(&mut self) {
        self.reset = Reset::AtBreak;
        if self.due.is_none() {
            self.take_reset();
        }
    }

    /// Nobody has been heard for long: gives the decoder's memory back.
    pub(super) fn release(&mut self) {
        self.playout.release();
    }

    /// Whether there is a decoder to give back.
    pub(super) fn holds_decoder(&self) -> bool {
        self.playout.is_ready()
    }

    /// Plays what is due.
    pub(super) fn play<O: FrameOutput + ?Sized>(
        &mut self,
        now: i64,
        stats: &mut UserStats,
        stage: &mut Stage<'_, O>,
    ) {
        let user_id = self.user_id;
        loop {
            match self.jitter.next(now) {
                Turn::Packet { position, samples, at, silence, payload } => {
                    if silence {
                        self.silence_at = if self.silences == 0 { position } else { self.silence_at };
                        self.silences += 1;
                    } else {
                        // The end of the spurt before this one, if its silence was cut short by these words.
                        if self.silences > 0 && self.silence_at >= self.started_at {
                            announce(
                                user_id,
                                &mut self.speaking,
                                Speaking::Stopped,
                                self.silence_at,
                                stage.out,
                            );
                        }
                        (self.silences, self.words_at) = (0, None);
                        announce(user_id, &mut self.speaking, Speaking::Started, position, stage.out);
                    }
                    if stage.listening.wants_opus() {
                        self.passing.packet(user_id, position, samples, at, payload, stage.out);
                    }
                    if stage.listening.wants_pcm() {
                        let out = &mut *stage.out;
                        let decoded =
                            self.playout.packet(position, samples, at, payload, stage.scratch, |whole| {
                                out.frame(pcm(user_id, whole));
                            });
                        stats.malformed += u64::from(decoded.is_err());
                    }
                    if self.silences == SILENCES {
                        self.fall_silent(stage.out);
                    }
                }
                Turn::Lost { position, samples, next } => {
                    stats.lost += 1;
                    self.passing.lost(position, samples);
                    if stage.listening.wants_pcm() {
                        let next = next.filter(|(packet, _)| toc::parse(packet).is_some_and(|toc| toc.fec));
                        let out = &mut *stage.out;
                        let replaced = self.playout.lost(position, samples, next, stage.scratch, |whole| {
                            out.frame(pcm(user_id, whole));
                        });
                        match replaced {
                            Replaced::Recovered => stats.recovered += 1,
                            Replaced::Concealed => stats.concealed += 1,
                        }
                    }
                    self.take_reset();
                }
                Turn::Skipped(packets) => {
                    stats.lost += packets;
                    if stage.listening.wants_pcm() {
                        stats.concealed += packets;
                    }
                    self.take_reset();
                }
                Turn::Shifted(by) => {
                    stats.inserted += by.max(0) as u64;
                    stats.removed += (-by).max(0) as u64;
                    if stage.listening.wants_opus() {
                        self.passing.shift(by);
                    }
                    if stage.listening.wants_pcm() {
                        self.playout.shift(by);
                    }
                }
                Turn::SpurtEnd => {
                    let out = &mut *stage.out;
                    self.playout.end_spurt(|whole| out.frame(pcm(user_id, whole)));
                    if self.silences > 0 {
                        self.fall_silent(stage.out);
                    } else {
                        let end = self.jitter.end();
                        self.announce(Speaking::Stopped, end, stage.out);
                    }
                    self.silences = 0;
                    self.take_reset();
                }
                Turn::Wait(due) => {
                    self.due = Some(due);
                    return;
                }
                Turn::Rest => {
                    self.due = None;
                    return;
                }
            }
        }
    }

    /// The end of a spurt is told when its last frame has been handed out. It does not end the one after it, which may
    /// have been told of.
    fn fall_silent<O: FrameOutput + ?Sized>(&mut self, out: &mut O) {
        if self.silence_at >= self.started_at {
            self.announce(Speaking::Stopped, self.silence_at, out);
        }
        if let Some(position) = self.words_at.take().filter(|&position| position > self.silence_at) {
            self.started_at = position;
            self.announce(Speaking::Started, position, out);
        }
    }

    fn announce<O: FrameOutput + ?Sized>(&mut self, speaking: Speaking, position: i64, out: &mut O) {
        announce(self.user_id, &mut self.speaking, speaking, position, out);
    }

    fn take_reset(&mut self) {
        if std::mem::replace(&mut self.reset, Reset::NotDue) == Reset::AtBreak {
            self.playout.reset();
        }
    }
}

fn pcm(user_id: u64, (position, Source(kind, at), sound): super::framer::Whole<'_>) -> Frame<'_> {
    let samples = crate::frame::FRAME_SAMPLES as u32;
    let (position, received) = (position.max(0) as u64, at.map(|at| at.max(0) as u64));
    Frame { user_id, position, samples, kind, received, sound: Sound::Pcm(sound) }
}

fn announce<O: FrameOutput + ?Sized>(
    user_id: u64,
    known: &mut Speaking,
    speaking: Speaking,
    position: i64,
    out: &mut O,
) {
    if *known != speaking {
        *known = speaking;
        out.speaking(user_id, speaking, position.max(0) as u64);
    }
}
