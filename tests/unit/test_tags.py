"""What files say of themselves. The tags are written by mutagen and by FFmpeg, which know nothing of isocord."""

from __future__ import annotations

import base64
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import mutagen.aiff
import mutagen.apev2
import mutagen.flac
import mutagen.id3
import mutagen.mp3
import mutagen.mp4
import mutagen.oggflac
import mutagen.oggopus
import mutagen.oggvorbis
import mutagen.wave
import pytest

import isocord

from .chirps import encode

TITLE = "Überm Fluß 🎵 夜"
ARTISTS = ["Ada 🎻", "Béla"]
ALBUM = "Второй"
LATIN = "Café del Mår"
COVER = b"\xff\xd8\xff\xe0" + b"\xff\x00\xff\xfe picture " * 230_000
"""About 3 MB, full of what ID3's unsynchronisation changes."""

Tag = Callable[[Path], None]


def write_id3(version: int, encoding: int, unsynchronised: bool = False) -> Tag:
    def write(path: Path) -> None:
        tag = mutagen.id3.ID3()
        tag.add(mutagen.id3.APIC(encoding=encoding, mime="image/png", type=4, desc="back", data=b"back"))
        tag.add(
            mutagen.id3.APIC(
                encoding=encoding, mime="image/jpeg", type=3, desc="fröntß"[: 6 if encoding else 2], data=COVER
            )
        )
        tag.add(mutagen.id3.TIT2(encoding=encoding, text=TITLE if encoding else LATIN))
        tag.add(mutagen.id3.TPE1(encoding=encoding, text=ARTISTS if encoding else ["Anna"]))
        tag.add(mutagen.id3.TALB(encoding=encoding, text=ALBUM if encoding else "Zwölf"))
        tag.add(mutagen.id3.TDRC(encoding=0, text="1999"))
        tag.add(mutagen.id3.COMM(encoding=encoding, lang="deu", desc="", text="gut"))
        tag.add(mutagen.id3.TXXX(encoding=encoding, desc="REPLAYGAIN_TRACK_GAIN", text="-6.50 dB"))
        if version == 3:
            tag.update_to_v23()
        tag.save(path, v2_version=version, v23_sep=None)
        if unsynchronised:
            unsynchronise(path)

    return write


def unsynchronise(path: Path) -> None:
    """Writes a tag of version 2.3 as iTunes once did: a zero after each 0xff, in the tag as a whole."""
    data = path.read_bytes()
    size = length_of(data[6:10])
    body = data[10 : 10 + size].replace(b"\xff", b"\xff\x00")
    head = data[:5] + b"\x80" + bytes(len(body) >> shift & 127 for shift in (21, 14, 7, 0))
    path.write_bytes(head + body + data[10 + size :])


def length_of(seven_bits: bytes) -> int:
    return sum(byte << shift for byte, shift in zip(seven_bits, (21, 14, 7, 0), strict=True))


def picture() -> mutagen.flac.Picture:
    made = mutagen.flac.Picture()
    made.type, made.mime, made.desc, made.data = 3, "image/jpeg", "vorn", COVER
    return made


def write_comments(path: Path) -> None:
    file: Any = mutagen.File(path)  # type: ignore[attr-defined]
    file["title"], file["artist"], file["album"], file["date"] = TITLE, ARTISTS, ALBUM, "1999"
    file["comment"] = "gut"
    if path.suffix == ".opus":
        file["R128_TRACK_GAIN"] = "-2944"
    else:
        file["REPLAYGAIN_TRACK_GAIN"] = "-6.50 dB"
    if path.suffix == ".flac":
        file.add_picture(picture())
    else:
        # The picture comes first, and is passed over on many pages.
        back = mutagen.flac.Picture()
        back.type, back.data = 4, b"back"
        file["metadata_block_picture"] = [base64.b64encode(one.write()).decode() for one in (back, picture())]
    file.save()


def write_itunes(path: Path) -> None:
    file = mutagen.mp4.MP4(path)
    file["covr"] = [mutagen.mp4.MP4Cover(COVER)]
    file["\xa9nam"], file["\xa9ART"], file["\xa9alb"] = [TITLE], ARTISTS, [ALBUM]
    file["\xa9day"], file["\xa9cmt"], file["trkn"] = ["1999"], ["gut"], [(3, 12)]
    file["----:com.apple.iTunes:replaygain_track_gain"] = [b"-6.50 dB"]
    file.save()


