//! DAVE, Discord's end-to-end encryption, protocol version 1 (whitepaper 1.1, repository `discord/dave-protocol`).
//!
//! Three parts, for three threads, that share nothing and hand each other whole values:
//!
//! - [`Session`], slow, on a thread beside the gateway's: the MLS group and the transitions. Messages of the voice gateway go in,
//!   [`Output`]s come out: messages to send, and new keys.
//! - [`FrameSealer`], on the clock thread: seals outgoing frames. It takes a [`SenderChange`] when a transition is executed.
//! - [`Openers`], on the receive thread: opens the frames of everybody else. It takes a [`ReceiverChange`] as soon as the group
//!   has moved, before anybody sends with the new keys, and keeps the old ones for ten seconds.
//!
//! A key goes this way: MLS exporter (`group`) -> [`SenderRatchet`] (`ratchet`) -> one key for 2^24 frames (`nonce`) ->
//! AES-128-GCM (`cipher`) -> frame (`frame`). The other side of the gateway is in [`delivery`].

mod cipher;
mod commit;
pub mod delivery;
mod frame;
mod group;
mod identity;
mod nonce;
mod opener;
mod openers;
mod output;
mod privacy;
mod proposals;
mod provider;
mod ratchet;
mod refusal;
mod replay;
mod roster;
mod sealer;
mod session;
mod store;
mod transition;
pub mod uleb128;

pub use frame::{MAX_OVERHEAD, SILENCE};
pub use identity::Identity;
pub use opener::{FrameOpenError, FrameOpener, Opened, RETENTION};
pub use openers::{Openers, ReceiverChange};
pub use output::{ClientMessage, Notice, Output, WireMessage};
pub use privacy::{PrivacyCode, Verification, displayable_code};
pub use ratchet::SenderRatchet;
pub use refusal::Refusal;
pub use sealer::{FrameSealer, SealError, SenderChange, SenderKey};
pub use session::{MAX_PROTOCOL_VERSION, Session, Status};
