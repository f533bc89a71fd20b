//! What a playlist says, within bounds, and what of a master playlist is played.

use std::borrow::Cow;
use std::time::Duration;

use m3u8_rs::{AlternativeMediaType, KeyMethod, MasterPlaylist, MediaPlaylist, VariantStream};

use super::super::http::Address;

/// A longer playlist is refused: three hours in pieces of two seconds take 1 MiB.
pub(crate) const MAX_PLAYLIST: usize = 4 << 20;
const MAX_SEGMENTS: usize = 50_000;
/// Segments are said to last so long at most.
const MAX_SECONDS: f32 = 3_600.0;
const TARGET: &[u8] = b"#EXT-X-TARGETDURATION:";
/// Below this a variant saves on its sound as well, in bits a second.
const ENOUGH: u64 = 300_000;

/// Some bytes of a file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) address: Address,
    /// From, and to before.
    pub(super) range: Option<(u64, u64)>,
}

/// How a segment is encrypted: AES-128 in CBC mode, as a whole.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) address: Address,
    /// None where it is the segment's number.
    pub(super) iv: Option<[u8; 16]>,
}

#[derive(Clone)]
pub(super) struct Segment {
    pub(super) resource: Resource,
    pub(super) seconds: f64,
    pub(super) key: Option<Key>,
    /// What stands in front of it, for its demuxer.
    pub(super) map: Option<(Resource, Option<Key>)>,
    /// Nothing goes on here.
    pub(super) breaks: bool,
    /// It is not there (draft-pantos-hls-rfc8216bis, 4.4.4.7).
    pub(super) is_gap: bool,
}

pub(super) struct Media {
    pub(super) target: Duration,
    /// There will be no more.
    pub(super) ended: bool,
    /// The number of the first segment.
    pub(super) first: u64,
    pub(super) segments: Vec<Segment>,
    /// Where to begin, in seconds; from the end if negative.
    pub(super) start: Option<f64>,
}

impl Media {
    pub(super) fn get(&self, number: u64) -> Option<&Segment> {
        self.segments.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The number after the last.
    pub(super) fn end(&self) -> u64 {
        self.first + self.segments.len() as u64
    }

    pub(super) fn seconds(&self) -> f64 {
        self.segments.iter().map(|segment| segment.seconds).sum()
    }

    /// The first segment from this one on that is there, and how many seconds are not.
    pub(super) fn there_from(&self, number: u64) -> (u64, f64) {
        let rest = usize::try_from(number - self.first).ok().and_then(|index| self.segments.get(index..));
        let gone = rest.unwrap_or_default().iter().take_while(|segment| segment.is_gap);
        gone.fold((number, 0.0), |(number, seconds), segment| (number + 1, seconds + segment.seconds))
    }

    /// The segment that holds a time, and when that begins.
    pub(super) fn at(&self, seconds: f64) -> (u64, f64) {
        let mut begins = 0.0;
        for (index, segment) in self.segments.iter().enumerate() {
            if begins + segment.seconds > seconds {
                return (self.first + index as u64, begins);
            }
            begins += segment.seconds;
        }
        (self.end(), begins)
    }
}

pub(super) enum Playlist {
    /// Another playlist is to be played.
    Master(Address),
    Media(Media),
}

/// Whether this is a playlist of HLS.
pub(crate) fn is_playlist(text: &[u8]) -> bool {
    text.trim_ascii_start().starts_with(b"#EXTM3U") && text.windows(7).any(|part| part == b"#EXT-X-")
}

/// The first line that is no comment: an old playlist, as radios have them, is no more than that.
pub(crate) fn first_entry(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.starts_with("http://") || line.starts_with("https://")).map(str::to_owned)
}

/// Read a playlist that was found at `base`.
///
/// # Errors
/// What is wrong with it, or cannot be played.
pub(super) fn parse(text: &[u8], base: &Address) -> Result<Playlist, String> {
    match m3u8_rs::parse_playlist_res(&with_whole_target(text)) {
        Ok(m3u8_rs::Playlist::MasterPlaylist(master)) => Ok(Playlist::Master(base.join(&choose(&master)?)?)),
        Ok(m3u8_rs::Playlist::MediaPlaylist(media)) => read(&media, base).map(Playlist::Media),
        Err(_) => Err("its playlist is broken".to_owned()),
    }
}

/// The longest segment's seconds are whole ones (RFC 8216, 4.3.3.1), and the crate takes what is behind them for an
/// address.
fn with_whole_target(text: &[u8]) -> Cow<'_, [u8]> {
    let begins = text.windows(TARGET.len()).position(|tag| tag == TARGET).map(|at| at + TARGET.len());
    let Some((before, rest)) = begins.and_then(|at| text.split_at_checked(at)) else {
        return Cow::Borrowed(text);
    };
    let len = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(rest.len());
    let (seconds, behind) = rest.split_at(len);
    match std::str::from_utf8(seconds).ok().and_then(|seconds| seconds.parse::<f64>().ok()) {
        Some(parts) if seconds.contains(&b'.') => {
            Cow::Owned([before, (parts.ceil() as u64).to_string().as_bytes(), behind].concat())
        }
        _ => Cow::Borrowed(text),
    }
}

