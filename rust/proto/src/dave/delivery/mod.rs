//! The other side of DAVE: what the voice gateway does as MLS delivery service and external sender.
//!
//! `isocord.testing` answers bots with it. It holds no member's secrets and cannot read a frame.

mod members;
mod outcome;
mod wire;

use core::fmt;
use std::collections::BTreeMap;

use openmls::prelude::tls_codec::{DeserializeBytes, Serialize};
use openmls::prelude::{
    ExternalProposal, ExternalSender, GroupEpoch, GroupId, KeyPackage, KeyPackageIn, LeafNodeIndex,
    MlsMessageOut, OpenMlsProvider, ProtocolVersion, SenderExtensionIndex,
};

use super::group::{CIPHERSUITE, user_of};
use super::identity::Identity;
use super::provider::Provider;
use members::{Member, Members};
pub use outcome::{CommitOutcome, DeliveryError, ProposalsMessage};

/// The identity in the external sender's credential; members compare it but attach no meaning to it.
const SENDER_NAME: &[u8] = b"isocord delivery service";

/// A proposal that has been sent out in this epoch.
struct Pending {
    reference: Vec<u8>,
    message: Vec<u8>,
    change: Change,
}

enum Change {
    Add { member: Member, key_package_ref: Vec<u8> },
    Remove { leaf: u32, user_id: u64 },
}

/// The delivery service of one call.
///
/// Until the first commit wins there is no group, and every user with a key package is a pending member who makes a
/// local group. See the whitepaper, "Initial Group Creation", "Proposal Handling", "Commit Ordering".
pub struct DeliveryService {
    provider: Provider,
    identity: Identity,
    group_id: u64,
    epoch: u64,
    members: Members,
    pending: Vec<Pending>,
}

impl DeliveryService {
    /// A delivery service for the call with this id, with a signature key of its own and no group yet.
    pub fn new(group_id: u64) -> Self {
        Self {
            provider: Provider::default(),
            identity: Identity::generate(),
            group_id,
            epoch: 0,
            members: Members::default(),
            pending: Vec::new(),
        }
    }

    /// The payload of opcode 25.
    ///
    /// # Errors
    /// [`DeliveryError::Mls`]
    pub fn external_sender(&self) -> Result<Vec<u8>, DeliveryError> {
        let credential = self.identity.credential(SENDER_NAME.to_vec());
        let sender = ExternalSender::new(credential.signature_key, credential.credential);
        sender.tls_serialize_detached().map_err(mls)
    }

    /// The current epoch; 0 while there is no group.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Whether a first commit has won.
    pub fn is_established(&self) -> bool {
        self.epoch > 0
    }

    /// The users in the group.
    pub fn members(&self) -> Vec<u64> {
        self.members.users().collect()
    }

    /// The users with a key package who are not in the group yet.
    pub fn pending_members(&self) -> Vec<u64> {
        self.pending.iter().filter_map(|pending| pending.added()).collect()
    }

    /// The one member of a group that all others have left: it is to be [reset](Self::reset) then.
    pub fn sole_member(&self) -> Option<u64> {
        let mut users = self.members.users();
        users.next().filter(|_| users.next().is_none())
    }

    /// Opcode 26 of a user: proposes to add the user, and to remove what is there of the user from before.
    ///
    /// While there is no group the user gets the proposals for the other pending members too.
    ///
    /// # Errors
    /// [`DeliveryError::InvalidKeyPackage`]: nothing has changed then.
    pub fn add(&mut self, user_id: u64, key_package: &[u8]) -> Result<Vec<ProposalsMessage>, DeliveryError> {
        let checked = self.check_key_package(user_id, key_package)?;
        let change = Change::Add {
            member: Member {
                user_id,
                signature_key: checked.leaf_node().signature_key().as_slice().to_vec(),
            },
            key_package_ref: wire::key_package_ref(key_package),
        };
        let add = ExternalProposal::new_add::<Provider>(
            checked,
            self.mls_group_id(),
            self.mls_epoch(),
            &self.identity,
            SenderExtensionIndex::new(0),
        );
        let add = pending(&add.map_err(mls)?, change)?;
        let remove = self.removal_of(user_id)?;
        let revoked: Vec<_> = self.revoke_add(user_id).into_iter().collect();
        let recipients = self.recipients(user_id);
        let fresh: Vec<_> = remove.into_iter().chain([add]).collect();
        let appended = ProposalsMessage { payload: append_payload(&fresh), recipients };
        let in_flight = self.in_flight_for(user_id);
        self.pending.extend(fresh);
        let messages = revoked.into_iter().chain([appended]).chain(in_flight);
        Ok(messages.filter(|message| !message.recipients.is_empty()).collect())
    }

