//! Opcode 29: the commit that the gateway has chosen moves the group to its next epoch.

use openmls::prelude::tls_codec::DeserializeBytes;
use openmls::prelude::{
    ContentType, LeafNodeIndex, MlsMessageIn, ProcessedMessageContent, ProposalOrRefType, ProtocolMessage,
    Sender, StagedCommit,
};

use super::group::{Client, Group, OwnCommit};
use super::proposals::check_epoch;
use super::provider::stay_on_this_thread;
use super::refusal::Refusal;

impl Group {
    /// Takes the announced commit, this member's own or another's. The group is unchanged where it is refused.
    pub fn handle_commit(&mut self, client: &Client, commit: &[u8]) -> Result<(), Refusal> {
        stay_on_this_thread();
        let message =
            MlsMessageIn::tls_deserialize_exact_bytes(commit).map_err(|_| Refusal::Malformed("commit"))?;
        let Ok(ProtocolMessage::PublicMessage(message)) = message.try_into_protocol_message() else {
            return Err(Refusal::Malformed("commit"));
        };
        if message.content_type() != ContentType::Commit {
            return Err(Refusal::Malformed("commit"));
        }
        let Sender::Member(committer) = *message.sender() else {
            return Err(Refusal::Malformed("commit"));
        };
        if *message.group_id() != client.group_id {
            return Err(Refusal::OtherGroup);
        }
        if !self.is_established() && !matches!(&self.own_commit, OwnCommit::Sent(sent) if sent == commit) {
            return Err(Refusal::NotInGroup);
        }
        check_epoch(message.epoch().as_u64(), self.epoch())?;
        let processed = self.mls.process_message(&client.provider, *message).map_err(Refusal::mls)?;
        match processed.into_content() {
            ProcessedMessageContent::OwnPendingCommit => {
                // What we committed to was checked before.
                self.mls.merge_pending_commit(&client.provider).map_err(Refusal::mls)?;
            }
            ProcessedMessageContent::StagedCommitMessage(staged) => {
                self.check_staged(&staged, committer)?;
                self.mls.merge_staged_commit(&client.provider, *staged).map_err(Refusal::mls)?;
            }
            _ => return Err(Refusal::Malformed("commit")),
        }
        self.own_commit = OwnCommit::None;
        Ok(())
    }

    /// What DAVE asks of a commit beyond MLS (whitepaper, "Client Commit Validity").
    fn check_staged(&self, staged: &StagedCommit, committer: LeafNodeIndex) -> Result<(), Refusal> {
        if staged.self_removed() {
            return Err(Refusal::RemovesUs);
        }
        if staged
            .queued_proposals()
            .any(|proposal| proposal.proposal_or_ref_type() != ProposalOrRefType::Reference)
        {
            return Err(Refusal::InlineProposal);
        }
        self.check_projected_roster(staged.queued_proposals())?;
        if let Some(leaf) = staged.update_path_leaf_node() {
            let member = self.mls.members().find(|member| member.index == committer);
            let same = member.is_some_and(|member| {
                member.credential == *leaf.credential()
                    && member.signature_key == leaf.signature_key().as_slice()
            });
            if !same {
                return Err(Refusal::ChangedIdentity);
            }
        }
        Ok(())
    }
}
