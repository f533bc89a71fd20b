"""Connections that go on at a media node while the bot's process is gone, and are found by the next one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import isocord
from isocord import testing
from isocord.remote import MediaNode, resumable, run_beside, voice_client
from isocord.remote.beside.messages import Returned
from isocord.remote.line import Line
from isocord.remote.link import NodeLink
from isocord.remote.wire import Wire

from .. import pages
from .carriers import addresses, carried
from .ears import is_heard, sine
from .resuming import Bot, Counts, Waits
from .world import TONES, World, begin_speaking, has_sources, joins_with_isocord, until, wave_file

PAGE = "docs/cluster.md"
pytestmark = [has_sources, joins_with_isocord, pytest.mark.carried_here("the tests say themselves where it is carried")]


@pytest.fixture
def bots() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def hum() -> bytes:
    return wave_file(testing.tone(TONES["alice"], 1.0))


async def test_what_runs_beside_is_heard_without_a_bot_and_found_by_the_next(
    world: World, nodes: list[MediaNode], bots: ExitStack
) -> None:
    listener = world.discord.listen("General", user="bob")
    first = bots.enter_context(closing(Bot(world.discord, addresses(nodes), hum())))
    assert await first.joined() == {"resumable": False, "found": False, "starts": 1}
    assert [await first.again(), await first.again()] == [1, 2]
    await until(lambda: is_heard(listener, TONES["alice"]))
    first.close()
    # Nothing of it is left but what is carried.
    heard = len(listener.arrivals())
    await until(lambda: len(listener.arrivals()) > heard + 50)
    assert carried(nodes) == [1, 0]
    # It looks for the connection where it is, and not where it would go.
    second = bots.enter_context(closing(Bot(world.discord, addresses(nodes)[::-1], hum())))
    assert await second.joined() == {"resumable": True, "found": True, "starts": 1}
    assert carried(nodes) == [1, 0]
    assert await second.again() == 3
    heard = len(listener.arrivals())
    await until(lambda: len(listener.arrivals()) > heard + 50)
    await second.leave()
    await until(lambda: carried(nodes) == [0, 0])


async def test_the_page_finds_them(world: World, nodes: list[MediaNode], bots: ExitStack) -> None:
    before = bots.enter_context(closing(Bot(world.discord, addresses(nodes), hum())))
    await before.joined()
    assert await before.again() == 1
    before.close()
    carriers = addresses(nodes)
    find_again = next(code for code in pages.python(PAGE) if "def find_again" in code)
    scope: dict[str, Any] = {"Desk": Counts}
    await pages.run(find_again, PAGE, scope)
    cluster = SimpleNamespace(
        ready=partial(asyncio.sleep, 0),
        resumable=partial(resumable, carriers),
        VoiceClient=voice_client(carriers, resume=30.0),
        run_beside=run_beside,
    )
    # The node has to have missed the bot.
    while not await cluster.resumable(world.bot.user.id):
        await asyncio.sleep(0.01)
    desks = await scope["find_again"](world.bot, cluster)
    assert list(desks) == [world.guild.id]
    assert await desks[world.guild.id].again() == 2


async def test_they_end_after_a_time(world: World, nodes: list[MediaNode], bots: ExitStack) -> None:
    for resume in (0.0, 0.5):
        bot = bots.enter_context(closing(Bot(world.discord, addresses(nodes), hum(), resume)))
        assert not (await bot.joined())["found"]
        bot.close()
        await until(lambda: carried(nodes) == [0, 0])


async def test_a_process_that_was_replaced_has_no_say_any_more(
    world: World, nodes: list[MediaNode], bots: ExitStack
) -> None:
    listener = world.discord.listen("General", user="bob")
    first = bots.enter_context(closing(Bot(world.discord, addresses(nodes), hum())))
    await first.joined()
    # The first one has not ended: as where its machine is cut off, and the bot begun on another one.
    second = bots.enter_context(closing(Bot(world.discord, addresses(nodes), hum())))
    assert (await second.joined())["found"]
    assert await second.again() == 1
    first.close()
    heard = len(listener.arrivals())
    await until(lambda: len(listener.arrivals()) > heard + 50)
    assert carried(nodes) == [1, 0]
    assert await second.again() == 2


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> list[Wire]:
    """Both ends of all links."""
    opened, found = Wire.connection_made, list[Wire]()
    monkeypatch.setattr(Wire, "connection_made", lambda wire, over: (found.append(wire), opened(wire, over)))
    return found


def cut(wires: list[Wire], *, half: bool) -> None:
    """Links end; or only for the bot, while the node has yet to miss it."""

    def end(wire: Wire) -> None:
        transport = wire._transport
        if not half and transport is not None:
            transport.abort()
        elif isinstance(getattr(wire._lost, "__self__", None), NodeLink):
            wire._transport = None
            wire._end("the network is gone")

    for wire in wires:
        wire._loop.call_soon_threadsafe(end, wire)


@pytest.mark.parametrize("half", [False, True])
async def test_over_a_link_that_was_cut_all_goes_on(
    world: World, nodes: list[MediaNode], wires: list[Wire], half: bool
) -> None:
    voice = await world.connect(voice_client(addresses(nodes), resume=30.0))
    first, second = run_beside(voice, Counts, hum()), run_beside(voice, Counts, hum())
    assert [await first.again(), await second.again(), await second.again()] == [1, 1, 2]
    listener = world.discord.listen("General", user="bob")
    await until(lambda: is_heard(listener, TONES["alice"]))
    heard: list[Any] = []
    with voice.listen_with(heard.append):
        alice = world.discord.speak("General", user="alice")
        begin_speaking([alice], 30.0, ["alice"])
        await until(lambda: len(heard) > 10)
        before = len(wires)
        cut(list(wires), half=half)
        # It is another link, and the same objects at the same node.
        await until(lambda: len(wires) > before)
        assert [await first.again(), await second.again()] == [2, 3]
        assert (first.starts, first.found, second.starts) == (1, False, 1)
        assert carried(nodes) == [1, 0]
        now, frames = len(listener.arrivals()), len(heard)
        await until(lambda: len(listener.arrivals()) > now + 50 and len(heard) > frames + 25)
    await voice.disconnect()
    await until(lambda: carried(nodes) == [0, 0])
    assert await resumable(addresses(nodes), world.bot.user.id) == []


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """No link is opened while it is not set."""
    gate, opened = threading.Event(), NodeLink.open
    gate.set()

    async def later(link: NodeLink) -> None:
        while not gate.is_set():
            await asyncio.sleep(0.01)
        await opened(link)

    monkeypatch.setattr(NodeLink, "open", later)
    return gate


async def test_what_is_closed_while_its_node_is_away_ends_there(
    world: World, nodes: list[MediaNode], wires: list[Wire], gate: threading.Event
) -> None:
    others = set(threading.enumerate())
    voice = await world.connect(voice_client(nodes[0].address, resume=30.0))
    stays, goes = run_beside(voice, Counts, hum()), run_beside(voice, Counts, hum())
    assert [await stays.again(), await goes.again(), await goes.again()] == [1, 1, 2]
    gate.clear()
    cut(list(wires), half=False)
    await until(lambda: voice.state.phase is isocord.Phase.RECONNECTING)
    goes.close()
    gate.set()
    assert await stays.again() == 2
    await until(lambda: [one.name for one in set(threading.enumerate()) - others].count("isocord-beside") == 1)
    await until(voice.is_connected)
    # Another one is another one.
    assert await run_beside(voice, Counts, hum()).again() == 1
    await voice.disconnect()


async def test_what_is_paused_and_comes_back_over_another_link_silences_nobody(
    world: World, nodes: list[MediaNode], wires: list[Wire], gate: threading.Event, tmp_path: Path
) -> None:
    voice = await world.connect(voice_client(nodes[0].address, resume=30.0))
    listener, told = world.discord.listen("General", user="bob"), list[Any]()
    waits = run_beside(voice, Waits, hum(), tmp_path / "word")
    voice.play(isocord.AudioFile(sine(tmp_path / "own.wav", 30.0)), after=told.append)
    await until(lambda: len(listener.arrivals()) > 10)
    voice.pause()
    assert await waits.ready()
    gate.clear()
    cut(list(wires), half=False)
    await until(lambda: voice.state.phase is isocord.Phase.RECONNECTING)
    (tmp_path / "word").touch()
    await until(lambda: is_heard(listener, TONES["alice"]))
    gate.set()
    await until(voice.is_connected)
    # As where it had been there: who plays last takes the others' place.
    await until(lambda: told == [None])
    heard = len(listener.arrivals())
    await until(lambda: len(listener.arrivals()) > heard + 50)
    assert is_heard(listener, TONES["alice"])
    await voice.disconnect()


async def test_the_next_process_gets_no_answer_of_the_one_before() -> None:
    first, second = list[Any](), list[Any]()
    line = Line(1, first.append)
    say = line.speaker()
    say(Returned(1, 1, 1, "early"))
    line.cut()
    say(Returned(1, 1, 1, "in between"))
    line.belongs_to(1, second.append)
    say(Returned(1, 1, 1, "late"))
    line.send(Returned(1, 1, 1, "now"))
    assert [one.value for one in first] == ["early"]
    assert [one.value for one in second] == ["now"]


def test_resume_has_a_bound(nodes: list[MediaNode]) -> None:
    for wrong in (-1.0, 601.0, float("nan")):
        with pytest.raises(ValueError, match="resume must be 0 to 600 seconds"):
            voice_client(nodes[0].address, resume=wrong)