FILES = [
    (".mp3", "libmp3lame", write_id3(4, 3)),
    (".mp3", "libmp3lame", write_id3(4, 1)),
    (".mp3", "libmp3lame", write_id3(4, 2)),
    (".mp3", "libmp3lame", write_id3(3, 1)),
    (".flac", "flac", write_comments),
    (".ogg", "vorbis", write_comments),
    (".opus", "libopus", write_comments),
    (".m4a", "aac", write_itunes),
    (".m4a", "alac", write_itunes),
]


def silent(path: Path, codec: str) -> Path:
    return encode(path, codec, 48_000)


@pytest.mark.parametrize(("suffix", "codec", "write"), FILES, ids=lambda value: value if isinstance(value, str) else "")
def test_tags_and_cover_are_what_was_written(tmp_path: Path, suffix: str, codec: str, write: Tag) -> None:
    path = silent(tmp_path / f"sound{suffix}", codec)
    write(path)
    info = isocord.probe(path)
    joined = ", ".join(ARTISTS)
    assert (info.title, info.artist, info.album) == (TITLE, joined if ".mp3" not in suffix else info.artist, ALBUM)
    assert info.artist in (joined, "/".join(ARTISTS))
    assert (info.tags["date"], info.tags["comment"]) == ("1999", "gut")
    assert info.tags.get("replaygain_track_gain") == (None if suffix == ".opus" else "-6.50 dB")
    assert info.cover == COVER
    file = isocord.AudioFile(path)
    assert (file.title, file.artist, file.album, file.tags) == (info.title, info.artist, info.album, info.tags)
    # It is read while the file plays as well, and the file plays on.
    file.read()
    assert file.cover == COVER
    assert (info.codec, info.container, info.sample_rate, info.channels) == (
        file.codec,
        file.container,
        file.sample_rate,
        file.channels,
    )
    assert info.duration == file.duration
    file.close()
    assert (file.title, file.tags) == (info.title, info.tags)
    with pytest.raises(isocord.AudioFileError, match="closed"):
        _ = file.cover


@pytest.mark.parametrize(("suffix", "codec"), [(".wav", "pcm_s16le"), (".aiff", "pcm_s16be")])
def test_id3_in_chunks(tmp_path: Path, suffix: str, codec: str) -> None:
    path = silent(tmp_path / f"sound{suffix}", codec)
    file: Any = mutagen.File(path)  # type: ignore[attr-defined]
    file.add_tags()
    file.tags.add(mutagen.id3.TIT2(encoding=1, text=TITLE))
    file.tags.add(mutagen.id3.APIC(encoding=3, mime="image/png", type=3, desc="", data=COVER))
    file.save()
    info = isocord.probe(path)
    assert (info.title, info.cover) == (TITLE, COVER)
    assert info.duration == pytest.approx(6.0)


@pytest.mark.parametrize("unsynchronised", [False, True])
def test_latin_and_unsynchronised_id3(tmp_path: Path, unsynchronised: bool) -> None:
    path = silent(tmp_path / "sound.mp3", "libmp3lame")
    write_id3(3, 0, unsynchronised)(path)
    info = isocord.probe(path)
    assert (info.title, info.artist, info.tags["comment"]) == (LATIN, "Anna", "gut")
    # mutagen is the witness that the file is well-formed.
    known = mutagen.id3.ID3(path)
    assert info.cover == known.getall("APIC:fr")[0].data == COVER


def test_id3_of_version_2_2(tmp_path: Path) -> None:
    def frame(name: bytes, data: bytes) -> bytes:
        return name + len(data).to_bytes(3, "big") + data

    frames = (
        frame(b"TT2", b"\x01" + TITLE.encode("utf-16"))
        + frame(b"TP1", b"\0Anna\0")
        + frame(b"PIC", b"\0JPG\x03\0" + COVER)
    )
    size = bytes(len(frames) >> shift & 127 for shift in (21, 14, 7, 0))
    sound = silent(tmp_path / "sound.mp3", "libmp3lame").read_bytes()
    start = 10 + length_of(sound[6:10]) if sound.startswith(b"ID3") else 0
    info = isocord.probe(io.BytesIO(b"ID3\x02\0\0" + size + frames + sound[start:]))
    assert (info.title, info.artist, info.cover) == (TITLE, "Anna", COVER)


