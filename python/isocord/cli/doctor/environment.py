"""The interpreter and what is installed beside isocord."""

from __future__ import annotations

import importlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from ..._door.version import __version__
from ..terminal import LIBRARIES
from .findings import Finding, Status

_LIBRARIES = {
    "py-cord": ((2, 6), (2, 9)),
    "discord.py": ((2, 7), (2, 8)),
    "disnake": ((2, 12), (2, 13)),
    "nextcord": ((3, 2), (3, 3)),
    "hikari": ((2, 3), (2, 8)),
}
"""The bot libraries, and between which versions isocord is tested with each; the second is one too new."""
_FFMPEG_LIMIT = 10.0


def interpreter() -> Finding:
    """Python and the system."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    python = f"{platform.python_implementation()} {platform.python_version()}{'' if gil else ' without the GIL'}"
    return Finding(
        "interpreter", Status.OK, f"isocord {__version__} on {python}, {platform.system()} {platform.machine()}"
    )


def libraries() -> list[Finding]:
    """Each bot library that is installed."""
    found = {name: text for name in _LIBRARIES if (text := installed(name)) is not None}
    packages = dict.fromkeys("discord" if name in ("py-cord", "discord.py") else name for name in found)
    return [*judged_libraries(found), *filter(None, map(_broken, packages))]


def _broken(package: str) -> Finding | None:
    """What is to be said of a package that is there and cannot be imported."""
    try:
        importlib.import_module(package)
    except Exception as error:
        advice = "pip install audioop-lts" if "audioop" in str(error) else "pip install --force-reinstall it"
        return Finding("bot library", Status.FAIL, f"import {package} fails: {type(error).__name__}: {error}", advice)
    return None


def judged_libraries(found: Mapping[str, str]) -> list[Finding]:
    """What is to be said of bot libraries, by name and version."""
    if not found:
        return [Finding("bot library", Status.FAIL, "none is installed", LIBRARIES)]
    told = []
    for name, text in found.items():
        lowest, too_new = _LIBRARIES[name]
        known = lowest <= numbers(text) < too_new
        tested = f"isocord is tested with {name} {_dotted(lowest)} to {_dotted((too_new[0], too_new[1] - 1))}"
        status = Status.OK if known else Status.WARN
        told.append(Finding("bot library", status, f"{name} {text}", "" if known else tested))
    if {"py-cord", "discord.py"} <= found.keys():
        both = "py-cord and discord.py are both installed, and are one package to Python"
        advice = "pip uninstall both, then install the one that the bot was written for"
        told.append(Finding("bot library", Status.FAIL, both, advice))
    return told


def codec() -> Finding:
    """libopus, which is inside."""
    try:
        from ... import _native
    except ImportError as error:
        return Finding(
            "codec", Status.FAIL, f"the native core does not load: {error}", "pip install --force-reinstall isocord"
        )
    mp3 = ", LAME for MP3Sink" if _native.HAS_MP3 else ""
    return Finding("codec", Status.OK, f"{_native.LIBOPUS_VERSION}{mp3}, built in")


def ffmpeg() -> Finding:
    """The program, which some formats need."""
    path = shutil.which("ffmpeg")
    use = "only WMA, AC-3 and the like, MP4Sink and the libraries' FFmpeg sources need it"
    if path is None:
        return Finding("ffmpeg", Status.WARN, f"not found: {use}", "install the package ffmpeg, or put it on the PATH")
    command = [path, "-version"]
    try:
        # Nobody else says what runs here.
        done = subprocess.run(command, capture_output=True, timeout=_FFMPEG_LIMIT, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("ffmpeg", Status.WARN, f"{path} does not run: {type(error).__name__}; {use}", "install it anew")
    told = re.match(r"ffmpeg version (\S+)", done.stdout.decode("utf-8", "replace"))
    return Finding("ffmpeg", Status.OK, f"{told[1] if told else 'of an unknown version'} ({path})")


def event_loop() -> Finding:
    """What runs asyncio faster, if it is there."""
    found = [f"{name} {text}" for name in ("uvloop", "winloop") if (text := installed(name)) is not None]
    return Finding("event loop", Status.OK, f"asyncio{'; installed: ' if found else ''}{', '.join(found)}")


def extras() -> Finding:
    """What `isocord play` and `isocord monitor` show themselves with."""
    found = installed("rich")
    if found is None:
        lacks = "not installed: `isocord play` and `isocord monitor` need it, or --json"
        return Finding("rich", Status.WARN, lacks, "pip install 'isocord[cli]'")
    return Finding("rich", Status.OK, found)


def installed(name: str) -> str | None:
    """The version of a distribution, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def numbers(text: str) -> tuple[int, int]:
    """Major and minor of a version."""
    parts = re.findall(r"\d+", text)[:2]
    return (int(parts[0]), int(parts[1]) if len(parts) > 1 else 0) if parts else (0, 0)


def _dotted(parts: tuple[int, int]) -> str:
    return f"{parts[0]}.{parts[1]}"
