"""Sinks that write files natively, as the sound comes, without the GIL.

They have the names of py-cord's, which keep everything in memory until the end. Each writes one file per user, or one
for all; what is on the disk can be read up to the last second at any time, also after a crash.
"""

from __future__ import annotations

import contextlib
import io
import operator
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, TypeAlias, TypedDict

from .. import _native
from ..errors import SinkError

if TYPE_CHECKING:
    from typing_extensions import Unpack

Path: TypeAlias = "str | os.PathLike[str]"
Target: TypeAlias = "Path | BinaryIO | Callable[[int], Path | BinaryIO] | None"
"""A directory, a path, a binary file object, or a function of a user id that gives one of the latter two."""
Layout = Literal["users", "mixdown", "tracks"]
_TOO_BIG = 1 << 64
_SUFFIXES = frozenset(
    {".aac", ".flac", ".m4a", ".mka", ".mkv", ".mp3", ".mp4", ".ogg", ".opus", ".pcm", ".wav", ".webm"}
)


class SinkOptions(TypedDict, total=False):
    """The keywords of :class:`FileSink` that the sinks built on it take as well."""

    mixdown: bool
    users: Iterable[Any]
    exclude: Iterable[Any]
    time: float
    max_size: int
    filters: Mapping[str, Any] | None


class AudioTrack:
    """One user's part of a recording, or all of it in a mixdown; made when the recording is over.

    Attributes:
        user_id: whose it is; None for a mixdown.
        name: the name that the bot's library had for the user when first heard, or None.
        path: the file, where the sink opened one.
        file: the binary file object that was written to, rewound where it can be; None where ``path`` is set or none
            could be had.
        offset: seconds into the recording where it begins; 0.0 with ``sync_start=True``.
        duration: seconds; of a track that failed, those that are surely there.
        size: bytes of the file; in a file of many tracks those of its packets.
        is_cut: whether it ended at the sink's ``max_size``.
        error: why it was given up, or None; what was written before may well be readable. Its ``__cause__`` is what a
            file object or a function of yours raised.
    """

    def __init__(self, outcome: _native.TrackOutcome, file: BinaryIO | None, name: str | None = None) -> None:
        self.user_id: int | None = outcome.user_id
        self.name = name
        self.path: str | None = os.fspath(outcome.path) if outcome.path is not None else None
        self.file = file
        self.offset: float = outcome.offset
        self.duration: float = outcome.duration
        self.size: int = outcome.size
        self.is_cut: bool = outcome.is_cut
        self.error: SinkError | None = outcome.error

    def __repr__(self) -> str:
        if self.path is None and self.file is None:
            return f"<AudioTrack user_id={self.user_id} not written>"
        where = self.path or type(self.file).__name__
        return f"<AudioTrack user_id={self.user_id} {self.duration:.2f} s in {where}>"


