//! A call in virtual time: members, and a voice gateway around the delivery service.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isocord_proto::dave::delivery::{DeliveryError, DeliveryService};
use isocord_proto::dave::{
    ClientMessage, FrameOpenError, FrameSealer, MAX_OVERHEAD, Notice, Openers, Output, PrivacyCode, Session,
    Status,
};

pub const GROUP: u64 = 927_310_423_890_473_011;

/// One member with everything that a connection has, but on one thread.
pub struct Member {
    pub session: Session,
    pub sealer: FrameSealer,
    pub openers: Openers,
    pub notices: Vec<Notice>,
    pub code: Option<PrivacyCode>,
    pub version: u16,
    pub sent: Vec<ClientMessage>,
}

impl Member {
    pub fn new(user_id: u64) -> Self {
        Self {
            session: Session::new(user_id, GROUP),
            sealer: FrameSealer::new(),
            openers: Openers::new(),
            notices: Vec::new(),
            code: None,
            version: 0,
            sent: Vec::new(),
        }
    }

    /// Does what the session wants, and returns what it sends.
    pub fn run(&mut self, now: Duration) -> Vec<ClientMessage> {
        let mut messages = Vec::new();
        self.session.answer_proposals();
        while let Some(output) = self.session.poll() {
            match output {
                Output::Send(message) => messages.push(message),
                Output::Sender(change) => drop(self.sealer.apply(change)),
                Output::Receivers(change) => self.openers.apply(change, now),
                Output::PrivacyCode(code) => self.code = code,
                Output::Version(version) => self.version = version,
                Output::Notice(notice) => self.notices.push(notice),
            }
        }
        self.sent.extend(messages.iter().cloned());
        messages
    }

    pub fn seal(&mut self, opus: &[u8]) -> Option<Vec<u8>> {
        let mut out = vec![0; opus.len() + MAX_OVERHEAD];
        let len = self.sealer.seal(opus, &mut out).ok()?;
        out.truncate(len);
        Some(out)
    }

    pub fn open(&mut self, from: u64, frame: &[u8], now: Duration) -> Result<Vec<u8>, FrameOpenError> {
        let mut out = vec![0; frame.len()];
        let len = self.openers.open(from, frame, &mut out, now)?.len();
        out.truncate(len);
        Ok(out)
    }
}

/// Changes a payload of opcode 29 or 30 on its way to a user.
pub type Tamper = Box<dyn FnMut(u64, u8, &mut Vec<u8>)>;

/// The call: a gateway that answers at once, unless it is told to wait.
pub struct Call {
    pub service: DeliveryService,
    pub members: BTreeMap<u64, Member>,
    pub now: Duration,
    pub version: u16,
    /// Whether opcode 22 follows as soon as everybody is ready.
    pub execute_at_once: bool,
    /// Whether each commit is kept back until the caller picks one.
    pub hold_commits: bool,
    pub held_commits: Vec<(u64, Vec<u8>)>,
    /// Changes an announcement or welcome on its way to a user: (user, opcode, payload).
    pub tamper: Option<Tamper>,
    next_transition: u16,
    waiting: BTreeMap<u16, (BTreeSet<u64>, BTreeSet<u64>)>,
    pub refused: Vec<DeliveryError>,
}

impl Call {
    pub fn new() -> Self {
        Self {
            service: DeliveryService::new(GROUP),
            members: BTreeMap::new(),
            now: Duration::ZERO,
            version: 1,
            execute_at_once: true,
            hold_commits: false,
            held_commits: Vec::new(),
            tamper: None,
            next_transition: 1,
            waiting: BTreeMap::new(),
            refused: Vec::new(),
        }
    }

    pub fn with(users: impl IntoIterator<Item = u64>) -> Self {
        let mut call = Self::new();
        users.into_iter().for_each(|user_id| call.join(user_id));
        call
    }

    pub fn member(&mut self, user_id: u64) -> &mut Member {
        self.members.get_mut(&user_id).expect("a member of the call")
    }

