//! APEv2 at the end of an MP3 file (wiki.hydrogenaudio.org, "APEv2 specification").

use std::io;

use super::super::input::MediaFile;
use super::collector::{Collector, MAX_VALUE, utf8_or_latin1};
use super::cover::Place;
use super::section::Section;

/// Read the tag whose foot ends at `end`.
pub(super) fn read(file: &MediaFile, end: u64, collector: &mut Collector) -> io::Result<()> {
    let Some(foot) = end.checked_sub(32).map(|at| file.bytes_at::<32>(at)).transpose()?.flatten() else {
        return Ok(());
    };
    if !foot.starts_with(b"APETAGEX") {
        return Ok(());
    }
    let number = |at: usize| u32::from_le_bytes([foot[at], foot[at + 1], foot[at + 2], foot[at + 3]]);
    let (size, count) = (u64::from(number(12)), number(16));
    let Some(start) = end.checked_sub(size) else { return Ok(()) };
    let items = Section::new(file, start, size.saturating_sub(32));
    let mut at = 0;
    for _ in 0..count {
        let Some(head) = items.bytes_at::<8>(at)?.filter(|_| collector.more()) else { break };
        let len = u64::from(u32::from_le_bytes([head[0], head[1], head[2], head[3]]));
        // A key has 2 to 255 letters and a zero behind them.
        let key = items.bytes(at + 8, 256, 256)?;
        let Some(zero) = key.iter().position(|&byte| byte == 0) else { break };
        let key = String::from_utf8_lossy(&key[..zero]).to_ascii_lowercase();
        let value = at + 8 + zero as u64 + 1;
        match (head[4] >> 1 & 3, key.as_str()) {
            (0, _) => {
                let text = items.bytes(value, len, MAX_VALUE)?;
                text.split(|&byte| byte == 0).for_each(|text| collector.add(&key, &utf8_or_latin1(text)));
            }
            (1, "cover art (front)") => {
                // The name of its file comes first.
                let name = items.bytes(value, len, 1_024)?.iter().position(|&byte| byte == 0);
                let skip = name.map_or(0, |zero| zero as u64 + 1);
                collector.picture(3, Place::plain(&items, value + skip, len.saturating_sub(skip)));
            }
            _ => {}
        }
        at = value.saturating_add(len);
    }
    collector.end_tag();
    Ok(())
}
