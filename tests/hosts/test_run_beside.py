"""Classes of the bot that run where a connection's sound is carried."""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import isocord
from isocord.remote import BesideError, MediaNode, run_beside, voice_client
from isocord.remote.beside.parcel import pack
from isocord.remote.native import RemoteNative

from .. import pages
from .carriers import addresses
from .ears import is_heard, sine
from .world import Tone, World, has_sources, joins_with_isocord, np, until

pytestmark = [has_sources, joins_with_isocord, pytest.mark.carried_here("the tests say themselves where it is carried")]


@pytest.fixture
async def voice(world: World, nodes: list[MediaNode]) -> AsyncIterator[Any]:
    made = await world.connect(voice_client(addresses(nodes)))
    yield made
    await made.disconnect()


def hum(frequency: float, seconds: float) -> bytes:
    at = np.arange(int(24_000 * seconds)) / 24_000
    data: bytes = (np.sin(2 * np.pi * frequency * at) * 12_000).astype("<i2").tobytes()
    return data


class Hums:
    """What is played where it is carried."""

    def __init__(self, voice: Any, frequency: float = 440.0) -> None:
        self.voice = voice
        self.frequency = frequency
        self.ended = 0

    async def hum(self, seconds: float) -> None:
        stream = isocord.StreamSource(24_000)
        self.voice.play(stream, after=self._after)
        await stream.write(hum(self.frequency, seconds))
        stream.finish()

    def _after(self, error: Exception | None) -> None:
        self.ended += 1

    def endings(self) -> int:
        return self.ended

    def playing(self) -> bool:
        return bool(self.voice.is_playing())


class Parrot(Hums):
    """Answers everything that is said with a hum, and knows how often it has."""

    said = 0

    async def run(self) -> None:
        async for _ in self.voice.utterances(silence=0.3, vad=False):
            self.said += 1
            await self.hum(1.0)

    async def answers(self) -> int:
        return self.said


