//! The DAVE session of one voice connection, without IO: messages of the gateway in, [`Output`]s out.

mod lifecycle;

use core::fmt;
use std::collections::VecDeque;

use openmls::prelude::ExternalSender;
use openmls::prelude::tls_codec::DeserializeBytes;

use super::group::{Client, Group};
use super::identity::Identity;
use super::output::{ClientMessage, Notice, Output};
use super::privacy::{PrivacyCode, Verification};
use super::proposals::Proposals;
use super::refusal::Refusal;
use super::roster::Announced;
use super::sealer::SenderChange;
use super::transition::{KeyEpoch, Target, Transitions};

/// The newest DAVE protocol version that is spoken here (`max_dave_protocol_version` in Identify).
pub const MAX_PROTOCOL_VERSION: u16 = 1;

/// The transition that is executed as soon as it is prepared.
const INIT_TRANSITION: u16 = 0;

/// The epoch in opcode 24 that says that a new group is to be made.
const NEW_GROUP_EPOCH: u64 = 1;

/// How far this member is with the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The call has transport encryption only, or nothing is known of it yet.
    Inactive,
    /// A key package has been sent; the gateway's external sender is not known yet.
    Waiting,
    /// Alone in a local group, waiting for a welcome or for others to add.
    Pending,
    /// In a group with others.
    Established,
}

/// The session. It does the slow work (MLS) on the thread that calls it and touches nothing that the audio threads use:
/// keys leave it as whole values.
///
/// After every call to a method that takes a message, call [`poll`](Self::poll) until it returns `None`; and, unless
/// another message waits already, [`answer_proposals`](Self::answer_proposals) before that.
pub struct Session {
    client: Client,
    external_sender: Option<ExternalSender>,
    group: Option<Group>,
    /// The group's place in the order of all groups and epochs.
    epoch: KeyEpoch,
    announced: Announced,
    transitions: Transitions,
    /// The version that the gateway has announced for the group that is made or changed now.
    announced_version: u16,
    /// The version that is in force.
    version: u16,
    allows_plain: bool,
    /// Whether the sender has a key in force.
    is_sealing: bool,
    privacy_code: Option<PrivacyCode>,
    outputs: VecDeque<Output>,
}

impl Session {
    /// A session for the user `user_id` in the call whose MLS group has the id `group_id` (the channel's id).
    pub fn new(user_id: u64, group_id: u64) -> Self {
        Self::with_identity(user_id, group_id, Identity::generate())
    }

    /// A session that signs with an identity of the caller's.
    pub fn with_identity(user_id: u64, group_id: u64, identity: Identity) -> Self {
        let mut announced = Announced::default();
        announced.connect(user_id);
        Self {
            client: Client::new(user_id, group_id, identity),
            external_sender: None,
            group: None,
            epoch: KeyEpoch::default(),
            announced,
            transitions: Transitions::default(),
            announced_version: 0,
            version: 0,
            allows_plain: false,
            is_sealing: false,
            privacy_code: None,
            outputs: VecDeque::new(),
        }
    }

    /// The next thing to do, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Opcode 4: the version that the call uses at the moment.
    pub fn session_description(&mut self, dave_protocol_version: u16) {
        self.transitions.drop_pending();
        match dave_protocol_version {
            0 => self.execute_plain(),
            1..=MAX_PROTOCOL_VERSION => {
                if !self.is_sealing {
                    // Whatever was sent before: from now on only encrypted frames may leave.
                    self.set_sender(SenderChange::Blocked);
                }
                self.refuse_plain();
                self.set_version(dave_protocol_version);
                self.start_group(dave_protocol_version);
            }
            other => self.ignore(4, Refusal::UnsupportedVersion(other)),
        }
    }

    /// Opcode 11: users are in the call or have come.
    pub fn clients_connect(&mut self, user_ids: &[u64]) {
        for &user_id in user_ids {
            self.announced.connect(user_id);
        }
    }

    /// Opcode 13: a user has left the call.
    pub fn client_disconnect(&mut self, user_id: u64) {
        if user_id != self.client.user_id {
            self.announced.disconnect(user_id);
        }
    }

