//! `DeliveryService`: the voice gateway's part of DAVE, for `isocord.testing`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use isocord_proto::dave::delivery::{self, CommitOutcome, ProposalsMessage};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::bytes::bytes_like;
use crate::errors::{Error, Result};

/// A payload of opcode 27 and its recipients.
type Proposals<'py> = Vec<(Bound<'py, PyBytes>, Vec<u64>)>;

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct DeliveryService(Mutex<delivery::DeliveryService>);

impl DeliveryService {
    fn lock(&self) -> MutexGuard<'_, delivery::DeliveryService> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn proposals(py: Python<'_>, messages: Vec<ProposalsMessage>) -> Proposals<'_> {
    messages.into_iter().map(|message| (PyBytes::new(py, &message.payload), message.recipients)).collect()
}

#[pymethods]
impl DeliveryService {
    #[new]
    fn new(channel_id: u64) -> Self {
        Self(Mutex::new(delivery::DeliveryService::new(channel_id)))
    }

    fn external_sender<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.lock().external_sender()?))
    }

    fn add<'py>(
        &self,
        py: Python<'py>,
        user_id: u64,
        key_package: &Bound<'py, PyAny>,
    ) -> Result<Proposals<'py>> {
        let key_package = bytes_like(key_package)?;
        let messages = py.detach(|| Ok::<_, Error>(self.lock().add(user_id, &key_package)?))?;
        Ok(proposals(py, messages))
    }

    fn remove<'py>(&self, py: Python<'py>, user_id: u64) -> Result<Proposals<'py>> {
        let messages = py.detach(|| Ok::<_, Error>(self.lock().remove(user_id)?))?;
        Ok(proposals(py, messages))
    }

    fn commit(&self, py: Python<'_>, user_id: u64, payload: &Bound<'_, PyAny>) -> Result<Commit> {
        let payload = bytes_like(payload)?;
        py.detach(|| Ok(Commit(self.lock().commit(user_id, &payload)?)))
    }

    fn reset(&self) {
        self.lock().reset();
    }

    #[getter]
    fn epoch(&self) -> u64 {
        self.lock().epoch()
    }

    #[getter]
    fn is_established(&self) -> bool {
        self.lock().is_established()
    }

    #[getter]
    fn members(&self) -> Vec<u64> {
        self.lock().members()
    }

    #[getter]
    fn pending_members(&self) -> Vec<u64> {
        self.lock().pending_members()
    }

    #[getter]
    fn sole_member(&self) -> Option<u64> {
        self.lock().sole_member()
    }
}

/// A commit that won its epoch.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Commit(CommitOutcome);

#[pymethods]
impl Commit {
    #[getter]
    fn epoch(&self) -> u64 {
        self.0.epoch
    }

    #[getter]
    fn staying(&self) -> Vec<u64> {
        self.0.staying.clone()
    }

    #[getter]
    fn joining(&self) -> Vec<u64> {
        self.0.welcomes.iter().map(|(user_id, _)| *user_id).collect()
    }

    #[getter]
    fn removed(&self) -> Vec<u64> {
        self.0.removed.clone()
    }

    fn announcement<'py>(&self, py: Python<'py>, transition_id: u16) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.announcement(transition_id))
    }

    fn welcomes<'py>(&self, py: Python<'py>, transition_id: u16) -> Vec<(u64, Bound<'py, PyBytes>)> {
        let messages = self.0.welcome_messages(transition_id).into_iter();
        messages.map(|(user_id, payload)| (user_id, PyBytes::new(py, &payload))).collect()
    }
}