async def test_it_hears_and_speaks_without_the_bot(world: World, voice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    carried: list[object] = []
    monkeypatch.setattr(RemoteNative, "heard", lambda _, told, shift: carried.append(told))
    monkeypatch.setattr(RemoteNative, "_track", lambda *_, **options: carried.append(options))
    parrot = run_beside(voice, Parrot, frequency=600.0)
    assert await parrot.started() == 1
    listener = world.discord.listen("General", user="bob")
    speakers = world.speak(0.6, "alice")
    await until(lambda: is_heard(listener, 600.0))
    assert speakers and await parrot.answers() >= 1
    assert carried == []
    parrot.close()
    with pytest.raises(isocord.ClosedError):
        await parrot


async def test_the_desk_of_the_page_costs_the_bot_nothing(
    world: World, voice: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, code, _, calls, *_ = pages.python("docs/cluster.md")
    # Without cloudpickle a class is found by its name.
    (tmp_path / "desk_of_the_page.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    made: list[object] = []
    monkeypatch.setattr(RemoteNative, "native", lambda *_, **options: made.append(options))
    first, second = (str(sine(tmp_path / f"{pitch:.0f}.wav", 30.0, pitch)) for pitch in (440.0, 660.0))
    scope: dict[str, Any] = {
        "cluster": SimpleNamespace(run_beside=run_beside),
        "voice": voice,
        "url": first,
        "Desk": importlib.import_module("desk_of_the_page").Desk,
    }
    await pages.run(calls, "docs/cluster.md", scope)
    desk = scope["desk"]
    listener = world.discord.listen("General", user="bob")
    await desk.add(second)
    await until(lambda: is_heard(listener, 440.0))
    assert await desk.now() == "440.wav"
    await desk.skip()
    await until(lambda: is_heard(listener, 660.0))
    assert await desk.now() == "660.wav"
    assert made == []


class Talks:
    """Methods of every kind."""

    def __init__(self, voice: Any, *named: str, **more: Any) -> None:
        self.told = (named, more, voice.guild_id, voice.user_id, voice.starts)
        self.recalled = 0

    async def all_told(self) -> Any:
        return self.told

    def plain(self, number: int, by: int = 2) -> int:
        return number * by

    async def fails(self) -> None:
        raise KeyError("nothing there")

    def shouts(self) -> None:
        raise ValueError("x" * 9_000_000)

    def odd(self) -> object:
        return self

    async def waits(self) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            self.recalled += 1

    def times_recalled(self) -> int:
        return self.recalled

    def _private(self) -> int:
        return 1


async def test_its_methods_are_called_from_the_bot(world: World, voice: Any) -> None:
    talks = run_beside(voice, Talks, "one", deep={"er": [1, 2.5, b"three"]})
    told = await talks.all_told()
    assert told == (("one",), {"deep": {"er": [1, 2.5, b"three"]}}, voice.server_id, voice.user.id, 1)
    assert await asyncio.gather(talks.plain(3), talks.plain(4, by=5)) == [6, 20]
    with pytest.raises(BesideError, match="KeyError: 'nothing there'") as raised:
        await talks.fails()
    assert raised.value.kind == "KeyError" and "in fails" in raised.value.trace
    with pytest.raises(BesideError, match="a Talks was returned"):
        await talks.odd()
    for name in ("_private", "absent", "told"):
        with pytest.raises(AttributeError):
            getattr(talks, name)
    with pytest.raises(BesideError, match="no public method"):
        await talks.call("_private")
    with pytest.raises(TypeError, match="cannot be sent"):
        await talks.plain(threading.Lock())
    assert not talks.is_over and repr(talks) == "<Beside Talks begun 1 times>"


async def test_a_call_that_nobody_waits_for_is_cancelled_there(voice: Any) -> None:
    talks = run_beside(voice, Talks)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(talks.waits(), 0.2)
    while await talks.times_recalled() == 0:
        await asyncio.sleep(0.01)


class Ends:
    def __init__(self, voice: Any, how: str) -> None:
        self.how = how
        if how == "at once":
            raise LookupError("no such model")

    async def run(self) -> int:
        if self.how == "badly":
            raise RuntimeError("out of words")
        return 42


async def test_its_end_is_awaited(voice: Any) -> None:
    assert await run_beside(voice, Ends, "well") == 42
    for how, told in (("badly", "RuntimeError: out of words"), ("at once", "LookupError: no such model")):
        ends = run_beside(voice, Ends, how)
        with pytest.raises(BesideError, match=told):
            await ends
        with pytest.raises(BesideError, match=told):
            await ends.call("run")
        assert ends.is_over


async def test_it_is_begun_anew_where_its_node_is_lost(voice: Any, nodes: list[MediaNode]) -> None:
    talks = run_beside(voice, Talks, "again")
    assert await talks.started() == talks.starts == 1
    waiting = asyncio.create_task(talks.waits())
    await talks.plain(1)
    nodes[0].close()
    with pytest.raises(BesideError, match="lost before waits returned"):
        await waiting
    # This one waits for the next node.
    assert await talks.plain(5) == 10
    assert await talks.started(after=1) == 2
    named, *_, starts = await talks.all_told()
    assert (named, starts) == (("again",), 2)


async def test_it_moves_with_a_drained_node(voice: Any, nodes: list[MediaNode]) -> None:
    talks = run_beside(voice, Talks)
    await talks.started()
    nodes[0].drain(within=1.0)
    assert await talks.started(after=1) == 2


async def test_who_plays_last_is_heard(world: World, voice: Any) -> None:
    listener = world.discord.listen("General", user="bob")
    hums = run_beside(voice, Hums, 700.0)
    over = threading.Event()
    voice.play(Tone(), after=lambda error: over.set())
    await until(lambda: len(listener.arrivals()) > 10)
    await hums.hum(60.0)
    # The bot is told that its own is over.
    await until(over.is_set)
    await until(lambda: is_heard(listener, 700.0))
    assert not voice.is_playing() and await hums.playing()
    voice.play(Tone(20))
    while await hums.playing():
        await asyncio.sleep(0.01)
    await until(lambda: not voice.is_playing())
    while await hums.endings() != 1:
        await asyncio.sleep(0.01)


async def test_code_that_holds_its_loop_holds_nobody_elses(voice: Any) -> None:
    stuck = run_beside(voice, Holds)
    await asyncio.to_thread(HOLDING.wait, 15)
    talks = run_beside(voice, Talks)
    assert await talks.plain(1) == 2
    RELEASED.set()
    assert await stuck is None


HOLDING, RELEASED = threading.Event(), threading.Event()


class Holds:
    def __init__(self, voice: Any) -> None:
        HOLDING.set()

    async def run(self) -> None:
        RELEASED.wait(30)


async def test_it_ends_with_the_connection(world: World, nodes: list[MediaNode]) -> None:
    voice = await world.connect(voice_client(addresses(nodes)))
    lasts = run_beside(voice, Lasts)
    await lasts.started()
    calling = asyncio.create_task(lasts.call("waits"))
    await voice.disconnect()
    for waiting in (lasts, calling):
        with pytest.raises((isocord.ClosedError, BesideError)):
            await waiting
    await until(CANCELLED.is_set)
    with pytest.raises(isocord.ClientError):
        run_beside(voice, Lasts)


CANCELLED = threading.Event()


class Lasts(Talks):
    async def run(self) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            CANCELLED.set()


async def test_what_is_refused(world: World) -> None:
    here = await world.connect()
    with pytest.raises(isocord.ClientError, match="no media node carries"):
        run_beside(here, Talks)
    await here.disconnect()
    with MediaNode() as node:
        voice = await world.connect(voice_client(node.address))
        with pytest.raises(BesideError, match="runs_code=True"):
            await run_beside(voice, Talks)
        with pytest.raises(TypeError, match="a class"):
            run_beside(voice, print)
        with pytest.raises(TypeError, match="cannot be sent"):
            run_beside(voice, Talks, threading.Lock())
        with pytest.raises(ValueError, match="8 MB"):
            pack(bytes(9 << 20))
        await voice.disconnect()


async def test_an_exception_of_many_words_costs_nobody_a_connection(voice: Any) -> None:
    talks = run_beside(voice, Talks)
    assert await talks.started() == 1
    with pytest.raises(BesideError, match="ValueError: xxx") as raised:
        await asyncio.wait_for(talks.shouts(), 30)
    assert len(str(raised.value)) < 10_000
    assert (await talks.plain(3), talks.starts, voice.stats.reconnects) == (6, 1, 0)


async def test_code_for_another_python_is_refused(voice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isocord.remote.beside.errand.PYTHON", (3, 2))
    with pytest.raises(BesideError, match=r"the bot runs Python 3\.2 and this media node"):
        await run_beside(voice, Talks)


async def test_what_may_end_its_nodes_is_not_begun_at_all_of_them(world: World, nodes: list[MediaNode]) -> None:
    with MediaNode(runs_code=True) as third, MediaNode(runs_code=True) as fourth:
        several = [*nodes, third, fourth]
        voice = await world.connect(voice_client(addresses(several)))
        talks = run_beside(voice, Talks)
        for number, node in enumerate(several[:3], 1):
            assert await talks.started(after=number - 1) == number
            node.close()
        with pytest.raises(BesideError, match="3 media nodes in a row were lost"):
            await talks
        # The connection goes on.
        await until(lambda: fourth.connections == 1 and voice.state.phase is isocord.Phase.CONNECTED)
        again = run_beside(voice, Talks)
        assert await again.plain(2) == 4
        await voice.disconnect()
