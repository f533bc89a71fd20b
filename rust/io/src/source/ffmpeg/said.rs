//! What ffmpeg says on its standard error.

use std::io::Read;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What it says of its input stands in so much, pictures and long lyrics aside.
const MAX_HEAD: usize = 64 << 10;
/// Of the rest only the end is kept.
const MAX_TAIL: usize = 2 << 10;
/// Longer lines are no message.
const MAX_LINE: usize = 300;

/// Demuxers that are allowed: their files hold all of their sound, and name no others.
pub(super) const FORMATS: &str = "\
     aac,ac3,act,adp,adx,aea,aiff,amr,amrnb,amrwb,ape,apm,aptx,asf,asf_o,au,avi,avr,bfstm,boa,brstm,caf,\
     codec2,dsf,dts,dtshd,eac3,flac,flv,genh,hca,iff,ilbc,ircam,kvag,loas,matroska,mlp,mmf,mov,mp3,mpc,\
     mpc8,mpeg,mpegts,msf,nistsphere,nut,ogg,oma,paf,pvf,qcp,rm,rso,sbc,sds,shn,sox,spdif,svag,tak,\
     truehd,tta,vag,voc,vqf,w64,wav,wsd,wtv,wv,wve,xa,xwma";

/// Codecs by name; others are called unknown.
const CODECS: &str = "\
     aac,aac_latm,ac3,adpcm_adx,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,alac,amr_nb,\
     amr_wb,ape,atrac3,atrac3p,codec2,cook,dsd_lsbf,dsd_lsbf_planar,dsd_msbf,dsd_msbf_planar,dts,eac3,\
     evrc,flac,g723_1,g729,gsm,gsm_ms,ilbc,mlp,mp1,mp2,mp3,musepack7,musepack8,nellymoser,opus,pcm_alaw,\
     pcm_bluray,pcm_dvd,pcm_mulaw,pcm_s16be,pcm_s16le,pcm_s24le,qcelp,qdm2,ra_144,ra_288,ralf,shorten,\
     sipr,speex,tak,truehd,tta,twinvq,vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice";

/// What it says that its input is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Described {
    pub(crate) container: &'static str,
    pub(crate) codec: &'static str,
    pub(crate) sample_rate: u32,
    pub(crate) channels: u16,
    /// In seconds.
    pub(crate) duration: Option<f64>,
}

/// All that it says, as it says it, within bounds.
#[derive(Default)]
pub(super) struct Said {
    text: Mutex<Text>,
    changed: Condvar,
}

#[derive(Default)]
struct Text {
    head: Vec<u8>,
    tail: Vec<u8>,
    over: bool,
}

impl Said {
    /// Listens until it says no more.
    pub(super) fn listen(&self, mut stderr: impl Read) {
        let mut piece = [0; 1_024];
        while let Ok(count @ 1..) = stderr.read(&mut piece) {
            let mut text = self.lock();
            let first = count.min(MAX_HEAD - text.head.len());
            text.head.extend_from_slice(&piece[..first]);
            text.tail.extend_from_slice(&piece[..count]);
            let old = text.tail.len().saturating_sub(MAX_TAIL);
            text.tail.drain(..old);
            self.changed.notify_all();
        }
        self.lock().over = true;
        self.changed.notify_all();
    }

    /// The last line, or the last that is an error, once all is said; waits no longer than that for it.
    pub(super) fn last_line(&self, patience: Duration) -> Option<String> {
        let text = self.when(patience, |text| text.over);
        let tail = String::from_utf8_lossy(&text.tail);
        let lines = || tail.lines().rev().map(str::trim).filter(|line| !line.is_empty());
        let is_error = |line: &&str| line.contains("[error]") || line.contains("[fatal]");
        let line = lines().find(is_error).or_else(|| lines().next())?;
        // `[asf @ 0x5581] [error] `: an address tells nobody anything.
        let line =
            line.rsplit_once("[error] ").or(line.rsplit_once("[fatal] ")).map_or(line, |found| found.1);
        Some(line.chars().filter(|one| !one.is_control()).take(MAX_LINE).collect())
    }

