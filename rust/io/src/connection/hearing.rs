//! What comes in on a connection: who listens to it, and who says it.

use std::collections::HashSet;
use std::io;
use std::time::SystemTime;

use isocord_proto::dave::ReceiverChange;

use super::{Connection, ConnectionError, RecordError};
use crate::receive::bell::{BellHandle, Ring, Trigger, bell};
use crate::receive::common_clock::CommonClock;
use crate::receive::inlet::InletCommand;
use crate::receive::queue::{Form, FrameReader, FrameWriter, frame_queue};
use crate::receive::report::ReceiveReport;
use crate::record::recording::{self, OwnVoice, Recording};
use crate::record::{FrameSink, Layout, Recorder, RecorderOptions, Wants, WholeFactory};
use crate::send::outlet::OutletCommand;
use crate::send::tap::{SentReader, SentWriter, relayed, tap};

impl Connection {
    /// Listens: what users say comes out of the queue until it is dropped. Several can listen at once;
    /// with nobody listening, packets are only counted. A new socket or session does not end it.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn listen(&self, form: Form, capacity: usize) -> Result<FrameReader, ConnectionError> {
        let (writer, reader) = frame_queue(form, capacity);
        self.receive(InletCommand::Listen(writer, self.sieve.hear()))?;
        Ok(reader)
    }

    /// Has `ring` called on the receive thread whenever one of `users`, or anybody if there are none, begins to speak,
    /// until the handle is dropped. It holds over new sockets and sessions, with or without somebody who listens.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn bell(
        &self,
        trigger: Trigger,
        users: Option<HashSet<u64>>,
        ring: Ring,
    ) -> Result<BellHandle, ConnectionError> {
        let (bell, handle) = bell(trigger, users, ring);
        self.receive(InletCommand::Bell(bell, self.sieve.hear()))?;
        Ok(handle)
    }

    /// Records what users say from now on, until [`Recording::stop`], a limit, or the end of the connection.
    /// `options.start` is set here; all users are also summed in `mixdown`, if there is one; `longest` is the recording's
    /// time in samples, pauses counted. With an id of our own, `own_user`, what leaves the connection is recorded too,
    /// where it left, as the packets of that user.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn record(
        &self,
        options: RecorderOptions,
        layout: Layout,
        mixdown: Option<WholeFactory>,
        longest: Option<u64>,
        own_user: Option<u64>,
    ) -> Result<Recording, RecordError> {
        let prepared = self.prepare(options, layout, mixdown, longest, own_user)?;
        let reader = self.listen(prepared.form, recording::CAPACITY)?;
        let own_voice = match own_user {
            Some(user_id) => Some(OwnVoice { user_id, sent: self.own_voice()? }),
            None => None,
        };
        Ok(prepared.start(reader, own_voice)?)
    }

    /// What leaves the connection from now on, as packets, where they left.
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn own_voice(&self) -> Result<SentReader, ConnectionError> {
        let (tap, sent) = tap();
        self.command(OutletCommand::Tap(tap))?;
        Ok(sent)
    }

    /// As [`Self::record`], of what is heard on another machine, and leaves there: frames go into the one writer as they
    /// come, packets of our own into the other, placed on this machine's clock. Dropping the first ends the recording.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn record_relayed(
        &self,
        options: RecorderOptions,
        layout: Layout,
        mixdown: Option<WholeFactory>,
        longest: Option<u64>,
        own_user: Option<u64>,
    ) -> Result<(Recording, FrameWriter, Option<SentWriter>), RecordError> {
        let prepared = self.prepare(options, layout, mixdown, longest, own_user)?;
        let (writer, reader) = frame_queue(prepared.form, recording::CAPACITY);
        let (sent, own_voice) = own_user
            .map(|user_id| {
                let (writer, sent) = relayed();
                (writer, OwnVoice { user_id, sent })
            })
            .unzip();
        Ok((prepared.start(reader, own_voice)?, writer, sent))
    }

    fn prepare(
        &self,
        options: RecorderOptions,
        layout: Layout,
        mixdown: Option<WholeFactory>,
        longest: Option<u64>,
        own_user: Option<u64>,
    ) -> Result<Prepared, RecordError> {
        let clock = self.clock();
        let start = clock.position();
        let about = options.about.began(SystemTime::now());
        let mut options = RecorderOptions { start, about, own_user, ..options };
        if let (Some(users), Some(own)) = (&mut options.users, own_user) {
            users.insert(own);
        }
        let tracks = Recorder::new(options.clone(), layout)?;
        let form = match tracks.wants() {
            Wants::Pcm => Form::Pcm,
            Wants::Opus => Form::Opus,
        };
        let mut recorders = vec![tracks];
        if let Some(make) = mixdown {
            // The tracks are listened to already.
            let options = RecorderOptions { survey: false, ..options };
            recorders.push(Recorder::new(options, Layout::Mixdown(make))?);
        }
        let ends_at = longest.map(|samples| start.saturating_add(samples));
        Ok(Prepared { recorders, form, clock, ends_at })
    }

    /// The gateway says that a stream is a user's (opcode 5).
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn assign_ssrc(&self, ssrc: u32, user_id: u64) -> Result<(), ConnectionError> {
        self.receive(InletCommand::Assign { ssrc, user_id })
    }

    /// The gateway says that a user left (opcode 13).
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn user_left(&self, user_id: u64) -> Result<(), ConnectionError> {
        self.receive(InletCommand::Left(user_id))
    }

    /// Hands a DAVE session's [`Output::Receivers`](isocord_proto::dave::Output::Receivers) to the
    /// receiving side. A new connection refuses plain frames: calls without DAVE need
    /// [`ReceiverChange::AllowPlain`].
    ///
    /// # Errors
    /// [`ConnectionError::Stalled`].
    pub fn change_receivers(&self, change: ReceiverChange) -> Result<(), ConnectionError> {
        self.receive(InletCommand::Keys(change))
    }

    /// What was received, of the connection and of each user.
    #[must_use]
    pub fn receive_report(&self) -> ReceiveReport {
        let mut report = self.published.read();
        let dropped = self.sieve.dropped();
        report.connection.rtp += dropped;
        report.connection.unheard += dropped;
        report
    }
}

/// A recording that only lacks the frames.
struct Prepared {
    recorders: Vec<Recorder>,
    form: Form,
    clock: CommonClock,
    ends_at: Option<u64>,
}

impl Prepared {
    fn start(self, reader: FrameReader, own_voice: Option<OwnVoice>) -> io::Result<Recording> {
        Recording::start(self.recorders, reader, self.clock, self.ends_at, own_voice)
    }
}
