//! The recorder on the thread `isocord-record`: it takes frames, obeys orders and tells what has become of them.

use std::sync::Arc;
use std::sync::atomic::Ordering::AcqRel;

use isocord_proto::frame::FRAME_SAMPLES;
use isocord_proto::recv::{Frame, Sound};

use super::shared::{Order, Shared};
use super::{CAPACITY, Died, MOST_LINGER, News, OwnVoice, Phase};
use crate::receive::pump::{Appetite, FrameConsumer};
use crate::receive::queue::Item;
use crate::record::{
    EndReason, FileState, FrameSink, Payload, Recorder, RecorderEvent, RecorderReport, RecorderState,
};
use crate::send::tap::Sent;
use crate::threads::lock;

/// Where so many frames wait, what is not for the files is left out.
const HURRY: usize = CAPACITY / 4;

/// The recorder on its thread.
pub(super) struct RecorderThread {
    /// All take the same frames.
    recorders: Vec<Recorder>,
    own_voice: Option<OwnVoice>,
    shared: Arc<Shared>,
    /// The latest end of the recording.
    ends_at: Option<u64>,
    stop: Option<Stop>,
    /// A track is as big as it may be.
    full: bool,
}

/// Where it ends, when to wait no longer, and why.
struct Stop {
    end: u64,
    deadline: u64,
    reason: EndReason,
}

impl FrameConsumer for RecorderThread {
    fn waiting(&mut self, count: usize) {
        for recorder in &mut self.recorders {
            recorder.hurry(count > HURRY);
        }
    }

    fn item(&mut self, item: Item<'_>) {
        // At once: what was said after a pause is not to get in where the disk was slow.
        self.obey();
        if let Item::Frame(Frame { user_id, position, samples, sound, .. }) = item {
            // In the order of time, or silence would have been written in its place where the disk was slow.
            self.take_own(position);
            let payload = match sound {
                Sound::Pcm(pcm) => Payload::Pcm(pcm),
                Sound::Opus(packet) => Payload::Opus(packet),
            };
            self.frame(user_id, position, samples, payload);
        }
    }

    fn advance(&mut self, position: u64) -> Appetite {
        self.obey();
        self.take_own(u64::MAX);
        if let Some(end) = self.ends_at
            && position >= end
        {
            self.time_is_over(end);
        }
        for recorder in &mut self.recorders {
            recorder.advance(position);
        }
        self.take_events();
        self.take_parts();
        let is_over = |recorder: &Recorder| matches!(recorder.state(), RecorderState::Ended(_));
        let ended = self.full || self.recorders.iter().all(is_over);
        if ended || self.stop.as_ref().is_some_and(|stop| position >= stop.deadline) {
            return Appetite::Sated;
        }
        if self.recorders.iter().any(Recorder::is_behind) {
            return Appetite::MoreNow;
        }
        if self.stop.is_some() { Appetite::MoreSoon } else { Appetite::More }
    }

    fn finish(&mut self, position: u64) {
        self.obey();
        self.shared.change(Phase::Over);
        self.take_events();
        let (end, reason) = match &self.stop {
            Some(stop) => (stop.end, stop.reason),
            None if self.full => (position, EndReason::SizeLimit),
            None => (position, EndReason::Finished),
        };
        let reports = self.recorders.iter_mut().map(|recorder| recorder.finish_for(Some(end), reason));
        let report = reports.reduce(RecorderReport::and);
        self.take_parts();
        self.shared.finish(report.ok_or(Died));
    }
}

impl RecorderThread {
    pub(super) fn new(
        recorders: Vec<Recorder>,
        own_voice: Option<OwnVoice>,
        shared: Arc<Shared>,
        ends_at: Option<u64>,
    ) -> Self {
        Self { recorders, own_voice, shared, ends_at, stop: None, full: false }
    }

    fn frame(&mut self, user_id: u64, position: u64, samples: u32, payload: Payload<'_>) {
        // A frame can come before the clock's word that the time is over.
        if let Some(end) = self.ends_at
            && position + u64::from(samples) > end
        {
            self.time_is_over(end);
        }
        for recorder in &mut self.recorders {
            recorder.frame(user_id, position, payload);
        }
    }

    /// Records what left before `until`.
    fn take_own(&mut self, until: u64) {
        while let Some(own) = &mut self.own_voice
            && let Some(Sent { position, frame }) = own.sent.take_before(until)
        {
            let user_id = own.user_id;
            self.frame(user_id, position, FRAME_SAMPLES as u32, Payload::Opus(frame.as_bytes()));
        }
    }

    /// Tells the owner what has failed.
    fn take_events(&mut self) {
        let (shared, full) = (&self.shared, &mut self.full);
        for event in
            self.recorders.iter_mut().flat_map(|recorder| std::iter::from_fn(|| recorder.next_event()))
        {
            match event {
                RecorderEvent::TrackEnded { user_id, state: FileState::Failed(error) } => {
                    shared.tell(News::Failed { user_id, error });
                }
                RecorderEvent::UserRefused { user_id, most } => {
                    shared.tell(News::Refused { user_id, most });
                }
                RecorderEvent::TrackEnded { state, .. } => {
                    *full |= matches!(state, FileState::SizeLimit);
                }
                RecorderEvent::TrackStarted { user_id, .. } => shared.tell(News::Started { user_id }),
                RecorderEvent::Dropped { user_id, removed } => {
                    shared.tell(News::Dropped { user_id, error: removed.err() });
                }
                RecorderEvent::Ended(_) => {}
            }
        }
    }

    /// Tells the owner which files are complete.
    fn take_parts(&mut self) {
        for recorder in &mut self.recorders {
            while let Some(part) = recorder.next_part() {
                self.shared.tell(News::Part(part));
            }
        }
    }

    fn obey(&mut self) {
        if !self.shared.ordered.swap(false, AcqRel) {
            return;
        }
        let orders = std::mem::take(&mut *lock(&self.shared.orders));
        for order in orders {
            let recorders = self.recorders.iter_mut();
            match order {
                Order::Allow(user_id, position) => {
                    recorders.for_each(|recorder| recorder.allow(user_id, position));
                }
                Order::Deny(user_id, position, drops) => {
                    for recorder in recorders {
                        recorder.deny(user_id, position);
                        if drops && let Err(error) = recorder.drop_user(user_id) {
                            self.shared.tell(News::Dropped { user_id, error: Some(Arc::new(error)) });
                        }
                    }
                }
                Order::Mark(position, title) => {
                    recorders.for_each(|recorder| recorder.mark(position, title.clone()));
                }
                // What comes after the end changes nothing of it.
                _ if self.stop.is_some() => {}
                Order::Cut(position) => recorders.for_each(|recorder| recorder.cut(position)),
                Order::Pause(position) => recorders.for_each(|recorder| recorder.pause(position)),
                Order::Resume(position) => recorders.for_each(|recorder| recorder.resume(position)),
                Order::Stop(position, deadline) => {
                    self.end(Stop { end: position, deadline, reason: EndReason::Finished });
                }
            }
        }
    }

    fn time_is_over(&mut self, end: u64) {
        if self.stop.is_none() {
            self.end(Stop { end, deadline: end + MOST_LINGER / 2, reason: EndReason::TimeLimit });
        }
    }

    fn end(&mut self, stop: Stop) {
        self.shared.change(Phase::Over);
        self.recorders.iter_mut().for_each(|recorder| recorder.pause(stop.end));
        self.stop = Some(stop);
    }
}

impl Drop for RecorderThread {
    fn drop(&mut self) {
        self.shared.change(Phase::Over);
        self.shared.finish(Err(Died));
    }
}
