//! End-to-end encryption: a frame sealed and opened, and the work of a member when another joins.
//!
//! `cargo bench -p isocord-benches --bench dave`. The same for `davey`, an independent implementation, is in
//! `benches/davey`, outside the workspace.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../rust/proto/tests/dave_support/mod.rs"]
mod dave_support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use dave_support::{Call, Member};
use isocord_proto::dave::delivery::CommitOutcome;
use isocord_proto::dave::{
    ClientMessage, FrameSealer, MAX_OVERHEAD, Openers, ReceiverChange, SenderChange, SenderRatchet,
};

const SENDER: u64 = 7;

fn sealer() -> FrameSealer {
    let mut sealer = FrameSealer::new();
    sealer.apply(SenderChange::key(SenderRatchet::new(&[1; 16])));
    sealer
}

/// 160 bytes are 64 kbit/s, 320 are 128 kbit/s, 640 are 256 kbit/s.
fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("dave");
    for size in [160, 320, 640] {
        let opus = vec![0x5a; size];
        let mut out = vec![0; size + MAX_OVERHEAD];
        let mut sealer = sealer();
        group.bench_function(BenchmarkId::new("seal", size), |b| {
            b.iter(|| sealer.seal(black_box(&opus), &mut out));
        });
    }
    for size in [160, 320, 640] {
        let opus = vec![0x5a; size];
        let mut sealer = sealer();
        let mut openers = Openers::new();
        openers.apply(ReceiverChange::Epoch(vec![(SENDER, SenderRatchet::new(&[1; 16]))]), Duration::ZERO);
        let (mut sealed, mut out) = (vec![0; size + MAX_OVERHEAD], vec![0; size + MAX_OVERHEAD]);
        group.bench_function(BenchmarkId::new("seal and open", size), |b| {
            b.iter(|| {
                let len = sealer.seal(black_box(&opus), &mut sealed).unwrap();
                openers.open(SENDER, &sealed[..len], &mut out, Duration::ZERO)
            });
        });
    }
    let mut sealer = FrameSealer::new();
    group.bench_function("change key", |b| {
        b.iter(|| sealer.apply(SenderChange::key(SenderRatchet::new(black_box(&[1; 16])))));
    });
    group.finish();
}

/// A call of `count` members, another who wants to join, and the proposal to add that one.
fn joining(count: u64) -> (Call, Vec<u8>) {
    let mut call = Call::with(1..=count);
    let present: Vec<u64> = (1..=count).collect();
    let mut member = Member::new(count + 1);
    member.session.session_description(1);
    member.session.clients_connect(&present);
    member.session.external_sender(&call.service.external_sender().unwrap());
    let ClientMessage::KeyPackage(key_package) = member.run(call.now).remove(0) else { unreachable!() };
    call.members.insert(count + 1, member);
    for user_id in present {
        call.member(user_id).session.clients_connect(&[count + 1]);
    }
    let proposals = call.service.add(count + 1, &key_package).unwrap().remove(0).payload;
    (call, proposals)
}

/// The same, with the commit that user 2 has made.
fn committed(count: u64) -> (Call, CommitOutcome) {
    let (mut call, proposals) = joining(count);
    for user_id in 1..=count {
        call.member(user_id).session.proposals(&proposals);
        call.member(user_id).session.answer_proposals();
    }
    let now = call.now;
    let ClientMessage::CommitWelcome(commit) = call.member(2).run(now).remove(0) else { unreachable!() };
    call.member(1).run(now);
    let outcome = call.service.commit(2, &commit).unwrap();
    (call, outcome)
}

/// What one member does when another joins a call of that many members.
fn handshakes(c: &mut Criterion) {
    let mut group = c.benchmark_group("dave join");
    group.sample_size(10).measurement_time(Duration::from_secs(3)).warm_up_time(Duration::from_millis(500));
    for count in [2, 10, 25] {
        group.bench_function(BenchmarkId::new("commit", count), |b| {
            b.iter_batched(
                || joining(count),
                |(mut call, proposals)| {
                    call.member(1).session.proposals(&proposals);
                    call.member(1).session.answer_proposals();
                    call
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("take the commit", count), |b| {
            b.iter_batched(
                || committed(count),
                |(mut call, outcome)| {
                    call.member(1).session.announce_commit(&outcome.announcement(1));
                    call
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("take the welcome", count), |b| {
            b.iter_batched(
                || committed(count),
                |(mut call, outcome)| {
                    let (user_id, welcome) = outcome.welcome_messages(1).remove(0);
                    call.member(user_id).session.welcome(&welcome);
                    call
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

/// A call of two, and the proposals to add a crowd, one message for each of them.
fn crowd(count: u64) -> (Call, Vec<Vec<u8>>) {
    let mut call = Call::with(1..=2);
    let external_sender = call.service.external_sender().unwrap();
    let proposals = (3..3 + count).map(|user_id| {
        let mut member = Member::new(user_id);
        member.session.session_description(1);
        member.session.external_sender(&external_sender);
        let ClientMessage::KeyPackage(key_package) = member.run(call.now).remove(0) else { unreachable!() };
        call.member(1).session.clients_connect(&[user_id]);
        call.service.add(user_id, &key_package).unwrap().remove(0).payload
    });
    let proposals = proposals.collect();
    (call, proposals)
}

/// What one member does when a crowd joins at once: each message answered, or all of them with one commit.
fn crowds(c: &mut Criterion) {
    let mut group = c.benchmark_group("dave crowd");
    group.sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(1));
    for count in [50, 100, 200] {
        for (name, each) in [("a commit to each", true), ("a commit to all", false)] {
            group.bench_function(BenchmarkId::new(name, count), |b| {
                b.iter_batched(
                    || crowd(count),
                    |(mut call, proposals)| {
                        let session = &mut call.member(1).session;
                        for payload in proposals {
                            session.proposals(&payload);
                            if each {
                                session.answer_proposals();
                            }
                        }
                        session.answer_proposals();
                        call
                    },
                    BatchSize::PerIteration,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, frames, handshakes, crowds);
criterion_main!(benches);
