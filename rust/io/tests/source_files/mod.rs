//! Sound files made by the tests themselves.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::f64::consts::TAU;

use isocord_io::source::{AudioFile, AudioFileOptions, FRAME_SAMPLES, FrameBuf, Input, SourceFrame};
use ogg::PacketWriter;
use ogg::writing::PacketWriteEndInfo;
use opusic_c::{Application, Bitrate, Channels, Encoder, SampleRate};

/// A tone whose pitch rises, so that every moment of it is like no other.
pub fn chirp(seconds: f64) -> f64 {
    0.4 * (TAU * (300.0 * seconds + 120.0 * seconds * seconds)).sin()
}

/// A canonical WAV file of 16 bits.
pub fn wav(rate: u32, channels: u16, frames: usize, sample: impl Fn(f64, u16) -> f64) -> Vec<u8> {
    let len = frames as u32 * u32::from(channels) * 2;
    let mut out = Vec::new();
    out.extend(b"RIFF");
    out.extend((36 + len).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    out.extend(channels.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend((rate * u32::from(channels) * 2).to_le_bytes());
    out.extend((channels * 2).to_le_bytes());
    out.extend([16, 0]);
    out.extend(b"data");
    out.extend(len.to_le_bytes());
    for frame in 0..frames {
        for channel in 0..channels {
            let value = sample(frame as f64 / f64::from(rate), channel);
            out.extend(((value * 32_767.0).round() as i16).to_le_bytes());
        }
    }
    out
}

/// A mono chirp as WAV.
pub fn chirp_wav(rate: u32, seconds: f64) -> Vec<u8> {
    wav(rate, 1, (f64::from(rate) * seconds) as usize, |time, _| chirp(time))
}

/// The chirp as Opus packets. libopus delays it by the pre-skip of 312 samples.
pub fn opus_packets(samples: usize, count: usize) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(Channels::Stereo, SampleRate::Hz48000, Application::Audio).unwrap();
    encoder.set_bitrate(Bitrate::Value(128_000)).unwrap();
    let mut packets = Vec::new();
    for index in 0..count {
        let pcm = (0..samples)
            .flat_map(|at| {
                let value = chirp((index * samples + at) as f64 / 48_000.0) as f32;
                [value, value]
            })
            .collect::<Vec<_>>();
        let mut packet = vec![0; 4_000];
        let len = encoder.encode_float_to_slice(&pcm, &mut packet).unwrap();
        packet.truncate(len);
        packets.push(packet);
    }
    packets
}

pub fn opus_head(channels: u8, pre_skip: u16, gain: i16) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend(pre_skip.to_le_bytes());
    head.extend(48_000_u32.to_le_bytes());
    head.extend(gain.to_le_bytes());
    head.push(0);
    head
}

/// Ogg pages of one Opus stream, ten packets to a page, written by the `ogg` crate.
pub fn ogg_opus(serial: u32, head: &[u8], packets: &[Vec<u8>], samples: u64, end: u64) -> Vec<u8> {
    ogg_pages(serial, head, packets, 10, samples, end)
}

/// The same with so many packets to a page.
pub fn ogg_pages(
    serial: u32,
    head: &[u8],
    packets: &[Vec<u8>],
    page: usize,
    samples: u64,
    end: u64,
) -> Vec<u8> {
    let mut writer = PacketWriter::new(Vec::new());
    writer.write_packet(head.to_vec(), serial, PacketWriteEndInfo::EndPage, 0).unwrap();
    let tags = b"OpusTags\x04\0\0\0test\0\0\0\0".to_vec();
    writer.write_packet(tags, serial, PacketWriteEndInfo::EndPage, 0).unwrap();
    for (index, packet) in packets.iter().enumerate() {
        let granule = (index as u64 + 1) * samples;
        let last = index + 1 == packets.len();
        let info = match last {
            true => PacketWriteEndInfo::EndStream,
            false if (index + 1) % page == 0 => PacketWriteEndInfo::EndPage,
            false => PacketWriteEndInfo::NormalPacket,
        };
        writer.write_packet(packet.clone(), serial, info, if last { end } else { granule }).unwrap();
    }
    writer.into_inner()
}