class FileSink:
    """What the sinks that write files have in common.

    Args:
        target: with one file per user a directory, which is made if need be and gets ``<user id>.<encoding>``, or a
            function that is called with the id of each user when first heard, on the thread of the recording, and gives
            a path or a binary file object. With one file for all a path or a binary file object. None writes to
            ``io.BytesIO``, as py-cord's sinks do. Files that exist are replaced.
        mixdown: one file in which all users are summed, instead of one per user.
        users: ids of those who are recorded, or objects that have one; all if empty.
        exclude: those who are not.
        time: seconds after which the recording ends; 0 for no end.
        max_size: bytes that no file gets more of, its end included: when one is that big, the recording ends. 0 for no
            end.
        filters: ``users``, ``time`` and ``max_size`` as py-cord has them: ``{"users": [...], "time": ..., "max_size":
            ...}``.

    Raises:
        TypeError: ``target`` is of another kind, or ``filters`` has unknown keys.
        ValueError: ``time`` or ``max_size`` is negative, an option is out of its range, or a directory would be made
            that is called like a sound file, as ``"call.ogg"`` is, where each user gets a file.

    Attributes:
        audio_data: by user id what was recorded; a mixdown is under the key None. Filled when the recording is over.
        report: counters of the whole recording, then.
        vc: the voice client that records, once the recording began.
        finished: whether the recording is over, and the sink can be used for another.
        encoding: name of the format, and the end of file names.
    """

    encoding: ClassVar[_native.RecordingFormat]

    def __init__(
        self,
        target: Target = None,
        *,
        mixdown: bool = False,
        users: Iterable[Any] = (),
        exclude: Iterable[Any] = (),
        time: float = 0,
        max_size: int = 0,
        filters: Mapping[str, Any] | None = None,
    ) -> None:
        given = {"users": users, "time": time, "max_size": max_size, **(filters or {})}
        if unknown := set(given) - {"users", "time", "max_size"}:
            raise TypeError(f"unknown filters: {', '.join(sorted(unknown))}")
        self.filtered_users: frozenset[int] = _ids(given["users"] or ())
        self.excluded_users: frozenset[int] = _ids(exclude)
        self.seconds: float = float(given["time"] or 0)
        self.max_size: int = int(given["max_size"] or 0)
        # Written so that a time that is no number is refused as well.
        if not self.seconds >= 0 or not 0 <= self.max_size < _TOO_BIG:
            raise ValueError("time and max_size are 0 or more")
        self.layout = self._choose_layout(mixdown)
        self.audio_data: dict[int | None, AudioTrack] = {}
        self.report: _native.RecordingReport | None = None
        self.vc: Any = None
        self.finished: bool = False
        self._target = target
        self._files: dict[int | None, BinaryIO] = {}
        self._in_use = threading.Lock()
        if target is not None and not _is_path(target) and not callable(target):
            _check_file(target, "target must be a path, a binary file object or a function of a user id")
        if self.layout == "users" and _is_path(target):
            self._check_directory(os.fspath(target))  # type: ignore[arg-type]

    def init(self, vc: Any) -> None:
        """The recording by the voice client ``vc`` begins."""
        self.vc = vc

    def cleanup(self) -> None:
        """The recording is over and all files are whole. Called on the thread ``isocord-sink``; may be overridden."""

    def claim(self) -> bool:
        """Take it for one recording, until :meth:`release`; False if another has it, also one that is being finished.

        ``start_recording`` calls it.
        """
        return self._in_use.acquire(blocking=False)

    def release(self, *, finished: bool) -> None:
        """The recording that claimed it is over, or could not begin."""
        self.finished = finished
        self._in_use.release()

    def start(self, connection: _native.Connection, *, sync_start: bool) -> _native.Recording:
        """Begin to write, as the only recording that does. ``start_recording`` calls it.

        Raises:
            SinkError: a file or directory could not be made, or there is no ffmpeg where it is needed.
            ValueError: an option is out of its range, or the target is of another kind than the layout needs.
            ClosedError: the connection is closed.
        """
        self._files = {}
        recording = connection.record(
            self._open_target(),
            format=self.encoding,
            layout=self.layout,
            sync_start=sync_start,
            users=self.filtered_users or None,
            exclude=self.excluded_users,
            seconds=self.seconds,
            max_size=self.max_size or None,
            ffmpeg=self._ffmpeg(),
            **self._options(),
        )
        # What the last recording came to stays until the next has really begun.
        self.finished = False
        self.audio_data, self.report = {}, None
        return recording

    def forget(self, user_id: int) -> Exception | None:
        """Empty the file object that was given for a user; its file, if it is one, is gone already.

        Returns:
            Why it could not be.
        """
        file = self._files.pop(user_id, None)
        try:
            if file is not None:
                file.seek(0)
                file.truncate()
        except Exception as error:
            return error
        return None

    def finish(self, report: _native.RecordingReport, names: Mapping[int, str | None]) -> SinkError | None:
        """Take what the recording came to, and the names of users; returns the first error. Called once."""
        self.report = report
        for outcome in report.tracks:
            key = outcome.user_id if self.layout == "users" else None
            file = self._files.get(key)
            _rewind(file)
            name = names.get(outcome.user_id) if outcome.user_id is not None else None
            self.audio_data[outcome.user_id] = AudioTrack(outcome, file, name)
        return next((track.error for track in self.audio_data.values() if track.error is not None), None)

    def _choose_layout(self, mixdown: bool) -> Layout:
        return "mixdown" if mixdown else "users"

    def _check_directory(self, path: str) -> None:
        # One that is there already was meant, whatever it is called.
        if os.path.splitext(path)[1].lower() in _SUFFIXES and not os.path.isdir(path):
            raise ValueError(f"each user gets a file: {path!r} would be a directory. Name one, or give {self._for_one}")

    _for_one: ClassVar[str] = "mixdown=True for one file"

    def _options(self) -> dict[str, Any]:
        """More keywords of :meth:`isocord._native.Connection.record`."""
        return {}

    def _ffmpeg(self) -> str | None:
        return None

    def _open_target(self) -> Any:
        target = self._target
        if self.layout == "users":
            if _is_path(target):
                try:
                    os.makedirs(target, exist_ok=True)  # type: ignore[arg-type]
                except OSError as error:
                    raise SinkError(f"cannot record into {os.fspath(target)!r}: {error}") from error  # type: ignore[arg-type]
                return target
            if target is not None and not callable(target):
                raise ValueError("one file per user needs a directory or a function; or give mixdown=True")
            return self._target_of
        if callable(target):
            raise ValueError("one file for all needs a path or a binary file object")
        if _is_path(target):
            return target
        _check_open(target)
        return self._keep(None, io.BytesIO() if target is None else target)

    def _target_of(self, user_id: int) -> Path | BinaryIO:
        made: Path | BinaryIO = self._target(user_id) if callable(self._target) else io.BytesIO()
        if not _is_path(made):
            _check_file(made, "the target function has to return a path or a binary file object")
        self._keep(user_id, made)
        return made

    def _keep(self, key: int | None, made: Any) -> Any:
        if not _is_path(made):
            self._files[key] = made
        return made


