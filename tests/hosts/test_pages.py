"""The blocks of the documentation that run as they stand, in a call: those that ``tests/pages.py`` says ``Runs`` of."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib.metadata
import inspect
import logging
import types
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import isocord

from .. import pages
from ..unit.web import Web, file
from .ears import sine
from .voices import voice as babble
from .world import encode_pcm, library, logged_in, until


def installed(name: str) -> bool:
    try:
        return bool(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return False


class LocalAudioFile:
    """isocord.AudioFile, which may ask the servers of this machine."""

    def __new__(cls, *given: Any, **options: Any) -> Any:
        return isocord.AudioFile(*given, allow_private=True, **options)

    @staticmethod
    def from_info(info: Any, **options: Any) -> Any:
        return isocord.AudioFile.from_info(info, allow_private=True, **options)


class LocalIsocord:
    AudioFile = LocalAudioFile

    def __getattr__(self, name: str) -> Any:
        return getattr(isocord, name)


class Stage:
    """A bot, its call, what a page takes for granted, and what came of it."""

    def __init__(self, world: Any, folder: Path, web: Web) -> None:
        self.world, self.folder, self.web = world, folder, web
        self.discord, self.bot, self.channel = world.discord, world.bot, world.channel()
        self.library = library
        self.listener = self.discord.listen("General", user="carol")
        self.speaker = self.discord.speak("General", user="alice")
        self.alice = types.SimpleNamespace(id=self.speaker.id)
        self.notes: list[Any] = []
        self.scope: dict[str, Any] = {}
        self.voice: Any = None
        self.installed = False
        self.names = ("isocord", "isocord.connection")
        self.kept = [logging.getLogger(name).level for name in self.names]
        author = types.SimpleNamespace(voice=types.SimpleNamespace(channel=self.channel))
        place = types.SimpleNamespace(send=self.send)
        self.asked = types.SimpleNamespace(author=author, user=author, channel=place, send=self.send)
        self.truncated: list[float] = []
        self.transcript = types.SimpleNamespace(truncate=self.truncated.append)
        self.stagehand = types.SimpleNamespace(stage=self.discord.stage, rehearse=self.rehearse)
        self.recogniser = types.SimpleNamespace(feed=self.notes.append)
        self.synthesiser = types.SimpleNamespace(speak=self.speech, stream=self.speech)
        self.found = types.SimpleNamespace(YoutubeDL=lambda options: contextlib.nullcontext(self))

    def rehearse(self, script: Any) -> Any:
        """Without the library's own gateway: a thread of its heartbeats would outlive the test, and the loop."""
        return self.discord.rehearse([entry for entry in script if not entry[1].kind.name.startswith("GATEWAY")])

    def extract_info(self, query: str, *, download: bool) -> dict[str, Any]:
        """As yt-dlp's."""
        assert query == "a song"
        assert not download
        return {"url": self.web.url("/song.mp3"), "title": query, "protocol": "http", "acodec": "mp3", "vcodec": "none"}

    async def send(self, text: str = "", **_: Any) -> None:
        self.notes.append(text)

    async def speech(self, text: str) -> AsyncIterator[bytes]:
        assert text == "Hello"
        for _ in range(10):
            yield b"\x10\x20" * 2_400

    async def recognise(self, pcm: bytes) -> str:
        return f"{len(pcm) // 32_000 + 1} words"

    async def transcribe(self, going: Any) -> None:
        async for pcm in going:
            self.notes.append(pcm)
        assert (await going).user_id == self.speaker.id

    def print(self, *words: Any) -> None:
        self.notes.append(" ".join(map(str, words)))

    def said(self) -> str:
        return "\n".join(note for note in self.notes if isinstance(note, str))

    def hears(self) -> int:
        return sum(not arrival.is_silence for arrival in self.listener.arrivals())

    def has(self, name: str, size: int) -> bool:
        self.scope["voice"].stop_recording() if self.scope["voice"].is_recording() else None
        path = self.folder / name
        return path.exists() and path.stat().st_size >= size

    async def alice_says(self, seconds: float) -> None:
        self.speaker.play_opus(encode_pcm(babble(seconds), "auto"))
        await until(lambda: self.voice.stats.packets_received > 40)

    def queue_first(self) -> None:
        """The page's bot plays its queue already."""
        self.voice.play(self.voice.queue)

    async def connect_without_cls(self) -> None:
        try:
            voice = await self.channel.connect()
            self.installed = isinstance(voice, isocord.VoiceClient)
        finally:
            isocord.uninstall()

    async def is_spoken_over(self) -> None:
        """What the page leaves out: the bot says something, and alice speaks over it."""
        await until(lambda: "said" in self.scope)
        await self.scope["stream"].write(b"\x10\x20" * 200_000)
        await until(lambda: self.hears() > 10)
        await self.alice_says(1.5)

    async def ends_when_heard(self, words: str) -> None:
        await until(lambda: words in self.said())
        await self.voice.disconnect()

    def keep_levels(self) -> None:
        self.found_levels = tuple(logging.getLevelName(logging.getLogger(name).level) for name in self.names)
        for name, level in zip(self.names, self.kept, strict=True):
            logging.getLogger(name).setLevel(level)

    def levels(self) -> tuple[str, ...]:
        return self.found_levels


CASES = [pytest.param(block, row, id=f"{block.page}-{block.number}") for block, row in pages.rows(pages.Runs)]


@pytest.mark.parametrize(("block", "row"), CASES)
async def test_it_runs_as_it_stands(
    block: pages.Block, row: pages.Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if row.library and not installed(row.library):
        pytest.skip(f"it is for {row.library}")
    if row.but and installed(row.but):
        pytest.skip(f"it is not for {row.but}")
    if row.needs:
        pytest.importorskip(row.needs)
    monkeypatch.chdir(tmp_path)
    for name, seconds in row.files.items():
        # The content decides what a file is, not its name.
        sine(tmp_path / name, seconds)
    song = sine(tmp_path / "of the web", 0.6).read_bytes()
    with Web() as web:
        web.answers["/song.mp3"] = file(song)
        async with logged_in() as world:
            stage = Stage(world, tmp_path, web)
            scope = stage.scope
            scope.update(isocord=LocalIsocord(), asyncio=asyncio, logging=logging, print=stage.print)
            scope.update(bot=stage.bot, channel=stage.channel)
            if row.connected:
                stage.voice = scope["voice"] = await world.connect()
                stage.voice.queue = isocord.Queue(endless=True)
            scope.update({name: make(stage) for name, make in row.given.items()})
            code = block.code.replace("https://example.com", web.url(""))
            task = asyncio.create_task(pages.run(code, block.page, scope))
            if row.lasting or "heard" in row.given or "start_recording" in code:
                stage.speaker.play_opus(encode_pcm(babble(1.0), "auto"))
            if not row.lasting:
                await asyncio.wait_for(task, 30)
            after = row.after(stage)
            if inspect.isawaitable(after):
                await after
            await until(lambda: (task.done() and task.exception()) or row.then(stage))
            if row.lasting:
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled():
                await task
            for voice in list(world.bot.voice_clients):
                await voice.disconnect(force=True)


@pytest.mark.parametrize(("block", "row"), pages.rows(pages.Theirs))
def test_what_another_client_is_shown_with_is_there(block: pages.Block, row: pages.Theirs) -> None:
    if not installed(row.library):
        pytest.skip(f"it is for {row.library}")
    tree = compile(block.code, block.page, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names = [
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == library.__name__
    ]
    assert names
    assert all(hasattr(library, name) for name in names)
    assert "isocord" not in block.code
