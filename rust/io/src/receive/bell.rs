//! Rung on the receive thread when somebody begins to speak: long before the sound is due, and without anybody's loop.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use isocord_proto::frame::{FRAME_LEN, FRAME_SAMPLES, SAMPLES_PER_MS};
use isocord_proto::opus::{Decoder, MAX_DECODED_LEN};
use isocord_proto::recv::Arrived;

use super::echo_guard::{EchoGuard, Heard};
use crate::dsp::echo::Trace;
use crate::dsp::speech::{SPEECH, SpeechDetector};

/// Who has been quiet for that long begins anew: 0.3 s.
const QUIET: u64 = 300 * SAMPLES_PER_MS;
/// Users who are followed at once; of more than that some begin anew.
const MAX_EARS: usize = 256;

/// What rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The first packet of a talk spurt.
    Packet,
    /// So many samples of speech at 48 kHz, as the voice activity detector finds it; noise does not ring.
    Speech(u64),
}

/// Somebody began to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// Who.
    pub user_id: u64,
    /// When the packet came that speech began with, on the common clock: by the kernel's time where there is one.
    pub began: u64,
    /// When the packet came that rang.
    pub at: u64,
}

/// What is called; it is on the receive thread, so it may not wait.
pub type Ring = Box<dyn FnMut(Rung) + Send>;

/// Whether what is said at that time counts; the same holds.
pub type Heeds = Box<dyn FnMut(u64) -> bool + Send>;

/// The receive thread's end.
pub(crate) struct Bell {
    trigger: Trigger,
    users: Option<HashSet<u64>>,
    heeds: Option<Heeds>,
    guard: Option<Box<EchoGuard>>,
    ring: Ring,
    ears: HashMap<u64, Ear>,
    handle: Weak<()>,
}