    /// What its input is; it has said so when there is sound.
    pub(super) fn described(&self, patience: Duration) -> Described {
        let is_whole =
            |text: &Text| text.over || text.head.len() >= MAX_HEAD || contains(&text.head, b"Output #0");
        describe(&String::from_utf8_lossy(&self.when(patience, is_whole).head))
    }

    fn when(&self, patience: Duration, is_so: impl Fn(&Text) -> bool) -> MutexGuard<'_, Text> {
        let deadline = Instant::now() + patience;
        let mut text = self.lock();
        while !is_so(&text) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            text = self.changed.wait_timeout(text, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        text
    }

    fn lock(&self) -> MutexGuard<'_, Text> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn known(names: &'static str, name: &str) -> &'static str {
    names.split(',').find(|known| *known == name).unwrap_or("unknown")
}

fn describe(text: &str) -> Described {
    let mut found =
        Described { container: "unknown", codec: "unknown", sample_rate: 0, channels: 0, duration: None };
    for line in text.lines().filter_map(|line| line.strip_prefix("[info] ")) {
        if let Some(rest) = line.strip_prefix("Input #0, ") {
            found.container = match known(FORMATS, rest.split(',').next().unwrap_or_default()) {
                "mov" => "mp4",
                other => other,
            };
        } else if let Some(rest) = line.strip_prefix("  Duration: ") {
            found.duration = seconds(rest.split(',').next().unwrap_or_default());
        } else if line.starts_with("Stream mapping:") {
            break;
        } else if line.starts_with("  Stream #0:")
            && found.channels == 0
            && let Some((_, rest)) = line.split_once(": Audio: ")
        {
            let mut parts = rest.split(", ");
            let codec = parts.next().unwrap_or_default();
            found.codec = known(CODECS, codec.split([' ', ',']).next().unwrap_or_default());
            let mut parts = parts.skip_while(|part| !part.ends_with(" Hz"));
            let rate = parts.next().and_then(|part| part.strip_suffix(" Hz"));
            found.sample_rate = rate.and_then(|rate| rate.parse().ok()).unwrap_or(0);
            found.channels = channels(parts.next().unwrap_or_default());
        }
    }
    found
}

/// `00:01:02.50`, or `N/A`.
fn seconds(text: &str) -> Option<f64> {
    let mut sum = 0.0;
    for part in text.split(':') {
        sum = sum * 60.0 + part.parse::<f64>().ok()?;
    }
    (sum > 0.0).then_some(sum)
}

/// Of a layout: `stereo`, `5.1(side)`, `3 channels`.
fn channels(layout: &str) -> u16 {
    let layout = layout.split('(').next().unwrap_or_default();
    match layout {
        "mono" => 1,
        "stereo" | "downmix" => 2,
        "quad" => 4,
        "hexagonal" => 6,
        "octagonal" => 8,
        _ => match layout.split_once(" channels") {
            Some((count, _)) => count.parse().unwrap_or(0),
            None => layout.split('.').map(|part| part.parse::<u16>().unwrap_or(0)).sum(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_of_its_input_is_understood() {
        let text = "[info] Input #0, matroska,webm, from 'pipe:0':\n[info]   Metadata:\n[info]     title           : \
                    Duration: 99:00:00.00\n[info]   Duration: 00:01:03.02, start: 0.000000, bitrate: 433 kb/s\n[info]   \
                    Stream #0:0: Video: mpeg4 (Simple Profile), yuv420p, 25 fps\n[info]   Stream #0:1(eng): Audio: ac3, \
                    44100 Hz, 5.1(side), fltp, 448 kb/s (default)\n[info] Stream mapping:\n[info] Output #0, f32le";
        let expected = Described {
            container: "matroska",
            codec: "ac3",
            sample_rate: 44_100,
            channels: 6,
            duration: Some(63.02),
        };
        assert_eq!(describe(text), expected);
    }

    #[test]
    fn the_last_error_is_told_and_not_all() {
        let said = Said::default();
        let text = b"[info] Input\n".repeat(10_000);
        said.listen([&text[..], b"[asf @ 0x55] [error] it is torn\n[info] size= 1kB\n"].concat().as_slice());
        assert_eq!(said.last_line(Duration::ZERO).as_deref(), Some("it is torn"));
        assert_eq!(said.lock().head.len(), MAX_HEAD);
        assert!(said.lock().tail.len() <= MAX_TAIL);
    }
}
