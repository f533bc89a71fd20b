//! Why something that the gateway or a member sent was not accepted.

/// Why a message was refused. Says what was wrong with it, never what is secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The bytes are not what the opcode carries.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// The gateway has not announced its external sender (opcode 25) yet.
    #[error("no external sender has been announced")]
    NoExternalSender,
    /// There is no group that the message could be for.
    #[error("there is no group")]
    NoGroup,
    /// The message is for another group.
    #[error("the message is for another group")]
    OtherGroup,
    /// The message is for an epoch that has passed.
    #[error("the message is for epoch {message}, the group is in epoch {group}")]
    PastEpoch {
        /// Epoch in the message.
        message: u64,
        /// Epoch of the group.
        group: u64,
    },
    /// The message is for an epoch that this member has not reached.
    #[error("the message is for epoch {message}, the group is only in epoch {group}")]
    FutureEpoch {
        /// Epoch in the message.
        message: u64,
        /// Epoch of the group.
        group: u64,
    },
    /// A proposal that does not come from the external sender.
    #[error("the proposal is not from the external sender")]
    NotFromExternalSender,
    /// A proposal that neither adds nor removes.
    #[error("the proposal is neither Add nor Remove")]
    NotAddOrRemove,
    /// A user whom the gateway has not announced.
    #[error("user {0} has not been announced")]
    UnknownUser(u64),
    /// The group would have a user twice.
    #[error("user {0} would be a member twice")]
    DuplicateUser(u64),
    /// A credential that is not a basic one with a user id of eight bytes.
    #[error("a credential is not a user id")]
    BadCredential,
    /// A group that does not have exactly the announced external sender.
    #[error("the group has another external sender than the announced one")]
    OtherExternalSender,
    /// A commit that carries a proposal itself instead of referring to one.
    #[error("the commit carries a proposal of its own")]
    InlineProposal,
    /// A commit that gives its sender another credential or signature key.
    #[error("the commit changes its sender's identity")]
    ChangedIdentity,
    /// A commit by another member while this one has only its own local group.
    #[error("the commit of another member, but this one has only a local group")]
    NotInGroup,
    /// A commit that removes this member.
    #[error("the commit removes this member")]
    RemovesUs,
    /// A welcome while this member is in a group already.
    #[error("already in a group")]
    AlreadyInGroup,
    /// A welcome that is not for this member's latest key package.
    #[error("the welcome is not for this member")]
    NotForUs,
    /// A proposal reference that names no proposal that is pending.
    #[error("no such proposal is pending")]
    UnknownProposal,
    /// More proposals in one epoch than any call needs.
    #[error("too many proposals are pending")]
    TooManyProposals,
    /// A protocol version that is not spoken here.
    #[error("DAVE protocol version {0} is not supported")]
    UnsupportedVersion(u16),
    /// The MLS library refused it.
    #[error("MLS: {0}")]
    Mls(String),
}

impl Refusal {
    pub(super) fn mls(error: impl core::fmt::Display) -> Self {
        Self::Mls(error.to_string())
    }
}