    /// A user has left, or reported an invalid commit (opcode 31): proposes to remove the user.
    ///
    /// # Errors
    /// [`DeliveryError::Mls`]
    pub fn remove(&mut self, user_id: u64) -> Result<Vec<ProposalsMessage>, DeliveryError> {
        let removal = self.removal_of(user_id)?;
        let mut messages: Vec<_> = self.revoke_add(user_id).into_iter().collect();
        if let Some(removal) = removal {
            let payload = append_payload(core::slice::from_ref(&removal));
            messages.push(ProposalsMessage { payload, recipients: self.recipients(user_id) });
            self.pending.push(removal);
        }
        messages.retain(|message| !message.recipients.is_empty());
        Ok(messages)
    }

    /// Opcode 28 of a user. The first valid commit of an epoch wins.
    ///
    /// # Errors
    /// [`DeliveryError`]: the commit is to be dropped. [`DeliveryError::WrongEpoch`] is the fate of all but the first.
    pub fn commit(&mut self, user_id: u64, payload: &[u8]) -> Result<CommitOutcome, DeliveryError> {
        let (bytes, welcome) = wire::split_commit_welcome(payload)?;
        let commit = wire::Commit::parse(bytes).ok_or(DeliveryError::Malformed("commit"))?;
        if commit.group_id != self.group_id.to_be_bytes() {
            return Err(DeliveryError::OtherGroup);
        }
        if commit.epoch != self.epoch {
            return Err(DeliveryError::WrongEpoch { commit: commit.epoch, group: self.epoch });
        }
        let mut members = self.members_for_commit(user_id, &commit)?;
        let changes = self.changes_of(user_id, &commit)?;
        let before: Vec<_> = members.users().collect();
        for change in &changes {
            if let Change::Remove { leaf, .. } = change {
                members.remove(*leaf);
            }
        }
        let staying = members.users().collect();
        let mut welcomes = Vec::new();
        for change in &changes {
            if let Change::Add { member, key_package_ref } = change {
                let welcome = welcome.and_then(|welcome| wire::welcome_for(welcome, key_package_ref));
                welcomes.push((member.user_id, welcome.ok_or(DeliveryError::NoWelcome(member.user_id))?));
                members.add(member.clone());
            }
        }
        let removed = before.into_iter().filter(|user_id| members.leaf_of(*user_id).is_none()).collect();
        self.epoch += 1;
        self.members = members;
        self.pending.clear();
        Ok(CommitOutcome { epoch: self.epoch, commit: bytes.to_vec(), staying, welcomes, removed })
    }

    /// Forgets the group. All users get opcode 24 with epoch 1 then and send new key packages.
    pub fn reset(&mut self) {
        self.epoch = 0;
        self.members = Members::default();
        self.pending.clear();
    }

    /// The proposals of before, for a user whose local group is new.
    fn in_flight_for(&self, user_id: u64) -> Option<ProposalsMessage> {
        if self.is_established() || self.pending.is_empty() {
            return None;
        }
        Some(ProposalsMessage { payload: append_payload(&self.pending), recipients: vec![user_id] })
    }

    fn mls_group_id(&self) -> GroupId {
        GroupId::from_slice(&self.group_id.to_be_bytes())
    }

    fn mls_epoch(&self) -> GroupEpoch {
        GroupEpoch::from(self.epoch)
    }

    fn check_key_package(&self, user_id: u64, bytes: &[u8]) -> Result<KeyPackage, DeliveryError> {
        let invalid = |reason: &str| DeliveryError::InvalidKeyPackage(reason.into());
        let parsed = KeyPackageIn::tls_deserialize_exact_bytes(bytes).map_err(|_| invalid("malformed"))?;
        let checked = parsed
            .validate(self.provider.crypto(), ProtocolVersion::Mls10)
            .map_err(|error| invalid(&error.to_string()))?;
        if checked.ciphersuite() != CIPHERSUITE {
            return Err(invalid("another ciphersuite"));
        }
        if user_of(checked.leaf_node().credential()) != Ok(user_id) {
            return Err(invalid("the credential is not the user's id"));
        }
        let lifetime = checked.life_time();
        if (lifetime.not_before(), lifetime.not_after()) != (0, u64::MAX) {
            return Err(invalid("the lifetime is not the longest possible"));
        }
        Ok(checked)
    }

