//! Frames on their way between machines.

use isocord_io::connection::SentWriter;
use isocord_io::receive::queue::FrameWriter;
use isocord_proto::frame::{FRAME_BYTES, FRAME_LEN, FRAME_SAMPLES, SAMPLE_RATE};
use isocord_proto::recv::{Frame, FrameKind, Sound};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::HeardFrame;

impl HeardFrame {
    /// An Opus packet of 20 ms.
    pub(crate) fn packet(py: Python<'_>, user_id: u64, position: u64, packet: &[u8]) -> Self {
        Self {
            user_id,
            position,
            samples: FRAME_SAMPLES as u32,
            kind: "voice".to_owned(),
            data: PyBytes::new(py, packet).unbind(),
            sample_rate: SAMPLE_RATE,
            channels: 2,
            level: None,
            speech: None,
            received_ns: None,
            captured: 0.0,
        }
    }

    /// Hands on a packet that has left another machine, `shift` samples later on this one's clock.
    pub(crate) fn relay_own(&self, py: Python<'_>, shift: i64, writer: &mut SentWriter) {
        writer.sent(self.position.saturating_add_signed(shift), self.data.as_bytes(py));
    }

    /// Whether it is an Opus packet of a user's.
    pub(crate) fn is_packet_of(&self, user_id: u64) -> bool {
        self.level.is_none() && self.user_id == user_id
    }

    /// Hands on a frame that was heard on another machine, `shift` samples later on this one's clock.
    pub(crate) fn relay(&self, py: Python<'_>, shift: i64, writer: &mut FrameWriter) {
        let (data, mut pcm) = (self.data.as_bytes(py), [0; FRAME_LEN]);
        let sound = if self.level.is_none() {
            Sound::Opus(data)
        } else {
            if data.len() != FRAME_BYTES {
                return;
            }
            for (sample, bytes) in pcm.iter_mut().zip(data.chunks_exact(2)) {
                *sample = i16::from_le_bytes([bytes[0], bytes[1]]);
            }
            Sound::Pcm(&pcm)
        };
        let kind = match self.kind.as_str() {
            "recovered" => FrameKind::Recovered,
            "concealed" => FrameKind::Concealed,
            _ => FrameKind::Voice,
        };
        let position = self.position.saturating_add_signed(shift);
        writer.frame(&Frame {
            user_id: self.user_id,
            position,
            samples: self.samples,
            kind,
            received: None,
            sound,
        });
    }
}
