"""What a recording that is over consists of: tracks with names, each in one file or more, read as PCM."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from ... import _native
from ...errors import FFmpegError
from ...runtime.text import shown
from ...sinks.naming import SUFFIXES
from ...sinks.targets import user_id_of
from ..recording.report import Report
from ..recording.timeline import BYTES_PER_SAMPLE, SAMPLE_RATE, silence
from ..recording.timeline_files import KIND
from .matroska import audio_tracks

_MATROSKA = frozenset({".mka", ".mkv", ".webm"})
_NOWHERE = -1
_BATCH = 25
"""Frames of 20 ms that are read in one go."""
_BATCH_BYTES = _BATCH * SAMPLE_RATE // 50 * BYTES_PER_SAMPLE
_BIGGEST_JSON = 64 << 20
_LONGEST = 365 * 86_400.0
"""Seconds that a timeline may tell of; gaps are filled with silence."""
_PART = re.compile(r"(.*?)[ _.-]*(\d{3,})$")

Recorded: TypeAlias = "Report | str | os.PathLike[str] | Iterable[str | os.PathLike[str]]"
"""A report, a folder, a file or files."""


@dataclass(frozen=True)
class Piece:
    """A file of a track.

    Attributes:
        file: where it is, or a binary file object.
        offset: seconds into the recording where it begins; None if it follows the one before.
        duration: its seconds, 0.0 if they are not known.
        stream: which of the file's tracks it is, if it has many.
    """

    file: Path | BinaryIO
    offset: float | None = None
    duration: float = 0.0
    stream: int | None = None

    def frames(self) -> Iterator[bytes]:
        """Its sound, s16le stereo at 48 kHz, in pieces of half a second.

        Raises:
            AudioFileError, FFmpegError, OSError: it cannot be read.
        """
        if isinstance(self.file, Path) and self.file.suffix.lower() == ".pcm":
            with self.file.open("rb") as raw:
                yield from iter(lambda: raw.read(_BATCH_BYTES), b"")
        elif isinstance(self.file, Path) and self.stream is not None:
            if self.stream == _NOWHERE:
                raise FileNotFoundError(f"{self.file} has no track of this user")
            yield from _of_many(self.file, self.stream)
        else:
            # What is in memory can be read again by whoever holds it.
            file = io.BytesIO(self.file.getvalue()) if isinstance(self.file, io.BytesIO) else self.file
            sound = _native.AudioFile(file)
            try:
                while batch := b"".join(sound.read() for _ in range(_BATCH)):
                    yield batch
            finally:
                sound.close()


@dataclass(frozen=True)
class RecordedTrack:
    """One user's sound.

    Attributes:
        name: the user's, or what the file is called.
        user_id: 0 if it is not known.
        pieces: its files in order.
    """

    name: str
    user_id: int = 0
    pieces: Sequence[Piece] = field(default=())

    @property
    def duration(self) -> float:
        """Seconds, as far as they are known."""
        return sum(piece.duration for piece in self.pieces)

    @property
    def offset(self) -> float:
        """Seconds into the recording where it begins."""
        return (self.pieces[0].offset or 0.0) if self.pieces else 0.0

    def pcm(self) -> Iterator[bytes]:
        """Its sound from the offset on, with silence where parts do not follow each other.

        Raises:
            AudioFileError, FFmpegError, OSError: a file cannot be read.
        """
        at = round(self.offset * SAMPLE_RATE)
        for piece in self.pieces:
            if piece.offset is not None:
                for chunk in silence(round(piece.offset * SAMPLE_RATE) - at):
                    yield chunk
                    at += len(chunk) // BYTES_PER_SAMPLE
            for frames in piece.frames():
                yield frames
                at += len(frames) // BYTES_PER_SAMPLE


@dataclass(frozen=True)
class Recordings:
    """A recording that is over.

    Attributes:
        tracks: in the order of names.
        started_at: when it began, in UTC, if that is known.
    """

    tracks: list[RecordedTrack]
    started_at: datetime | None = None


def find(recording: Recorded) -> Recordings:
    """The tracks of a recording.

    A folder with a timeline that was saved as JSON is read as that says. Otherwise each file is a track that is called
    by its title, or as the file is, and files that are called like parts (``Alice-002``) follow each other.

    Raises:
        ValueError: there is no sound in it, or its timeline is damaged.
        OSError: a folder or file is not there.
    """
    if isinstance(recording, Report):
        found = _of_report(recording)
    else:
        paths = [recording] if isinstance(recording, (str, os.PathLike)) else list(recording)
        found = _of_paths([Path(path) for path in paths])
    if not found.tracks:
        raise ValueError("no file of a recording is there")
    return found


def _of_report(report: Report) -> Recordings:
    rows = []
    for track in report.tracks:
        pieces = []
        for part in track.parts:
            file = Path(part.path) if part.path is not None else part.file
            if file is not None:
                pieces.append(Piece(file, part.offset, part.duration))
        rows.append(_Row(track.user_id, track.name, pieces))
    return Recordings(_assembled(rows), report.started_at)


def _of_paths(paths: list[Path]) -> Recordings:
    if len(paths) == 1 and paths[0].is_dir():
        folder = paths[0]
        if (told := _of_timeline(folder)) is not None:
            return told
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {str(path)!r}")
    tracks: list[RecordedTrack] = []
    for name, files in _joined(paths):
        streams = audio_tracks(files[0]) if files[0].suffix.lower() in _MATROSKA else []
        if len(streams) > 1:
            tracks += [_track(title or name, files, stream) for stream, title in enumerate(streams)]
        else:
            tracks.append(_track(name, files, None))
    return Recordings(tracks)


def _track(name: str, files: list[Path], stream: int | None) -> RecordedTrack:
    user_id = int(name) if name.isascii() and name.isdigit() and int(name) < 1 << 64 else 0
    told = [_probed(file) for file in files]
    # Recordings have the user's name as their title.
    title = told[0].title if told[0] is not None and stream is None else None
    lengths = (_duration(file, info) for file, info in zip(files, told, strict=True))
    pieces = [Piece(file, None, length, stream) for file, length in zip(files, lengths, strict=True)]
    return RecordedTrack(title or name, user_id, pieces)


def _joined(paths: list[Path]) -> list[tuple[str, list[Path]]]:
    """Files that are parts of one, under what they are called without their number."""
    stems = {path.with_suffix("") for path in paths}
    groups: dict[tuple[Path, str], list[tuple[int, Path]]] = {}
    for path in paths:
        base, number = path.with_suffix(""), 1
        if (named := _PART.fullmatch(path.stem)) and named[1]:
            first = path.with_name(named[1])
            # A name may end with a number that is none of a part.
            if first in stems or len([stem for stem in stems if _base(stem) == first]) > 1:
                base, number = first, int(named[2])
        groups.setdefault((base, path.suffix), []).append((number, path))
    return [(base.name, [path for _, path in sorted(files)]) for (base, _), files in groups.items()]


def _base(stem: Path) -> Path | None:
    named = _PART.fullmatch(stem.name)
    return stem.with_name(named[1]) if named and named[1] else None


def _of_timeline(folder: Path) -> Recordings | None:
    """What a timeline in the folder says, if there is one.

    Raises:
        ValueError: it is damaged.
    """
    for path in sorted(folder.glob("*.json")):
        told = _timeline(path)
        if told is None:
            continue
        try:
            began = datetime.fromisoformat(told["started_at"])
            # All of its moments can be told.
            _ = began.astimezone(timezone.utc) + timedelta(seconds=_LONGEST)
            rows = [_row(folder, track) for track in told["tracks"]]
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise _damaged(path, error) from error
        return Recordings(_assembled(rows), began)
    return None


def _timeline(path: Path) -> dict[str, Any] | None:
    """What is in a file, if that says that it is a timeline."""
    if path.stat().st_size > _BIGGEST_JSON:
        return None
    text = path.read_text("utf-8", "replace")
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        if f'"kind": "{KIND}"' in text:
            raise _damaged(path, error) from error
        return None
    return told if isinstance(told, dict) and told.get("kind") == KIND else None


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{str(path)!r} is damaged, or no timeline of isocord's: {type(error).__name__}: {shown(error)}")


def _row(folder: Path, track: dict[str, Any]) -> _Row:
    user_id = None if track["user_id"] is None else user_id_of(track["user_id"])
    if not isinstance(name := track["name"], str | None):
        raise TypeError(f"{name!r} is no name")
    pieces = [Piece(folder / one["path"], _seconds(one["offset"]), _seconds(one["duration"])) for one in track["files"]]
    return _Row(user_id, name, pieces)


def _seconds(told: Any) -> float:
    seconds = float(told)
    # Written so that what is no number is refused as well.
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{told!r} is no time in a recording")
    return seconds


class _Row(NamedTuple):
    """A track as it is told of, and its files; None for all users together."""

    user_id: int | None
    name: str | None
    pieces: list[Piece]


def _assembled(rows: list[_Row]) -> list[RecordedTrack]:
    """The users' tracks, or that of all where there are none; of a file that several are in, each one's own."""
    rows = [row for row in rows if row.user_id is not None] or rows
    counts = Counter(piece.file for row in rows for piece in row.pieces if isinstance(piece.file, Path))
    shared = {file: audio_tracks(file) if file.is_file() else [] for file, count in counts.items() if count > 1}

    def own(piece: Piece, row: _Row) -> Piece:
        # Tracks are called by id or name, and stand in the order of their first words.
        if not isinstance(piece.file, Path) or piece.file not in shared:
            return piece
        called = (str(row.user_id), row.name)
        found = (index for index, name in enumerate(shared[piece.file]) if name in called)
        return replace(piece, stream=next(found, _NOWHERE))

    return [
        RecordedTrack(
            row.name or str(row.user_id or "all"), row.user_id or 0, [own(piece, row) for piece in row.pieces]
        )
        for row in rows
    ]


def _probed(path: Path) -> _native.AudioInfo | None:
    if path.suffix.lower() == ".pcm":
        return None
    try:
        return _native.probe(path)
    except Exception:
        # Why is told when the file is read.
        return None


def _duration(path: Path, info: _native.AudioInfo | None) -> float:
    if path.suffix.lower() == ".pcm":
        return path.stat().st_size / BYTES_PER_SAMPLE / SAMPLE_RATE
    return 0.0 if info is None else info.duration or 0.0


def _of_many(path: Path, stream: int) -> Iterator[bytes]:
    """One track of a file of many, which ffmpeg takes out of it, from the file's begin on."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise FFmpegError(f"{path.name} has several tracks: to read these takes ffmpeg, which is not on the PATH")
    wanted = [
        "-map",
        f"0:a:{stream}",
        "-af",
        "aresample=async=1:first_pts=0",
        "-f",
        "s16le",
        "-ar",
        "48000",
        "-ac",
        "2",
    ]
    command = [program, "-v", "error", "-nostdin", "-i", f"file:{path}", *wanted, "-"]
    # What it says goes to a file, for a pipe that nobody reads would stop it.
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as running,  # noqa: S603
    ):
        sound = running.stdout
        assert sound is not None
        try:
            yield from iter(partial(sound.read, _BATCH_BYTES), b"")
            code = running.wait()
        finally:
            running.kill()
        if code:
            said.seek(0)
            words = said.read(1_000).decode("utf-8", "replace").strip()
            raise FFmpegError(f"{path.name}: {words or f'ffmpeg ended with {code}'}", code)
