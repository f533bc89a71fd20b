//! Where the MLS library keeps private keys between two messages: in memory, cleared when they go.
//!
//! The group itself lives in the session and never outlives the process, so nothing of it is written here. What
//! has to be found again is the key package's private part and the path keys of the current epoch.

use std::cell::RefCell;
use std::collections::HashMap;

use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

type Bytes = Zeroizing<Vec<u8>>;

/// A key could not be put into bytes or read from them.
#[derive(Debug, thiserror::Error)]
#[error("a stored key is malformed")]
pub(super) struct StoreError;

/// Private keys by what they belong to.
#[derive(Default)]
pub(super) struct KeyStore {
    entries: RefCell<HashMap<(Kind, Vec<u8>), Bytes>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    KeyPackage,
    EncryptionKey,
    EpochKeys,
}

impl KeyStore {
    /// Forgets every key.
    pub fn clear(&self) {
        self.entries.borrow_mut().clear();
    }

    /// Forgets the private parts of all key packages.
    pub fn forget_key_packages(&self) {
        self.entries.borrow_mut().retain(|(kind, _), _| *kind != Kind::KeyPackage);
    }

    fn put(
        &self,
        kind: Kind,
        key: &impl Serialize,
        value: &(impl Serialize + ?Sized),
    ) -> Result<(), StoreError> {
        let (key, value) = (to_bytes(key)?.to_vec(), to_bytes(value)?);
        self.entries.borrow_mut().insert((kind, key), value);
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, kind: Kind, key: &impl Serialize) -> Result<Option<T>, StoreError> {
        let key = (kind, to_bytes(key)?.to_vec());
        let entries = self.entries.borrow();
        entries.get(&key).map(|value| serde_json::from_slice(value).map_err(|_| StoreError)).transpose()
    }

    fn remove(&self, kind: Kind, key: &impl Serialize) -> Result<(), StoreError> {
        let key = (kind, to_bytes(key)?.to_vec());
        self.entries.borrow_mut().remove(&key);
        Ok(())
    }
}

/// Counts bytes first, so that the buffer never grows and leaves no copy of a secret behind.
fn to_bytes(value: &(impl Serialize + ?Sized)) -> Result<Bytes, StoreError> {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).map_err(|_| StoreError)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(count.0));
    serde_json::to_writer(&mut *bytes, value).map_err(|_| StoreError)?;
    Ok(bytes)
}

struct Count(usize);

impl std::io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const V: u16 = CURRENT_VERSION;

/// Parts of a group that live in the session only: writing them does nothing, reading finds nothing.
macro_rules! not_stored {
    ($($write:ident, $read:ident, $delete:ident: $value:ident;)*) => {$(
        fn $write<G: traits::GroupId<V>, T: traits::$value<V>>(&self, _: &G, _: &T) -> Result<(), StoreError> {
            Ok(())
        }
        fn $read<G: traits::GroupId<V>, T: traits::$value<V>>(&self, _: &G) -> Result<Option<T>, StoreError> {
            Ok(None)
        }
        fn $delete<G: traits::GroupId<V>>(&self, _: &G) -> Result<(), StoreError> {
            Ok(())
        }
    )*};
}

impl StorageProvider<V> for KeyStore {
    type Error = StoreError;

    not_stored! {
        write_mls_join_config, mls_group_join_config, delete_group_config: MlsGroupJoinConfig;
        write_tree, tree, delete_tree: TreeSync;
        write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash: InterimTranscriptHash;
        write_context, group_context, delete_context: GroupContext;
        write_confirmation_tag, confirmation_tag, delete_confirmation_tag: ConfirmationTag;
        write_message_secrets, message_secrets, delete_message_secrets: MessageSecrets;
        write_resumption_psk_store, resumption_psk_store, delete_all_resumption_psk_secrets: ResumptionPskStore;
        write_own_leaf_index, own_leaf_index, delete_own_leaf_index: LeafNodeIndex;
        write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets: GroupEpochSecrets;
    }

