//! Opcode 27: proposals to add or remove members, and the commit that answers them.
//!
//! A commit costs as much as everything that is pending, and one that leaves out a proposal is refused. So it is made
//! when no more proposals wait, or a crowd that comes in would cost the square of its size.

use openmls::prelude::hash_ref::ProposalRef;
use openmls::prelude::tls_codec::{DeserializeBytes, Serialize, VLBytes};
use openmls::prelude::{
    ContentType, LeafNodeIndex, MlsMessageBodyOut, MlsMessageIn, OpenMlsProvider, ProcessedMessageContent,
    Proposal, ProtocolMessage, QueuedProposal, Sender,
};

use super::group::{Client, Group, OwnCommit, check_roster, user_of};
use super::provider::stay_on_this_thread;
use super::refusal::Refusal;

/// Proposals that are kept at most for one epoch.
const MAX_PENDING: usize = 1024;

/// The payload of opcode 27, taken apart.
pub(super) enum Proposals {
    Append(Vec<MlsMessageIn>),
    Revoke(Vec<ProposalRef>),
}

impl Proposals {
    pub fn parse(payload: &[u8]) -> Result<Self, Refusal> {
        let malformed = Refusal::Malformed("proposals");
        let (operation, vector) = payload.split_first().ok_or(malformed.clone())?;
        let vector = VLBytes::tls_deserialize_exact_bytes(vector).map_err(|_| malformed.clone())?;
        let parsed = match operation {
            0 => parse_all(vector.as_slice()).map(Self::Append),
            1 => parse_all(vector.as_slice()).map(Self::Revoke),
            _ => None,
        };
        parsed.ok_or(malformed)
    }
}

fn parse_all<T: DeserializeBytes>(mut bytes: &[u8]) -> Option<Vec<T>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (one, rest) = T::tls_deserialize_bytes(bytes).ok()?;
        all.push(one);
        bytes = rest;
    }
    Some(all)
}

impl Group {
    /// Appends or revokes proposals. Gives those that were not accepted.
    ///
    /// A commit is owed then, unless one was refused: the gateway accepts only commits that refer to all of them.
    pub fn handle_proposals(
        &mut self,
        client: &Client,
        proposals: Proposals,
        is_known: impl Fn(u64) -> bool,
    ) -> Result<Vec<Refusal>, Refusal> {
        stay_on_this_thread();
        let mut refused = Vec::new();
        let mut must_not_commit = false;
        match proposals {
            Proposals::Append(messages) => {
                for message in messages {
                    if let Err(refusal) = self.append(client, message, &is_known) {
                        refused.push(refusal);
                        must_not_commit = true;
                    }
                }
            }
            Proposals::Revoke(references) => {
                for reference in references {
                    // One that was refused when it came is unknown here, which is as good as revoked.
                    if self.mls.remove_pending_proposal(client.provider.storage(), &reference).is_err() {
                        refused.push(Refusal::UnknownProposal);
                    }
                }
            }
        }
        self.drop_own_commit(client)?;
        if !must_not_commit {
            self.own_commit = OwnCommit::Owed;
        }
        Ok(refused)
    }

    /// The payload of opcode 28, if a commit is owed and there is something to commit to.
    pub fn pay_commit(&mut self, client: &Client) -> Result<Option<Vec<u8>>, Refusal> {
        if !matches!(self.own_commit, OwnCommit::Owed) {
            return Ok(None);
        }
        self.own_commit = OwnCommit::None;
        stay_on_this_thread();
        self.commit(client)
    }

