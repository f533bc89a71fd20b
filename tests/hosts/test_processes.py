"""Sources that run a process: what it died of is the playback's error."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import isocord

from .world import World, has_sources, library, until

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for ffmpeg is a script of the shell"),
    has_sources,
]


def stand_in(folder: Path, *, frames: int, exit_with: str) -> str:
    """A program that writes so many frames of silence, as ffmpeg would, and ends."""
    script = folder / "ffmpeg-stand-in"
    script.write_text(f"#!/bin/sh\nhead -c {frames * 3840} /dev/zero\n{exit_with}\n")
    script.chmod(0o755)
    return str(script)


async def outcome(world: World, source: Any) -> tuple[Exception | None, int]:
    """The error that a playback ended with, and the frames that were sent."""
    voice = await world.connect()
    told: list[Exception | None] = []
    future = voice.play(source, after=told.append, wait_finish=True)
    error = await asyncio.wait_for(future, 20)
    assert told == [error]
    return error, round(voice.elapsed().total_seconds() * 50)


@pytest.mark.parametrize(
    ("frames", "exit_with", "code"),
    [(0, "exit 8", 8), (30, "exit 1", 1), (5, "kill -9 $$", -9), (30, "exit 0", None), (0, "exit 0", None)],
)
@pytest.mark.parametrize("wrapped", [False, True])
async def test_its_exit_code_is_told(
    world: World, tmp_path: Path, frames: int, exit_with: str, code: int | None, wrapped: bool
) -> None:
    source = library.FFmpegPCMAudio("song.mp3", executable=stand_in(tmp_path, frames=frames, exit_with=exit_with))
    error, played = await outcome(world, library.PCMVolumeTransformer(source) if wrapped else source)
    assert played == frames, "what it gave before is heard"
    if code is None:
        assert error is None
    else:
        assert isinstance(error, isocord.FFmpegError)
        assert error.code == code
        assert "ffmpeg-stand-in" in str(error) and str(abs(code)) in str(error)


async def test_opus_from_a_process_is_no_different(world: World, tmp_path: Path) -> None:
    source = library.FFmpegOpusAudio("song.mp3", executable=stand_in(tmp_path, frames=0, exit_with="exit 8"))
    error, _ = await outcome(world, source)
    assert isinstance(error, isocord.FFmpegError)
    assert error.code == 8


async def test_without_after_it_is_logged(world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    voice = await world.connect()
    with caplog.at_level(logging.ERROR, "isocord"):
        voice.play(library.FFmpegPCMAudio("x", executable=stand_in(tmp_path, frames=0, exit_with="exit 8")))
        await until(lambda: "exit code 8" in caplog.text)


async def test_a_process_that_is_stopped_has_not_failed(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    told: list[Exception | None] = []
    voice.play(
        library.FFmpegPCMAudio("x", executable=stand_in(tmp_path, frames=100_000, exit_with="exit 1")),
        after=told.append,
    )
    await until(lambda: voice.elapsed().total_seconds() > 0)
    voice.stop()
    await until(lambda: bool(told))
    assert told == [None]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
async def test_what_ffmpeg_itself_does_with_a_page_that_is_not_there(world: World) -> None:
    class Nothing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Nothing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/song.mp3"
        error, played = await outcome(world, library.FFmpegPCMAudio(url, options="-loglevel quiet"))
    finally:
        server.shutdown()
        server.server_close()
    assert played == 0
    assert isinstance(error, isocord.FFmpegError)
    assert error.code != 0