def _ids(users: Iterable[Any]) -> frozenset[int]:
    ids = frozenset(int(getattr(user, "id", user)) for user in users)
    if any(not 0 <= user_id < _TOO_BIG for user_id in ids):
        raise ValueError("users are ids, or objects that have one")
    return ids


def _is_path(target: object) -> bool:
    return isinstance(target, (str, os.PathLike))


def _check_file(target: object, complaint: str) -> None:
    if not hasattr(target, "write") or isinstance(target, io.TextIOBase):
        raise TypeError(f"{complaint}, not {target!r}")
    _check_open(target)


def _check_open(target: object) -> None:
    if getattr(target, "closed", False) is True:
        raise ValueError(f"the target is closed: {target!r}")


def _rewind(file: Any) -> None:
    # Whoever gave the file may have closed it by now, and what only has a ``write`` stays where it is.
    with contextlib.suppress(Exception):
        if file is not None and file.seekable():
            file.seek(0)


class WaveSink(FileSink):
    """WAV: 16-bit stereo at 48 kHz; RF64 past 4 GiB. See :class:`FileSink`."""

    encoding: ClassVar[_native.RecordingFormat] = "wav"


class PCMSink(FileSink):
    """s16le stereo at 48 kHz without a header. See :class:`FileSink`."""

    encoding: ClassVar[_native.RecordingFormat] = "pcm"


class FLACSink(FileSink):
    """FLAC, lossless at about half the size of WAV. See :class:`FileSink`."""

    encoding: ClassVar[_native.RecordingFormat] = "flac"


