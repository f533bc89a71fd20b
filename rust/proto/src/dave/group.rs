//! The MLS group of a call (RFC 9420): creating a local one, joining by a welcome, exporting keys.

use openmls::group::PURE_PLAINTEXT_WIRE_FORMAT_POLICY;
use openmls::prelude::tls_codec::{DeserializeBytes, Serialize};
use openmls::prelude::{
    Capabilities, Ciphersuite, Credential, CredentialType, CredentialWithKey, Extension, Extensions,
    ExternalSender, GroupId, KeyPackage, Lifetime, MlsGroup, MlsGroupCreateConfig, MlsGroupJoinConfig,
    OpenMlsProvider, ProtocolVersion, StagedWelcome, Welcome, WelcomeError,
};
use zeroize::Zeroizing;

use super::identity::Identity;
use super::privacy::PrivacyCode;
use super::provider::{Provider, stay_on_this_thread};
use super::ratchet::{KEY_LEN, SenderRatchet};
use super::refusal::Refusal;
use crate::secrets::made_apart;

/// The ciphersuite of DAVE protocol version 1.
pub(super) const CIPHERSUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256;

const EXPORT_LABEL: &str = "Discord Secure Frames v0";

/// This member: its keys, its name and the id of the call's group.
pub(super) struct Client {
    pub provider: Provider,
    pub identity: Identity,
    pub user_id: u64,
    pub group_id: GroupId,
}

/// A group that this member is in, alone (epoch 0) or with others.
pub(super) struct Group {
    pub mls: MlsGroup,
    pub own_commit: OwnCommit,
}

/// This member's own commit in the current epoch.
pub(super) enum OwnCommit {
    /// There is none, and nothing that could be committed to.
    None,
    /// Proposals have come that it would not refer to.
    Owed,
    /// It was sent, in these bytes.
    Sent(Vec<u8>),
}

/// What an MLS leaf may do in DAVE version 1: nothing beyond the ciphersuite and basic credentials.
fn capabilities() -> Capabilities {
    Capabilities::builder()
        .versions(vec![ProtocolVersion::Mls10])
        .ciphersuites(vec![CIPHERSUITE])
        .extensions(vec![])
        .proposals(vec![])
        .credentials(vec![CredentialType::Basic])
        .build()
}

/// The whole time, as the voice gateway demands it of key packages.
fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

/// The user id in a member's credential.
pub(super) fn user_of(credential: &Credential) -> Result<u64, Refusal> {
    if credential.credential_type() != CredentialType::Basic {
        return Err(Refusal::BadCredential);
    }
    let bytes = credential.serialized_content().try_into().map_err(|_| Refusal::BadCredential)?;
    Ok(u64::from_be_bytes(bytes))
}

/// Refuses a roster in which a user occurs twice.
pub(super) fn check_roster(users: impl IntoIterator<Item = Result<u64, Refusal>>) -> Result<(), Refusal> {
    let mut seen = std::collections::HashSet::new();
    for user_id in users {
        let user_id = user_id?;
        if !seen.insert(user_id) {
            return Err(Refusal::DuplicateUser(user_id));
        }
    }
    Ok(())
}

impl Client {
    pub fn new(user_id: u64, group_id: u64, identity: Identity) -> Self {
        Self {
            provider: Provider::default(),
            identity,
            user_id,
            group_id: GroupId::from_slice(&group_id.to_be_bytes()),
        }
    }

    fn credential(&self) -> CredentialWithKey {
        self.identity.credential(self.user_id.to_be_bytes().to_vec())
    }

    /// A new key package, bare (opcode 26). Those made before can no longer be used to join.
    pub fn key_package(&self) -> Result<Vec<u8>, Refusal> {
        self.provider.storage().forget_key_packages();
        let bundle = KeyPackage::builder()
            .leaf_node_capabilities(capabilities())
            .key_package_lifetime(lifetime())
            .build(CIPHERSUITE, &self.provider, &self.identity, self.credential())
            .map_err(Refusal::mls)?;
        bundle.key_package().tls_serialize_detached().map_err(Refusal::mls)
    }
}

