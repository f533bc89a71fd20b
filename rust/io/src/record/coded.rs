//! Brings to its target what ffmpeg writes, in pieces that leave a whole file whenever it ends: fragments of MP4
//! (ISO/IEC 14496-12, section 8.8), frames of MP3.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use isocord_proto::frame::SAMPLE_RATE;

use super::error::SinkError;
use super::output::{OpenTarget, PAIR};

/// What ffmpeg encodes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coded {
    /// AAC in MP4.
    Mp4,
    /// AAC in MP4, marked as nothing but sound.
    M4a,
    /// MP3, where isocord is built without LAME.
    Mp3,
}

/// A box is no longer: half a second of AAC has 36 kB at the most.
const MAX_BOX: u64 = 16 << 20;
const BOX_HEAD: usize = 8;
/// An AAC frame's samples; where a fragment does not say how long its samples last, they are frames.
const AAC_FRAME: u64 = 1_024;
/// An MPEG-1 layer III frame's samples.
pub(super) const MP3_FRAME: u64 = 1_152;
/// What LAME is late by, and what every decoder adds to that.
const MP3_DELAY: u16 = 576;
pub(super) const MP3_DECODER_DELAY: u64 = 529;
/// Where a stereo frame's main data begins: behind the header and the side information.
const MP3_MAIN_DATA: usize = 36;
/// The target is flushed when so many samples have come, which each fragment has.
const REFRESH: u64 = SAMPLE_RATE as u64 / 10;

/// Bytes of a frame of `bitrate` kbit/s: at 48 kHz none has a fraction to pad.
pub(super) fn mp3_frame_len(bitrate: u16) -> u64 {
    3 * u64::from(bitrate)
}

/// How far the target has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes of PCM that the process was given.
    given: AtomicU64,
    bytes: AtomicU64,
    samples: AtomicU64,
    full: AtomicBool,
}

impl Progress {
    pub(super) fn give(&self, bytes: u64) {
        self.given.fetch_add(bytes, Relaxed);
    }

    /// Samples that the process was given.
    pub(super) fn given(&self) -> u64 {
        self.given.load(Relaxed) / PAIR
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    pub(super) fn samples(&self) -> u64 {
        self.samples.load(Relaxed)
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Relaxed)
    }
}

impl Coded {
    /// Of ffmpeg, for output into a pipe.
    pub(super) fn arguments(self) -> &'static str {
        match self {
            Self::Mp4 => "-c:a aac -f mp4 -movflags +delay_moov+default_base_moof -frag_duration 200000",
            Self::M4a => "-c:a aac -f ipod -movflags +delay_moov+default_base_moof -frag_duration 200000",
            Self::Mp3 => "-f mp3 -write_xing 0 -id3v2_version 0",
        }
    }

    /// What the coder puts before the sound, as the file itself tells.
    fn delay(self) -> u64 {
        match self {
            Self::Mp4 | Self::M4a => AAC_FRAME,
            Self::Mp3 => u64::from(MP3_DELAY) + MP3_DECODER_DELAY,
        }
    }

    /// The next piece, and its samples; none at the end, where what is not whole is left out.
    fn piece(self, from: &mut impl Read, bitrate: u16, piece: &mut Vec<u8>) -> io::Result<Option<u64>> {
        piece.clear();
        if self == Self::Mp3 {
            let frame = mp3_frame_len(bitrate) as usize;
            return Ok(fill(from, frame, piece)?.then_some(MP3_FRAME));
        }
        let Some(kind) = take_box(from, piece)? else { return Ok(None) };
        if &kind != b"moof" {
            return Ok(Some(0));
        }
        let samples = fragment_samples(&piece[BOX_HEAD..]);
        Ok(take_box(from, piece)?.map(|_| samples))
    }
}

