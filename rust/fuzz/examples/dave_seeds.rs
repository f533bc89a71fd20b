//! Writes the seeds of the DAVE targets into `corpus/`: one true message of each kind (`cargo run --example dave_seeds`).
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use isocord_fuzz::{Call, drain, payload};
use isocord_proto::dave::{FrameSealer, MAX_OVERHEAD, SenderChange, SenderRatchet};

fn main() -> std::io::Result<()> {
    let (mut call, key_package) = Call::pending();
    seed("dave_external_sender", "true", &call.service.external_sender().expect("a sender"))?;
    seed("dave_delivery", "key_package", &[&[0], &key_package[..]].concat())?;
    let messages = call.service.add(2, &key_package).expect("a valid key package");
    seed("dave_proposals", "add", &messages[0].payload)?;
    call.members[0].proposals(&messages[0].payload);
    let commit = payload(drain(&mut call.members[0]), 28);
    seed("dave_delivery", "commit", &[&[1], &commit[..]].concat())?;
    let outcome = call.service.commit(1, &commit).expect("a valid commit");
    seed("dave_commit", "add", &outcome.announcement(1))?;
    seed("dave_welcome", "true", &outcome.welcome_messages(1)[0].1)?;

    let mut call = Call::established();
    let removal = call.service.remove(2).expect("a member").remove(0).payload;
    seed("dave_proposals", "remove", &removal)?;
    call.members[0].proposals(&removal);
    let commit = payload(drain(&mut call.members[0]), 28);
    let outcome = call.service.commit(1, &commit).expect("a valid commit");
    seed("dave_commit", "remove", &outcome.announcement(2))?;
    seed("dave_proposals", "revoke", &[&[1, 33, 32], &[7; 32][..]].concat())?;

    let mut sealer = FrameSealer::new();
    sealer.apply(SenderChange::key(SenderRatchet::new(&[0; 16])));
    let mut out = [0; 64 + MAX_OVERHEAD];
    let len = sealer.seal(&[0x55; 64], &mut out).expect("a key");
    seed("dave_frame", "sealed", &[&[0], &out[..len]].concat())?;
    seed("dave_frame", "silence", &[0, 0xf8, 0xff, 0xfe])?;
    seed("dave_frame", "ranges", &[&[1; 21][..], &[0, 1, 5, 2, 16, 0xfa, 0xfa]].concat())
}

fn seed(target: &str, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}
