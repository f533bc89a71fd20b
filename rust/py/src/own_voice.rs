//! `OwnVoice`: what leaves a connection, for a recording on another machine.

use std::sync::Mutex;

use isocord_io::connection::{Sent, SentReader};
use isocord_io::lock;
use pyo3::prelude::*;

use crate::listen::HeardFrame;

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct OwnVoice {
    user_id: u64,
    sent: Mutex<SentReader>,
}

impl OwnVoice {
    pub(crate) fn new(user_id: u64, sent: SentReader) -> Self {
        Self { user_id, sent: Mutex::new(sent) }
    }
}

#[pymethods]
impl OwnVoice {
    fn take(&self, py: Python<'_>) -> Vec<HeardFrame> {
        let mut sent = lock(&self.sent);
        let packets = std::iter::from_fn(|| sent.take());
        packets
            .map(|Sent { position, frame }| HeardFrame::packet(py, self.user_id, position, frame.as_bytes()))
            .collect()
    }
}