def test_what_stands_at_the_end_of_an_mp3(tmp_path: Path) -> None:
    path = silent(tmp_path / "sound.mp3", "libmp3lame")
    mutagen.mp3.MP3(path).delete()
    old = (b"TAG" + b"Old title".ljust(30, b"\0") + "Günther".encode("latin-1").ljust(30, b"\0")).ljust(125, b"\0")
    old += bytes([0, 7, 255])
    sound = path.read_bytes()
    info = isocord.probe(io.BytesIO(sound + old))
    assert (info.title, info.artist, info.tags["track"]) == ("Old title", "Günther", "7")
    tag = mutagen.apev2.APEv2()
    tag["Title"], tag["Artist"] = TITLE, ARTISTS
    tag["Cover Art (Front)"] = mutagen.apev2.APEValue(b"cover.jpg\0" + COVER, mutagen.apev2.BINARY)
    tag.save(path)
    info = isocord.probe(io.BytesIO(path.read_bytes() + old))
    # What the better tag does not say is said by the older one.
    assert (info.title, info.artist, info.tags["track"]) == (TITLE, ", ".join(ARTISTS), "7")
    assert info.cover == COVER


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".wav", "pcm_s16le"),
        (".mkv", "flac"),
        (".webm", "libopus"),
        (".ogg", "flac"),
        (".mp4", "aac"),
        (".opus", "libopus"),
    ],
)
def test_tags_of_ffmpeg(tmp_path: Path, suffix: str, codec: str) -> None:
    plain = silent(tmp_path / f"plain{suffix}", codec)
    path = tmp_path / f"sound{suffix}"
    said = {"title": TITLE, "artist": ", ".join(ARTISTS), "album": ALBUM, "date": "1999", "comment": "gut"}
    with av.open(str(plain)) as source, av.open(str(path), "w") as target:
        target.metadata.update(said)
        stream = target.add_stream_from_template(source.streams[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    info = isocord.probe(path)
    # ffprobe's own view of it.
    with av.open(str(path)) as file:
        known = {**file.streams[0].metadata, **file.metadata}
    seen = {name.lower(): value for name, value in known.items()}
    assert info.tags.items() >= said.items() <= seen.items()


def element(name: str, body: bytes) -> bytes:
    return bytes.fromhex(name) + (1 << 56 | len(body)).to_bytes(8, "big") + body


def test_matroska_with_a_cover_behind_its_sound(tmp_path: Path) -> None:
    data = silent(tmp_path / "sound.mkv", "flac").read_bytes()
    segment = data.index(bytes.fromhex("18538067"))
    # FFmpeg's own seek head, which names what comes next, and the void behind it are left out.
    info_id = bytes.fromhex("1549a966")
    kept = data[data.index(info_id, data.index(info_id) + 1) :]
    attached = element("61a7", element("466e", b"cover.png") + element("4660", b"image/png") + element("465c", COVER))
    simple = element("67c8", element("45a3", b"TITLE") + element("4487", ALBUM.encode()))
    tags = element("1254c367", element("7373", element("63c0", element("68ca", b"\x32")) + simple))

    def seek_head(*places: int) -> bytes:
        names = [bytes.fromhex("1254c367"), bytes.fromhex("1941a469")]
        return element(
            "114d9b74",
            b"".join(
                element("4dbb", element("53ab", name) + element("53ac", struct.pack(">Q", at)))
                for name, at in zip(names, places, strict=True)
            ),
        )

    behind = len(seek_head(0, 0)) + len(kept)
    body = seek_head(behind, behind + len(tags)) + kept + tags + element("1941a469", attached)
    data = data[:segment] + element("18538067", body)
    info = isocord.probe(io.BytesIO(data))
    assert (info.album, info.cover) == (ALBUM, COVER)


def test_a_file_without_tags_says_nothing(tmp_path: Path) -> None:
    path = silent(tmp_path / "sound.mp3", "libmp3lame")
    mutagen.mp3.MP3(path).delete()
    info = isocord.probe(path)
    assert (info.title, info.artist, info.album, info.cover, dict(info.tags)) == (None, None, None, None, {})
    with pytest.raises(TypeError):
        info.tags["title"] = "mine"  # type: ignore[index]
    with pytest.raises(AttributeError):
        info.title = "mine"  # type: ignore[misc]


def test_what_is_no_sound_cannot_be_probed(tmp_path: Path) -> None:
    with pytest.raises(isocord.AudioFileError, match=r"missing\.mp3"):
        isocord.probe(tmp_path / "missing.mp3")
    with pytest.raises(TypeError):
        isocord.probe(7)  # type: ignore[arg-type]
