"""Starts the processes of a measurement: fake Discords and bots, each on its cores."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isocord.testing import Addresses

BOT_CORE, FAKE_CORE = 0, 1
_HERE = Path(__file__).resolve().parents[1]
_PACKAGE = Path(sys.modules["isocord"].__file__ or "").resolve().parents[1]


class JobError(Exception):
    """A bot did not get through its job; the text is the end of what it said."""


def cores() -> list[int]:
    """The cores that this process may use; empty where the system cannot pin processes."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def can_pin() -> bool:
    """Whether bot and fake can have a core each."""
    return {BOT_CORE, FAKE_CORE} <= set(cores())


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Processes started inside run on one core only; with None, wherever they like."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def environment() -> dict[str, str]:
    """The environment in which ``python -m timing.x`` finds this folder and the same isocord."""
    paths = (str(_HERE), str(_PACKAGE), os.environ.get("PYTHONPATH"))
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    # An installed package has its bytecode beside it; here it must not be made anew in each process.
    settings.pop("PYTHONDONTWRITEBYTECODE", None)
    return settings


def compile_all() -> None:
    """Import once what the bots import, so that the bytecode of none is compiled while it is measured."""
    program = "import timing.bot, discord.voice, isocord; isocord.VoiceClient"
    subprocess.run([sys.executable, "-c", program], env=environment(), check=True)


def run_bot(
    work: str,
    *,
    addresses: Addresses,
    token: str,
    tune: Path,
    core: int | None,
    limit: float,
    **job: Any,
) -> dict[str, Any]:
    """Run one job of :mod:`timing.bot` in a process of its own.

    Raises:
        JobError: it failed, or took longer than ``limit`` seconds.
    """
    order = {"work": work, "addresses": dataclasses.asdict(addresses), "token": token, "tune": str(tune), **job}
    return run_json([sys.executable, "-m", "timing.bot", json.dumps(order)], core=core, limit=limit)


def run_json(command: list[str], *, core: int | None, limit: float) -> dict[str, Any]:
    """Run a program whose last line is a JSON object.

    Raises:
        JobError: it failed, or took longer than ``limit`` seconds.
    """
    with on_core(core):
        process = subprocess.Popen(
            command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    try:
        said, complained = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        _, complained = process.communicate()
        raise JobError(f"not done after {limit:.0f} s: {_last_line(complained)}") from None
    if process.returncode != 0:
        raise JobError(f"exit status {process.returncode}: {_last_line(complained)}")
    result: dict[str, Any] = json.loads(said.splitlines()[-1])
    return result


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