class OGGSink(FileSink):
    """Opus in Ogg: the packets as users sent them, so that it costs next to nothing. See :class:`FileSink`.

    Only a mixdown is encoded anew.
    """

    encoding: ClassVar[_native.RecordingFormat] = "ogg"


class MKASink(FileSink):
    """Opus in Matroska: the packets as users sent them. See :class:`FileSink`.

    Args:
        target: see :class:`FileSink`; with ``tracks`` a path or a binary file object.
        tracks: one file for all in which each user is a track.
        options: see :class:`FileSink`.
    """

    encoding: ClassVar[_native.RecordingFormat] = "mka"
    _for_one = "mixdown=True or tracks=True for one file"

    def __init__(self, target: Target = None, *, tracks: bool = False, **options: Unpack[SinkOptions]) -> None:
        self._tracks = tracks
        super().__init__(target, **options)

    def _choose_layout(self, mixdown: bool) -> Layout:
        if mixdown and self._tracks:
            raise ValueError("choose mixdown or tracks")
        return "tracks" if self._tracks else super()._choose_layout(mixdown)


class MKVSink(MKASink):
    """Opus in Matroska under the name that video players open. See :class:`MKASink`."""

    encoding: ClassVar[_native.RecordingFormat] = "mkv"


class WebMSink(MKASink):
    """Opus in WebM, which browsers play. See :class:`MKASink`."""

    encoding: ClassVar[_native.RecordingFormat] = "webm"


class _BitrateSink(FileSink):
    """A lossy format with a bit rate."""

    _bitrates: ClassVar[tuple[int, ...] | range]

    def __init__(self, target: Target = None, *, bitrate: int = 128, **options: Unpack[SinkOptions]) -> None:
        super().__init__(target, **options)
        self.bitrate: int = operator.index(bitrate)
        if self.bitrate not in self._bitrates:
            known = self._bitrates
            names = f"{known[0]} to {known[-1]}" if isinstance(known, range) else ", ".join(map(str, known))
            raise ValueError(f"bitrate of {self.encoding.upper()} must be one of {names} kbit/s, not {bitrate}")

    def _options(self) -> dict[str, Any]:
        return {"bitrate": self.bitrate}


class MP3Sink(_BitrateSink):
    """MP3 with a constant bit rate; through ffmpeg where isocord is built without LAME, as it is on Windows.

    Args:
        target: see :class:`FileSink`.
        bitrate: kbit/s: 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256 or 320.
        options: see :class:`FileSink`.

    Raises:
        ValueError: ``bitrate`` is none of these; see :class:`FileSink` for more.
    """

    encoding: ClassVar[_native.RecordingFormat] = "mp3"
    # All that MPEG-1 layer III has at 48 kHz but for 56, which the encoder's binding lacks.
    _bitrates = (32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)

    def _ffmpeg(self) -> str | None:
        return None if _native.HAS_MP3 else _find_ffmpeg("MP3")


class MP4Sink(_BitrateSink):
    """AAC in MP4, encoded by ffmpeg as the sound comes, which has to be on the PATH.

    Args:
        target: see :class:`FileSink`.
        bitrate: kbit/s, 8 to 576, which is the most that AAC allows in stereo at 48 kHz.
        options: see :class:`FileSink`.

    Raises:
        ValueError: ``bitrate`` is out of its range; see :class:`FileSink` for more.
    """

    encoding: ClassVar[_native.RecordingFormat] = "mp4"
    _bitrates = range(8, 577)

    def _ffmpeg(self) -> str | None:
        return _find_ffmpeg(self.encoding.upper())


class M4ASink(MP4Sink):
    """AAC in MP4 that is marked as sound only. See :class:`MP4Sink`."""

    encoding: ClassVar[_native.RecordingFormat] = "m4a"


def _find_ffmpeg(what: str) -> str:
    # Here, for it is slow to import.
    import shutil

    found = shutil.which("ffmpeg")
    if found is None:
        raise SinkError(f"recording to {what} needs ffmpeg, which is not on the PATH")
    return found