    pub fn advance(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    pub fn join(&mut self, user_id: u64) {
        let present: Vec<u64> = self.members.keys().copied().collect();
        let external_sender = self.service.external_sender().unwrap();
        for member in self.members.values_mut() {
            member.session.clients_connect(&[user_id]);
        }
        let mut member = Member::new(user_id);
        member.session.session_description(self.version);
        member.session.clients_connect(&present);
        member.session.external_sender(&external_sender);
        self.members.insert(user_id, member);
        self.run();
    }

    pub fn leave(&mut self, user_id: u64) {
        self.members.remove(&user_id);
        for member in self.members.values_mut() {
            member.session.client_disconnect(user_id);
        }
        for (ready, all) in self.waiting.values_mut() {
            all.remove(&user_id);
            ready.remove(&user_id);
        }
        self.propose_removal(user_id);
        self.run();
    }

    fn propose_removal(&mut self, user_id: u64) {
        for message in self.service.remove(user_id).unwrap() {
            for recipient in message.recipients {
                if let Some(member) = self.members.get_mut(&recipient) {
                    member.session.proposals(&message.payload);
                }
            }
        }
    }

    /// Makes a new group with a new key for each (opcode 24, epoch 1).
    pub fn recreate(&mut self) {
        self.service.reset();
        for member in self.members.values_mut() {
            member.session.prepare_epoch(1, 1);
        }
        self.run();
    }

    /// Opcode 21 to all; the transition is executed when all are ready.
    pub fn prepare_version(&mut self, version: u16) -> u16 {
        self.version = version;
        let id = self.transition_id();
        let all = self.members.keys().copied().collect();
        self.waiting.insert(id, (BTreeSet::new(), all));
        for member in self.members.values_mut() {
            member.session.prepare_transition(id, version);
        }
        self.run();
        id
    }

    fn transition_id(&mut self) -> u16 {
        self.next_transition += 1;
        self.next_transition
    }

    /// Opcode 22 for every transition that was held back.
    pub fn execute_all(&mut self) {
        let ids: Vec<u16> = self.waiting.keys().copied().collect();
        for id in ids {
            self.execute(id);
        }
    }

    fn execute(&mut self, id: u16) {
        let Some((_, all)) = self.waiting.remove(&id) else { return };
        for user_id in all {
            if let Some(member) = self.members.get_mut(&user_id) {
                member.session.execute_transition(id);
            }
        }
        self.run();
    }

    /// Carries messages back and forth until nobody has anything to say.
    pub fn run(&mut self) {
        loop {
            let mut messages = Vec::new();
            for (user_id, member) in &mut self.members {
                messages.extend(member.run(self.now).into_iter().map(|message| (*user_id, message)));
            }
            if messages.is_empty() {
                break;
            }
            for (user_id, message) in messages {
                self.on_message(user_id, message);
            }
        }
    }

    fn on_message(&mut self, user_id: u64, message: ClientMessage) {
        match message {
            ClientMessage::KeyPackage(key_package) => {
                for message in self.service.add(user_id, &key_package).unwrap() {
                    for recipient in message.recipients {
                        self.member(recipient).session.proposals(&message.payload);
                    }
                }
            }
            ClientMessage::CommitWelcome(payload) if self.hold_commits => {
                self.held_commits.push((user_id, payload))
            }
            ClientMessage::CommitWelcome(payload) => self.on_commit(user_id, &payload),
            ClientMessage::ReadyForTransition { transition_id } => {
                let Some((ready, all)) = self.waiting.get_mut(&transition_id) else { return };
                ready.insert(user_id);
                if self.execute_at_once && ready.is_superset(all) {
                    self.execute(transition_id);
                }
            }
            ClientMessage::InvalidCommitWelcome { transition_id } => {
                if let Some((_, all)) = self.waiting.get_mut(&transition_id) {
                    all.remove(&user_id);
                }
                self.propose_removal(user_id);
            }
        }
    }

    pub fn on_commit(&mut self, user_id: u64, payload: &[u8]) {
        let outcome = match self.service.commit(user_id, payload) {
            Ok(outcome) => outcome,
            Err(error) => return self.refused.push(error),
        };
        let id = self.transition_id();
        let mut all: BTreeSet<u64> = outcome.staying.iter().copied().collect();
        all.extend(outcome.welcomes.iter().map(|(user_id, _)| *user_id));
        all.retain(|user_id| self.members.contains_key(user_id));
        self.waiting.insert(id, (BTreeSet::new(), all));
        for recipient in &outcome.staying {
            self.deliver(*recipient, 29, outcome.announcement(id));
        }
        for (recipient, payload) in outcome.welcome_messages(id) {
            self.deliver(recipient, 30, payload);
        }
        if let Some(last) = self.service.sole_member() {
            self.service.reset();
            if let Some(member) = self.members.get_mut(&last) {
                member.session.prepare_epoch(1, 1);
                member.session.prepare_transition(0, 1);
            }
        }
    }

    fn deliver(&mut self, user_id: u64, opcode: u8, mut payload: Vec<u8>) {
        if let Some(tamper) = &mut self.tamper {
            tamper(user_id, opcode, &mut payload);
        }
        if let Some(member) = self.members.get_mut(&user_id) {
            member.session.binary(opcode, &payload);
        }
    }

    /// Everybody says a frame; returns how many were not heard by somebody who should have heard them.
    pub fn lost_frames(&mut self, opus: &[u8]) -> usize {
        let users: Vec<u64> = self.members.keys().copied().collect();
        let now = self.now;
        let mut lost = 0;
        for from in &users {
            let Some(frame) = self.member(*from).seal(opus) else {
                lost += 1;
                continue;
            };
            for to in users.iter().filter(|to| *to != from) {
                if self.member(*to).open(*from, &frame, now).as_deref() != Ok(opus) {
                    lost += 1;
                }
            }
        }
        lost
    }

    /// All are in one group with one privacy code and hear each other.
    pub fn assert_one_group(&mut self) {
        let users: Vec<u64> = self.members.keys().copied().collect();
        let code = self.members.values().next().and_then(|member| member.code.clone());
        assert!(code.is_some() || users.len() < 2);
        for (user_id, member) in &self.members {
            if users.len() > 1 {
                assert_eq!(member.session.status(), Status::Established, "{user_id}");
                let mut found: Vec<_> = member.session.members().collect();
                found.sort_unstable();
                assert_eq!(found, users, "as {user_id} sees it");
            }
            assert_eq!(member.code, code, "{user_id}");
            assert_eq!(member.session.privacy_code(), code.as_ref());
            assert_eq!(member.version, 1, "{user_id}");
        }
        if users.len() > 1 {
            assert_eq!(self.lost_frames(b"do you hear me?"), 0);
        }
    }
}
