"""What is shown to people, by way of ``rich``, which is an extra of isocord; and what may happen to it on its way."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

INTERRUPTED = 130
"""The exit status of what a Ctrl-C has ended."""
LIBRARIES = "pip install py-cord (or discord.py, disnake, nextcord, hikari)"
"""What brings a bot library."""


_PLAIN = {**dict.fromkeys("█▉▊▋▌", "#"), **dict.fromkeys("▍▎▏", "|"), **dict.fromkeys("░━╸╺", "-"), "…": "."}
"""What bars are drawn with where an encoding has no better."""


class CannotError(Exception):
    """What keeps a command from what it is for, told to the user as it stands."""


class Outlet:
    """Standard output or error of a command, for which showing is never worth what it does: where nobody reads any
    more, or a disk is full, the rest goes nowhere."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.lost: OSError | None = None
        """Why nothing is shown any more."""

    def write(self, text: str) -> int:
        """Write it, if that can be."""
        try:
            self._stream.write(text)
        except OSError as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        """Have it read, if that can be."""
        try:
            self._stream.flush()
        except OSError as error:
            self._lose(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _lose(self, error: OSError) -> None:
        self.lost = error
        # What is buffered goes there too: Python would try once more at its exit, and tell of it.
        with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self._stream.fileno())


@contextlib.contextmanager
def outlets() -> Iterator[Outlet]:
    """Have nothing fail for what it shows; gives standard output.

    What its encoding cannot show is replaced: standard error does so of itself.
    """
    out, err = Outlet(sys.stdout), Outlet(sys.stderr)
    with contextlib.ExitStack() as stack:
        if isinstance(sys.stdout, io.TextIOWrapper):
            stack.callback(sys.stdout.reconfigure, errors=sys.stdout.errors)
            sys.stdout.reconfigure(errors=_ERRORS)
        for redirect, outlet, stream in (
            (contextlib.redirect_stdout, out, sys.stdout),
            (contextlib.redirect_stderr, err, sys.stderr),
        ):
            # There is none where it was closed before the process began.
            if stream is not None:
                stack.enter_context(redirect(outlet))
                stack.callback(outlet.flush)
        yield out


def is_read() -> bool:
    """Whether somebody may still read what is printed."""
    return getattr(sys.stdout, "lost", None) is None


def _plainly(error: UnicodeError) -> tuple[str, int]:
    """Each character that cannot be shown is another one, so that columns stay where they are."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(_PLAIN.get(one, "?") for one in error.object[error.start : error.end]), error.end


_ERRORS = "isocord.plainly"
codecs.register_error(_ERRORS, _plainly)


def console() -> Console | None:
    """The terminal, or whatever standard output is; None where ``rich`` is not installed."""
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False)


def output(*, as_json: bool) -> Console | None:
    """The terminal, unless lines of JSON are wanted.

    Raises:
        CannotError: there is nothing to show anything with.
    """
    out = None if as_json else console()
    if not as_json and out is None:
        raise CannotError("needs rich to show something: pip install 'isocord[cli]', or say --json")
    return out


def complain(command: str, text: object) -> None:
    """Say on standard error what went wrong."""
    print(f"isocord {command}: {text}", file=sys.stderr)