/// Copies until the end, or until the next piece finds no room.
pub(super) fn copy(
    mut from: impl Read,
    mut to: OpenTarget,
    (coded, bitrate): (Coded, u16),
    progress: &Progress,
) -> Result<(), SinkError> {
    let mut read = |piece: &mut Vec<u8>| {
        coded.piece(&mut from, bitrate, piece).map_err(|error| SinkError::Codec(error.to_string()))
    };
    // ffmpeg says how late an MP3 is only in a file where it can seek.
    let tagged = coded == Coded::Mp3 && to.seekable();
    let mut piece = Vec::new();
    let (mut samples, mut flushed) = (0, 0);
    while let Some(more) = read(&mut piece)? {
        if tagged && samples == 0 {
            piece.splice(0..0, InfoFrame::default().like(&piece));
        }
        match to.put(&piece) {
            Err(SinkError::Full) => {
                progress.full.store(true, Relaxed);
                break;
            }
            put => put?,
        }
        samples += more;
        if samples - flushed >= REFRESH {
            to.flush()?;
            flushed = samples;
        }
        progress.bytes.store(to.len(), Relaxed);
        progress.samples.store(samples.saturating_sub(coded.delay()), Relaxed);
    }
    // A process whose output nobody takes would wait for that for ever.
    while read(&mut piece)?.is_some() {}
    if tagged && samples > 0 {
        let info = InfoFrame {
            frames: (samples / MP3_FRAME) as u32,
            bytes: to.len() as u32,
            padding: samples.saturating_sub(progress.given() + u64::from(MP3_DELAY)).min(0xFFF) as u16,
        };
        to.patch(MP3_MAIN_DATA as u64, &info.tag())?;
    }
    to.flush()
}

/// What the first frame of an MP3 tells of the others, as LAME has it ("LAME Tag", revision 1).
#[derive(Default)]
struct InfoFrame {
    frames: u32,
    bytes: u32,
    /// Samples at the end that are too many.
    padding: u16,
}

impl InfoFrame {
    /// A frame of silence with the header of `first`.
    fn like(&self, first: &[u8]) -> Vec<u8> {
        let tag = self.tag();
        let mut frame = vec![0; first.len()];
        frame[..4].copy_from_slice(&first[..4]);
        frame[MP3_MAIN_DATA..][..tag.len()].copy_from_slice(&tag);
        frame
    }

    /// What stands at [`MP3_MAIN_DATA`].
    fn tag(&self) -> [u8; 40] {
        let mut tag = [0; 40];
        tag[..4].copy_from_slice(b"Info");
        // With a number of frames and one of bytes.
        tag[7] = 3;
        tag[8..12].copy_from_slice(&self.frames.to_be_bytes());
        tag[12..16].copy_from_slice(&self.bytes.to_be_bytes());
        tag[16..25].copy_from_slice(b"LAME3.100");
        let delays = u32::from(MP3_DELAY) << 12 | u32::from(self.padding);
        tag[37..40].copy_from_slice(&delays.to_be_bytes()[1..]);
        tag
    }
}

/// Appends just `count` bytes; false if there are not as many.
fn fill(from: &mut impl Read, count: usize, to: &mut Vec<u8>) -> io::Result<bool> {
    Ok(from.take(count as u64).read_to_end(to)? == count)
}

/// Appends a box; none if there is no whole one any more.
fn take_box(from: &mut impl Read, to: &mut Vec<u8>) -> io::Result<Option<[u8; 4]>> {
    let at = to.len();
    if !fill(from, BOX_HEAD, to)? {
        return Ok(None);
    }
    let (size, kind) = head(&to[at..]).unwrap_or_default();
    let rest = u64::from(size).checked_sub(BOX_HEAD as u64).filter(|&rest| rest <= MAX_BOX);
    let rest = rest.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "ffmpeg wrote no MP4"))?;
    Ok(fill(from, rest as usize, to)?.then_some(kind))
}

fn head(bytes: &[u8]) -> Option<(u32, [u8; 4])> {
    let (size, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*size), *rest.first_chunk()?))
}

fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (size, kind) = head(bytes)?;
        let content = bytes.get(BOX_HEAD..size as usize)?;
        bytes = &bytes[size as usize..];
        Some((kind, content))
    })
}

/// How long the runs of a movie fragment last (sections 8.8.7 and 8.8.8).
fn fragment_samples(moof: &[u8]) -> u64 {
    let tracks = boxes(moof).filter(|(kind, _)| kind == b"traf");
    tracks.map(|(_, content)| track_samples(content)).max().unwrap_or(0)
}

