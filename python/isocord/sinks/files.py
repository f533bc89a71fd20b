"""Sinks that write files natively, as the sound comes, without the GIL.

They have the names of py-cord's, which keep everything in memory until the end. Each writes one file per user, or one
for all; what is on the disk can be read up to the last second at any time, also after a crash.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, BinaryIO, ClassVar, Literal, TypeAlias, TypedDict

from .. import _native
from ..errors import SinkError
from . import naming, splitting
from .remote import Remote
from .splitting import Split
from .targets import One, Path, Target, check_file, check_open, ids, is_path, name_of, remote_of, rewind
from .tracks import AudioTrack, Part
from .uploads import Uploads

_Key: TypeAlias = "int | str | None"
_MIXDOWN = "mixdown"
Layout = Literal["users", "mixdown", "tracks"]
_TOO_BIG = 1 << 64


def _nobody(_: int) -> str | None:
    return None


class SinkOptions(TypedDict, total=False):
    """The keywords of :class:`FileSink` that the sinks built on it take as well."""

    mixdown: bool | One
    users: Iterable[Any]
    exclude: Iterable[Any]
    own_voice: bool
    denoise: bool
    normalize: bool | float
    time: float
    max_size: int
    split: Split
    on_part: Callable[[Part], Any] | None
    timeline: bool
    filters: Mapping[str, Any] | None


class FileSink:
    """What the sinks that write files have in common.

    Args:
        target: with one file per user a directory, which is made if need be and gets ``<user id>.<encoding>``, or a
            function that is called with the id of each user when first heard, on the thread of the recording, and gives
            a path or a binary file object. With one file for all a path or a binary file object. None writes to
            ``io.BytesIO``, as py-cord's sinks do. Files that exist are replaced. A path may be a template with
            ``{date}`` (of the start, in UTC; ``{date:%H-%M}`` is formatted as a datetime is), ``{guild}``,
            ``{channel}``, ``{user}``, ``{user_id}`` and ``{part}``: names are cleaned of what no file can be called.
            Directories and paths may be URLs that fsspec knows (``"s3://bucket/calls"``), or a :class:`Remote`.
        mixdown: True: one file in which all users are summed, instead of one per user. A path, a URL or a binary file
            object: that file, beside those of the users.
        users: ids of those who are recorded, or objects that have one; all if empty.
        exclude: those who are not.
        own_voice: whether what the bot says is recorded too, as a track of its own and in the mixdown: the packets
            that left, where they left. ``users`` need not name it.
        denoise: whether what is no voice is taken out of what each user says, natively (RNNoise); the bot is left as it
            is. Sinks of packets then encode anew.
        normalize: whether each user is brought to one loudness as it is said: True for -16 LUFS, or LUFS from -40 to
            -5 (EBU R 128). Sinks of packets then encode anew.
        time: seconds after which the recording ends; 0 for no end.
        max_size: bytes that no file gets more of, its end included: when one is that big, the recording ends. 0 for no
            end.
        split: when to go on in new files, without a sample or packet lost or doubled: after so many seconds of the
            recording, when a file has come to ``"25 MB"``, of which none gets more, or with each ``"hour"`` of UTC.
            From the second one on files are called ``...-002``, unless a template says where the part's number goes.
        on_part: called with each :class:`isocord.sinks.Part` as it is complete, and uploaded where it is to be: on the
            thread ``isocord-sink`` or ``isocord-upload``, or, a coroutine function, on the bot's loop.
        timeline: whether it is found in the sound who speaks when, and how loud, for :attr:`isocord.Report.timeline`.
            It costs 0.15 % of a core for each user who sends something, 0.35 % where packets are kept as they came.
        filters: ``users``, ``time`` and ``max_size`` as py-cord has them: ``{"users": [...], "time": ..., "max_size":
            ...}``.

    Raises:
        TypeError: ``target`` is of another kind, or ``filters`` has unknown keys.
        ValueError: ``time`` or ``max_size`` is negative, an option is out of its range, a path is empty or has fields
            that there are none of, or a directory would be made that is called like a sound file, as ``"call.ogg"``
            is, where each user gets a file.

    Attributes:
        audio_data: by user id what was recorded; a mixdown is under the key None. Filled when the recording is over.
        report: counters of the whole recording, then.
        vc: the voice client that records, once the recording began.
        own_voice: whether the bot itself is recorded.
        finished: whether the recording is over, and the sink can be used for another.
        encoding: name of the format, and the end of file names.
    """

    encoding: ClassVar[_native.RecordingFormat]

    def __init__(
        self,
        target: Target = None,
        *,
        mixdown: bool | One = False,
        users: Iterable[Any] = (),
        exclude: Iterable[Any] = (),
        own_voice: bool = False,
        denoise: bool = False,
        normalize: bool | float = False,
        time: float = 0,
        max_size: int = 0,
        split: Split = None,
        on_part: Callable[[Part], Any] | None = None,
        timeline: bool = True,
        filters: Mapping[str, Any] | None = None,
    ) -> None:
        given = {"users": users, "time": time, "max_size": max_size, **(filters or {})}
        if unknown := set(given) - {"users", "time", "max_size"}:
            raise TypeError(f"unknown filters: {', '.join(sorted(unknown))}")
        self.filtered_users: frozenset[int] = ids(given["users"] or ())
        self.excluded_users: frozenset[int] = ids(exclude)
        self.own_voice: bool = bool(own_voice)
        self.denoise: bool = bool(denoise)
        self.normalize: float | None = _loudness(normalize)
        self.seconds: float = float(given["time"] or 0)
        self.max_size: int = int(given["max_size"] or 0)
        # Written so that a time that is no number is refused as well.
        if not self.seconds >= 0 or not 0 <= self.max_size < _TOO_BIG:
            raise ValueError("time and max_size are 0 or more")
        if "" in (target, mixdown):
            raise ValueError("the path of a target or mixdown must not be empty")
        self.layout = self._choose_layout(mixdown is True)
        self._mixdown = None if isinstance(mixdown, bool) else remote_of(mixdown)
        target = remote_of(target)
        self.audio_data: dict[int | None, AudioTrack] = {}
        self.report: _native.RecordingReport | None = None
        self.vc: Any = None
        self.finished: bool = False
        self.on_part = on_part
        self._split = splitting.parse(split)
        self._timeline = bool(timeline)
        if self._split is not None and self._split[0] == "bytes" and self.max_size:
            raise ValueError("choose max_size, which ends the recording, or a split by bytes, which goes on")
        if on_part is not None and not callable(on_part):
            raise TypeError("on_part must be a function or a coroutine function")
        self.uploads: Uploads = Uploads()
        self._target = self._place = target
        self._files: dict[tuple[_Key, int], BinaryIO] = {}
        self._parts: dict[_Key, list[Part]] = {}
        self._given = naming.Given()
        self._names: naming.Names | None = None
        self._name_of: Callable[[int], str | None] = _nobody
        self._called: Mapping[int, str | None] = {}
        self._in_use = threading.Lock()
        for whole in (self._mixdown, target if self.layout != "users" else None):
            if self._split is not None and whole is not None and name_of(whole) is None and not callable(whole):
                raise ValueError("what is split needs a path, not a file object")
        mixed, name = name_of(self._mixdown), name_of(target)
        if self._mixdown is not None and mixed is None:
            check_file(self._mixdown, "mixdown must be True, a path or a binary file object")
        if mixed is not None:
            naming.check(mixed, per_user=False)
        if target is not None and name is None and not callable(target):
            check_file(target, "target must be a path, a binary file object or a function of a user id")
        if name is not None:
            naming.check(name, per_user=self.layout == "users")
            if self.layout == "users" and not naming.is_template(name):
                self._check_directory(name)

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
        self._given.release()
        self.uploads.finish()
        self._in_use.release()

    def start(
        self,
        connection: _native.Connection,
        *,
        sync_start: bool,
        name_of: Callable[[int], str | None] = _nobody,
        own_user: int | None = None,
    ) -> _native.Recording:
        """Begin to write, as the only recording that does. ``start_recording`` calls it.

        Args:
            connection: what is recorded.
            sync_start: whether all tracks begin together.
            name_of: knows users.
            own_user: the bot's id, for its own voice.

        Raises:
            SinkError: a file or directory could not be made, or there is no ffmpeg where it is needed.
            ValueError: an option is out of its range, or the target is of another kind than the layout needs.
            ClosedError: the connection is closed.
        """
        ffmpeg = self._ffmpeg()
        if ffmpeg is not None and self._split is not None and self._split[0] == "bytes":
            raise ValueError(f"{self.encoding} is encoded by ffmpeg: its files can be split by time only")
        self._files, self._parts, self._given = {}, {}, naming.Given()
        self.uploads = Uploads()
        self._place = self._here(self._target)
        self._name_of = name_of
        self._names = self._names_of(self._place)
        mixdown = None if self._mixdown is None else self._one_file(self._here(self._mixdown), _MIXDOWN)
        recording = connection.record(
            self._open_target(),
            format=self.encoding,
            layout=self.layout,
            mixdown=mixdown,
            sync_start=sync_start,
            users=self.filtered_users or None,
            exclude=self.excluded_users,
            own_user=own_user if self.own_voice else None,
            name_of=name_of,
            denoise=self.denoise,
            normalize=self.normalize,
            seconds=self.seconds,
            max_size=self.max_size or None,
            split=splitting.now(self._split),
            ffmpeg=ffmpeg,
            survey=self._timeline,
            **self._options(),
        )
        # What the last recording came to stays until the next has really begun.
        self.finished = False
        self.audio_data, self.report = {}, None
        return recording

    @property
    def mixes(self) -> bool:
        """Whether all users are summed in a file, beside others or alone."""
        return self.layout == "mixdown" or self._mixdown is not None

    def forget(self, user_id: int) -> Exception | None:
        """Empty the file objects that were given for a user; files are gone already.

        Returns:
            Why one could not be.
        """
        self._parts.pop(user_id, None)
        self.uploads.forget(user_id)
        found: Exception | None = None
        # The thread that writes may open another file meanwhile.
        for key in [key for key in self._files.copy() if key[0] == user_id]:
            file = self._files.pop(key)
            try:
                file.seek(0)
                file.truncate()
            except Exception as error:
                found = found or error
        return found

    def complete(self, outcome: _native.PartOutcome, name: str | None) -> Part:
        """Take a file that is complete."""
        key = self._key_of(outcome.user_id, outcome.is_mixdown)
        file = self._files.get((key, outcome.number))
        rewind(file)
        part = Part(outcome, file, name)
        self._parts.setdefault(key, []).append(part)
        return part

    def call(self, names: Mapping[int, str | None]) -> None:
        """Take the names of users, before :meth:`finish`."""
        self._called = names

    def finish(self, report: _native.RecordingReport) -> SinkError | None:
        """Take what the recording came to, whose files are closed; returns the first error. Called once."""
        self.report = report
        self._given.release()
        for outcome in report.tracks:
            key = self._key_of(outcome.user_id, outcome.user_id is None)
            file = next((file for (owner, _), file in self._files.copy().items() if owner == key), None)
            rewind(file)
            name = self._called.get(outcome.user_id) if outcome.user_id is not None else None
            self.audio_data[outcome.user_id] = AudioTrack(outcome, file, name, list(self._parts.get(key, ())))
        return next((track.error for track in self.audio_data.values() if track.error is not None), None)

    def uploaded(self) -> None:
        """Take what became of the files that were to be uploaded."""
        for track in self.audio_data.values():
            track.take_uploads()

    def _choose_layout(self, mixdown: bool) -> Layout:
        return "mixdown" if mixdown else "users"

    def _check_directory(self, path: str) -> None:
        # One that is there already was meant, whatever it is called.
        if os.path.splitext(path)[1].lower() in naming.SUFFIXES and not os.path.isdir(path):
            raise ValueError(f"each user gets a file: {path!r} would be a directory. Name one, or give {self._for_one}")

    _for_one: ClassVar[str] = "mixdown=True for one file"

    def _options(self) -> dict[str, Any]:
        """More keywords of :meth:`isocord._native.Connection.record`."""
        return {}

    def _ffmpeg(self) -> str | None:
        return None

    def _here(self, target: Any) -> Any:
        """Where on this machine is written what goes elsewhere."""
        return self.uploads.here(target) if isinstance(target, Remote) else target

    def _open_target(self) -> Any:
        target = self._place
        if self.layout == "users":
            if self._names is not None:
                return self._target_of
            if is_path(target):
                folder = os.fspath(target)
                try:
                    os.makedirs(folder, exist_ok=True)
                except OSError as error:
                    raise SinkError(f"cannot record into {folder!r}: {error}") from error
                self._names = self._names_of(os.path.join(naming.literal(folder), f"{{user_id}}.{self.encoding}"))
                return self._target_of
            if target is not None and not callable(target):
                raise ValueError("one file per user needs a directory or a function; or give mixdown=True")
            return self._target_of
        if callable(target):
            raise ValueError("one file for all needs a path or a binary file object")
        return self._one_file(target, self._key_of(None, self.layout == "mixdown"))

    def _key_of(self, user_id: int | None, is_mixdown: bool) -> _Key:
        """Under what a file is kept: a user, the file of all tracks, or the mixdown."""
        if is_mixdown:
            return _MIXDOWN
        return user_id if self.layout == "users" else None

    def _names_of(self, target: object) -> naming.Names | None:
        name = name_of(target)
        if name is None or not naming.is_template(name):
            return None
        guild, channel = getattr(self.vc, "guild", None), getattr(self.vc, "channel", None)
        return naming.Names(name, datetime.now(timezone.utc), guild, channel)

    def _target_of(self, user_id: int, part: int) -> Path | BinaryIO:
        """Where a user's part goes. Called on the thread of the recording."""
        if self._names is not None:
            return self._given_once(self._names.path(user_id, self._name_of(user_id), part), user_id, part)
        made = self._here(remote_of(self._place(user_id))) if callable(self._place) else io.BytesIO()
        if is_path(made):
            return self._given_once(made, user_id, part)
        check_file(made, "the target function has to return a path or a binary file object")
        return self._keep(user_id, part, made)

    def _one_file(self, target: Any, key: _Key) -> Callable[[int], Path | BinaryIO]:
        """Where the parts of a file of all users go; that of the first one is asked for at once."""
        names = self._names_of(target)
        if target is not None and not is_path(target):
            check_open(target)

        def whole(part: int) -> Path | BinaryIO:
            if names is not None:
                return self._given_once(names.path(None, None, part), key, part)
            if is_path(target):
                return self._given_once(
                    naming.numbered(os.fspath(target), f"-{part:03}" if part > 1 else ""), key, part
                )
            if target is not None and part > 1:
                raise ValueError("what is cut needs a path, not a file object")
            return self._keep(key, part, io.BytesIO() if target is None else target)

        return whole

    def _given_once(self, path: Any, key: _Key, part: int) -> Path:
        given: Path = self._given.once(path, "all" if key is None else key, part)
        return given

    def _keep(self, key: _Key, part: int, made: BinaryIO) -> BinaryIO:
        if any(made is file for file in self._files.copy().values()):
            raise ValueError("the target function has to return another file object for each part")
        self._files[key, part] = made
        return made


def _loudness(normalize: bool | float) -> float | None:
    loudness = (-16.0 if normalize else None) if isinstance(normalize, bool) else float(normalize)
    if loudness is not None and not -40 <= loudness <= -5:
        raise ValueError(f"normalize must be True or LUFS from -40 to -5, not {normalize!r}")
    return loudness