    /// Opcode 21: a change of version is about to come; with id 0 it comes at once.
    pub fn prepare_transition(&mut self, transition_id: u16, protocol_version: u16) {
        let target = match protocol_version {
            0 => Target::Plain,
            1..=MAX_PROTOCOL_VERSION => {
                // The commit or welcome of the same transition has said which keys it brings.
                let known = self.transitions.target(transition_id);
                known.filter(|target| *target != Target::Plain).unwrap_or(Target::Encrypted(self.epoch))
            }
            other => return self.ignore(21, Refusal::UnsupportedVersion(other)),
        };
        if target == Target::Plain {
            self.allow_plain();
        }
        self.prepare(transition_id, target);
    }

    /// Opcode 22: the transition happens now. This is where the sender's key changes.
    pub fn execute_transition(&mut self, transition_id: u16) {
        match self.transitions.take(transition_id) {
            Some(Target::Plain) => self.execute_plain(),
            Some(Target::Encrypted(epoch)) => {
                let key = self.transitions.take_key(epoch);
                self.execute_encrypted(epoch, key);
            }
            None => self.notice(Notice::UnknownTransition { transition_id }),
        }
    }

    /// Opcode 24: the version of the next epoch; with epoch 1 a new group is made.
    pub fn prepare_epoch(&mut self, epoch: u64, protocol_version: u16) {
        match protocol_version {
            1..=MAX_PROTOCOL_VERSION if epoch == NEW_GROUP_EPOCH => self.start_group(protocol_version),
            0..=MAX_PROTOCOL_VERSION => self.announced_version = protocol_version,
            other => self.ignore(24, Refusal::UnsupportedVersion(other)),
        }
    }

    /// Opcode 25: the gateway's external sender. It may come again at any time.
    ///
    /// A group with others keeps the one that it was made with; the next group takes the new one.
    pub fn external_sender(&mut self, payload: &[u8]) {
        let Ok(sender) = ExternalSender::tls_deserialize_exact_bytes(payload) else {
            return self.ignore(25, Refusal::Malformed("external sender"));
        };
        if self.external_sender.as_ref() == Some(&sender) && self.group.is_some() {
            return;
        }
        self.external_sender = Some(sender);
        let in_local_group = self.group.as_ref().is_some_and(|group| !group.is_established());
        let waits_for_group = self.group.is_none() && self.announced_version > 0;
        if in_local_group || waits_for_group {
            self.create_local_group();
        }
    }

    /// Opcode 27: proposals to append or to revoke. [`answer_proposals`](Self::answer_proposals) commits to them.
    pub fn proposals(&mut self, payload: &[u8]) {
        let announced = &self.announced;
        let handled = Proposals::parse(payload).and_then(|proposals| {
            let group = self.group.as_mut().ok_or(Refusal::NoGroup)?;
            group.handle_proposals(&self.client, proposals, |user_id| announced.is_here(user_id))
        });
        match handled {
            Ok(refused) => refused.into_iter().for_each(|refusal| self.ignore(27, refusal)),
            Err(refusal) => self.ignore(27, refusal),
        }
    }

    /// Commits to all proposals that have come, if there is no commit to them yet. It takes as long as there are many,
    /// and only the last one counts: who has several messages at hand gives them all, and then calls this.
    pub fn answer_proposals(&mut self) {
        let Some(group) = &mut self.group else { return };
        match group.pay_commit(&self.client) {
            Ok(Some(commit)) => self.send(ClientMessage::CommitWelcome(commit)),
            Ok(None) => {}
            Err(refusal) => self.ignore(27, refusal),
        }
    }

    /// Opcode 29: the transition id and the commit that the gateway has chosen.
    pub fn announce_commit(&mut self, payload: &[u8]) {
        let Some((transition_id, commit)) = split_transition(payload) else {
            return self.ignore(29, Refusal::Malformed("commit"));
        };
        let handled = match &mut self.group {
            Some(group) => group.handle_commit(&self.client, commit),
            None => Err(Refusal::NoGroup),
        };
        match handled {
            Ok(()) => self.enter_epoch(transition_id),
            // The commit is not for the group that we have, and ours is none the worse for it.
            Err(reason @ (Refusal::NoGroup | Refusal::NotInGroup | Refusal::PastEpoch { .. })) => {
                self.ignore(29, reason);
            }
            Err(reason) => self.recover(29, transition_id, reason),
        }
    }

