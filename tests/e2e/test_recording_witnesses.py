"""Real speech in every format, as tracks, in a mixdown, as tracks of one file and in parts, before other programs.

libav decodes, and what was said is sought in it by cross-correlation; ffprobe, mkvmerge and sox look at each file, if
they are installed and know the format.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isocord import sinks
from tests.hosts.speech import is_whole, said, stereo
from tests.hosts.world import World, spoken

av = pytest.importorskip("av")
RATE = 48_000
WORDS = {
    "alice": "What time does the last train to the city leave tonight, and from where?",
    "bob": "Nobody told me that the meeting had been moved; I have waited for an hour.",
}
MATROSKA = ("MKASink", "MKVSink", "WebMSink")
CODED = ("MP3Sink", "MP4Sink", "M4ASink")
KINDS = ("WaveSink", "FLACSink", "PCMSink", "OGGSink", *MATROSKA, *CODED)
NEAR = RATE // 400
SOX = {".wav": "wav", ".flac": "flac", ".mp3": "mp3", ".ogg": "opus"}


def decoded(path: Path, stream: int = 0) -> Any:
    """The left channel; an error of libav's is one of ours."""
    if path.suffix == ".pcm":
        return np.fromfile(path, "<i2")[::2].astype(float)
    pieces: list[Any] = []
    with av.open(str(path)) as opened:
        resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
        for frame in opened.decode(opened.streams.audio[stream]):
            if not pieces:
                # In a file of many tracks each begins where its first packet lies.
                pieces.append(np.zeros(max(round((frame.time or 0.0) * RATE), 0), "<i2"))
            pieces += [out.to_ndarray()[0][::2] for out in resampler.resample(frame)]
    return np.concatenate(pieces).astype(float)


def found(words: Any, sound: Any) -> tuple[int, float]:
    """Where in the sound it is said, and how alike the two are there, from 0 to 1."""
    size = 1 << (len(words) + len(sound)).bit_length()
    match = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(words, size)), size)
    at = int(np.argmax(match[: len(sound)]))
    piece = sound[at : at + len(words)]
    return at, float(match[at] / np.linalg.norm(words) / max(np.linalg.norm(piece), 1.0))


def look(path: Path, seconds: float, streams: int = 1) -> None:
    """What others say of a file."""
    if path.suffix == ".pcm":
        return
    if (ffprobe := shutil.which("ffprobe")) is not None:
        asked = [ffprobe, "-v", "warning", "-of", "json", "-show_format", "-show_streams", str(path)]
        told = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=30)
        told_of = json.loads(told.stdout)
        assert told.stderr == ""
        assert [stream["codec_type"] for stream in told_of["streams"]] == ["audio"] * streams
        assert float(told_of["format"]["duration"]) == pytest.approx(seconds, abs=0.1)
    if (mkvmerge := shutil.which("mkvmerge")) is not None:
        asked = [mkvmerge, "-q", "-o", str(path.with_name(f"{path.name}.remuxed")), str(path)]
        # 1 is a warning.
        told = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=30)
        assert (told.returncode, told.stdout) == (0, "")
        path.with_name(f"{path.name}.remuxed").unlink()
    if (sox := shutil.which("sox")) is not None and path.suffix in SOX:
        asked = [sox, "-t", SOX[path.suffix], str(path), "-n", "stat"]
        told = subprocess.run(asked, check=False, capture_output=True, text=True, timeout=30)
        if "no handler" in told.stderr:
            return
        assert "WARN" not in told.stderr
        assert "FAIL" not in told.stderr
        (length,) = (line.split()[-1] for line in told.stderr.splitlines() if line.startswith("Length"))
        assert float(length) == pytest.approx(seconds, abs=0.1)


def joined(parts: list[Any], stream: int = 0) -> Any:
    """Parts where they belong in the recording."""
    pieces = [(round(part.offset * RATE), decoded(Path(part.path), stream)) for part in parts]
    row = np.zeros(max(at + len(pcm) for at, pcm in pieces))
    for at, pcm in pieces:
        row[at : at + len(pcm)] += pcm[: len(row) - at]
    return row


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng, for two who say different words")
@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_said_is_in_every_layout(world: World, tmp_path: Path, kind: str) -> None:
    if kind in ("MP4Sink", "M4ASink") and shutil.which("ffmpeg") is None:
        pytest.skip("there is no ffmpeg")
    make = getattr(sinks, kind)
    words = {name: said(3.0, text) for name, text in WORDS.items()}
    voice = await world.connect()
    speakers = {name: world.discord.speak("General", user=name) for name in words}
    asked = {
        "whole": make(tmp_path / "whole", mixdown=tmp_path / "whole" / f"all.{make.encoding}"),
        "parts": make(tmp_path / "parts", mixdown=tmp_path / "parts" / f"all.{make.encoding}", split=1.5),
    }
    if kind in MATROSKA:
        asked["tracks"] = make(tmp_path / f"tracks.{make.encoding}", tracks=True)
        asked["tracks in parts"] = make(tmp_path / f"parts.{make.encoding}", tracks=True, split=1.5)
    running = {name: voice.start_recording(sink, sync_start=True) for name, sink in asked.items()}
    frames: list[Any] = []
    listening = voice.listen_with(frames.append, fill=True)
    for name, speaker in speakers.items():
        speaker.play(stereo(words[name]))
    await spoken(*speakers.values())
    listening.close()
    reports = {name: await recording.stop() for name, recording in running.items()}
    assert all(report.error is None for report in reports.values())
    base = {name: recording.position - running["whole"].position for name, recording in running.items()}
    for layout, report in reports.items():
        for part in {id(part): part for track in report.tracks for part in track.parts}.values():
            look(Path(part.path), part.duration, len(words) if layout.startswith("tracks") else 1)
    if not all(is_whole([one for one in frames if one.user_id == who.user_id]) for who in speakers.values()):
        # A busy machine held somebody up in the midst of it.
        return
    places: dict[str, list[int]] = {name: [] for name in words}
    for layout in {"whole", "parts", "tracks"} & set(reports):
        rows = [
            (track.user_id, joined(track.parts, stream if layout == "tracks" else 0))
            for stream, track in enumerate(reports[layout].tracks)
        ]
        for user_id, sound in rows:
            alike = {name: found(one, sound) for name, one in words.items()}
            # Alone it is what was said but for what codecs leave out; in a mixdown there is as much of the other.
            here = [name for name, (_, match) in alike.items() if match > (0.6 if user_id is None else 0.8)]
            assert len(here) == (len(words) if user_id is None else 1), (layout, user_id, alike)
            for name in here:
                places[name].append(alike[name][0] + base[layout])
    for name, where in places.items():
        assert len(where) == 4 + ("tracks" in reports)
        # All have it at one place of the common clock, as near as packets can lie: 2.5 ms.
        assert max(where) - min(where) <= NEAR, (name, where)
    if "tracks in parts" in reports:
        for part in reports["tracks in parts"].tracks[0].parts:
            begin = round(part.offset * RATE) + base["tracks in parts"]
            tracks = [decoded(Path(part.path), stream) for stream in range(len(words))]
            for name, one in words.items():
                # What was said while this part was written.
                at, end = places[name][0], begin + min(map(len, tracks))
                first, last = max(begin + NEAR, at), min(end, at + len(one))
                if last - first > RATE // 2:
                    match = [found(one[first - at : last - at], sound) for sound in tracks]
                    place, likeness = max(match, key=lambda pair: pair[1])
                    assert likeness > 0.8, (part, name, match)
                    assert abs(begin + place - first) <= NEAR