/// Two hundred packets of 20 ms with the usual pre-skip: four seconds less the pre-skip.
pub fn opus_file() -> (Vec<u8>, Vec<Vec<u8>>) {
    let packets = opus_packets(960, 200);
    (ogg_opus(7, &opus_head(2, 312, 0), &packets, 960, 200 * 960), packets)
}

pub fn open(bytes: Vec<u8>) -> AudioFile {
    open_with(bytes, AudioFileOptions::default())
}

pub fn open_with(bytes: Vec<u8>, options: AudioFileOptions) -> AudioFile {
    AudioFile::open(Input::bytes(bytes), options).unwrap_or_else(|error| panic!("{error}"))
}

/// All that is left of a file, as left and right PCM; its frames must be PCM.
pub fn read_pcm(file: &mut AudioFile) -> (Vec<f32>, Vec<f32>) {
    let mut buf = FrameBuf::new();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        match file.next_frame(&mut buf).unwrap() {
            SourceFrame::Pcm => {
                for pair in buf.pcm.chunks_exact(2).take(usize::from(buf.samples)) {
                    left.push(pair[0]);
                    right.push(pair[1]);
                }
                assert!(buf.pcm[usize::from(buf.samples) * 2..].iter().all(|sample| *sample == 0.0));
            }
            SourceFrame::Opus => panic!("an Opus frame"),
            SourceFrame::End | SourceFrame::Starved => return (left, right),
        }
    }
}

/// The next frame, which must be PCM; its left side.
pub fn next_pcm(file: &mut AudioFile, buf: &mut FrameBuf) -> Vec<f32> {
    assert_eq!(file.next_frame(buf).unwrap(), SourceFrame::Pcm);
    buf.pcm.chunks_exact(2).map(|pair| pair[0]).collect()
}

/// How far `got` is from the chirp that begins at `from` (in samples of 48 kHz), as a root mean square.
pub fn distance(got: &[f32], from: f64) -> f64 {
    let square = |(index, sample): (usize, &f32)| {
        let want = chirp((from + index as f64) / 48_000.0);
        (f64::from(*sample) - want).powi(2)
    };
    (got.iter().enumerate().map(square).sum::<f64>() / got.len().max(1) as f64).sqrt()
}

pub const FRAME: i64 = FRAME_SAMPLES as i64;

/// A mono FLAC file (RFC 9639) of verbatim blocks of 4,096 samples of 16 bits.
pub fn flac(rate: u32, frames: usize) -> Vec<u8> {
    let mut out = b"fLaC\x80\0\0\x22\x10\0\x10\0\0\0\0\0\0\0".to_vec();
    let packed = u64::from(rate) << 44 | 15 << 36 | frames as u64;
    out.extend(packed.to_be_bytes());
    out.extend([0; 16]);
    for (number, start) in (0..frames).step_by(4_096).enumerate() {
        let len = (frames - start).min(4_096);
        let mut block = vec![0xff, 0xf8, 0x70, 0x08];
        assert!(number < 128, "the number is one byte of UTF-8");
        block.push(number as u8);
        block.extend((len as u16 - 1).to_be_bytes());
        block.push(crc(&block, 8, 0x07) as u8);
        block.push(0x02);
        for frame in start..start + len {
            let value = chirp(frame as f64 / f64::from(rate)) * 32_767.0;
            block.extend((value.round() as i16).to_be_bytes());
        }
        block.extend((crc(&block, 16, 0x8005) as u16).to_be_bytes());
        out.extend(block);
    }
    out
}

fn crc(bytes: &[u8], bits: u32, polynomial: u32) -> u32 {
    let top = 1 << (bits - 1);
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte) << (bits - 8), |crc, _| {
            (if crc & top == 0 { crc << 1 } else { crc << 1 ^ polynomial }) & (top | (top - 1))
        })
    })
}
