//! Secrets stay secret: no `Debug` shows them, and the types that cross threads may cross them.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dave_support;

use dave_support::{Call, GROUP, Member};
use isocord_proto::dave::delivery::DeliveryService;
use isocord_proto::dave::{
    ClientMessage, FrameOpener, FrameSealer, Identity, Notice, Openers, Output, ReceiverChange, SenderChange,
    SenderRatchet, Session, Verification,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The ways in which bytes could turn up in a debug text.
fn spellings(secret: &[u8]) -> [String; 4] {
    let decimal: Vec<_> = secret.iter().map(u8::to_string).collect();
    [hex(secret), hex(secret).to_uppercase(), decimal.join(", "), format!("{secret:02x?}")]
}

#[test]
fn keys_are_not_shown() {
    let base = [0xa7; 16];
    let mut ratchet = SenderRatchet::new(&base);
    let key = ratchet.next_key();
    let mut sealer = FrameSealer::new();
    sealer.apply(SenderChange::key(SenderRatchet::new(&base)));
    let mut opener = FrameOpener::new();
    opener.install(SenderRatchet::new(&base), std::time::Duration::ZERO);
    let mut openers = Openers::new();
    let change = ReceiverChange::Epoch(vec![(1, SenderRatchet::new(&base))]);
    let shown = format!(
        "{ratchet:?} {sealer:?} {opener:?} {change:?} {:#?}",
        SenderChange::key(SenderRatchet::new(&base))
    );
    openers.apply(change, std::time::Duration::ZERO);
    let shown = format!("{shown} {openers:#?}");
    for secret in [&base[..], &key[..]] {
        for spelling in spellings(secret) {
            assert!(!shown.contains(&spelling), "{shown}");
        }
    }
    assert!(!shown.contains("167"), "{shown}");
}

#[test]
fn a_whole_call_shows_no_key_and_no_code() {
    let mut call = Call::with([1, 2, 3]);
    call.leave(3);
    call.recreate();
    let codes: Vec<_> = call.members.values().map(|member| member.code.clone().unwrap()).collect();
    let mut shown = format!("{:?} {:?}", call.service, Identity::generate());
    for member in call.members.values_mut() {
        member.session.binary(29, &[0; 50]);
        member.session.binary(27, &[0; 50]);
        member.run(call.now);
        shown += &format!("{:?} {:?} {:?} {:?}", member.session, member.sealer, member.openers, member.code);
        shown += &member.notices.iter().map(|notice| format!("{notice:?} {notice}")).collect::<String>();
    }
    for code in codes {
        assert!(!shown.contains(code.as_str()) && !shown.contains(&code.to_string()), "{shown}");
    }
    // What may be shown is short: names, numbers of users and epochs.
    assert!(shown.len() < 4_000, "{shown}");
    let longest = shown.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
    assert!(longest < Some(20), "{shown}");
}

#[test]
fn keys_may_go_to_other_threads() {
    fn may_cross<T: Send + 'static>() {}
    may_cross::<Session>();
    may_cross::<DeliveryService>();
    may_cross::<FrameSealer>();
    may_cross::<Openers>();
    may_cross::<Output>();
    may_cross::<Verification>();
    may_cross::<Notice>();
}

#[test]
fn the_wire_form_of_messages() {
    use isocord_proto::dave::WireMessage::{Binary, Text};
    let ready = ClientMessage::ReadyForTransition { transition_id: 7 };
    assert_eq!(ready.to_wire(), Text(r#"{"op":23,"d":{"transition_id":7}}"#.into()));
    let invalid = ClientMessage::InvalidCommitWelcome { transition_id: 65_535 };
    assert_eq!(invalid.to_wire(), Text(r#"{"op":31,"d":{"transition_id":65535}}"#.into()));
    assert_eq!(ClientMessage::KeyPackage(vec![1, 2]).to_wire(), Binary(vec![26, 1, 2]));
    assert_eq!(ClientMessage::CommitWelcome(vec![1, 2]).to_wire(), Binary(vec![28, 1, 2]));
    assert_eq!(Member::new(1).session.protocol_version(), 0);
    assert_ne!(GROUP, 0);
}
