//! Restores a lost packet of the speech coder from the next one's in-band FEC, as a packet (RFC 6716, section 2.1.7).
//!
//! A player of a file never does that: to it a lost packet is a packet of no bytes, which it conceals. So the frame is
//! decoded here, by a decoder that knows what was said before, and encoded again, by an encoder that knows it as well:
//! the packet then goes on where the one before it ended.

use std::collections::VecDeque;

use isocord_proto::frame::{CHANNELS, FRAME_LEN, FRAME_SAMPLES, MAX_OPUS_LEN};
use isocord_proto::opus::{Application, Decoder, Encoder, EncoderOptions, MAX_DECODED_LEN, Signal};
use isocord_proto::toc;

use super::error::SinkError;
use super::packet::{self, ENCODER_DELAY};

/// Packets that a decoder has to hear until it sounds as if it had heard all: 80 ms (RFC 7845, section 4.6).
const PAST: usize = 4;
/// Below the rate at which libopus changes from speech to music coding, for a frame that was coded for half of that.
const BITRATE: u32 = 40;
/// It comes seldom, and beside a whole recording.
const COMPLEXITY: u8 = 5;

/// What was said last on a track.
#[derive(Default)]
pub(crate) struct Recovery {
    past: VecDeque<Vec<u8>>,
}

impl Recovery {
    /// A packet has been written.
    pub(crate) fn note(&mut self, packet: &[u8]) {
        let mut bytes =
            if self.past.len() < PAST { Vec::new() } else { self.past.pop_front().unwrap_or_default() };
        bytes.clear();
        bytes.extend_from_slice(packet);
        self.past.push_back(bytes);
    }

    /// Samples right before `next` that it can restore; none if it holds no FEC.
    pub(crate) fn reach(next: &[u8]) -> Option<u32> {
        let head = toc::parse(next)?;
        let whole = (head.frame_samples as usize).is_multiple_of(FRAME_SAMPLES);
        (head.fec && whole).then_some(head.frame_samples)
    }

    /// What was lost right before `next`, in packets of 20 ms. All packets before it have been noted.
    ///
    /// # Errors
    /// libopus's.
    pub(crate) fn restore(&self, next: &[u8], lost: u32) -> Result<Vec<Vec<u8>>, SinkError> {
        let mut decoder = Decoder::new()?;
        let mut pcm = Vec::new();
        let mut room = vec![0; MAX_DECODED_LEN];
        for packet in &self.past {
            let samples = decoder.decode(packet, &mut room).unwrap_or(0);
            pcm.extend_from_slice(&room[..samples * CHANNELS]);
        }
        let begin = pcm.len();
        let lost = lost as usize * CHANNELS;
        decoder.recover(next, &mut room[..lost])?;
        pcm.extend_from_slice(&room[..lost]);
        let samples = decoder.decode(next, &mut room)?;
        pcm.extend_from_slice(&room[..samples * CHANNELS]);
        // What the encoder is late by comes out of the packet after.
        let delay = ENCODER_DELAY as usize * CHANNELS;
        let lead = (begin / FRAME_LEN).min(PAST) * FRAME_LEN;
        let mut encoder = Encoder::new(&options(next))?;
        let mut packets = Vec::new();
        for (index, frame) in pcm[begin - lead + delay..].chunks_exact(FRAME_LEN).enumerate() {
            let mut packet = [0; MAX_OPUS_LEN];
            let len = encoder.encode(frame, &mut packet)?;
            let at = index * FRAME_LEN;
            if at >= lead {
                packets.push(packet[..len].to_vec());
            }
            if at + FRAME_LEN >= lead + lost {
                break;
            }
        }
        Ok(packets)
    }
}

/// The coder that made `packet`, as nearly as libopus can be told.
fn options(packet: &[u8]) -> EncoderOptions {
    EncoderOptions {
        application: Application::Voip,
        signal: Signal::Voice,
        bandwidth: packet::bandwidth(packet[0]),
        bitrate: BITRATE,
        complexity: COMPLEXITY,
        ..EncoderOptions::default()
    }
}
