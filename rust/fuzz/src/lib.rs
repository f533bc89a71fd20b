//! What the fuzz targets share: a call of two members that is as far as a target needs it.

use std::cell::RefCell;

use isocord_proto::dave::delivery::{CommitOutcome, DeliveryService};
use isocord_proto::dave::{ClientMessage, Output, Session, Status};
use openmls::prelude::tls_codec::DeserializeBytes;
use openmls::prelude::{MlsMessageIn, Welcome};

const GROUP: u64 = 7;

/// A delivery service and two members of one group.
pub struct Call {
    pub service: DeliveryService,
    pub members: [Session; 2],
}

/// Takes everything that the session wants, and returns what it sends.
pub fn drain(session: &mut Session) -> Vec<ClientMessage> {
    session.answer_proposals();
    core::iter::from_fn(|| session.poll())
        .filter_map(|output| if let Output::Send(message) = output { Some(message) } else { None })
        .collect()
}

/// One of what the members sent, by its opcode.
pub fn payload(messages: Vec<ClientMessage>, opcode: u8) -> Vec<u8> {
    let found = messages.into_iter().find(|message| message.opcode() == opcode);
    match found {
        Some(ClientMessage::KeyPackage(payload) | ClientMessage::CommitWelcome(payload)) => payload,
        _ => panic!("opcode {opcode} was expected"),
    }
}

impl Call {
    /// Two pending members, each in its local group, and the second one's key package.
    pub fn pending() -> (Self, Vec<u8>) {
        let service = DeliveryService::new(GROUP);
        let sender = service.external_sender().expect("a sender");
        let mut members = [1, 2].map(|user_id| {
            let mut session = Session::new(user_id, GROUP);
            session.session_description(1);
            session.clients_connect(&[1, 2]);
            session.external_sender(&sender);
            session
        });
        let mut key_packages = members.each_mut().map(|member| payload(drain(member), 26));
        let mut call = Self { service, members };
        call.service.add(1, &key_packages[0]).expect("a valid key package");
        (call, core::mem::take(&mut key_packages[1]))
    }

    /// The proposal to add the second member.
    pub fn proposed() -> (Self, Vec<u8>) {
        let (mut call, key_package) = Self::pending();
        let messages = call.service.add(2, &key_package).expect("a valid key package");
        let proposals = messages.into_iter().find(|message| message.recipients == [1]).expect("for user 1");
        (call, proposals.payload)
    }

    /// The first member's commit, accepted.
    pub fn committed() -> (Self, CommitOutcome) {
        let (mut call, proposals) = Self::proposed();
        call.members[0].proposals(&proposals);
        let commit = payload(drain(&mut call.members[0]), 28);
        let outcome = call.service.commit(1, &commit).expect("a valid commit");
        (call, outcome)
    }

    /// Both in one group.
    pub fn established() -> Self {
        let (mut call, outcome) = Self::committed();
        call.members[0].announce_commit(&outcome.announcement(1));
        for (_, welcome) in outcome.welcome_messages(1) {
            call.members[1].welcome(&welcome);
        }
        call.members.iter_mut().for_each(|member| drop(drain(member)));
        assert!(call.members.iter().all(|member| member.status() == Status::Established));
        call
    }
}

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Runs `work` on a call that is made once and then again whenever `is_good` finds it spoiled.
pub fn with_call(make: fn() -> Call, is_good: fn(&Call) -> bool, work: impl FnOnce(&mut Call)) {
    CALL.with(|call| {
        let mut call = call.borrow_mut();
        if call.as_ref().is_none_or(|call| !is_good(call)) {
            *call = Some(make());
        }
        if let Some(call) = call.as_mut() {
            work(call);
            call.members.iter_mut().for_each(|member| drop(drain(member)));
        }
    });
}

/// Whether it is worth making a whole group for the input: one of 32 is.
///
/// Every input is parsed. Making a group takes a thousand times as long, which would leave a fuzzer a few tries a second.
pub fn is_worth_a_group(message: &[u8]) -> bool {
    let _ = MlsMessageIn::tls_deserialize_exact_bytes(message);
    let _ = Welcome::tls_deserialize_exact_bytes(message);
    message.iter().fold(0u8, |sum, byte| sum.rotate_left(3) ^ byte) & 0x1f == 0
}
