//! Writes the seeds of `audio_file` into `corpus/`: a quarter of a second in each container that isocord can write
//! (`cargo run --example audio_seeds`), before which stand the two bytes that say how it is played.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::Path;

fn main() -> std::io::Result<()> {
    seed("wav", &wav())?;
    seed("aiff", &aiff())?;
    seed("mp3", &frames(&[0xff, 0xfb, 0x14, 0xc0], 96, 12))?;
    seed("mp2", &frames(&[0xff, 0xfd, 0x14, 0xc0], 96, 12))?;
    seed("adts", &[0xff, 0xf1, 0x4c, 0x40, 0x01, 0x7f, 0xfc, 0, 0, 0, 7].repeat(12))?;
    seed(
        "tagged_mp3",
        &[b"ID3\x04\0\0\0\0\0\x0a0123456789".to_vec(), frames(&[0xff, 0xfb, 0x14, 0xc0], 96, 12)].concat(),
    )?;
    seed("webm_opus", &webm(b"A_OPUS", &opus_head(), &[0xf8, 0xff, 0xfe]))?;
    seed("mka_pcm", &webm(b"A_PCM/INT/LIT", &[], &[1; 192]))?;
    seed("mp4_opus", &mp4())?;
    seed("ogg_opus", &ogg())
}

fn seed(name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/audio_file");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), [&[1, 5], bytes].concat())
}

fn frames(header: &[u8], len: usize, count: usize) -> Vec<u8> {
    let mut frame = header.to_vec();
    frame.resize(len, 0);
    frame.repeat(count)
}

fn wav() -> Vec<u8> {
    let sound = [7_u8, 3].repeat(1_200);
    let mut out = b"RIFF".to_vec();
    out.extend((36 + sound.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x44\xac\0\0\x88\x58\x01\0\x02\0\x10\0data");
    out.extend((sound.len() as u32).to_le_bytes());
    out.extend(sound);
    out
}

fn aiff() -> Vec<u8> {
    let sound = [7_u8, 3].repeat(1_200);
    let mut out = b"FORM".to_vec();
    out.extend((46 + sound.len() as u32).to_be_bytes());
    out.extend(b"AIFFCOMM\0\0\0\x12\0\x01\0\0\x17\x70\0\x10\x40\x0e\xac\x44\0\0\0\0\0\0SSND");
    out.extend((8 + sound.len() as u32).to_be_bytes());
    out.extend([0; 8]);
    out.extend(sound);
    out
}

fn opus_head() -> Vec<u8> {
    b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec()
}

/// An EBML element whose length fits into two bytes, or four.
fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    let len = body.len() as u32;
    let mut out = id.to_vec();
    if len < 0x3fff {
        out.extend((0x4000 | len as u16).to_be_bytes())
    } else {
        out.extend((0x1000_0000 | len).to_be_bytes())
    }
    out.extend(body);
    out
}

fn webm(codec: &[u8], private: &[u8], packet: &[u8]) -> Vec<u8> {
    let info = [
        element(&[0x2a, 0xd7, 0xb1], &[0x0f, 0x42, 0x40]),
        element(&[0x4d, 0x80], b"x"),
        element(&[0x57, 0x41], b"x"),
    ];
    let audio =
        [element(&[0xb5], &48_000_f32.to_be_bytes()), element(&[0x9f], &[2]), element(&[0x62, 0x64], &[16])];
    let private = if private.is_empty() { Vec::new() } else { element(&[0x63, 0xa2], private) };
    let track = [
        element(&[0xd7], &[1]),
        element(&[0x73, 0xc5], &[1]),
        element(&[0x83], &[2]),
        element(&[0x86], codec),
        private,
        element(&[0xe1], &audio.concat()),
    ];
    let mut cluster = element(&[0xe7], &[0]);
    for index in 0..12_u8 {
        cluster.extend(element(&[0xa3], &[&[0x81, 0, index * 20, 0x80], packet].concat()));
    }
    let segment = [
        element(&[0x15, 0x49, 0xa9, 0x66], &info.concat()),
        element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &track.concat())),
        element(&[0x1f, 0x43, 0xb6, 0x75], &cluster),
    ];
    let mut out = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm"));
    out.extend(element(&[0x18, 0x53, 0x80, 0x67], &segment.concat()));
    out
}