    /// Opcode 30: the transition id and the welcome to the group.
    pub fn welcome(&mut self, payload: &[u8]) {
        let Some((transition_id, welcome)) = split_transition(payload) else {
            return self.ignore(30, Refusal::Malformed("welcome"));
        };
        match self.status() {
            Status::Inactive => return self.ignore(30, Refusal::NoGroup),
            Status::Established => return self.ignore(30, Refusal::AlreadyInGroup),
            Status::Waiting | Status::Pending => {}
        }
        let joined = match &self.external_sender {
            Some(sender) => Group::join(&self.client, sender, welcome),
            None => Err(Refusal::NoExternalSender),
        };
        match joined {
            Ok(group) => {
                // Members whom the gateway has not announced are told of, not refused, as in libdave: one who
                // left before we came is a member until the proposal to remove it is committed, and refusing
                // would keep us out till then. Whom to announce is the gateway's word alone, as the proposals
                // are, so a refusal would not protect from it; the privacy code does.
                let strangers = group.members().filter(|(user_id, _)| !self.announced.is_here(*user_id));
                match strangers.count() {
                    0 => {}
                    count => self.notice(Notice::UnannouncedMembers { count }),
                }
                if let Some(Err(refusal)) = self.group.replace(group).map(|local| local.delete(&self.client))
                {
                    self.notice(Notice::Failed(refusal));
                }
                self.enter_epoch(transition_id);
            }
            Err(reason) => self.recover(30, transition_id, reason),
        }
    }

    /// Any binary message of the gateway: opcode and payload. Those that are not DAVE's are ignored.
    pub fn binary(&mut self, opcode: u8, payload: &[u8]) {
        match opcode {
            25 => self.external_sender(payload),
            27 => self.proposals(payload),
            29 => self.announce_commit(payload),
            30 => self.welcome(payload),
            _ => {}
        }
    }

    /// The version in force; 0 means transport encryption only.
    pub fn protocol_version(&self) -> u16 {
        self.version
    }

    /// How far this member is with the group.
    pub fn status(&self) -> Status {
        match &self.group {
            Some(group) if group.is_established() => Status::Established,
            Some(_) => Status::Pending,
            None if self.announced_version > 0 => Status::Waiting,
            None => Status::Inactive,
        }
    }

    /// The MLS epoch of the group.
    pub fn epoch(&self) -> Option<u64> {
        self.group.as_ref().map(Group::epoch)
    }

    /// The users in the group, this one among them; empty without a group with others.
    pub fn members(&self) -> impl Iterator<Item = u64> + '_ {
        let group = self.group.iter().filter(|group| group.is_established());
        group.flat_map(|group| group.members().map(|(user_id, _)| user_id))
    }

    /// The call's privacy code, `None` while this member is in no group with others.
    pub fn privacy_code(&self) -> Option<&PrivacyCode> {
        self.privacy_code.as_ref()
    }

    /// What the verification code of this member and another is made of; `None` where the user is not in the group.
    pub fn verification(&self, user_id: u64) -> Option<Verification> {
        let group = self.group.as_ref().filter(|group| group.is_established())?;
        let (_, key) = group.members().find(|(member, _)| *member == user_id)?;
        Some(Verification::new((self.client.identity.public_key(), self.client.user_id), (&key, user_id)))
    }
}

/// Takes the transition id off the payload of opcodes 29 and 30.
fn split_transition(payload: &[u8]) -> Option<(u16, &[u8])> {
    let (id, rest) = payload.split_first_chunk()?;
    Some((u16::from_be_bytes(*id), rest))
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("user_id", &self.client.user_id)
            .field("status", &self.status())
            .field("epoch", &self.epoch())
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