/// Keeps a bell ringing; dropping it takes it down.
#[derive(Debug)]
pub struct BellHandle(#[expect(dead_code, reason = "it is there or not")] Arc<()>);

/// What is known of one user.
#[derive(Default)]
struct Ear {
    /// Absent where packets ring.
    judge: Option<Judge>,
    /// When speech began, while there is some.
    began: Option<u64>,
    /// The last that was heard of it.
    heard: u64,
    /// Samples of speech since then.
    spoken: u64,
    rung: bool,
    last: Option<u16>,
}

struct Judge {
    decoder: Decoder,
    detector: SpeechDetector,
    pcm: Vec<i16>,
    place: u64,
    /// Where it is to be told from our own sound.
    heard: Option<Heard>,
}

/// A bell, of these users' or of everybody's speech.
pub(crate) fn bell(trigger: Trigger, users: Option<HashSet<u64>>, ring: Ring) -> (Bell, BellHandle) {
    let alive = Arc::new(());
    let bell = Bell {
        trigger,
        users,
        heeds: None,
        guard: None,
        ring,
        ears: HashMap::new(),
        handle: Arc::downgrade(&alive),
    };
    (bell, BellHandle(alive))
}

impl Bell {
    /// Speech is counted only while `heeds` says so.
    pub(crate) fn while_so(self, heeds: Heeds) -> Self {
        Self { heeds: Some(heeds), ..self }
    }

    /// What a user sends back of ours is no speech.
    pub(crate) fn with_guard(self, guard: EchoGuard) -> Self {
        Self { guard: Some(Box::new(guard)), ..self }
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.handle.strong_count() == 0
    }

    /// A user left.
    pub(crate) fn left(&mut self, user_id: u64) {
        self.ears.remove(&user_id);
    }

    pub(crate) fn arrived(&mut self, packet: &Arrived<'_>) {
        let Arrived { user_id, sequence, timestamp, at, silence, opus } = *packet;
        if self.users.as_ref().is_some_and(|users| !users.contains(&user_id)) {
            return;
        }
        if self.ears.len() >= MAX_EARS && !self.ears.contains_key(&user_id) {
            self.ears.clear();
        }
        let ear = self.ears.entry(user_id).or_default();
        // What comes twice or late tells nothing new.
        if ear.last.is_some_and(|last| sequence.wrapping_sub(last).wrapping_sub(1) > u16::MAX / 2) {
            return;
        }
        ear.last = Some(sequence);
        if at.saturating_sub(ear.heard) > QUIET {
            ear.quiet();
        }
        let (spoken, enough) = match self.trigger {
            Trigger::Packet => (u64::from(!silence), 1),
            Trigger::Speech(_) if silence => (0, 1),
            Trigger::Speech(samples) => {
                (ear.judge((timestamp, at), opus, self.guard.is_some()), samples.max(1))
            }
        };
        if let Some(guard) = &mut self.guard {
            guard.follow();
        }
        let heeded = self.heeds.as_mut().is_none_or(|heeds| heeds(at));
        if spoken == 0 || !heeded {
            // Discord's own end of a spurt.
            if silence || !heeded {
                ear.quiet();
            }
            return;
        }
        ear.began.get_or_insert(at);
        ear.heard = at;
        ear.spoken += spoken;
        if ear.spoken < enough || ear.rung {
            return;
        }
        if let (Some(guard), Some(heard)) = (&mut self.guard, ear.judge.as_ref().and_then(Judge::heard))
            && guard.is_echo(heard)
        {
            // It may be more than that later on.
            ear.quiet();
            return;
        }
        ear.rung = true;
        (self.ring)(Rung { user_id, began: ear.began.unwrap_or(at), at });
    }
}

impl Ear {
    fn quiet(&mut self) {
        (self.began, self.spoken, self.rung) = (None, 0, false);
    }

    /// Samples of a packet that are speech.
    fn judge(&mut self, when: (u32, u64), opus: &[u8], guarded: bool) -> u64 {
        let judge = match &mut self.judge {
            Some(judge) => judge,
            empty => {
                let Ok(decoder) = Decoder::new() else { return 0 };
                let detector = SpeechDetector::new();
                let heard = guarded.then(Heard::default);
                empty.insert(Judge { decoder, detector, pcm: Vec::new(), place: 0, heard })
            }
        };
        judge.packet(when, opus)
    }
}

impl Judge {
    fn heard(&self) -> Option<&Trace> {
        self.heard.as_ref().map(Heard::trace)
    }

    fn packet(&mut self, (timestamp, at): (u32, u64), opus: &[u8]) -> u64 {
        let mut room = [0; MAX_DECODED_LEN];
        let Ok(samples) = self.decoder.decode(opus, &mut room) else { return 0 };
        self.pcm.extend(&room[..samples * 2]);
        let (mut spoken, mut stamp) = (0, timestamp);
        let whole = self.pcm.len() / FRAME_LEN * FRAME_LEN;
        for frame in self.pcm[..whole].as_chunks::<FRAME_LEN>().0 {
            if let Some(heard) = &mut self.heard {
                heard.frame(stamp, at, frame);
            }
            stamp = stamp.wrapping_add(FRAME_SAMPLES as u32);
            let score = self.detector.frame(self.place, frame);
            self.place += FRAME_SAMPLES as u64;
            spoken += if score >= SPEECH { FRAME_SAMPLES as u64 } else { 0 };
        }
        self.pcm.drain(..whole);
        spoken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    fn packet(user_id: u64, sequence: u16, at: u64, silence: bool) -> Arrived<'static> {
        Arrived { user_id, sequence, timestamp: at as u32, at, silence, opus: &[0xf8, 0xff, 0xfe] }
    }

    #[test]
    fn it_rings_once_for_each_spurt_of_those_who_matter() {
        let (tell, told) = channel();
        let ring = Box::new(move |rung| tell.send(rung).unwrap());
        let (mut bell, handle) = bell(Trigger::Packet, Some(HashSet::from([7, 8])), ring);
        for (user_id, sequence, at, silence) in [
            (9, 1, 0, false),
            (7, 65_534, 1_000, false),
            (7, 65_535, 2_000, false),
            (7, 0, 3_000, true),
            // Late and twice.
            (7, 65_535, 3_100, false),
            (7, 1, 4_000, false),
            (8, 5, 4_100, false),
            (7, 2, 5_000, false),
            (7, 3, 5_000 + QUIET + 1, false),
        ] {
            bell.arrived(&packet(user_id, sequence, at, silence));
        }
        let rung: Vec<_> = told.try_iter().map(|rung: Rung| (rung.user_id, rung.began, rung.at)).collect();
        let last = 5_001 + QUIET;
        assert_eq!(rung, [(7, 1_000, 1_000), (7, 4_000, 4_000), (8, 4_100, 4_100), (7, last, last)]);
        assert!(!bell.is_abandoned());
        drop(handle);
        assert!(bell.is_abandoned());
    }

    #[test]
    fn what_is_said_while_nobody_heeds_it_counts_for_nothing() {
        let (tell, told) = channel();
        let (bell, _handle) = bell(Trigger::Packet, None, Box::new(move |rung| tell.send(rung).unwrap()));
        let mut bell = bell.while_so(Box::new(|at| (3_000..6_000).contains(&at)));
        (1..10u16).for_each(|n| bell.arrived(&packet(7, n, u64::from(n) * 960, false)));
        // It began before, and is counted from then on.
        let rung: Vec<_> = told.try_iter().map(|rung: Rung| (rung.began, rung.at)).collect();
        assert_eq!(rung, [(3_840, 3_840)]);
    }

    #[test]
    fn silence_is_no_speech() {
        let ring = Box::new(|rung| panic!("{rung:?}"));
        let (mut bell, _handle) = bell(Trigger::Speech(960), None, ring);
        for n in 0..100u16 {
            bell.arrived(&packet(7, n, u64::from(n) * 960, false));
        }
    }
}
