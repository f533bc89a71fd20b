"""``isocord transcribe``: writes down what was said in a recording that is over, with a function of the user's."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..hearing.transcribing.transcript import Caption, Progress, Transcript, TranscriptError, described, transcribe
from ..runtime.text import shown as printable
from .bots import interruptible
from .lines import line
from .progress import clock
from .terminal import INTERRUPTED, CannotError, complain, output

if TYPE_CHECKING:
    from rich.console import Console

Shows = Callable[[Progress], None]


def run(paths: list[Path], *, function: str, out: Path | None, jobs: int, as_json: bool) -> int:
    """Transcribe; returns the exit status: 2 where it could not begin, 1 where something is missing at the end."""
    recording: Any = paths[0] if len(paths) == 1 else paths
    target = out or (paths[0] / "transcript.vtt" if paths[0].is_dir() else paths[0].with_suffix(".vtt"))
    try:
        terminal = output(as_json=as_json)
        if len(paths) > 1 and (folder := next((path for path in paths if path.is_dir()), None)) is not None:
            raise ValueError(f"{str(folder)!r} is a folder: give one folder and nothing else, or files")
        call = _load(function)
        if target.suffix.lower() not in (".vtt", ".json"):
            raise ValueError(f"{str(target)!r}: a transcript is saved as .vtt or .json")
        if out is not None or paths[0].exists():
            _check_place(target)
        transcript, is_cut = _transcribe(recording, call, jobs, terminal)
    except (CannotError, ValueError, TypeError, OSError, ImportError, AttributeError) as error:
        complain("transcribe", error)
        return 2
    try:
        transcript.save(target)
    except OSError as error:
        complain("transcribe", error)
        return 1
    _conclude(transcript, target, terminal, is_cut=is_cut)
    if is_cut:
        return INTERRUPTED
    return 1 if transcript.errors else 0


def _transcribe(
    recording: Any, call: Callable[..., Any], jobs: int, terminal: Console | None
) -> tuple[Transcript, bool]:
    """What has come, and whether a Ctrl-C has ended it: what was written down stays."""
    taken, is_cut = Transcript(), False
    with _lines() if terminal is None else _bar(terminal) as show:

        def progress(told: Progress) -> None:
            taken.take(told.news)
            show(told)

        async def written_down() -> Transcript:
            with interruptible():
                return await transcribe(recording, call, jobs=jobs, progress=progress)

        try:
            taken.started_at = asyncio.run(written_down()).started_at
        except (KeyboardInterrupt, asyncio.CancelledError):
            is_cut = True
    taken.captions.sort()
    return taken, is_cut


def _check_place(target: Path) -> None:
    """See that a file can be written there, before hours of work.

    Raises:
        OSError: it cannot.
    """
    place = target if target.exists() else target.parent
    if place is not target and not place.is_dir():
        raise NotADirectoryError(f"cannot write {str(target)!r}: there is no folder {str(place)!r}")
    if target.is_dir() or not os.access(place, os.W_OK):
        raise PermissionError(f"cannot write {str(target)!r}")


def _load(name: str) -> Callable[..., Any]:
    """The function that ``module:function`` names; modules of the folder that one stands in are found, too."""
    module, _, path = name.partition(":")
    if not module or not path:
        raise ValueError(f"--with wants module:function, not {name!r}")
    sys.path.insert(0, os.getcwd())
    found: Any = importlib.import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    if not callable(found):
        raise TypeError(f"{name} is no function")
    call: Callable[..., Any] = found
    return call


def _conclude(transcript: Transcript, target: Path, terminal: Console | None, *, is_cut: bool) -> None:
    if terminal is None:
        counts = {"captions": len(transcript.captions), "errors": len(transcript.errors)}
        line("interrupted" if is_cut else "finished", file=str(target), **counts)
    else:
        missing = f", {len(transcript.errors)} missing" if transcript.errors else ""
        cut = ", interrupted" if is_cut else ""
        terminal.print(f"{len(transcript.captions)} captions in {printable(str(target))}{missing}{cut}", markup=False)


@contextlib.contextmanager
def _lines() -> Iterator[Shows]:
    """Lines of JSON, each with an ``event``, as captions and errors come."""

    def show(told: Progress) -> None:
        if told.news is not None:
            line("caption" if isinstance(told.news, Caption) else "error", **described(told.news, None))

    yield show


@contextlib.contextmanager
def _bar(terminal: Console) -> Iterator[Shows]:
    """A bar over the sound of all tracks; what was said above it."""
    from rich import progress

    columns = (
        progress.BarColumn(),
        progress.TextColumn("{task.fields[time]}", markup=False),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=terminal) as bar:
        task = bar.add_task("", total=None, time="")

        def show(told: Progress) -> None:
            total = max(told.total, told.done)
            bar.update(task, completed=told.done, total=total or None, time=f"{clock(told.done)} / {clock(total)}")
            if told.news is not None:
                bar.console.print(_line(told.news), markup=False)

        yield show


def _line(news: Caption | TranscriptError) -> str:
    said = news.text if isinstance(news, Caption) else f"missing: {type(news.error).__name__}: {news.error}"
    return f"{clock(news.start)} {printable(news.name)}: {printable(said)}"