    fn append(
        &mut self,
        client: &Client,
        message: MlsMessageIn,
        is_known: impl Fn(u64) -> bool,
    ) -> Result<(), Refusal> {
        let Ok(ProtocolMessage::PublicMessage(message)) = message.try_into_protocol_message() else {
            return Err(Refusal::Malformed("proposal"));
        };
        if *message.group_id() != client.group_id {
            return Err(Refusal::OtherGroup);
        }
        check_epoch(message.epoch().as_u64(), self.epoch())?;
        if !matches!(message.sender(), Sender::External(_)) || message.content_type() != ContentType::Proposal
        {
            return Err(Refusal::NotFromExternalSender);
        }
        let processed = self.mls.process_message(&client.provider, *message).map_err(Refusal::mls)?;
        let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
            return Err(Refusal::NotAddOrRemove);
        };
        match proposal.proposal() {
            Proposal::Add(add) => {
                let user_id = user_of(add.key_package().leaf_node().credential())?;
                if user_id == client.user_id && !self.is_established() {
                    // The gateway proposes us to the others; our own local group has us already.
                    return Ok(());
                }
                if !is_known(user_id) {
                    return Err(Refusal::UnknownUser(user_id));
                }
            }
            Proposal::Remove(_) => {}
            _ => return Err(Refusal::NotAddOrRemove),
        }
        if self.is_pending(&proposal) {
            return Ok(());
        }
        if self.mls.pending_proposals().count() >= MAX_PENDING {
            return Err(Refusal::TooManyProposals);
        }
        self.mls.store_pending_proposal(client.provider.storage(), *proposal).map_err(Refusal::mls)
    }

    fn is_pending(&self, proposal: &QueuedProposal) -> bool {
        let reference = proposal.proposal_reference_ref();
        self.mls.pending_proposals().any(|pending| pending.proposal_reference_ref() == reference)
    }

    fn drop_own_commit(&mut self, client: &Client) -> Result<(), Refusal> {
        self.own_commit = OwnCommit::None;
        self.mls.clear_pending_commit(client.provider.storage()).map_err(Refusal::mls)
    }

    /// Commits to all pending proposals: commit and welcome, as opcode 28 carries them.
    fn commit(&mut self, client: &Client) -> Result<Option<Vec<u8>>, Refusal> {
        let own_leaf = self.mls.own_leaf_index();
        let removes_us = self.mls.pending_proposals().any(|proposal| removes(proposal) == Some(own_leaf));
        if removes_us || !self.mls.has_pending_proposals() {
            // Only another member can commit to our removal.
            return Ok(None);
        }
        self.check_projected_roster(self.mls.pending_proposals())?;
        let (commit, welcome, _) =
            self.mls.commit_to_pending_proposals(&client.provider, &client.identity).map_err(Refusal::mls)?;
        let mut payload = commit.tls_serialize_detached().map_err(Refusal::mls)?;
        self.own_commit = OwnCommit::Sent(payload.clone());
        if let Some(MlsMessageBodyOut::Welcome(welcome)) = welcome.as_ref().map(|message| message.body()) {
            payload.extend(welcome.tls_serialize_detached().map_err(Refusal::mls)?);
        }
        Ok(Some(payload))
    }

    /// Refuses proposals after which a user would be in the group twice.
    pub fn check_projected_roster<'a>(
        &self,
        proposals: impl Iterator<Item = &'a QueuedProposal>,
    ) -> Result<(), Refusal> {
        let (mut removed, mut added) = (Vec::new(), Vec::new());
        for proposal in proposals {
            match proposal.proposal() {
                Proposal::Add(add) => added.push(user_of(add.key_package().leaf_node().credential())),
                Proposal::Remove(remove) => removed.push(remove.removed()),
                _ => return Err(Refusal::NotAddOrRemove),
            }
        }
        let staying = self.mls.members().filter(|member| !removed.contains(&member.index));
        check_roster(staying.map(|member| user_of(&member.credential)).chain(added))
    }
}

fn removes(proposal: &QueuedProposal) -> Option<LeafNodeIndex> {
    match proposal.proposal() {
        Proposal::Remove(remove) => Some(remove.removed()),
        _ => None,
    }
}

/// Refuses a message that is not for the group's current epoch.
pub(super) fn check_epoch(message: u64, group: u64) -> Result<(), Refusal> {
    match message.cmp(&group) {
        core::cmp::Ordering::Equal => Ok(()),
        core::cmp::Ordering::Less => Err(Refusal::PastEpoch { message, group }),
        core::cmp::Ordering::Greater => Err(Refusal::FutureEpoch { message, group }),
    }
}