fn mp4_box(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], body].concat()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn mp4() -> Vec<u8> {
    const COUNT: u32 = 12;
    let mut out = mp4_box(b"ftyp", b"isom\0\0\0\0isom");
    let offset = out.len() as u32 + 8;
    out.extend(mp4_box(b"mdat", &[0xf8, 0xff, 0xfe].repeat(COUNT as usize)));
    let mut entry = words(&[0, 1, 0, 0]);
    entry.extend([0, 2, 0, 16, 0, 0, 0, 0]);
    entry.extend(words(&[48_000 << 16]));
    entry.extend(mp4_box(b"dOps", &[0, 2, 1, 0x38, 0, 0, 0xbb, 0x80, 0, 0, 0]));
    let table = [
        mp4_box(b"stsd", &[words(&[0, 1]), mp4_box(b"Opus", &entry)].concat()),
        mp4_box(b"stts", &words(&[0, 1, COUNT, 960])),
        mp4_box(b"stsc", &words(&[0, 1, 1, COUNT, 1])),
        mp4_box(b"stsz", &words(&[0, 3, COUNT])),
        mp4_box(b"stco", &words(&[0, 1, offset])),
    ];
    let media = [
        mp4_box(b"mdhd", &words(&[0, 0, 0, 48_000, COUNT * 960, 0x55c4_0000])),
        mp4_box(b"hdlr", &[words(&[0, 0]), b"soun".to_vec(), words(&[0, 0, 0]), vec![0]].concat()),
        mp4_box(b"minf", &[mp4_box(b"smhd", &words(&[0, 0])), mp4_box(b"stbl", &table.concat())].concat()),
    ];
    let mut tkhd = words(&[7, 0, 0, 1, 0, COUNT * 960]);
    tkhd.resize(84, 0);
    let mut mvhd = words(&[0, 0, 0, 48_000, COUNT * 960]);
    mvhd.resize(100, 0);
    let track = [mp4_box(b"tkhd", &tkhd), mp4_box(b"mdia", &media.concat())].concat();
    out.extend(mp4_box(b"moov", &[mp4_box(b"mvhd", &mvhd), mp4_box(b"trak", &track)].concat()));
    out
}

/// Three pages: the header, the tags, and twelve packets.
fn ogg() -> Vec<u8> {
    let tags = b"OpusTags\x01\0\0\0x\0\0\0\0".to_vec();
    let pages =
        [(2, 0_u64, vec![opus_head()]), (0, 0, vec![tags]), (4, 12 * 960, vec![vec![0xf8, 0xff, 0xfe]; 12])];
    let page = |(sequence, (flags, granule, packets)): (usize, &(u8, u64, Vec<Vec<u8>>))| {
        let mut out = b"OggS\0".to_vec();
        out.push(*flags);
        out.extend(granule.to_le_bytes());
        out.extend(7_u32.to_le_bytes());
        out.extend((sequence as u32).to_le_bytes());
        out.extend([0; 4]);
        out.push(packets.len() as u8);
        out.extend(packets.iter().map(|packet| packet.len() as u8));
        out.extend(packets.concat());
        let crc = out.iter().fold(0_u32, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte) << 24, |crc, _| {
                if crc & 1 << 31 == 0 { crc << 1 } else { crc << 1 ^ 0x04c1_1db7 }
            })
        });
        out[22..26].copy_from_slice(&crc.to_le_bytes());
        out
    };
    pages.iter().enumerate().flat_map(page).collect()
}
