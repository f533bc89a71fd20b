"""The pages of the documentation, and how each of their code blocks is run or checked.

``TABLE`` has every block of every page, in order; ``tests/unit/test_pages.py`` holds it against the pages, so that none
is left out. What a row says is done where it says: by a test of its own, or by ``tests/hosts/test_pages.py``.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = tuple(
    str(path.relative_to(ROOT).as_posix())
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    if "_build" not in path.parts
)
_BLOCK = re.compile(r"(?ms)^ *```([\w{}-]*)[^\n]*\n(.*?)^ *```$")


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block; ``number`` counts those of its page from 0, directives of Sphinx left out."""

    page: str
    number: int
    language: str
    code: str


def blocks(page: str) -> list[Block]:
    found = _BLOCK.findall((ROOT / page).read_text("utf-8"))
    code = [(language, text) for language, text in found if not language.startswith("{")]
    return [Block(page, number, language, text) for number, (language, text) in enumerate(code)]


def python(page: str) -> list[str]:
    """The code of its Python blocks."""
    return [block.code for block in blocks(page) if block.language == "python"]


async def run(code: str, name: str, scope: dict[str, Any]) -> None:
    """Code of a page, as in a coroutine of the bot."""
    found = eval(compile(code, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True), scope)
    if inspect.iscoroutine(found):
        await found


def rows(kind: type[Any]) -> list[tuple[Block, Any]]:
    """The blocks of which rows of that kind speak; whether there are as many rows as blocks is asked elsewhere."""
    found = [(block, row) for page, rows in TABLE.items() for block, row in zip(blocks(page), rows, strict=False)]
    return [(block, row) for block, row in found if isinstance(row, kind)]


@dataclasses.dataclass(frozen=True)
class By:
    """A test of its own takes it from the page."""

    test: str


@dataclasses.dataclass(frozen=True)
class Theirs:
    """Shows another library's own client: what it names has to be there, and nothing of isocord's is."""

    library: str


@dataclasses.dataclass(frozen=True)
class Checked:
    """No Python: held against what it speaks of, by ``tests/unit/test_pages.py``."""


@dataclasses.dataclass(frozen=True)
class Runs:
    """Runs as it stands, in a coroutine of a bot that is in a call.

    Attributes:
        then: what has to become true.
        given: names that it does not define itself.
        files: names of files that it plays, with their seconds.
        after: what happens when it has run.
        connected: whether the bot is in the call already.
        lasting: it goes on for as long as the call, and is cancelled at the end.
        library: the only bot library that it is for.
        but: the only one that it is not for.
        needs: a module that not every environment has.
    """

    then: Callable[[Any], object]
    given: Mapping[str, Callable[[Any], object]] = dataclasses.field(default_factory=dict)
    files: Mapping[str, float] = dataclasses.field(default_factory=dict)
    after: Callable[[Any], object] = lambda stage: None
    connected: bool = True
    lasting: bool = False
    library: str = ""
    but: str = ""
    needs: str = ""


def _hears(stage: Any) -> bool:
    return bool(stage.hears())


SONG = {"song.mp3": 0.6}
BOTS = By("tests/hosts/test_page_bots.py")
MIXER = By("tests/hosts/test_mixer_docs.py")
FILTERS = By("tests/unit/test_filtered.py")
QUEUE = By("tests/hosts/test_queue_docs.py")
RECORDING = By("tests/hosts/test_recording_docs.py")
GUILDS = By("tests/hosts/test_guilds_docs.py")
DONE = {"done": lambda stage: stage.notes.append}
ASKED = {**DONE, **dict.fromkeys(("ctx", "inter", "interaction"), lambda stage: stage.asked)}
WITH_SINKS = {**ASKED, "discord": lambda stage: stage.library}
PLAYED: dict[str, Any] = {"files": SONG, "given": ASKED, "connected": False}
HIKARI: dict[str, Callable[[Any], object]] = {
    **DONE,
    "bot": lambda stage: stage.bot.app,
    "guild_id": lambda stage: stage.channel.guild.id,
    "channel_id": lambda stage: stage.channel.id,
}