impl Group {
    /// A local group with this member alone.
    pub fn create(client: &Client, external_sender: &ExternalSender) -> Result<Self, Refusal> {
        stay_on_this_thread();
        let senders = Extension::ExternalSenders(vec![external_sender.clone()]);
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(CIPHERSUITE)
            .capabilities(capabilities())
            .lifetime(lifetime())
            .use_ratchet_tree_extension(true)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .with_group_context_extensions(Extensions::single(senders).map_err(Refusal::mls)?)
            .build();
        let group_id = client.group_id.clone();
        let credential = client.credential();
        MlsGroup::new_with_group_id(&client.provider, &client.identity, &config, group_id, credential)
            .map(Self::new)
            .map_err(Refusal::mls)
    }

    /// The group that a welcome (bare) leads to.
    pub fn join(client: &Client, external_sender: &ExternalSender, welcome: &[u8]) -> Result<Self, Refusal> {
        stay_on_this_thread();
        let welcome =
            Welcome::tls_deserialize_exact_bytes(welcome).map_err(|_| Refusal::Malformed("welcome"))?;
        if welcome.ciphersuite() != CIPHERSUITE {
            return Err(Refusal::Malformed("welcome"));
        }
        let config = MlsGroupJoinConfig::builder()
            .use_ratchet_tree_extension(true)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .build();
        let staged = StagedWelcome::build_from_welcome(&client.provider, &config, welcome)
            .and_then(|join| join.skip_lifetime_validation().build())
            .map_err(|error| match error {
                WelcomeError::NoMatchingKeyPackage | WelcomeError::JoinerSecretNotFound => Refusal::NotForUs,
                other => Refusal::mls(other),
            })?;
        let context = staged.group_context();
        if *context.group_id() != client.group_id {
            return Err(Refusal::OtherGroup);
        }
        let extensions: Vec<_> = context.extensions().iter().collect();
        match extensions[..] {
            [Extension::ExternalSenders(senders)] if senders[..] == [external_sender.clone()] => {}
            _ => return Err(Refusal::OtherExternalSender),
        }
        check_roster(staged.members().map(|member| user_of(&member.credential)))?;
        staged.into_group(&client.provider).map(Self::new).map_err(Refusal::mls)
    }

    fn new(mls: MlsGroup) -> Self {
        Self { mls, own_commit: OwnCommit::None }
    }

    pub fn epoch(&self) -> u64 {
        self.mls.epoch().as_u64()
    }

    /// Whether others are or were in the group; a local one is in epoch 0.
    pub fn is_established(&self) -> bool {
        self.epoch() > 0
    }

    /// Forgets the private keys of a group that is left.
    pub fn delete(mut self, client: &Client) -> Result<(), Refusal> {
        self.mls.delete(client.provider.storage()).map_err(Refusal::mls)
    }

    /// User ids and public signature keys. Credentials have been checked when they came in.
    pub fn members(&self) -> impl Iterator<Item = (u64, Vec<u8>)> + '_ {
        self.mls
            .members()
            .filter_map(|member| Some((user_of(&member.credential).ok()?, member.signature_key)))
    }

    /// The key ratchet of one sender in this epoch.
    ///
    /// The caller sees to it that a ratchet to seal with is exported only once in an epoch.
    pub fn ratchet(&self, client: &Client, user_id: u64) -> Result<SenderRatchet, Refusal> {
        let context = user_id.to_le_bytes();
        made_apart(|| {
            let secret = self
                .mls
                .export_secret(client.provider.crypto(), EXPORT_LABEL, &context, KEY_LEN)
                .map(Zeroizing::new)
                .map_err(Refusal::mls)?;
            let secret = secret[..].try_into().map_err(|_| Refusal::Malformed("exported secret"))?;
            Ok(SenderRatchet::new(secret))
        })
    }

    /// The privacy code of this epoch; a local group has none.
    pub fn privacy_code(&self) -> Option<PrivacyCode> {
        if !self.is_established() {
            return None;
        }
        PrivacyCode::new(self.mls.epoch_authenticator().as_slice())
    }
}
