"""HTTP Live Streaming: folders that FFmpeg has cut, recorded and live, and playlists that are up to no good."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import isocord
from isocord.errors import AudioFileError

from .chirps import FRAME, RATE, SECONDS, encode, place, read_all, residue
from .web import Answer, Request, Web, file

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")

KEY = bytes(range(16))
CUTS = {
    "transport stream, AAC": "-c:a aac -b:a 160k -f hls",
    "transport stream, MP3": "-c:a libmp3lame -b:a 160k -f hls",
    "fragments": "-c:a aac -b:a 160k -f hls -hls_segment_type fmp4",
    "one file": "-c:a aac -b:a 160k -f hls -hls_flags single_file",
    "one file of fragments": "-c:a aac -b:a 160k -f hls -hls_segment_type fmp4 -hls_flags single_file",
    "encrypted": "-c:a aac -b:a 160k -f hls -hls_key_info_file {folder}/key.info",
}


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return encode(tmp_path_factory.mktemp("sound") / "sound.wav", "pcm_s16le", 44_100)


def cut(sound: Path, folder: Path, options: str) -> None:
    folder.mkdir()
    (folder / "secret").write_bytes(KEY)
    (folder / "key.info").write_text(f"secret\n{folder}/secret\n")
    asked = options.format(folder=folder).split()
    more = ["-hls_time", "1", "-hls_list_size", "0", str(folder / "list.m3u8")]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(sound), *asked, *more], check=True, timeout=60, cwd=folder)


def serve(web: Web, folder: Path, under: str = "") -> str:
    for path in folder.iterdir():
        web.answers[f"{under}/{path.name}"] = file(path.read_bytes())
    return web.url(f"{under}/list.m3u8")


def text(content: str) -> Answer:
    return file(content.encode(), Content_Type="application/vnd.apple.mpegurl")


@pytest.mark.parametrize("kind", CUTS)
def test_what_ffmpeg_has_cut_plays_and_can_be_sought_in(tmp_path: Path, web: Web, sound: Path, kind: str) -> None:
    cut(sound, tmp_path / "hls", CUTS[kind])
    there = isocord.AudioFile(serve(web, tmp_path / "hls"), allow_private=True)
    assert (there.codec, there.sample_rate) == ("mp3" if "MP3" in kind else "aac", 44_100)
    assert there.duration == pytest.approx(SECONDS, abs=0.1)
    assert there.seekable
    heard = read_all(there)
    # The encoder's delay stays in front: nothing in a transport stream tells it.
    assert len(heard) == pytest.approx(SECONDS * RATE, abs=4 * FRAME)
    begins = place(heard[RATE:], RATE)
    assert abs(begins - RATE) < 3 * FRAME
    assert residue(heard[RATE : 2 * RATE], begins) < 0.1
    assert residue(heard[4 * RATE : 5 * RATE], begins + 3 * RATE) < 0.1
    for seconds in (3.4, 0.5):
        there.seek(seconds)
        piece = read_all(there, 60)
        assert there.position == pytest.approx(seconds + 1.2, abs=0.03)
        # Segments last as long as the playlist says, to a frame of the codec.
        assert abs(place(piece[10 * FRAME :], seconds * RATE + 10 * FRAME) - seconds * RATE - 10 * FRAME) < 4 * FRAME
    there.seek(SECONDS + 1)
    assert len(read_all(there)) == 0
    assert there.error is None
    late = isocord.AudioFile(web.url("/list.m3u8"), allow_private=True, start=2.5)
    assert late.position == pytest.approx(2.5)
    assert len(read_all(late)) == pytest.approx((SECONDS - 2.5) * RATE, abs=5 * FRAME)


def test_of_a_master_playlist_the_rendition_that_is_nothing_but_sound(tmp_path: Path, web: Web, sound: Path) -> None:
    cut(sound, tmp_path / "hls", CUTS["fragments"])
    serve(web, tmp_path / "hls", "/sound")
    web.answers["/master.m3u8"] = text(
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="en",DEFAULT=YES,URI="sound/list.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=4000000,AUDIO="a"\nfilm.m3u8\n'
    )
    there = isocord.AudioFile(web.url("/master.m3u8"), allow_private=True)
    assert len(read_all(there)) == pytest.approx(SECONDS * RATE, abs=4 * FRAME)
    assert not web.asked("/film.m3u8")


def test_what_is_not_there_is_silence_and_the_last_moment_can_be_sought(tmp_path: Path, web: Web, sound: Path) -> None:
    folder = tmp_path / "hls"
    cut(sound, folder, CUTS["transport stream, AAC"])
    lines = (folder / "list.m3u8").read_text().splitlines()
    gone = next(line for line in lines if line.endswith("2.ts"))
    lines.insert(lines.index(gone) - 1, "#EXT-X-GAP")
    # As lenient players take it.
    lines = [f"{line}.0" if line.startswith("#EXT-X-TARGETDURATION") else line for line in lines]
    serve(web, folder)
    del web.answers[f"/{gone}"]
    web.answers["/list.m3u8"] = text("\n".join([*lines, ""]))
    there = isocord.AudioFile(web.url("/list.m3u8"), allow_private=True)
    heard = read_all(there)
    assert there.error is None
    assert not web.asked(f"/{gone}")
    assert len(heard) == pytest.approx(SECONDS * RATE, abs=4 * FRAME)
    assert not heard[int(2.3 * RATE) : int(2.7 * RATE)].any()
    assert residue(heard[4 * RATE : 5 * RATE], place(heard[4 * RATE :], 4 * RATE)) < 0.1
    assert there.duration is not None
    there.seek(there.duration - 0.008)
    assert len(read_all(there)) <= 4 * FRAME
    assert there.error is None


def test_packed_audio_whose_segments_tell_the_time(tmp_path: Path, web: Web, sound: Path) -> None:
    folder = tmp_path / "packed"
    folder.mkdir()
    command = ["ffmpeg", "-v", "error", "-i", str(sound), "-c:a", "aac", "-f", "segment", "-segment_time", "1"]
    subprocess.run([*command, str(folder / "%d.aac")], check=True, timeout=60)
    body = b"PRIV\0\0\0\x35\0\0com.apple.streaming.transportStreamTimestamp\0" + bytes(8)
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:2"]
    for index in range(len(list(folder.iterdir()))):
        data = (folder / f"{index}.aac").read_bytes()
        web.answers[f"/{index}.aac"] = file(b"ID3\x04\0\0\0\0\0" + bytes([len(body)]) + body + data)
        lines += ["#EXTINF:1,", f"{index}.aac"]
    web.answers["/list.m3u8"] = text("\n".join([*lines, "#EXT-X-ENDLIST", ""]))
    heard = read_all(isocord.AudioFile(web.url("/list.m3u8"), allow_private=True))
    assert len(heard) == pytest.approx(SECONDS * RATE, abs=4 * FRAME)
    assert residue(heard[4 * RATE : 5 * RATE], place(heard[4 * RATE :], 4 * RATE)) < 0.1


def test_after_a_discontinuity_anything_may_follow(tmp_path: Path, web: Web, sound: Path) -> None:
    cut(sound, tmp_path / "first", CUTS["transport stream, AAC"])
    other = encode(tmp_path / "other.wav", "pcm_s16le", 22_050, "mono")
    cut(other, tmp_path / "second", CUTS["fragments"])
    lists = []
    for name in ("first", "second"):
        serve(web, tmp_path / name, f"/{name}")
        lines = (tmp_path / name / "list.m3u8").read_text().splitlines()
        lists.append([re.sub(r'^(?!#)|(?<=URI=")', f"{name}/", line) for line in lines if "ENDLIST" not in line])
    web.answers["/list.m3u8"] = text(
        "\n".join([*lists[0], "#EXT-X-DISCONTINUITY", *lists[1][4:], "#EXT-X-ENDLIST", ""])
    )
    there = isocord.AudioFile(web.url("/list.m3u8"), allow_private=True)
    heard = read_all(there)
    assert there.error is None
    assert len(heard) == pytest.approx(2 * SECONDS * RATE, abs=10 * FRAME)
    middle = int(SECONDS * RATE)
    assert residue(heard[middle + RATE : middle + 2 * RATE], place(heard[middle + RATE :], RATE, 6_000)) < 0.1
    there.seek(SECONDS + 2)
    assert (
        abs(place(read_all(there, 60)[10 * FRAME :], 2 * RATE + 10 * FRAME, 8_000) - 2 * RATE - 10 * FRAME) < 8 * FRAME
    )


def test_a_live_playlist_is_followed_from_its_edge(tmp_path: Path, web: Web, sound: Path) -> None:
    cut(sound, tmp_path / "hls", CUTS["transport stream, AAC"])
    serve(web, tmp_path / "hls")
    names = sorted(path.name for path in (tmp_path / "hls").glob("*.ts"))

    def live(request: Request) -> None:
        # Each time it is asked for, it has one more at its end, and none but the last four.
        end = min(4 + request.number, len(names))
        first = max(0, end - 4)
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
        lines += [line for name in names[first:end] for line in ("#EXTINF:1,", name)]
        text("\n".join([*lines, *(["#EXT-X-ENDLIST"] if end == len(names) else []), ""]))(request)

    web.answers["/list.m3u8"] = live
    there = isocord.AudioFile(web.url("/list.m3u8"), allow_private=True)
    assert (there.duration, there.seekable) == (None, False)
    with pytest.raises(AudioFileError, match="sought"):
        there.seek(1.0)
    heard = read_all(there)
    assert there.error is None
    # It begins three target durations before the end, and misses nothing after that.
    assert len(heard) == pytest.approx((SECONDS - 1) * RATE, abs=5 * FRAME)
    assert not web.asked(f"/{names[0]}")
    assert all(len(web.asked(f"/{name}")) == 1 for name in names[1:])


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('#EXT-X-KEY:METHOD=SAMPLE-AES,URI="secret"\n#EXTINF:1,\nlist0.ts', "cannot open"),
        ('#EXT-X-KEY:METHOD=AES-128,URI="short"\n#EXTINF:1,\nlist0.ts', "16 bytes"),
        ('#EXT-X-KEY:METHOD=AES-128,URI="other"\n#EXTINF:1,\nlist0.ts', "decrypted"),
        ("#EXTINF:1,\nnowhere.ts", "404"),
        ("#EXTINF:1,\nfile:///etc/passwd", "only http and https"),
        ("#EXTINF:1,\nhttp://[::1", "address"),
        ("", "empty"),
        ("#EXTINF:1,\npage.html", "knows"),
    ],
)
def test_what_cannot_be_played_is_told(tmp_path: Path, web: Web, sound: Path, lines: str, told: str) -> None:
    cut(sound, tmp_path / "hls", CUTS["transport stream, AAC"])
    serve(web, tmp_path / "hls")
    web.answers["/short"], web.answers["/other"] = file(b"short"), file(bytes(16))
    web.answers["/page.html"] = file(b"<html>" * 1_000)
    web.answers["/list.m3u8"] = text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{lines}\n#EXT-X-ENDLIST\n")
    with pytest.raises(AudioFileError, match=told):
        isocord.AudioFile(web.url("/list.m3u8"), allow_private=True)


def test_playlists_that_lead_to_each_other_are_not_followed_for_ever(web: Web) -> None:
    web.answers["/a.m3u8"] = text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n")
    with pytest.raises(AudioFileError, match="leads to playlists"):
        isocord.AudioFile(web.url("/a.m3u8"), allow_private=True)
    assert len(web.asked("/a.m3u8")) < 6
    web.answers["/b.m3u"] = file(f"#EXTM3U\n{web.url('/b.m3u')}\n".encode())
    with pytest.raises(AudioFileError, match="leads to playlists"):
        isocord.AudioFile(web.url("/b.m3u"), allow_private=True)


def test_the_old_playlists_of_radios_lead_to_their_sound(web: Web, sound: Path) -> None:
    web.answers["/radio"] = file(sound.read_bytes())
    web.answers["/radio.m3u"] = file(f"#EXTM3U\n#EXTINF:-1,A radio\n{web.url('/radio')}\n".encode())
    there = isocord.AudioFile(web.url("/radio.m3u"), allow_private=True)
    assert len(read_all(there)) == pytest.approx(SECONDS * RATE, abs=FRAME)


def test_headers_are_for_the_host_of_the_playlist(tmp_path: Path, web: Web, sound: Path) -> None:
    cut(sound, tmp_path / "hls", CUTS["transport stream, AAC"])
    serve(web, tmp_path / "hls")
    with Web() as other:
        serve(other, tmp_path / "hls")
        web.answers["/list.m3u8"] = text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nlist0.ts\n#EXTINF:1,\n{other.url('/list1.ts')}\n#EXT-X-ENDLIST\n"
        )
        headers = {"Authorization": "secret", "User-Agent": "mine"}
        read_all(isocord.AudioFile(web.url("/list.m3u8"), allow_private=True, headers=headers))
        assert [request.headers.get("authorization") for request in web.asked("/list0.ts")] == ["secret"]
        (foreign,) = other.asked("/list1.ts")
        assert (foreign.headers.get("authorization"), foreign.headers["user-agent"]) == (None, "mine")
