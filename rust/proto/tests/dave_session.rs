//! Histories of encrypted calls, in virtual time.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dave_support;

use std::time::Duration;

use dave_support::{Call, Member};
use isocord_proto::dave::delivery::DeliveryError;
use isocord_proto::dave::{ClientMessage, FrameOpenError, Status};

#[test]
fn two_hear_each_other() {
    let mut call = Call::with([1, 2]);
    call.assert_one_group();
    assert!(call.members.values().all(|member| member.notices.is_empty()));
}

#[test]
fn five_and_twenty_five_hear_each_other() {
    for count in [5, 25] {
        Call::with(1..=count).assert_one_group();
    }
}

#[test]
fn all_pending_members_commit_and_the_first_wins() {
    for winner in 0..3 {
        let mut call = Call::new();
        call.hold_commits = true;
        (1..=3).for_each(|user_id| call.join(user_id));
        // Everybody has answered the newest proposals last.
        let newest: Vec<_> = (1..=3)
            .map(|user_id| call.held_commits.iter().rfind(|(from, _)| *from == user_id).unwrap().clone())
            .collect();
        call.hold_commits = false;
        let (user_id, payload) = newest[winner].clone();
        call.on_commit(user_id, &payload);
        call.run();
        call.assert_one_group();
        let (late, payload) = newest[(winner + 1) % 3].clone();
        call.on_commit(late, &payload);
        assert_eq!(call.refused.pop(), Some(DeliveryError::WrongEpoch { commit: 0, group: 1 }));
        call.assert_one_group();
    }
}

#[test]
fn a_crowd_that_comes_at_once_is_answered_with_one_commit() {
    let mut call = Call::with([1, 2]);
    call.hold_commits = true;
    let external_sender = call.service.external_sender().unwrap();
    let crowd = 3..=42;
    let messages: Vec<_> = crowd
        .clone()
        .flat_map(|user_id| {
            let mut member = Member::new(user_id);
            member.session.session_description(1);
            member.session.external_sender(&external_sender);
            let ClientMessage::KeyPackage(key_package) = member.run(call.now).remove(0) else {
                panic!("a key package")
            };
            call.members.insert(user_id, member);
            call.service.add(user_id, &key_package).unwrap()
        })
        .collect();
    let users: Vec<u64> = (1..=42).collect();
    call.members.values_mut().for_each(|member| member.session.clients_connect(&users));
    for message in &messages {
        // All of it waits already: nobody answers in between.
        assert!(call.member(1).session.poll().is_none());
        call.member(1).session.proposals(&message.payload);
    }
    call.run();
    assert_eq!(call.held_commits.len(), 1);
    // The last of them is gone: the commit that was sent does not count any more, and another one is owed.
    let revocation = call.service.remove(42).unwrap().remove(0);
    call.members.remove(&42);
    call.member(1).session.proposals(&revocation.payload);
    call.run();
    assert_eq!(call.held_commits.len(), 2);
    call.run();
    assert_eq!(call.held_commits.len(), 2, "what is answered stays answered");
    for message in messages.iter().chain([&revocation]) {
        call.member(2).session.proposals(&message.payload);
    }
    call.member(2).run(Duration::ZERO);
    let (user_id, payload) = call.held_commits.pop().unwrap();
    call.hold_commits = false;
    call.on_commit(user_id, &payload);
    call.run();
    call.assert_one_group();
}

#[test]
fn who_is_alone_sends_only_for_itself() {
    let mut call = Call::with([1]);
    assert!(call.member(1).seal(b"nobody is told to listen yet").is_none());
    assert_eq!(call.member(1).session.status(), Status::Pending);
    call.join(2);
    call.leave(2);
    assert_eq!(call.member(1).session.status(), Status::Pending);
    assert_eq!(call.member(1).code, None);
    let frame = call.member(1).seal(b"alone").unwrap();
    assert_ne!(&frame[..5], b"alone");
    call.join(3);
    call.assert_one_group();
    let now = call.now;
    assert!(call.member(3).open(1, &frame, now).is_err());
}

#[test]
fn nothing_is_lost_while_members_come_and_go() {
    let mut call = Call::with(1..=4);
    call.execute_at_once = false;
    for step in 0..6 {
        let before: Vec<u64> = call.members.keys().copied().collect();
        if step % 2 == 0 {
            call.join(10 + step);
        } else {
            call.leave(10 + step - 1);
        }
        // Receivers have the next keys; senders still use the old ones.
        let (now, frame) = (call.now, call.member(1).seal(b"old key").unwrap());
        for user_id in before.into_iter().filter(|user_id| (2..=4).contains(user_id)) {
            assert_eq!(call.member(user_id).open(1, &frame, now).as_deref(), Ok(&b"old key"[..]));
        }
        let in_flight = call.member(2).seal(b"in flight").unwrap();
        call.execute_all();
        call.advance(9_000);
        let now = call.now;
        assert_eq!(call.member(3).open(2, &in_flight, now).as_deref(), Ok(&b"in flight"[..]));
        call.assert_one_group();
    }
}

