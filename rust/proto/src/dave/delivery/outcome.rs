//! What the delivery service answers with.

/// Why the delivery service refused what a client sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The bytes are not what the opcode carries.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A key package that is not valid for this user and DAVE version 1.
    #[error("invalid key package: {0}")]
    InvalidKeyPackage(String),
    /// A commit of one who is not in the group.
    #[error("user {0} is no member")]
    NotAMember(u64),
    /// A commit for another epoch than the current one; the usual fate of all but the first.
    #[error("the commit is for epoch {commit}, the group is in epoch {group}")]
    WrongEpoch {
        /// Epoch in the commit.
        commit: u64,
        /// Epoch of the group.
        group: u64,
    },
    /// A commit for another group.
    #[error("the commit is for another group")]
    OtherGroup,
    /// A commit that does not refer to exactly the proposals that are pending.
    #[error("the commit does not refer to exactly the pending proposals")]
    OtherProposals,
    /// A commit that changes its sender's credential or signature key.
    #[error("the commit changes its sender's identity")]
    ChangedIdentity,
    /// A commit that adds members without a welcome for each of them.
    #[error("there is no welcome for user {0}")]
    NoWelcome(u64),
    /// The MLS library failed.
    #[error("MLS: {0}")]
    Mls(String),
}

/// A payload of opcode 27 and the users to whom it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalsMessage {
    /// The payload: operation and vector.
    pub payload: Vec<u8>,
    /// User ids of those who are to receive it.
    pub recipients: Vec<u64>,
}

/// A commit that won its epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOutcome {
    /// The epoch that the group enters.
    pub epoch: u64,
    /// The commit, for opcode 29.
    pub commit: Vec<u8>,
    /// Members who stay, the committer among them: they get the commit.
    pub staying: Vec<u64>,
    /// A welcome for each user who joins, with that user's secrets only, for opcode 30.
    pub welcomes: Vec<(u64, Vec<u8>)>,
    /// Users who are no members any more.
    pub removed: Vec<u64>,
}

impl CommitOutcome {
    /// The payload of opcode 29, for each of [`staying`](Self::staying).
    pub fn announcement(&self, transition_id: u16) -> Vec<u8> {
        [&transition_id.to_be_bytes(), &self.commit[..]].concat()
    }

    /// The payloads of opcode 30, each with the user to whom it goes.
    pub fn welcome_messages(&self, transition_id: u16) -> Vec<(u64, Vec<u8>)> {
        let message = |welcome: &[u8]| [&transition_id.to_be_bytes(), welcome].concat();
        self.welcomes.iter().map(|(user_id, welcome)| (*user_id, message(welcome))).collect()
    }
}