fn track_samples(traf: &[u8]) -> u64 {
    let mut default = AAC_FRAME;
    let mut samples = 0;
    for (kind, content) in boxes(traf) {
        let Some(flags) = word(content, 0) else { continue };
        match &kind {
            b"tfhd" if flags & 0x8 != 0 => {
                let at = 8 + if flags & 0x1 != 0 { 8 } else { 0 } + if flags & 0x2 != 0 { 4 } else { 0 };
                default = word(content, at).map_or(default, u64::from);
            }
            b"trun" => {
                let count = word(content, 4).unwrap_or(0);
                if flags & 0x100 == 0 {
                    samples += u64::from(count) * default;
                    continue;
                }
                let at = 8 + 4 * (flags & 0x5).count_ones() as usize;
                let each = 4 * (flags & 0xF00).count_ones() as usize;
                let durations = content.get(at..).unwrap_or_default().chunks_exact(each).take(count as usize);
                samples += durations.filter_map(|sample| word(sample, 0)).map(u64::from).sum::<u64>();
            }
            _ => {}
        }
    }
    samples
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::target::Target;
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    fn fragment(runs: &[u8], sound: &[u8]) -> Vec<u8> {
        let header = boxed(b"tfhd", &words(&[0x0002_0008, 1, 1_000]));
        let moof = boxed(b"moof", &boxed(b"traf", &[header, runs.to_vec()].concat()));
        [moof, boxed(b"mdat", sound)].concat()
    }

    /// A target that only writes.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn copied(bytes: &[u8], coded: (Coded, u16), most: u64) -> (Vec<u8>, Progress) {
        let (memory, progress) = (Memory::default(), Progress::default());
        let out = OpenTarget::open(Target::Stream(Box::new(memory.clone())), Some(most)).unwrap();
        copy(bytes, out, coded, &progress).unwrap();
        let to = memory.0.lock().unwrap().clone();
        assert_eq!(progress.bytes(), to.len() as u64);
        (to, progress)
    }

    #[test]
    fn fragments_come_whole_or_not_at_all() {
        let start = [boxed(b"ftyp", b"isom"), boxed(b"moov", &[7; 90])].concat();
        let first = fragment(&boxed(b"trun", &words(&[0x1, 24, 100])), &[1; 500]);
        // Each sample with a duration and a size.
        let last = boxed(b"trun", &words(&[0x301, 2, 100, 1_024, 9, 300, 9]));
        let second = fragment(&last, &[2; 20]);
        let whole = [start.clone(), first.clone(), second.clone()].concat();
        for most in 0..=whole.len() as u64 + 1 {
            let (to, progress) = copied(&whole, (Coded::Mp4, 128), most);
            assert!(to.len() as u64 <= most && whole.starts_with(&to));
            assert_eq!(progress.is_full(), to.len() < whole.len());
            let samples = match to.len() {
                len if len == whole.len() => 24_000 + 1_324 - 1_024,
                len if len >= start.len() + first.len() => 24_000 - 1_024,
                _ => 0,
            };
            assert_eq!(progress.samples(), samples, "{most}");
        }
        // A process that was killed in the midst of a fragment.
        for cut in start.len()..start.len() + first.len() {
            assert_eq!(copied(&whole[..cut], (Coded::M4a, 128), u64::MAX).0, start);
        }
    }

    #[test]
    fn frames_of_mp3_come_whole() {
        let frames = vec![3; 384 * 10 + 5];
        let (to, progress) = copied(&frames, (Coded::Mp3, 128), 2_000);
        assert_eq!((to.len(), progress.samples(), progress.is_full()), (384 * 5, 1_152 * 5 - 1_105, true));
        let (to, progress) = copied(&frames, (Coded::Mp3, 128), u64::MAX);
        assert_eq!((to.len(), progress.samples(), progress.is_full()), (384 * 10, 1_152 * 10 - 1_105, false));
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [&[0; 8][..], &[0, 0, 0, 7, 1, 1, 1, 1], &[0xFF; 100]] {
            let out = OpenTarget::open(Target::Stream(Box::new(io::sink())), None).unwrap();
            assert!(copy(bytes, out, (Coded::Mp4, 128), &Progress::default()).is_err());
        }
    }
}
