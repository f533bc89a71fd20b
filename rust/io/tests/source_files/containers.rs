//! Matroska, MP4 and MP3 as their specifications lay them out, with whatever content a test wants.
#![allow(dead_code)]

/// An EBML element with a length of eight bytes.
pub fn element(id: u32, body: &[u8]) -> Vec<u8> {
    let mut out = head(id, body.len() as u64);
    out.extend(body);
    out
}

fn head(id: u32, len: u64) -> Vec<u8> {
    let bytes = id.to_be_bytes();
    let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(3);
    let mut out = bytes[first..].to_vec();
    out.extend((1 << 56 | len).to_be_bytes());
    out
}

fn number(id: u32, value: u64) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// Track 1 is the sound, track 2 a film where there is one.
pub fn block(track: u8, at: i16, data: &[u8]) -> Vec<u8> {
    let mut body = vec![0x80 | track];
    body.extend(at.to_be_bytes());
    body.push(0x80);
    body.extend(data);
    element(0xa3, &body)
}

/// A cluster that begins at a time in milliseconds.
pub fn cluster(at: u64, blocks: &[u8]) -> Vec<u8> {
    let mut body = number(0xe7, at);
    body.extend(blocks);
    element(0x1f43_b675, &body)
}

/// Elements that say nothing, two bytes each.
pub fn voids(bytes: usize) -> Vec<u8> {
    [0xec, 0x80].repeat(bytes / 2)
}

/// A sound track of 16-bit mono PCM at 48 kHz.
pub fn pcm_track() -> Vec<u8> {
    let mut audio = element(0xb5, &48_000_f64.to_be_bytes());
    audio.extend(number(0x9f, 1));
    audio.extend(number(0x6264, 16));
    track(1, 2, b"A_PCM/INT/LIT", &element(0xe1, &audio))
}

/// A sound track of Opus with this identification header.
pub fn opus_track(opus_head: &[u8]) -> Vec<u8> {
    let mut more = element(0x63a2, opus_head);
    let mut audio = element(0xb5, &48_000_f64.to_be_bytes());
    audio.extend(number(0x9f, 2));
    more.extend(element(0xe1, &audio));
    track(1, 2, b"A_OPUS", &more)
}

pub fn film_track() -> Vec<u8> {
    let mut video = number(0xb0, 1_920);
    video.extend(number(0xba, 1_080));
    track(2, 1, b"V_VP9", &element(0xe0, &video))
}

fn track(index: u64, kind: u64, codec: &[u8], more: &[u8]) -> Vec<u8> {
    let mut body = number(0xd7, index);
    body.extend(number(0x73c5, index));
    body.extend(number(0x83, kind));
    body.extend(element(0x86, codec));
    body.extend(more);
    element(0xae, &body)
}

/// A file of these tracks and clusters, between which anything may stand; `cues` points to clusters at its end.
pub fn matroska(tracks: &[u8], milliseconds: f64, clusters: &[Vec<u8>], cues: bool) -> Vec<u8> {
    let mut info = number(0x2a_d7b1, 1_000_000);
    info.extend(element(0x4489, &milliseconds.to_be_bytes()));
    info.extend(element(0x4d80, b"a test"));
    info.extend(element(0x5741, b"a test"));
    let mut body = Vec::new();
    body.extend(element(0x1549_a966, &info));
    body.extend(element(0x1654_ae6b, tracks));
    // A seek head comes first and is as long as this one.
    let seek_head = |places: [u64; 2]| {
        let seeks = [0x1c53_bb6b_u32, 0x1941_a469].into_iter().zip(places).map(|(id, at)| {
            // IDs are written with lengths of one byte, as muxers do.
            let mut seek = vec![0x53, 0xab, 0x84];
            seek.extend(id.to_be_bytes());
            seek.extend(number(0x53ac, at));
            element(0x4dbb, &seek)
        });
        element(0x114d_9b74, &seeks.collect::<Vec<_>>().concat())
    };
    let before = if cues { seek_head([0, 0]).len() } else { 0 };
    let mut attachments = 0;
    let mut points = Vec::new();
    for cluster in clusters {
        if cluster.starts_with(&[0x1f, 0x43, 0xb6, 0x75]) {
            let mut place = number(0xf7, 1);
            place.extend(number(0xf1, (before + body.len()) as u64));
            let time = u64::from_be_bytes(cluster[21..29].try_into().unwrap_or_default());
            let mut point = number(0xb3, time);
            point.extend(element(0xb7, &place));
            points.extend(element(0xbb, &point));
        }
        if cluster.starts_with(&[0x19, 0x41, 0xa4, 0x69]) {
            attachments = (before + body.len()) as u64;
        }
        body.extend(cluster);
    }
    let mut segment = Vec::new();
    if cues {
        segment.extend(seek_head([(before + body.len()) as u64, attachments]));
        body.extend(element(0x1c53_bb6b, &points));
    }
    segment.extend(body);
    let mut out = element(0x1a45_dfa3, &element(0x4282, b"matroska"));
    out.extend(element(0x1853_8067, &segment));
    out
}

