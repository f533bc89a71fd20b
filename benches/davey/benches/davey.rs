//! `davey` on the same frames as `benches/benches/dave.rs`: `cargo bench --manifest-path benches/davey/Cargo.toml`.

use std::hint::black_box;
use std::num::NonZeroU16;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use davey::{DaveSession, MediaType, ProposalsOperationType};
use openmls::prelude::tls_codec::{DeserializeBytes, Serialize, VLBytes};
use openmls::prelude::{
    BasicCredential, Ciphersuite, ExternalProposal, ExternalSender, GroupEpoch, GroupId, KeyPackageIn, OpenMlsProvider,
    ProtocolVersion, SenderExtensionIndex,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;

const GROUP: u64 = 1;
const USERS: [u64; 2] = [1, 2];

/// Two members of one group, each with its keys in force.
fn call() -> [DaveSession; 2] {
    let suite = Ciphersuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256;
    let gateway = SignatureKeyPair::new(suite.signature_algorithm()).unwrap();
    let credential = BasicCredential::new(b"gateway".to_vec());
    let sender = ExternalSender::new(gateway.public().into(), credential.into()).tls_serialize_detached().unwrap();
    let mut members = USERS.map(|user| {
        let mut session = DaveSession::new(NonZeroU16::MIN, user, GROUP, None).unwrap();
        session.set_external_sender(&sender).unwrap();
        session
    });
    let key_package = members[1].create_key_package().unwrap();
    let key_package = KeyPackageIn::tls_deserialize_exact_bytes(&key_package)
        .unwrap()
        .validate(OpenMlsRustCrypto::default().crypto(), ProtocolVersion::Mls10)
        .unwrap();
    let add = ExternalProposal::new_add::<OpenMlsRustCrypto>(
        key_package,
        GroupId::from_slice(&GROUP.to_be_bytes()),
        GroupEpoch::from(0),
        &gateway,
        SenderExtensionIndex::new(0),
    )
    .unwrap();
    let proposals = VLBytes::new(add.tls_serialize_detached().unwrap()).tls_serialize_detached().unwrap();
    let answer = members[0].process_proposals(ProposalsOperationType::APPEND, &proposals, Some(&USERS));
    let answer = answer.unwrap().unwrap();
    members[0].process_commit(&answer.commit).unwrap();
    members[1].process_welcome(&answer.welcome.unwrap(), Some(&USERS)).unwrap();
    for member in &mut members {
        member.prepare_transition(0, 1).unwrap();
    }
    members
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("davey");
    let [mut one, mut two] = call();
    for size in [160, 320, 640] {
        let opus = vec![0x5a; size];
        group.bench_function(BenchmarkId::new("seal", size), |b| {
            b.iter(|| one.encrypt_opus(black_box(&opus)).unwrap().len());
        });
        let mut sealed = Vec::new();
        group.bench_function(BenchmarkId::new("seal into", size), |b| {
            b.iter(|| one.encrypt_into(MediaType::AUDIO, davey::Codec::OPUS, black_box(&opus), &mut sealed));
        });
        group.bench_function(BenchmarkId::new("seal and open", size), |b| {
            b.iter(|| {
                let sealed = one.encrypt_opus(black_box(&opus)).unwrap();
                two.decrypt(USERS[0], MediaType::AUDIO, &sealed).unwrap().len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