#[test]
fn a_sender_that_changes_its_key_early_is_understood() {
    let mut call = Call::with([1, 2]);
    call.execute_at_once = false;
    call.join(3);
    // User 2 switches as soon as it has the commit, as some implementations do.
    let id = match call.member(2).sent.last() {
        Some(ClientMessage::ReadyForTransition { transition_id }) => *transition_id,
        other => unreachable!("{other:?}"),
    };
    call.member(2).session.execute_transition(id);
    call.run();
    let (frame, now) = (call.member(2).seal(b"early").unwrap(), call.now);
    for user_id in [1, 3] {
        assert_eq!(call.member(user_id).open(2, &frame, now).as_deref(), Ok(&b"early"[..]));
    }
}

#[test]
fn the_sender_keeps_its_key_until_the_transition() {
    let mut call = Call::with([1, 2]);
    call.execute_at_once = false;
    call.join(3);
    let (frame, now) = (call.member(1).seal(b"still epoch 1").unwrap(), call.now);
    assert_eq!(call.member(3).open(1, &frame, now), Err(FrameOpenError::NotAuthentic));
    assert_eq!(call.member(2).open(1, &frame, now).as_deref(), Ok(&b"still epoch 1"[..]));
    call.execute_all();
    call.assert_one_group();
}

#[test]
fn one_who_left_cannot_open_what_follows() {
    let mut call = Call::with([1, 2, 3]);
    let mut gone = call.members.remove(&3).unwrap();
    call.leave(3);
    call.assert_one_group();
    let (frame, now) = (call.member(1).seal(b"without you").unwrap(), call.now);
    assert_eq!(gone.open(1, &frame, now), Err(FrameOpenError::NotAuthentic));
}

#[test]
fn twenty_random_histories() {
    for seed in 1..=20u64 {
        let mut random = seed;
        let mut next = |bound: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % bound
        };
        let mut call = Call::with([1, 2]);
        for step in 0..12 {
            call.advance(next(15_000));
            let present: Vec<u64> = call.members.keys().copied().collect();
            match next(4) {
                0 if present.len() > 1 => call.leave(present[next(present.len() as u64) as usize]),
                1 => call.recreate(),
                _ => call.join(100 + step),
            }
            call.assert_one_group();
            call.members.values_mut().for_each(|member| member.notices.clear());
        }
    }
}

#[test]
fn a_user_who_reconnects_is_replaced() {
    let mut call = Call::with([1, 2, 3]);
    call.members.insert(2, Member::new(2));
    let sender = call.service.external_sender().unwrap();
    let again = call.member(2);
    again.session.session_description(1);
    again.session.clients_connect(&[1, 2, 3]);
    again.session.external_sender(&sender);
    call.run();
    call.assert_one_group();
}

#[test]
fn the_external_sender_may_come_again_at_any_time() {
    let mut call = Call::with([1, 2]);
    let same = call.service.external_sender().unwrap();
    for user_id in [1, 2] {
        call.member(user_id).session.external_sender(&same);
    }
    call.run();
    call.assert_one_group();
    call.join(3);
    call.member(3).session.external_sender(&same);
    call.run();
    call.assert_one_group();
    assert!(call.members.values().all(|member| member.notices.is_empty()));
}

#[test]
fn a_new_external_sender_holds_for_the_next_group() {
    let mut call = Call::with([1, 2]);
    call.service = isocord_proto::dave::delivery::DeliveryService::new(dave_support::GROUP);
    let other = call.service.external_sender().unwrap();
    for user_id in [1, 2] {
        call.member(user_id).session.external_sender(&other);
    }
    call.run();
    assert_eq!(call.lost_frames(b"the old group goes on"), 0);
    call.recreate();
    call.assert_one_group();
}

#[test]
fn a_group_is_made_anew_without_a_gap() {
    let mut call = Call::with([1, 2, 3]);
    let before = call.member(1).code.clone();
    call.execute_at_once = false;
    call.recreate();
    assert_eq!(call.lost_frames(b"old keys"), 0);
    call.execute_all();
    assert_eq!(call.lost_frames(b"new keys"), 0);
    call.assert_one_group();
    assert_ne!(call.member(1).code, before);
}