TABLE: dict[str, tuple[By | Theirs | Checked | Runs, ...]] = {
    "README.md": (Checked(), BOTS, Checked(), BOTS),
    "CONTRIBUTING.md": (),
    "ARCHITECTURE.md": (Checked(),) * 4,
    "CHANGELOG.md": (),
    "NOTICE.md": (),
    "docs/first-sound.md": (Checked(), BOTS, Runs(_hears, files=SONG)),
    "docs/music-bot.md": (
        By("tests/hosts/test_music_bot_docs.py"),
        Runs(_hears, given={"yt_dlp": lambda stage: stage.found}, after=lambda stage: stage.queue_first()),
    ),
    "docs/recording.md": (
        BOTS,
        Runs(
            lambda stage: stage.has("everybody.ogg", 500),
            given={"finished": lambda stage: None},
            after=lambda stage: stage.alice_says(1.0),
        ),
        *(RECORDING,) * 10,
    ),
    "docs/meetings.md": (By("tests/hosts/test_meetings_docs.py"),),
    "docs/assistants.md": (
        By("tests/hosts/test_assistant_docs.py"),
        By("tests/adapters/test_pages.py"),
        By("tests/adapters/test_pages.py"),
        By("tests/hosts/test_assistants_docs.py"),
    ),
    "docs/many-guilds.md": (
        Runs(
            lambda stage: stage.bot.voice_clients[0].is_playing(),
            connected=False,
            after=lambda stage: stage.scope["join"](stage.channel),
        ),
        Runs(lambda stage: "connected" in stage.said()),
    ),
    "docs/testing.md": (
        BOTS,
        BOTS,
        BOTS,
        Runs(
            lambda stage: stage.voice.stats.packets_received,
            given={"discord": lambda stage: stage.discord},
            files={"question.wav": 0.5},
            needs="av",
        ),
        Runs(
            lambda stage: "lacks the permission Connect" in stage.said() and stage.scope["voice"].is_playing(),
            given={"discord": lambda stage: stage.discord},
            files={"song.mp3": 5.0},
            connected=False,
            but="hikari",
        ),
        Runs(lambda stage: stage.voice.stats.reconnects, given={"discord": lambda stage: stage.stagehand}),
    ),
    "docs/faults.md": (
        Runs(lambda stage: "is over: KICKED" in stage.said(), after=lambda stage: stage.discord.kick_bot()),
        Runs(lambda stage: stage.scope["voice"].is_connected(), connected=False),
    ),
    "docs/deployment.md": (
        Checked(),
        Checked(),
        Checked(),
        Checked(),
        Checked(),
        Runs(lambda stage: stage.levels() == ("WARNING", "INFO"), after=lambda stage: stage.keep_levels()),
    ),
    "docs/commands.md": (
        Checked(),
        Checked(),
        Checked(),
        Checked(),
        By("tests/hosts/test_commands_docs.py"),
        Checked(),
        Checked(),
    ),
    "docs/cluster.md": (
        Checked(),
        Checked(),
        By("tests/cluster/test_page.py"),
        By("tests/hosts/test_run_beside.py"),
        By("tests/cluster/test_beside.py"),
        By("tests/hosts/test_run_beside.py"),
        *(By("tests/cluster/test_beside.py"),) * 2,
        Checked(),
        By("tests/cluster/test_page.py"),
        By("tests/hosts/test_resuming.py"),
        *(By("tests/cluster/test_page.py"),) * 2,
        Checked(),
        Checked(),
    ),
    "docs/metrics.md": (By("tests/hosts/test_metrics_docs.py"),) * 3,
    "docs/moving/index.md": (
        Runs(lambda stage: stage.scope["voice"].is_connected(), connected=False),
        Runs(
            lambda stage: stage.installed,
            but="hikari",
            connected=False,
            after=lambda stage: stage.connect_without_cls(),
        ),
    ),
    "docs/moving/py-cord.md": (
        Theirs("py-cord"),
        Runs(_hears, library="py-cord", **PLAYED),
        Runs(lambda stage: "1 were heard" in stage.said(), library="py-cord", given=WITH_SINKS),
    ),
    "docs/moving/discordpy.md": (
        Theirs("discord.py"),
        Runs(_hears, library="discord.py", **PLAYED),
        Runs(lambda stage: stage.notes, library="discord.py", given={"heard": lambda stage: stage.notes}),
    ),
    "docs/moving/disnake.md": (Theirs("disnake"), Runs(_hears, library="disnake", **PLAYED)),
    "docs/moving/nextcord.md": (Theirs("nextcord"), Runs(_hears, library="nextcord", **PLAYED)),
    "docs/moving/hikari.md": (
        Runs(_hears, library="hikari", files=SONG, given=HIKARI, connected=False),
        Runs(
            lambda stage: f"{stage.speaker.id} speaks" in stage.said() and "voice is disconnected" in stage.said(),
            library="hikari",
            given={**HIKARI, "heard": lambda stage: None},
            after=lambda stage: stage.ends_when_heard("speaks"),
        ),
    ),
    "docs/playing.md": (By("tests/hosts/test_playing_docs.py"),),
    "docs/queue.md": (QUEUE,) * 3,
    "docs/mixer.md": (MIXER,) * 5,
    "docs/filters.md": (FILTERS,) * 4,
    "docs/broadcast.md": (GUILDS,) * 2,
    "docs/streams.md": (
        Runs(_hears),
        Runs(_hears, given={"yt_dlp": lambda stage: stage.found, "query": lambda stage: "a song"}),
    ),
    "docs/speaking.md": (
        Runs(_hears, given={"synthesiser": lambda stage: stage.synthesiser}),
        Runs(
            lambda stage: stage.truncated,
            lasting=True,
            given={"transcript": lambda stage: stage.transcript},
            after=lambda stage: stage.is_spoken_over(),
        ),
        Runs(_hears, given={"synthesiser": lambda stage: stage.synthesiser}),
    ),
    "docs/tags.md": (
        Runs(
            _hears,
            files={"song.flac": 0.6, "other.mp3": 0.6},
            given={"ctx": lambda stage: stage.asked, "discord": lambda stage: stage.library, "io": lambda stage: None},
        ),
    ),
    "docs/hearing.md": (
        Runs(
            lambda stage: stage.notes,
            lasting=True,
            given={"member": lambda stage: stage.alice, "recogniser": lambda stage: stage.recogniser},
        ),
        Runs(
            lambda stage: "words" in stage.said(),
            lasting=True,
            given={"recognise": lambda stage: stage.recognise},
        ),
        Runs(lambda stage: stage.notes, lasting=True, given={"transcribe": lambda stage: stage.transcribe}),
    ),
}
"""Files that a page includes, and pages without code, have no row."""
