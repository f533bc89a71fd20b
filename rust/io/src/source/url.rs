//! What a URL leads to: a file, a radio, a playlist of either, or a presentation of HLS.

use std::io;
use std::sync::Arc;

use super::budget::Meter;
use super::hls::{MAX_PLAYLIST, Presentation, Presented, first_entry, is_playlist};
use super::http::{Address, Download, HttpOptions, Line};
use super::stream::{Stop, Supply, Window, fill};

/// Playlists that name each other.
const MAX_PLAYLISTS: usize = 3;

/// Ask for a URL; what is brought of it is in the window.
pub(super) fn open_url(
    url: &str,
    options: HttpOptions,
    meter: &Arc<Meter>,
) -> Result<(Arc<Window>, Option<Presented>), String> {
    let mut address = Address::parse(url)?;
    let line = Arc::new(Line::default());
    let waiting = Arc::clone(&line);
    meter.on_close(move || waiting.close());
    for _ in 0..MAX_PLAYLISTS {
        let mut download =
            Download::open(address, options.clone(), Arc::clone(&line)).map_err(|error| error.to_string())?;
        if !is_list(&download) {
            let outline = download.outline();
            let window =
                fill("isocord-http", outline, Box::new(download)).map_err(|error| error.to_string())?;
            let waiting = Arc::clone(&window);
            meter.on_close(move || waiting.close());
            return Ok((window, None));
        }
        let text = whole(&mut download).map_err(|error| error.to_string())?;
        let (home, found) = download.addresses();
        if is_playlist(&text) {
            let presentation = Presentation::open(&text, found, home.clone(), options, line)?;
            let presentation = Arc::new(presentation);
            let first = presentation.first();
            let (window, presented) =
                Presented::part(presentation, first, meter).map_err(|error| error.to_string())?;
            return Ok((window, Some(presented)));
        }
        let entry = first_entry(&text).ok_or("its playlist names no http or https URL")?;
        address = found.join(&entry)?;
    }
    Err("its playlist leads to playlists only".to_owned())
}

/// Whether a URL leads to a playlist, by what its server says, or its name.
fn is_list(download: &Download) -> bool {
    let kind = download.outline().kind.unwrap_or_default().to_ascii_lowercase();
    let (asked, found) = download.addresses();
    let named = |address: &Address| {
        let name = address.file_name().unwrap_or_default().to_ascii_lowercase();
        name.ends_with(".m3u8") || name.ends_with(".m3u")
    };
    // A radio in MP3 may have a name like this.
    kind.contains("mpegurl") || (!kind.starts_with("audio/mpeg") && (named(asked) || named(found)))
}

/// All of a playlist.
fn whole(download: &mut Download) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut piece = vec![0; 32 * 1024];
    loop {
        let count = download.read(&mut piece)?;
        if count == 0 {
            return Ok(text);
        }
        text.extend_from_slice(&piece[..count]);
        if text.len() > MAX_PLAYLIST {
            return Err(io::Error::other(format!("its playlist is longer than {} MiB", MAX_PLAYLIST >> 20)));
        }
    }
}