fn read(list: &MediaPlaylist, base: &Address) -> Result<Media, String> {
    if list.segments.len() > MAX_SEGMENTS {
        return Err(format!("its playlist has more than {MAX_SEGMENTS} segments"));
    }
    if list.i_frames_only {
        return Err("its playlist holds nothing but pictures".to_owned());
    }
    let mut segments: Vec<Segment> = Vec::with_capacity(list.segments.len());
    let mut key = None;
    let mut map = None;
    for segment in &list.segments {
        // The crate takes a key of the method NONE for a mistake, and hands it on unread.
        let unread = segment.unknown_tags.iter().find(|one| one.tag.ends_with("X-KEY"));
        match unread.map(|one| one.rest.as_deref().unwrap_or_default().contains("METHOD=NONE")) {
            Some(true) => key = None,
            Some(false) => return Err("its playlist has a broken key".to_owned()),
            None => {}
        }
        // Keys and maps hold until others come.
        if let Some(found) = &segment.key {
            key = match &found.method {
                KeyMethod::None => None,
                KeyMethod::AES128 => {
                    let uri = found.uri.as_deref().ok_or("its playlist has a key without an address")?;
                    Some(Key { address: base.join(uri)?, iv: found.iv.as_deref().map(iv).transpose()? })
                }
                _ => {
                    return Err(
                        "it is protected in a way that isocord cannot open (SAMPLE-AES, DRM)".to_owned()
                    );
                }
            };
        }
        if let Some(found) = &segment.map {
            let range = found.byte_range.as_ref();
            let resource = Resource {
                address: base.join(&found.uri)?,
                range: range.map(|range| {
                    let from = range.offset.unwrap_or(0);
                    (from, from.saturating_add(range.length))
                }),
            };
            map = Some((resource, key.clone()));
        }
        let address = base.join(&segment.uri)?;
        let range = segment.byte_range.as_ref().map(|range| {
            // Without a place it follows what came before it of the same file.
            let before = segments.last().filter(|before| before.resource.address == address);
            let follows = before.and_then(|before| before.resource.range).map_or(0, |range| range.1);
            let from = range.offset.unwrap_or(follows);
            (from, from.saturating_add(range.length))
        });
        segments.push(Segment {
            resource: Resource { address, range },
            seconds: f64::from(if segment.duration.is_finite() {
                segment.duration.clamp(0.0, MAX_SECONDS)
            } else {
                0.0
            }),
            key: key.clone(),
            map: map.clone(),
            breaks: segment.discontinuity,
            is_gap: segment.unknown_tags.iter().any(|one| one.tag.ends_with("X-GAP")),
        });
    }
    Ok(Media {
        target: Duration::from_secs(list.target_duration.clamp(1, 60)),
        ended: list.end_list,
        first: list.media_sequence.min(u64::MAX / 2),
        segments,
        start: list.start.as_ref().map(|start| start.time_offset).filter(|offset| offset.is_finite()),
    })
}

/// `0x` and 32 hexadecimal digits, or fewer.
fn iv(text: &str) -> Result<[u8; 16], String> {
    let digits = text.trim_start_matches("0x").trim_start_matches("0X");
    let bad = || "its playlist has a broken key".to_owned();
    if digits.len() > 32 {
        return Err(bad());
    }
    u128::from_str_radix(digits, 16).map(u128::to_be_bytes).map_err(|_| bad())
}

/// The best sound with the least pictures: a rendition that is nothing but sound, else a variant that is, else the
/// smallest variant that does not save on its sound.
fn choose(master: &MasterPlaylist) -> Result<String, String> {
    let mut variants: Vec<&VariantStream> = master.variants.iter().filter(|one| !one.is_i_frame).collect();
    variants.sort_by_key(|one| one.bandwidth);
    let best = variants.last().ok_or("its playlist names no streams")?;
    let rendition = |group: &str| {
        let of_group = || {
            master.alternatives.iter().filter(move |one| {
                one.media_type == AlternativeMediaType::Audio && one.group_id == group && one.uri.is_some()
            })
        };
        let found = of_group().find(|one| one.default).or_else(|| of_group().next());
        found.and_then(|one| one.uri.clone())
    };
    if let Some(uri) = best.audio.as_deref().and_then(rendition) {
        return Ok(uri);
    }
    let silent = |one: &&&VariantStream| one.codecs.as_deref().is_some_and(|codecs| !has_sound(codecs));
    let pure = |one: &&&VariantStream| {
        one.resolution.is_none()
            && one.codecs.as_deref().is_some_and(|codecs| has_sound(codecs) && !codecs.contains(','))
    };
    let chosen = variants.iter().rev().find(pure).or_else(|| {
        let enough = |one: &&&VariantStream| one.bandwidth >= ENOUGH && !silent(one);
        variants.iter().find(enough).or_else(|| variants.iter().rev().find(|one| !silent(one)))
    });
    Ok(chosen.unwrap_or(best).uri.clone())
}