    /// A proposal to remove the user, where the user is a member and it has not been proposed yet.
    fn removal_of(&self, user_id: u64) -> Result<Option<Pending>, DeliveryError> {
        let Some(leaf) = self.members.leaf_of(user_id) else { return Ok(None) };
        if self
            .pending
            .iter()
            .any(|pending| matches!(pending.change, Change::Remove { leaf: other, .. } if other == leaf))
        {
            return Ok(None);
        }
        let remove = ExternalProposal::new_remove::<Provider>(
            LeafNodeIndex::new(leaf),
            self.mls_group_id(),
            self.mls_epoch(),
            &self.identity,
            SenderExtensionIndex::new(0),
        );
        pending(&remove.map_err(mls)?, Change::Remove { leaf, user_id }).map(Some)
    }

    /// Takes back the proposal to add the user, if there is one.
    fn revoke_add(&mut self, user_id: u64) -> Option<ProposalsMessage> {
        let index = self.pending.iter().position(|pending| pending.added() == Some(user_id))?;
        let recipients = self.recipients(user_id);
        let revoked = self.pending.remove(index);
        let mut references = Vec::new();
        wire::put_vector(&revoked.reference, &mut references);
        let mut payload = vec![1];
        wire::put_vector(&references, &mut payload);
        Some(ProposalsMessage { payload, recipients })
    }

    /// Those who get a proposal about a user: the members, or all pending members while there is no group.
    fn recipients(&self, about: u64) -> Vec<u64> {
        let users: Vec<_> = if self.is_established() { self.members() } else { self.pending_members() };
        users.into_iter().filter(|user_id| *user_id != about).collect()
    }

    /// The members before the commit, once it is clear that the user may commit and stays who it is.
    fn members_for_commit(&self, user_id: u64, commit: &wire::Commit) -> Result<Members, DeliveryError> {
        let mut members = self.members.clone();
        if !self.is_established() {
            // The local group of a pending member has only that member.
            let own = self.pending.iter().find_map(|pending| match &pending.change {
                Change::Add { member, .. } if member.user_id == user_id => Some(member),
                _ => None,
            });
            members.add(own.ok_or(DeliveryError::NotAMember(user_id))?.clone());
        }
        let committer = members.at(commit.committer).filter(|member| member.user_id == user_id);
        let committer = committer.ok_or(DeliveryError::NotAMember(user_id))?;
        match commit.new_leaf {
            Some(leaf) if leaf != (&committer.signature_key[..], &user_id.to_be_bytes()[..]) => {
                Err(DeliveryError::ChangedIdentity)
            }
            _ => Ok(members),
        }
    }

    /// What the commit changes, in its order, once it is clear that it refers to all pending proposals and nothing else.
    fn changes_of(&self, user_id: u64, commit: &wire::Commit) -> Result<Vec<&Change>, DeliveryError> {
        let due: BTreeMap<_, _> = self
            .pending
            .iter()
            .filter(|pending| self.is_established() || pending.added() != Some(user_id))
            .map(|pending| (&pending.reference[..], &pending.change))
            .collect();
        let mut named = commit.proposals.clone();
        named.sort_unstable();
        if named.is_empty() || !named.iter().copied().eq(due.keys().copied()) {
            return Err(DeliveryError::OtherProposals);
        }
        let removes_committer = |change: &&Change| matches!(change, Change::Remove { user_id: removed, .. } if *removed == user_id);
        if due.values().any(removes_committer) {
            return Err(DeliveryError::NotAMember(user_id));
        }
        Ok(commit.proposals.iter().filter_map(|reference| due.get(reference).copied()).collect())
    }
}

impl Pending {
    fn added(&self) -> Option<u64> {
        match &self.change {
            Change::Add { member, .. } => Some(member.user_id),
            Change::Remove { .. } => None,
        }
    }
}

fn pending(message: &MlsMessageOut, change: Change) -> Result<Pending, DeliveryError> {
    let message = message.tls_serialize_detached().map_err(mls)?;
    Ok(Pending { reference: wire::proposal_ref(&message), message, change })
}

fn append_payload<'a>(proposals: impl IntoIterator<Item = &'a Pending>) -> Vec<u8> {
    let messages: Vec<u8> =
        proposals.into_iter().flat_map(|pending| pending.message.iter().copied()).collect();
    let mut payload = vec![0];
    wire::put_vector(&messages, &mut payload);
    payload
}

fn mls(error: impl fmt::Display) -> DeliveryError {
    DeliveryError::Mls(error.to_string())
}

impl fmt::Debug for DeliveryService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeliveryService")
            .field("group_id", &self.group_id)
            .field("epoch", &self.epoch)
            .field("members", &self.members())
            .finish_non_exhaustive()
    }
}
