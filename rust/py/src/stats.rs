//! `Stats`: a snapshot of a connection's counters.

use isocord_io::stats;
use isocord_proto::recv;
use pyo3::prelude::*;

#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct Stats(pub stats::Stats);

macro_rules! counts {
    ($($name:ident),* $(,)?) => {
        #[pymethods]
        impl Stats {
            $(#[getter]
            fn $name(&self) -> u64 {
                self.0.$name
            })*

            #[getter]
            fn lateness_p50(&self) -> f64 {
                self.0.lateness_p50.as_secs_f64()
            }

            #[getter]
            fn lateness_p99(&self) -> f64 {
                self.0.lateness_p99.as_secs_f64()
            }

            #[getter]
            fn lateness_max(&self) -> f64 {
                self.0.lateness_max.as_secs_f64()
            }

            fn __repr__(&self) -> String {
                let mut text = String::from("<Stats");
                $(text.push_str(&format!(" {}={}", stringify!($name), self.0.$name));)*
                for (name, value) in [
                    ("lateness_p50", self.0.lateness_p50),
                    ("lateness_p99", self.0.lateness_p99),
                    ("lateness_max", self.0.lateness_max),
                ] {
                    text.push_str(&format!(" {name}={:.6}", value.as_secs_f64()));
                }
                text + ">"
            }
        }
    };
}

counts!(
    packets_sent,
    bytes_sent,
    silence_sent,
    keepalives_sent,
    packets_received,
    send_errors,
    underruns,
    missed_slots,
    withheld,
    dropped_commands,
);

/// What a connection received.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct ReceiveStats {
    pub connection: recv::ReceiveStats,
    pub users: Vec<(u64, recv::UserStats)>,
}

/// What one user sent.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct UserReceiveStats(recv::UserStats);

macro_rules! getters {
    ($type:ident, $self:ident, $inner:expr, [$($name:ident),* $(,)?], { $($more:tt)* }) => {
        impl $type {
            /// Every counter by its name.
            fn counters(&$self) -> String {
                [$((stringify!($name), u64::from($inner.$name))),*]
                    .map(|(name, count)| format!("{name}={count}"))
                    .join(" ")
            }
        }

        #[pymethods]
        impl $type {
            $(#[getter]
            fn $name(&$self) -> u64 {
                u64::from($inner.$name)
            })*

            $($more)*
        }
    };
}

getters!(
    ReceiveStats,
    self,
    self.connection,
    [rtp, rtcp, unheard, unknown_dropped, forged, malformed, padding, ignored],
    {
        #[getter]
        fn users(&self) -> std::collections::HashMap<u64, UserReceiveStats> {
            self.users.iter().map(|(user_id, stats)| (*user_id, UserReceiveStats(*stats))).collect()
        }

        fn __repr__(&self) -> String {
            format!("<ReceiveStats {} users={}>", self.counters(), self.users.len())
        }
    }
);

getters!(
    UserReceiveStats,
    self,
    self.0,
    [
        received,
        lost,
        late,
        duplicate,
        concealed,
        recovered,
        failed_to_open,
        ignored,
        malformed,
        restarts,
        jitter,
        delay,
    ],
    {
        fn __repr__(&self) -> String {
            format!("<UserReceiveStats {}>", self.counters())
        }
    }
);