/// A box of MP4.
pub fn mp4_box(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
    out.extend(kind);
    out.extend(body);
    out
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// Opus packets of 20 ms in MP4, with the index behind the sound.
pub fn mp4_opus(packets: &[Vec<u8>], between: &[u8]) -> Vec<u8> {
    let mut out = mp4_box(b"ftyp", b"isom\0\0\0\0isom");
    out.extend(between);
    let sound = packets.concat();
    let offset = out.len() as u32 + 8;
    out.extend(mp4_box(b"mdat", &sound));
    let count = packets.len() as u32;
    let samples = count * 960;
    let mut entry = words(&[0, 1, 0, 0]);
    entry.extend([0, 2, 0, 16, 0, 0, 0, 0]);
    entry.extend(words(&[48_000 << 16]));
    entry.extend(mp4_box(b"dOps", &[0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]));
    let mut stsd = words(&[0, 1]);
    stsd.extend(mp4_box(b"Opus", &entry));
    let mut sizes = vec![0, 0, count];
    sizes.extend(packets.iter().map(|packet| packet.len() as u32));
    let table = [
        mp4_box(b"stsd", &stsd),
        mp4_box(b"stts", &words(&[0, 1, count, 960])),
        mp4_box(b"stsc", &words(&[0, 1, 1, count, 1])),
        mp4_box(b"stsz", &words(&sizes)),
        mp4_box(b"stco", &words(&[0, 1, offset])),
    ];
    let media = [
        mp4_box(b"mdhd", &words(&[0, 0, 0, 48_000, samples, 0x55c4_0000])),
        mp4_box(b"hdlr", &[words(&[0, 0]), b"soun".to_vec(), words(&[0, 0, 0]), vec![0]].concat()),
        mp4_box(b"minf", &[mp4_box(b"smhd", &words(&[0, 0])), mp4_box(b"stbl", &table.concat())].concat()),
    ];
    let mut tkhd = words(&[7, 0, 0, 1, 0, samples]);
    tkhd.resize(84, 0);
    let track = [mp4_box(b"tkhd", &tkhd), mp4_box(b"mdia", &media.concat())];
    let mut mvhd = words(&[0, 0, 0, 48_000, samples]);
    mvhd.resize(100, 0);
    out.extend(mp4_box(b"moov", &[mp4_box(b"mvhd", &mvhd), mp4_box(b"trak", &track.concat())].concat()));
    out
}

/// Silent frames of an MP3 at 48 kHz, 32 kbit/s, mono: 24 ms and 96 bytes each.
pub fn mp3(frames: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x14, 0xc0];
    frame.resize(96, 0);
    frame.repeat(frames)
}

/// An ID3 tag with so many bytes of a picture in it.
pub fn id3_picture(bytes: usize) -> Vec<u8> {
    let seven = |value: usize| [21, 14, 7, 0].map(|shift| (value >> shift & 0x7f) as u8);
    let mut out = b"ID3\x04\0\0".to_vec();
    out.extend(seven(bytes + 10));
    out.extend(b"APIC");
    out.extend(seven(bytes));
    out.extend([0, 0]);
    out.resize(20 + bytes, 0xff);
    out
}
