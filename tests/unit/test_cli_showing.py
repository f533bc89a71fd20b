"""What a command shows may not arrive: nobody reads it, a disk is full, an encoding has no such characters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from isocord.cli.doctor import run
from isocord.cli.doctor.findings import Finding, Status
from isocord.cli.main import main
run.look = lambda **_: [Finding("one", Status.OK, {found!r})]
sys.exit(main(["doctor"]))
"""


def doctor(found: str, stdout: int, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """It, with this to tell."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(found=found)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )


# One fits into the buffers, the other does not.
@pytest.mark.parametrize("length", [10, 100_000])
def test_a_reader_may_go(length: int) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = doctor("x" * length, writer)
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("length", [10, 100_000])
def test_a_full_disk_is_told(length: int) -> None:
    with open("/dev/full", "wb") as full:
        ended = doctor("x" * length, full.fileno())
    assert ended.returncode == 1
    assert ended.stderr.startswith(b"isocord doctor: what it shows cannot be written: ")
    assert ended.stderr.count(b"\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="has no sh")
def test_there_may_be_nothing_to_show_it_on() -> None:
    command = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", sys.executable, "-c", PROGRAM.format(found="x")]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize(
    ("encoding", "told"), [("ascii", "Zo? ? ##|-"), ("cp1252", "Zoë ? ##|-"), ("utf-8", "Zoë ♫ █▉▏░")]
)
def test_what_an_encoding_lacks_is_replaced(encoding: str, told: str) -> None:
    ended = doctor("Zoë ♫ █▉▏░", subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert told in ended.stdout.decode(encoding)