fn has_sound(codecs: &str) -> bool {
    let known = ["mp4a", "opus", "flac", "ac-3", "ec-3", "mp3", "vorbis", "alac"];
    codecs
        .split(',')
        .any(|codec| known.iter().any(|known| codec.trim().to_ascii_lowercase().starts_with(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Playlist, String> {
        let base = Address::parse("https://host.example/a/list.m3u8").expect("an address");
        parse(text.as_bytes(), &base)
    }

    fn media(text: &str) -> Media {
        match parsed(text) {
            Ok(Playlist::Media(media)) => media,
            Ok(Playlist::Master(_)) => panic!("a master playlist"),
            Err(error) => panic!("{error}"),
        }
    }

    fn chosen(text: &str) -> String {
        match parsed(text) {
            Ok(Playlist::Master(address)) => address.as_str().to_owned(),
            Ok(Playlist::Media(_)) => panic!("a media playlist"),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn keys_maps_and_ranges_hold_until_others_come() {
        let list = media(
            "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"init.mp4\"\n\
             #EXT-X-KEY:METHOD=AES-128,URI=\"../k\",IV=0x01\n#EXTINF:4,\n#EXT-X-BYTERANGE:100@50\nall.mp4\n\
             #EXTINF:3.5,\n#EXT-X-BYTERANGE:20\nall.mp4\n#EXT-X-DISCONTINUITY\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:2,\n/b.mp4\n\
             #EXT-X-ENDLIST\n",
        );
        let ranges: Vec<_> = list.segments.iter().map(|one| one.resource.range).collect();
        assert_eq!(ranges, [Some((50, 150)), Some((150, 170)), None]);
        let keys: Vec<_> = list.segments.iter().map(|one| one.key.is_some()).collect();
        assert_eq!(keys, [true, true, false]);
        assert_eq!(list.segments[0].key.as_ref().and_then(|key| key.iv).map(|iv| iv[15]), Some(1));
        assert!(list.segments.iter().all(|one| one.map.is_some()));
        assert_eq!(list.segments.iter().map(|one| one.breaks).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(list.segments[2].resource.address.as_str(), "https://host.example/b.mp4");
        assert_eq!((list.first, list.end(), list.ended), (7, 10, true));
        assert_eq!(list.at(5.0), (8, 4.0));
        assert_eq!(list.at(99.0), (10, 9.5));
    }

    #[test]
    fn what_is_not_there_is_told_and_a_target_may_have_a_fraction() {
        for (target, seconds) in [("4", 4), ("4.0", 4), ("2.5", 3), ("2.5\r", 3), (".5", 1)] {
            let list = media(&format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n#EXTINF:2,\na.ts\n#EXT-X-GAP\n#EXTINF:2,\nb.ts\n#EXTINF:2,\nc.ts\n"
            ));
            assert_eq!(list.target, Duration::from_secs(seconds), "{target:?}");
            assert_eq!(list.segments.iter().map(|one| one.is_gap).collect::<Vec<_>>(), [false, true, false]);
        }
    }

    #[test]
    fn what_leads_elsewhere_or_cannot_be_opened_is_refused() {
        let list =
            |line: &str| parsed(&format!("#EXTM3U\n#EXT-X-TARGETDURATION:4\n{line}\n#EXTINF:4,\na.ts\n"));
        assert!(list("").is_ok());
        assert!(list("#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"k\"").is_err());
        assert!(list("#EXTINF:4,\nfile:///etc/passwd").is_err());
        assert!(list("#EXT-X-KEY:METHOD=AES-128,URI=\"data:text/plain,0123456789abcdef\"").is_err());
        assert!(parsed("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nfile:///a\n").is_err());
    }

    #[test]
    fn the_best_sound_with_the_least_pictures() {
        let film = |rate: u32, more: &str| format!("#EXT-X-STREAM-INF:BANDWIDTH={rate}{more}\n{rate}.m3u8\n");
        let all = [film(200_000, ""), film(5_000_000, ""), film(800_000, "")].concat();
        assert!(chosen(&format!("#EXTM3U\n{all}")).ends_with("/800000.m3u8"));
        let pure = film(128_000, ",CODECS=\"mp4a.40.2\"");
        assert!(chosen(&format!("#EXTM3U\n{all}{pure}")).ends_with("/128000.m3u8"));
        let groups = "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\",URI=\"x.m3u8\"\n\
             #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"y\",DEFAULT=YES,URI=\"y.m3u8\"\n";
        let grouped = film(9_000_000, ",AUDIO=\"a\"");
        assert!(chosen(&format!("#EXTM3U\n{groups}{all}{grouped}")).ends_with("/y.m3u8"));
        let silent = film(400_000, ",CODECS=\"avc1.64\"");
        assert!(chosen(&format!("#EXTM3U\n{all}{silent}")).ends_with("/800000.m3u8"));
    }
}
