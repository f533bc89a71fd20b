"""Loops that listen: how they are woken, and what is left when they, or who listens on them, are gone."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from .world import World, heard, until

posix = pytest.mark.skipif(sys.platform == "win32", reason="its loops watch no files")
linux = pytest.mark.skipif(sys.platform != "linux", reason="threads and files are counted in /proc")


def threads() -> int:
    """Threads that listen, of Python's and natively."""
    count = 0
    for path in Path("/proc/self/task").glob("*/comm"):
        # It may end between the two.
        with contextlib.suppress(OSError):
            count += path.read_text().startswith("isocord-listen")
    return count


def files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def some(listening: Any, count: int = 5) -> list[int]:
    """Places of the next frames."""
    places = []
    async for frame in listening:
        places.append(frame.position)
        if len(places) == count:
            break
    return places


async def rest(listening: Any) -> list[int]:
    """Places of all that waits in one that is closed."""
    return [frame.position async for frame in listening]


@linux
async def test_no_thread_of_pythons_listens_and_nothing_is_left(world: World) -> None:
    voice = await world.connect()
    world.speak(30.0, "bob")
    async with voice.listen() as first:
        await some(first)
    await until(lambda: threads() == 0)
    before = files()
    for number in range(20):
        listening = voice.listen()
        if number % 3:
            await some(listening, number % 3)
        # A thread of its own, which names itself when it begins.
        await until(lambda: threads() >= 1)
        assert not any(thread.name == "isocord-listen" for thread in threading.enumerate())
        if number % 2:
            listening.close()
            await rest(listening)
        del listening
    gc.collect()
    await until(lambda: threads() == 0)
    await until(lambda: files() <= before)


async def test_what_waits_when_it_is_closed_can_be_read_and_then_it_is_over(world: World) -> None:
    voice = await world.connect()
    (bob,) = world.speak(30.0, "bob")
    listening = voice.listen()
    places = await some(listening)
    await heard(voice, bob, 15)
    listening.close()
    places += await rest(listening)
    assert len(places) > 8
    assert places == sorted(set(places))
    assert await rest(listening) == []


async def test_one_loop_after_the_other_listens(world: World) -> None:
    voice = await world.connect()
    world.speak(30.0, "bob")
    listening = voice.listen(capacity=1_000)
    places = await some(listening)
    for _ in range(3):
        # Each run has a loop of its own, which is closed after it.
        places += await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(some(listening)))
        places += await some(listening)
    steps = [later - place for place, later in zip(places, places[1:], strict=False)]
    assert len(places) == 35
    assert steps.count(960) >= 30, "nothing is lost on the way from one to the other"
    assert min(steps) > 0
    listening.close()


def no_files(*_: Any) -> None:
    raise NotImplementedError


async def test_a_loop_that_can_watch_no_file_listens_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = await world.connect()
    world.speak(30.0, "bob")
    monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", no_files)
    listening = voice.listen()
    assert any(thread.name == "isocord-listen" for thread in threading.enumerate())
    assert len(await some(listening)) == 5
    listening.close()
    await until(lambda: not any(thread.name == "isocord-listen" for thread in threading.enumerate()))


@posix
async def test_a_loop_that_watches_hands_over_to_one_that_cannot(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = await world.connect()
    world.speak(30.0, "bob")
    here, watched = asyncio.get_running_loop(), set[int]()
    add, remove = here.add_reader, here.remove_reader

    def watch(file: int, *given: Any) -> None:
        watched.add(file)
        add(file, *given)

    def leave(file: int) -> bool:
        watched.discard(file)
        return remove(file)

    monkeypatch.setattr(here, "add_reader", watch)
    monkeypatch.setattr(here, "remove_reader", leave)
    listening = voice.listen()
    await some(listening)
    assert watched

    def other() -> None:
        # As a proactor is.
        loop = asyncio.new_event_loop()
        loop.add_reader = no_files  # type: ignore[method-assign]
        assert len(loop.run_until_complete(some(listening))) == 5
        loop.close()

    await here.run_in_executor(None, other)
    await some(listening)
    listening.close()
    await rest(listening)
    # Nothing is left for this loop to look at again and again.
    assert not watched


async def test_one_that_is_made_without_a_loop_listens_on_any(world: World) -> None:
    voice = await world.connect()
    world.speak(30.0, "bob")
    made: list[Any] = []
    maker = threading.Thread(target=lambda: made.append(voice.listen()))
    maker.start()
    await until(lambda: made)
    assert len(await some(made[0])) == 5
    made[0].close()
    await rest(made[0])


@posix
async def test_the_end_of_the_call_is_the_end_of_listening(world: World) -> None:
    voice = await world.connect()
    (bob,) = world.speak(30.0, "bob")
    listening = voice.listen()
    reading = asyncio.create_task(some(listening, 10_000))
    await heard(voice, bob, 15)
    await voice.disconnect()
    assert len(await asyncio.wait_for(reading, 15)) > 0


async def test_who_does_not_read_loses_frames_that_are_counted_and_the_rest_comes(world: World) -> None:
    voice = await world.connect()
    world.speak(30.0, "bob")
    for drop in ("oldest", "newest"):
        listening = voice.listen(capacity=3, drop=drop)
        (first,) = await some(listening, 1)
        # Some may have been lost already if this loop was held up.
        enough = listening.dropped + 10
        await until(lambda listening=listening, enough=enough: listening.dropped >= enough)
        listening.close()
        left = await rest(listening)
        assert len(left) == 3
        gap = left[0] - first
        assert gap > 9 * 960 if drop == "oldest" else gap <= 3 * 960
