//! Encrypted calls in which messages are wrong, late, unannounced or come twice, in virtual time.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dave_support;

use dave_support::{Call, Member};
use isocord_proto::dave::{ClientMessage, Notice, Refusal, Status};

#[test]
fn an_invalid_commit_is_reported_and_healed() {
    for opcode in [29, 30] {
        let mut call = Call::with([1, 2, 3]);
        let mut left = 1;
        call.tamper = Some(Box::new(move |user_id, op, payload| {
            let victim = if opcode == 29 { 2 } else { 4 };
            if user_id == victim && op == opcode && left > 0 {
                left -= 1;
                let last = payload.len() - 1;
                payload[last] ^= 1;
            }
        }));
        call.join(4);
        call.assert_one_group();
        let victim = call.member(if opcode == 29 { 2 } else { 4 });
        let reported = victim.sent.iter().position(|message| message.opcode() == 31).unwrap();
        assert_eq!(victim.sent[reported + 1].opcode(), 26, "a new key package follows at once");
        assert!(
            victim
                .notices
                .iter()
                .any(|notice| matches!(notice, Notice::Refused { opcode: found, .. } if *found == opcode))
        );
    }
}

#[test]
fn unannounced_users_are_not_let_in() {
    let mut call = Call::with([1, 2]);
    let mut stranger = Member::new(666);
    stranger.session.session_description(1);
    let Some(ClientMessage::KeyPackage(key_package)) = stranger.run(call.now).into_iter().next() else {
        unreachable!()
    };
    for message in call.service.add(666, &key_package).unwrap() {
        for user_id in [1, 2] {
            call.member(user_id).session.proposals(&message.payload);
        }
    }
    call.run();
    let refused = Notice::Ignored { opcode: 27, reason: Refusal::UnknownUser(666) };
    for user_id in [1, 2] {
        assert!(call.member(user_id).notices.contains(&refused));
        assert_eq!(call.member(user_id).session.members().count(), 2);
    }
    // The proposal is taken back, and the call goes on.
    call.leave(666);
    call.join(3);
    call.assert_one_group();
}

#[test]
fn a_group_with_an_unannounced_user_is_joined_and_told_of() {
    let mut call = Call::with([1, 2]);
    let sender = call.service.external_sender().unwrap();
    for user_id in [1, 2] {
        call.member(user_id).session.clients_connect(&[3]);
    }
    let mut member = Member::new(3);
    member.session.session_description(1);
    member.session.clients_connect(&[1]);
    member.session.external_sender(&sender);
    call.members.insert(3, member);
    let key_package = call.member(3).run(std::time::Duration::ZERO).remove(0);
    let ClientMessage::KeyPackage(key_package) = key_package else { unreachable!() };
    call.hold_commits = true;
    for message in call.service.add(3, &key_package).unwrap() {
        for recipient in message.recipients {
            call.member(recipient).session.proposals(&message.payload);
        }
    }
    call.run();
    let (user_id, commit) = call.held_commits.remove(0);
    let outcome = call.service.commit(user_id, &commit).unwrap();
    let (_, welcome) = outcome.welcome_messages(9).remove(0);
    call.member(3).session.welcome(&welcome);
    let sent = call.member(3).run(std::time::Duration::ZERO);
    assert_eq!(sent, [ClientMessage::ReadyForTransition { transition_id: 9 }]);
    assert_eq!(call.member(3).notices, [Notice::UnannouncedMembers { count: 1 }]);
    assert_eq!(call.member(3).session.status(), Status::Established);
}

#[test]
fn a_user_who_leaves_while_others_join_is_no_stranger() {
    let mut call = Call::with([1, 2, 3]);
    call.hold_commits = true;
    call.join(4);
    let (user_id, commit) = call.held_commits.remove(0);
    let outcome = call.service.commit(user_id, &commit).unwrap();
    call.member(4).session.client_disconnect(2);
    let (_, welcome) = outcome.welcome_messages(9).remove(0);
    call.member(4).session.welcome(&welcome);
    assert_eq!(
        call.member(4).run(std::time::Duration::ZERO),
        [ClientMessage::ReadyForTransition { transition_id: 9 }]
    );
}

#[test]
fn proposals_that_are_revoked_are_not_committed() {
    let mut call = Call::new();
    call.hold_commits = true;
    (1..=3).for_each(|user_id| call.join(user_id));
    call.leave(3);
    call.hold_commits = false;
    let (user_id, payload) = call.held_commits.pop().unwrap();
    call.on_commit(user_id, &payload);
    call.run();
    call.assert_one_group();
}

#[test]
fn messages_without_a_group_do_no_harm() {
    let mut member = Member::new(1);
    member.session.session_description(1);
    for opcode in [25, 27, 29, 30] {
        for payload in [&[][..], &[0], &[0, 0], &[0xff; 40]] {
            member.session.binary(opcode, payload);
        }
    }
    member.session.execute_transition(77);
    member.run(std::time::Duration::ZERO);
    assert!(member.notices.contains(&Notice::UnknownTransition { transition_id: 77 }));
    assert_eq!(member.session.status(), Status::Waiting);
    assert!(member.seal(b"nothing").is_none());
}

#[test]
fn a_commit_that_comes_twice_is_taken_once() {
    let mut call = Call::with([1, 2]);
    call.hold_commits = true;
    call.join(3);
    let (user_id, commit) = call.held_commits.remove(0);
    let outcome = call.service.commit(user_id, &commit).unwrap();
    for _ in 0..2 {
        call.member(1).session.announce_commit(&outcome.announcement(5));
    }
    let sent = call.member(1).run(std::time::Duration::ZERO);
    assert_eq!(sent, [ClientMessage::ReadyForTransition { transition_id: 5 }]);
    let reason = Refusal::PastEpoch { message: 1, group: 2 };
    assert_eq!(call.member(1).notices, [Notice::Ignored { opcode: 29, reason }]);
}