#[test]
fn down_to_transport_encryption_and_up_again() {
    let mut call = Call::with([1, 2, 3]);
    call.execute_at_once = false;
    let in_flight = call.member(1).seal(b"in flight").unwrap();
    call.prepare_version(0);
    assert_eq!(call.lost_frames(b"still encrypted"), 0);
    assert_ne!(&call.member(1).seal(b"still encrypted").unwrap()[..15], b"still encrypted");
    call.execute_all();
    call.service.reset();
    assert_eq!(call.member(1).seal(b"plain").unwrap(), b"plain");
    assert_eq!(call.lost_frames(b"plain"), 0);
    let now = call.now;
    assert_eq!(call.member(2).open(1, &in_flight, now).as_deref(), Ok(&b"in flight"[..]));
    for member in call.members.values() {
        assert_eq!((member.version, member.session.status(), &member.code), (0, Status::Inactive, &None));
    }
    call.advance(60_000);
    assert_eq!(call.lost_frames(b"plain for long"), 0);

    call.version = 1;
    call.recreate();
    assert_eq!(call.member(1).seal(b"plain").unwrap(), b"plain");
    assert_eq!(call.lost_frames(b"plain until the transition"), 0);
    let late = call.member(1).seal(b"late").unwrap();
    call.execute_all();
    call.assert_one_group();
    call.advance(9_999);
    let now = call.now;
    assert_eq!(call.member(2).open(1, &late, now).as_deref(), Ok(&b"late"[..]));
    call.advance(1);
    let now = call.now;
    assert_eq!(call.member(2).open(1, &late, now), Err(FrameOpenError::NotEncrypted));
    call.assert_one_group();
}

#[test]
fn one_who_joins_an_unencrypted_call_hears_plain_frames() {
    let mut call = Call::new();
    call.version = 0;
    (1..=2).for_each(|user_id| call.join(user_id));
    assert_eq!(call.lost_frames(b"plain"), 0);
    call.version = 1;
    call.recreate();
    call.assert_one_group();
}

#[test]
fn a_downgrade_that_is_called_off_leaves_the_call_encrypted() {
    let mut call = Call::with([1, 2]);
    call.execute_at_once = false;
    call.prepare_version(0);
    for user_id in [1, 2] {
        call.member(user_id).session.prepare_transition(0, 1);
    }
    call.run();
    call.assert_one_group();
    call.advance(10_000);
    let now = call.now;
    assert_eq!(call.member(2).open(1, b"plain", now), Err(FrameOpenError::NotEncrypted));
    call.assert_one_group();
}

#[test]
fn both_sides_see_the_same_verification_code() {
    let mut call = Call::with([1, 2]);
    let one = call.member(1).session.verification(2).unwrap().code();
    let other = call.member(2).session.verification(1).unwrap().code();
    assert_eq!(one, other);
    assert_eq!(one.len(), 45);
    assert!(call.member(1).session.verification(3).is_none());
}

#[test]
fn no_nonce_is_used_twice_when_a_transition_comes_again() {
    let mut call = Call::with([1]);
    let mut frames = std::collections::BTreeSet::new();
    for round in 0..6 {
        if round == 3 {
            call.join(2);
        }
        for _ in 0..2 {
            call.member(1).session.prepare_transition(0, 1);
            call.run();
            assert!(frames.insert(call.member(1).seal(b"always the same").unwrap()));
        }
    }
}

#[test]
fn one_who_is_pending_keeps_the_key_that_the_others_have() {
    let mut call = Call::with([1, 2, 3]);
    call.member(2).session.announce_commit(&[0, 9, 1, 2, 3]);
    let reported = call.member(2).run(std::time::Duration::ZERO);
    assert_eq!(reported[0], ClientMessage::InvalidCommitWelcome { transition_id: 9 });
    call.member(2).session.prepare_transition(10, 1);
    call.member(2).session.execute_transition(10);
    call.member(2).run(std::time::Duration::ZERO);
    let (frame, now) = (call.member(2).seal(b"still with you").unwrap(), call.now);
    assert_eq!(call.member(1).open(2, &frame, now).as_deref(), Ok(&b"still with you"[..]));
}

#[test]
fn a_reconnect_from_a_plain_call_to_an_encrypted_one_sends_nothing_plain() {
    let mut member = Member::new(1);
    member.session.session_description(0);
    member.run(std::time::Duration::ZERO);
    assert_eq!(member.seal(b"plain").unwrap(), b"plain");
    member.session.session_description(1);
    member.run(std::time::Duration::ZERO);
    assert!(member.seal(b"plain").is_none());
    let later = std::time::Duration::from_secs(10);
    assert_eq!(member.open(2, b"plain", later), Err(FrameOpenError::NotEncrypted));
}

#[test]
fn each_session_description_is_answered_with_a_key_package_and_nobody_falls_silent() {
    let mut call = Call::with([1, 2, 3]);
    for _ in 0..3 {
        let before = call.member(2).sent.len();
        call.member(2).session.session_description(1);
        // Until it is added anew, the others open what it sends, and it opens what they send.
        call.execute_at_once = false;
        call.run();
        assert_eq!(call.lost_frames(b"in the meantime"), 0);
        call.execute_at_once = true;
        call.execute_all();
        let sent = call.member(2).sent[before..].iter();
        assert_eq!(sent.filter(|message| message.opcode() == 26).count(), 1);
        call.assert_one_group();
    }
}
