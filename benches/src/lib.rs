//! What the benches share: sound that is the same in every run, and the other end of connections.

mod server;

use isocord_proto::frame::{FRAME_LEN, OpusFrame};
use isocord_proto::opus::{Encoder, EncoderOptions};
use ogg::{PacketWriteEndInfo, PacketWriter};

pub use server::{Deaf, answer, serve};

/// A second of something like music: a chord with tremolo and a little noise.
#[must_use]
pub fn music() -> Vec<[i16; FRAME_LEN]> {
    let mut noise = 0x2545_F491u32;
    let mut sample = |time: f64| {
        noise ^= noise << 13;
        noise ^= noise >> 17;
        noise ^= noise << 5;
        let chord: f64 = [220.0, 277.2, 329.6, 880.0]
            .iter()
            .map(|hertz| (std::f64::consts::TAU * hertz * time).sin())
            .sum();
        let tremolo = 0.6 + 0.4 * (std::f64::consts::TAU * 3.0 * time).sin();
        let hiss = f64::from(noise) / f64::from(u32::MAX) - 0.5;
        ((chord * tremolo * 0.2 + hiss * 0.05) * 32_767.0) as i16
    };
    let mut frames = vec![[0; FRAME_LEN]; 50];
    for (index, pair) in frames.as_flattened_mut().chunks_exact_mut(2).enumerate() {
        let time = index as f64 / 48_000.0;
        pair[0] = sample(time);
        pair[1] = sample(time + 0.0007);
    }
    frames
}

/// The same as Opus at 128 kbit/s.
///
/// # Panics
/// If libopus refuses its own defaults.
#[must_use]
#[expect(clippy::expect_used)]
pub fn opus() -> Vec<OpusFrame> {
    let mut encoder = Encoder::new(&EncoderOptions::default()).expect("the defaults are valid");
    let encode = |pcm: [i16; FRAME_LEN]| {
        let mut frame = OpusFrame::SILENCE;
        frame.fill(|out| encoder.encode(&pcm, out)).expect("a whole frame");
        frame
    };
    music().into_iter().map(encode).collect()
}

/// A WAV file of it, at 44.1 kHz, as music is: whoever plays it resamples.
#[must_use]
pub fn wav(frames: &[[i16; FRAME_LEN]]) -> Vec<u8> {
    let len = (frames.len() * FRAME_LEN * 2) as u32;
    let mut out = b"RIFF".to_vec();
    out.extend((36 + len).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    out.extend(44_100_u32.to_le_bytes());
    out.extend(176_400_u32.to_le_bytes());
    out.extend(b"\x04\0\x10\0data");
    out.extend(len.to_le_bytes());
    out.extend(frames.iter().flatten().flat_map(|sample| sample.to_le_bytes()));
    out
}

/// An Ogg file of packets, a second on each page.
///
/// # Panics
/// There is no memory for it.
#[must_use]
#[expect(clippy::expect_used)]
pub fn ogg(packets: &[OpusFrame]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = PacketWriter::new(&mut out);
    let headers = [&b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0"[..], b"OpusTags\0\0\0\0\0\0\0\0"];
    for header in headers {
        writer.write_packet(header, 1, PacketWriteEndInfo::EndPage, 0).expect("memory");
    }
    for (index, packet) in packets.iter().enumerate() {
        let end = match index + 1 {
            last if last == packets.len() => PacketWriteEndInfo::EndStream,
            whole if whole % 50 == 0 => PacketWriteEndInfo::EndPage,
            _ => PacketWriteEndInfo::NormalPacket,
        };
        writer.write_packet(packet.as_bytes().to_vec(), 1, end, (index as u64 + 1) * 960).expect("memory");
    }
    drop(writer);
    out
}
