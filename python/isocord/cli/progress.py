"""How far a song is: a bar for people, a line of JSON a second for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from .. import _native
from ..runtime.text import shown as printable
from .lines import Lines, Shown

if TYPE_CHECKING:
    from rich.console import Console


class Progress(Shown, Protocol):
    """Where it is shown how far a song is."""

    def show(self, file: _native.AudioFile) -> None:
        """How far it is now."""


def progress(console: Console | None, name: str) -> Progress:
    """On this terminal, or as lines of JSON where there is none; ``name`` is shown of a file that has no title."""
    return Places() if console is None else Bar(console, name)


class Places(Lines):
    """Lines of JSON; "playing" comes once a second."""

    def show(self, file: _native.AudioFile) -> None:
        """Print it, if a second is over."""
        if self.is_due():
            self.tell("playing", title=file.title, artist=file.artist, position=file.position, duration=file.duration)


class Bar:
    """A bar, with the title before it and the time behind; a line or two where the output is no terminal."""

    def __init__(self, console: Console, name: str) -> None:
        from rich import progress

        self._console, self._name = console, name
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TextColumn("{task.fields[time]}", markup=False),
            console=console,
        )
        self._task: progress.TaskID | None = None

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.stop()

    def tell(self, event: str, **what: Any) -> None:
        """Say where it plays, and how it went."""
        if event == "connected":
            self._console.print(f"Playing in {printable(what['channel'])}; Ctrl-C leaves", markup=False)
        elif event == "finished":
            late = what["lateness_p99"] * 1e3
            self._console.print(
                f"{what['packets_sent']} packets sent, 99 of 100 at most {late:.2f} ms late", markup=False
            )
        elif event == "interrupted":
            self._console.print("Left the channel")

    def show(self, file: _native.AudioFile) -> None:
        """Move the bar. Without a known duration it only shows that there is life."""
        title = " - ".join(filter(None, (file.artist, file.title))) or self._name
        length = file.duration
        position = file.position if length is None else min(file.position, length)
        at = clock(position) + ("" if length is None else f" / {clock(length)}")
        title = printable(title)
        if self._task is None:
            self._task = self._bar.add_task(title, total=length, time=at)
        self._bar.update(self._task, completed=position, total=length, description=title, time=at)


def clock(seconds: float) -> str:
    """Minutes and seconds, and hours if there are some."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
