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

            #[getter]
            fn lateness_sum(&self) -> f64 {
                self.0.lateness_sum.as_secs_f64()
            }

            #[getter]
            fn lateness_histogram(&self) -> Vec<(f64, u64)> {
                let counts = self.0.lateness_histogram.iter().enumerate();
                counts.map(|(bucket, count)| (stats::lateness_edge(bucket).as_secs_f64(), *count)).collect()
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

/// What a connection received, in datagrams; a snapshot of at most 0.2 s ago. It comes from VoiceClient.receive_stats.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct ReceiveStats {
    pub connection: recv::ReceiveStats,
    pub users: Vec<(u64, recv::UserStats)>,
}

/// What one user sent, in packets; inserted, removed, jitter and delay in samples of 48 kHz.
#[pyclass(frozen, module = "isocord._native")]
pub(crate) struct UserReceiveStats(recv::UserStats);

macro_rules! getters {
    ($type:ident, $self:ident, $inner:expr, [$($(#[$doc:meta])* $name:ident),* $(,)?], { $($more:tt)* }) => {
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
            $($(#[$doc])*
            #[getter]
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
    [
        /// RTP packets that came, of any kind.
        rtp,
        /// RTCP packets that came.
        rtcp,
        /// Datagrams that came while nobody listened.
        unheard,
        /// Packets whose stream got no user in time, or that found no room to wait.
        unknown_dropped,
        /// Packets that failed authentication, or came before the session's key.
        forged,
        /// Datagrams that are no RTP, and packets whose lengths contradict each other or whose payload is not Opus.
        malformed,
        /// Packets that are nothing but padding.
        padding,
        /// Packets of other payload types: video, retransmissions.
        ignored,
    ],
    {
        /// What each user sent, by id.
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
        /// Packets of sound that arrived, duplicates and late ones included.
        received,
        /// Packets that were not there when their time had come.
        lost,
        /// Those of them that came afterwards.
        late,
        /// Packets that came again.
        duplicate,
        /// Lost packets filled in from the sound before them, or by silence when many were lost in a row.
        concealed,
        /// Lost packets restored from in-band FEC.
        recovered,
        /// Samples put in where the user's clock is slower than ours (WebRTC's insertedSamplesForDeceleration).
        inserted,
        /// Samples taken out where it is faster (WebRTC's removedSamplesForAcceleration).
        removed,
        /// Packets that the end-to-end encryption refused.
        failed_to_open,
        /// Packets that are not Opus: video, retransmissions.
        ignored,
        /// Packets that are broken inside.
        malformed,
        /// Times that the stream began anew.
        restarts,
        /// Interarrival jitter (RFC 3550, section 6.4.1), in samples at 48 kHz.
        jitter,
        /// How long packets are held now, in samples at 48 kHz.
        delay,
    ],
    {
        fn __repr__(&self) -> String {
            format!("<UserReceiveStats {}>", self.counters())
        }
    }
);
