//! DAVE, Discord's end-to-end encryption, protocol version 1.

mod cipher;
mod frame;
mod nonce;
mod opener;
mod openers;
mod ratchet;
mod replay;
mod sealer;
pub mod uleb128;

pub use frame::{MAX_OVERHEAD, SILENCE};
pub use opener::{FrameOpener, OpenError, Opened, RETENTION};
pub use openers::{Openers, ReceiverChange};
pub use ratchet::SenderRatchet;
pub use sealer::{FrameSealer, SealError, SenderChange};
