//! `isocord._native`: the Python face of `isocord-io`. Conversions only, no decisions.
#![forbid(unsafe_code)]

mod audio_file;
mod audio_info;
mod audio_input;
mod audio_tags;
mod barge_in;
mod broadcast;
mod bytes;
mod codec;
mod connection;
mod cutter;
mod dave;
mod delivery;
mod ears;
mod engine;
mod errors;
mod events;
mod file_object;
mod filtered;
mod filters;
mod layer;
mod listen;
mod mixer;
mod opening;
mod own_voice;
mod part;
mod playable;
mod producing;
mod queue;
mod queue_entry;
mod reading;
mod recording;
mod recording_options;
mod reel;
mod relay;
mod stats;
mod stream_source;
mod telling;
mod track;
mod utterances;
mod voice_outcome;

use pyo3::prelude::*;

// Everything in it may be called from several threads at once: classes are frozen, and what changes has a lock.
#[pymodule(gil_used = false)]
mod _native {
    use isocord_proto::cipher::TransportMode;
    use pyo3::prelude::*;
    use pyo3::types::PyTuple;

    #[pymodule_export]
    use crate::audio_file::AudioFile;
    #[pymodule_export]
    use crate::audio_tags::{AudioInfo, probe};
    #[pymodule_export]
    use crate::broadcast::Broadcast;
    #[pymodule_export]
    use crate::codec::{EncoderOptions, OpusDecoder, OpusEncoder};
    #[pymodule_export]
    use crate::connection::{Connection, choose_mode};
    #[pymodule_export]
    use crate::cutter::UtteranceCutter;
    #[pymodule_export]
    use crate::dave::{DaveNotice, DaveSession, DaveVersionChanged, PrivacyCodeChanged};
    #[pymodule_export]
    use crate::delivery::{Commit, DeliveryService};
    #[pymodule_export]
    use crate::engine::{after_fork_in_child, shutdown};
    #[pymodule_export]
    use crate::events::{Discovered, DiscoveryFailed, TrackEnded};
    #[pymodule_export]
    use crate::filtered::Filtered;
    #[pymodule_export]
    use crate::filters::check_filter;
    #[pymodule_export]
    use crate::layer::{Fade, Layer};
    #[pymodule_export]
    use crate::listen::{FrameQueue, HeardFrame, SpeakingChanged};
    #[pymodule_export]
    use crate::mixer::Mixer;
    #[pymodule_export]
    use crate::own_voice::OwnVoice;
    use crate::playable::{know, take};
    #[pymodule_export]
    use crate::queue::{Queue, QueueEvents};
    #[pymodule_export]
    use crate::queue_entry::QueueEntry;
    #[pymodule_export]
    use crate::recording::{PartOutcome, Recording, RecordingNews, RecordingReport, TrackOutcome};
    #[pymodule_export]
    use crate::reel::Reel;
    #[pymodule_export]
    use crate::relay::Relay;
    #[pymodule_export]
    use crate::stats::{ReceiveStats, Stats, UserReceiveStats};
    #[pymodule_export]
    use crate::stream_source::StreamSource;
    #[pymodule_export]
    use crate::track::Track;
    #[pymodule_export]
    use crate::utterances::{Utterance, UtteranceQueue};
    #[pymodule_export]
    use crate::voice_outcome::VoiceOutcome;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let modes = TransportMode::ALL.map(TransportMode::name);
        module.add("LIBOPUS_VERSION", isocord_proto::opus::version())?;
        module.add("HAS_MP3", isocord_io::record::HAS_MP3)?;
        // What the native threads play by themselves; a reel stands for what they do not.
        know(&[
            take::<AudioFile>,
            take::<Filtered>,
            take::<Mixer>,
            take::<Queue>,
            take::<Reel>,
            take::<StreamSource>,
        ]);
        let py = module.py();
        let sources = [
            py.get_type::<AudioFile>(),
            py.get_type::<Broadcast>(),
            py.get_type::<Filtered>(),
            py.get_type::<Mixer>(),
            py.get_type::<Queue>(),
            py.get_type::<StreamSource>(),
        ];
        module.add("SOURCES", PyTuple::new(py, sources)?)?;
        module.add("FILTERS", crate::filters::kinds(py)?)?;
        module.add("TRANSPORT_MODES", PyTuple::new(module.py(), modes)?)
    }
}