    fn write_group_state<S: traits::GroupState<V>, G: traits::GroupId<V>>(
        &self,
        _: &G,
        _: &S,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn group_state<S: traits::GroupState<V>, G: traits::GroupId<V>>(
        &self,
        _: &G,
    ) -> Result<Option<S>, StoreError> {
        Ok(None)
    }

    fn delete_group_state<G: traits::GroupId<V>>(&self, _: &G) -> Result<(), StoreError> {
        Ok(())
    }

    fn append_own_leaf_node<G: traits::GroupId<V>, L: traits::LeafNode<V>>(
        &self,
        _: &G,
        _: &L,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn own_leaf_nodes<G: traits::GroupId<V>, L: traits::LeafNode<V>>(
        &self,
        _: &G,
    ) -> Result<Vec<L>, StoreError> {
        Ok(Vec::new())
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<V>>(&self, _: &G) -> Result<(), StoreError> {
        Ok(())
    }

    fn queue_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        _: &G,
        _: &R,
        _: &P,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn queued_proposal_refs<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        _: &G,
    ) -> Result<Vec<R>, StoreError> {
        Ok(Vec::new())
    }

    fn queued_proposals<G: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        _: &G,
    ) -> Result<Vec<(R, P)>, StoreError> {
        Ok(Vec::new())
    }

    fn remove_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        _: &G,
        _: &R,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn clear_proposal_queue<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        _: &G,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    // The session signs with an identity of its own, and DAVE has no pre-shared keys.
    fn write_signature_key_pair<P: traits::SignaturePublicKey<V>, K: traits::SignatureKeyPair<V>>(
        &self,
        _: &P,
        _: &K,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn signature_key_pair<P: traits::SignaturePublicKey<V>, K: traits::SignatureKeyPair<V>>(
        &self,
        _: &P,
    ) -> Result<Option<K>, StoreError> {
        Ok(None)
    }

    fn delete_signature_key_pair<P: traits::SignaturePublicKey<V>>(&self, _: &P) -> Result<(), StoreError> {
        Ok(())
    }

    fn write_psk<I: traits::PskId<V>, B: traits::PskBundle<V>>(
        &self,
        _: &I,
        _: &B,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    fn psk<B: traits::PskBundle<V>, I: traits::PskId<V>>(&self, _: &I) -> Result<Option<B>, StoreError> {
        Ok(None)
    }

    fn delete_psk<I: traits::PskId<V>>(&self, _: &I) -> Result<(), StoreError> {
        Ok(())
    }

    fn write_key_package<R: traits::HashReference<V>, K: traits::KeyPackage<V>>(
        &self,
        reference: &R,
        key_package: &K,
    ) -> Result<(), StoreError> {
        self.put(Kind::KeyPackage, reference, key_package)
    }

    fn key_package<R: traits::HashReference<V>, K: traits::KeyPackage<V>>(
        &self,
        reference: &R,
    ) -> Result<Option<K>, StoreError> {
        self.get(Kind::KeyPackage, reference)
    }

    fn delete_key_package<R: traits::HashReference<V>>(&self, reference: &R) -> Result<(), StoreError> {
        self.remove(Kind::KeyPackage, reference)
    }

    fn write_encryption_key_pair<E: traits::EncryptionKey<V>, K: traits::HpkeKeyPair<V>>(
        &self,
        public: &E,
        pair: &K,
    ) -> Result<(), StoreError> {
        self.put(Kind::EncryptionKey, public, pair)
    }

    fn encryption_key_pair<K: traits::HpkeKeyPair<V>, E: traits::EncryptionKey<V>>(
        &self,
        public: &E,
    ) -> Result<Option<K>, StoreError> {
        self.get(Kind::EncryptionKey, public)
    }

    fn delete_encryption_key_pair<E: traits::EncryptionKey<V>>(&self, public: &E) -> Result<(), StoreError> {
        self.remove(Kind::EncryptionKey, public)
    }

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        K: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
        pairs: &[K],
    ) -> Result<(), StoreError> {
        self.put(Kind::EpochKeys, &(group_id, epoch, leaf_index), pairs)
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        K: traits::HpkeKeyPair<V>,
    >(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<Vec<K>, StoreError> {
        Ok(self.get(Kind::EpochKeys, &(group_id, epoch, leaf_index))?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<G: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<(), StoreError> {
        self.remove(Kind::EpochKeys, &(group_id, epoch, leaf_index))
    }
}
