//! DAVE, Discord's end-to-end encryption, protocol version 1.

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
pub use opener::{FrameOpener, OpenError, Opened, RETENTION};
pub use openers::{Openers, ReceiverChange};
pub use output::{ClientMessage, Notice, Output, WireMessage};
pub use privacy::{PrivacyCode, Verification, displayable_code};
pub use ratchet::SenderRatchet;
pub use refusal::Refusal;
pub use sealer::{FrameSealer, SealError, SenderChange};
pub use session::{MAX_PROTOCOL_VERSION, Session, Status};
