//! `BargeIn`, which is Python's, as the core wants it.

use std::collections::HashSet;

use isocord_io::connection;
use isocord_proto::frame::SAMPLE_RATE;
use pyo3::prelude::*;

/// The attributes of `isocord.BargeIn`.
#[derive(FromPyObject)]
pub(crate) struct BargeIn {
    min_speech: f64,
    users: HashSet<u64>,
    echo_guard: bool,
}

impl From<BargeIn> for connection::BargeIn {
    fn from(options: BargeIn) -> Self {
        let BargeIn { min_speech, users, echo_guard } = options;
        Self {
            speech: (min_speech * f64::from(SAMPLE_RATE)).round() as u64,
            users: (!users.is_empty()).then_some(users),
            echo_guard,
        }
    }
}
