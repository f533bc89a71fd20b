//! What the MLS library works with: its cryptography, our key store, and this thread alone.

use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider;

use super::store::KeyStore;

#[derive(Default)]
pub(super) struct Provider {
    crypto: RustCrypto,
    keys: KeyStore,
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = KeyStore;

    fn storage(&self) -> &KeyStore {
        &self.keys
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
        &self.crypto
    }
}

thread_local! {
    static ALONE: Option<rayon_core::ThreadPool> =
        rayon_core::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok();
}

/// Keeps the MLS library on the calling thread.
///
/// It would spread the work of a commit over a pool of threads, one for each core: those would compete with the clock
/// thread on every core at once, and a forked child would wait forever for threads that it did not inherit. A
/// pool that consists of the calling thread alone does neither and starts no thread.
pub(super) fn stay_on_this_thread() {
    ALONE.with(|_| ());
}
