//! What the session wants done: messages to the gateway and changes of keys, in this order.

use super::openers::ReceiverChange;
use super::privacy::PrivacyCode;
use super::refusal::Refusal;
use super::sealer::SenderChange;

/// One thing to do. The caller does them in the order in which they come.
#[derive(Debug)]
pub enum Output {
    /// Send this to the voice gateway.
    Send(ClientMessage),
    /// Hand this to the clock thread's [`FrameSealer`](super::FrameSealer).
    Sender(SenderChange),
    /// Hand this to the receive thread's [`Openers`](super::Openers).
    Receivers(ReceiverChange),
    /// The call's privacy code has changed; `None` while this member is in no group with others.
    PrivacyCode(Option<PrivacyCode>),
    /// The protocol version that is in force has changed; 0 means transport encryption only.
    Version(u16),
    /// Something was refused or ignored; the session goes on. To be logged.
    Notice(Notice),
}

/// A message to the voice gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Opcode 23, JSON.
    ReadyForTransition {
        /// The transition that this member is ready for.
        transition_id: u16,
    },
    /// Opcode 26, binary: a bare MLS KeyPackage.
    KeyPackage(Vec<u8>),
    /// Opcode 28, binary: an MLSMessage with the commit, then an optional bare Welcome.
    CommitWelcome(Vec<u8>),
    /// Opcode 31, JSON.
    InvalidCommitWelcome {
        /// The transition whose commit or welcome was refused.
        transition_id: u16,
    },
}

/// A message as it goes into the websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireMessage {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

impl ClientMessage {
    /// The voice gateway opcode.
    pub fn opcode(&self) -> u8 {
        match self {
            Self::ReadyForTransition { .. } => 23,
            Self::KeyPackage(_) => 26,
            Self::CommitWelcome(_) => 28,
            Self::InvalidCommitWelcome { .. } => 31,
        }
    }

    /// The whole message: JSON text, or the opcode and the payload.
    pub fn to_wire(&self) -> WireMessage {
        let op = self.opcode();
        match self {
            Self::ReadyForTransition { transition_id } | Self::InvalidCommitWelcome { transition_id } => {
                WireMessage::Text(format!(r#"{{"op":{op},"d":{{"transition_id":{transition_id}}}}}"#))
            }
            Self::KeyPackage(payload) | Self::CommitWelcome(payload) => {
                WireMessage::Binary([&[op], &payload[..]].concat())
            }
        }
    }
}

/// Something that the session did not accept, and what it did about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Notice {
    /// The message was ignored.
    #[error("opcode {opcode} ignored: {reason}")]
    Ignored {
        /// The opcode of the message.
        opcode: u8,
        /// What was wrong with it.
        reason: Refusal,
    },
    /// The group that was joined has members whom the gateway has not announced, or no longer.
    #[error("members of the group that are not in the call, as far as was told: {count}")]
    UnannouncedMembers {
        /// How many.
        count: usize,
    },
    /// A commit or welcome was refused: opcode 31 and a new key package follow.
    #[error("opcode {opcode} of transition {transition_id} refused: {reason}")]
    Refused {
        /// The opcode of the message, 29 or 30.
        opcode: u8,
        /// The transition that it belongs to.
        transition_id: u16,
        /// What was wrong with it.
        reason: Refusal,
    },
    /// The gateway executes a transition that it has not prepared, or that is over.
    #[error("transition {transition_id} is not prepared")]
    UnknownTransition {
        /// The transition's id.
        transition_id: u16,
    },
    /// Something went wrong in this member itself.
    #[error("DAVE failed: {0}")]
    Failed(Refusal),
}
