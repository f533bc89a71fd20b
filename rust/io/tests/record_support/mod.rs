//! Targets that keep what is written, and readers of it.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::collections::BTreeMap;
use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use isocord_io::record::Format;
use isocord_io::source::{AudioFile, AudioFileOptions, FrameBuf, Input, SourceFrame};
use isocord_proto::opus::Decoder;

/// A directory that no other test has.
pub fn directory(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("isocord-sink-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// Where ffmpeg is; tests of what it encodes need it.
pub fn ffmpeg() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|place| place.join("ffmpeg")).find(|program| program.exists())
}

/// A file in memory whose content can be looked at while it is written.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<Memory>>);

struct Memory {
    bytes: Vec<u8>,
    at: u64,
    /// What is written past this is only counted.
    keep: u64,
    /// Past this the disk is full.
    room: u64,
}

impl Default for Shared {
    fn default() -> Self {
        Self::of(u64::MAX, u64::MAX)
    }
}

impl Shared {
    fn of(keep: u64, room: u64) -> Self {
        Self(Arc::new(Mutex::new(Memory { bytes: Vec::new(), at: 0, keep, room })))
    }

    /// Keeps the first kilobyte only.
    pub fn sparse() -> Self {
        Self::of(1_024, u64::MAX)
    }

    pub fn full_after(room: u64) -> Self {
        Self::of(u64::MAX, room)
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut memory = self.0.lock().unwrap();
        if memory.at + bytes.len() as u64 > memory.room {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let from = memory.at.min(memory.keep) as usize;
        let to = (memory.at + bytes.len() as u64).min(memory.keep) as usize;
        if memory.bytes.len() < to {
            memory.bytes.resize(to, 0);
        }
        memory.bytes[from..to].copy_from_slice(&bytes[..to - from]);
        memory.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let mut memory = self.0.lock().unwrap();
        match to {
            SeekFrom::Start(at) => memory.at = at,
            SeekFrom::Current(0) => {}
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(memory.at)
    }
}

/// The same without a way back.
pub struct WriteOnly(pub Shared);

impl Write for WriteOnly {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A sine in both channels.
pub fn tone(hz: f64, from: u64, samples: u64) -> Vec<i16> {
    let turn = std::f64::consts::TAU * hz / 48_000.0;
    (from..from + samples).flat_map(|n| [((n as f64 * turn).sin() * 9_000.0) as i16; 2]).collect()
}

/// The strongest of the tones at each 20 Hz up to 2,500 Hz (Goertzel); none in silence.
pub fn dominant(pcm: &[f32]) -> Option<u32> {
    let left: Vec<f64> = pcm.iter().step_by(2).map(|&sample| f64::from(sample)).collect();
    let loudness = (left.iter().map(|sample| sample * sample).sum::<f64>() / left.len() as f64).sqrt();
    if loudness < 0.01 {
        return None;
    }
    let power = |hz: u32| {
        let turn = 2.0 * (std::f64::consts::TAU * f64::from(hz) / 48_000.0).cos();
        let (a, b) = left.iter().fold((0.0, 0.0), |(a, b), sample| (sample + turn * a - b, a));
        a * a + b * b - turn * a * b
    };
    (1..=125).map(|step| step * 20).max_by(|&one, &other| power(one).total_cmp(&power(other)))
}

/// The sample with the most energy, counted in pairs.
pub fn click_at(pcm: &[f32]) -> usize {
    let mut loudest = (0, 0.0);
    for (at, pair) in pcm.chunks_exact(2).enumerate() {
        if pair[0].abs() > loudest.1 {
            loudest = (at, pair[0].abs());
        }
    }
    loudest.0
}

/// A whole file as interleaved stereo. Ogg and Matroska are taken apart here and decoded by libopus, with
/// pre-skip and end trimming; the others are read as any file that is to be played.
pub fn decode(format: Format, bytes: Vec<u8>) -> Vec<f32> {
    match format {
        Format::Pcm => bytes
            .chunks_exact(2)
            .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
            .collect(),
        Format::OggOpus => {
            let stream = ogg(&bytes);
            let pre_skip = u16::from_le_bytes([stream.head[10], stream.head[11]]);
            let pcm = decode_packets(stream.packets.iter().map(Vec::as_slice));
            let end = 2 * stream.granules.last().copied().unwrap_or(0) as usize;
            pcm[2 * usize::from(pre_skip)..end.min(pcm.len())].to_vec()
        }
        Format::Matroska(_) => matroska(&bytes).tracks[0].decode(),
        Format::Wav | Format::Flac | Format::Mp3 { .. } => play(bytes),
    }
}

fn decode_packets<'a>(packets: impl Iterator<Item = &'a [u8]>) -> Vec<f32> {
    let mut decoder = Decoder::new().unwrap();
    let mut pcm = [0i16; 2 * 5_760];
    let mut all = Vec::new();
    for packet in packets {
        let samples = decoder.decode(packet, &mut pcm).unwrap();
        all.extend(pcm[..2 * samples].iter().map(|&sample| f32::from(sample) / 32_768.0));
    }
    all
}

fn play(bytes: Vec<u8>) -> Vec<f32> {
    let mut file = AudioFile::open(Input::bytes(bytes), AudioFileOptions::default()).unwrap();
    let mut frame = Box::new(FrameBuf::new());
    let mut all = Vec::new();
    while file.next_frame(&mut frame).unwrap() == SourceFrame::Pcm {
        all.extend_from_slice(&frame.pcm[..2 * usize::from(frame.samples)]);
    }
    // A WAVE stream of unknown length ends where its header has not said; the reader counts that.
    assert!(file.broken() <= 1);
    all
}

/// A logical stream of Ogg Opus.
pub struct OggStream {
    pub head: Vec<u8>,
    pub tags: Vec<u8>,
    pub packets: Vec<Vec<u8>>,
    /// Of the pages, in order.
    pub granules: Vec<u64>,
    pub ended: bool,
}

pub fn ogg(bytes: &[u8]) -> OggStream {
    let mut reader = ogg::PacketReader::new(Cursor::new(bytes));
    let head = reader.read_packet().unwrap().unwrap().data;
    let tags = reader.read_packet().unwrap().unwrap().data;
    let mut stream = OggStream { head, tags, packets: Vec::new(), granules: Vec::new(), ended: false };
    while let Ok(Some(packet)) = reader.read_packet() {
        if packet.last_in_page() {
            stream.granules.push(packet.absgp_page());
        }
        stream.ended |= packet.last_in_stream();
        stream.packets.push(packet.data);
    }
    stream
}

#[derive(Default)]
pub struct Matroska {
    pub tracks: Vec<MatroskaTrack>,
    pub duration: Option<f64>,
    /// The segment's size is known and right.
    pub whole: bool,
}

#[derive(Default)]
pub struct MatroskaTrack {
    pub name: Option<String>,
    pub delay_ns: u64,
    /// Milliseconds and packet.
    pub blocks: Vec<(i64, Vec<u8>)>,
    pub discard_ns: u64,
}

impl MatroskaTrack {
    pub fn decode(&self) -> Vec<f32> {
        let pcm = decode_packets(self.blocks.iter().map(|block| block.1.as_slice()));
        let samples = |ns: u64| 2 * ((ns * 48 + 500_000) / 1_000_000) as usize;
        pcm[samples(self.delay_ns).min(pcm.len())..pcm.len() - samples(self.discard_ns)].to_vec()
    }
}

/// The elements in `bytes`; those that go on past the end are left out, as after a crash.
fn elements(mut bytes: &[u8]) -> Vec<(u32, &[u8], bool)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let id_len = bytes[0].leading_zeros() as usize + 1;
        let id = bytes[..id_len].iter().fold(0, |id, &byte| id << 8 | u32::from(byte));
        bytes = &bytes[id_len..];
        let len = bytes[0].leading_zeros() as usize + 1;
        let mask = (1u64 << (7 * len)) - 1;
        let size = bytes[..len].iter().fold(0, |size, &byte| size << 8 | u64::from(byte)) & mask;
        bytes = &bytes[len..];
        let known = size != mask;
        let end = if known { size as usize } else { bytes.len() };
        if end > bytes.len() {
            break;
        }
        found.push((id, &bytes[..end], known));
        bytes = &bytes[end..];
    }
    found
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

pub fn matroska(bytes: &[u8]) -> Matroska {
    let top = elements(bytes);
    assert_eq!((top[0].0, top[1].0, top.len()), (0x1A45_DFA3, 0x1853_8067, 2));
    let mut file = Matroska { whole: top[1].2, ..Matroska::default() };
    let mut by_number = BTreeMap::new();
    for (id, content, _) in elements(top[1].1) {
        match id {
            0x1549_A966 => {
                let duration = elements(content).into_iter().find(|element| element.0 == 0x4489);
                file.duration = duration.map(|element| f64::from_be_bytes(element.1.try_into().unwrap()));
            }
            0x1654_AE6B => {
                for (_, entry, _) in elements(content) {
                    let mut track = MatroskaTrack::default();
                    for (id, value, _) in elements(entry) {
                        match id {
                            0xD7 => drop(by_number.insert(number(value), file.tracks.len())),
                            0x536E => track.name = Some(String::from_utf8(value.to_vec()).unwrap()),
                            0x56AA => track.delay_ns = number(value),
                            _ => {}
                        }
                    }
                    file.tracks.push(track);
                }
            }
            0x1F43_B675 => cluster(content, &by_number, &mut file.tracks),
            0x1254_C367 => {
                for (_, tag, _) in elements(content) {
                    let parts = elements(tag);
                    let uid = number(elements(parts[0].1)[0].1);
                    let name = elements(parts[1].1)[1].1;
                    file.tracks[uid as usize - 1].name = Some(String::from_utf8(name.to_vec()).unwrap());
                }
            }
            _ => {}
        }
    }
    file
}

fn cluster(content: &[u8], by_number: &BTreeMap<u64, usize>, tracks: &mut [MatroskaTrack]) {
    let mut base = 0;
    for (id, value, _) in elements(content) {
        let (block, discard) = match id {
            0xE7 => {
                base = number(value) as i64;
                continue;
            }
            0xA3 => (value, 0),
            0xA0 => {
                let parts = elements(value);
                (parts[0].1, number(parts[1].1))
            }
            _ => continue,
        };
        let track = &mut tracks[by_number[&u64::from(block[0] & 0x7F)]];
        let ms = base + i64::from(i16::from_be_bytes([block[1], block[2]]));
        track.blocks.push((ms, block[4..].to_vec()));
        track.discard_ns = discard;
    }
}
