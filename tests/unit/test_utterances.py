"""Utterances on their way from the native queue to a task."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from isocord._native import Utterance
from isocord.hearing.utterances import PartialUtterance, Utterances

SECOND = 48_000


class Source:
    """Gives what a list holds, once it may."""

    def __init__(self, parts: Iterator[list[tuple[int, Utterance]]]) -> None:
        self._parts = parts
        self.may = threading.Event()
        self.closed = False
        self.late = 0

    def take(self, max: int, timeout: float) -> list[tuple[int, Utterance]] | None:
        self.may.wait(15.0)
        return None if self.closed else next(self._parts, None)

    def close(self) -> None:
        self.closed = True
        self.may.set()


def part(start: float, seconds: float, ended: str | None = "silence") -> Utterance:
    begin, end = round(start * SECOND), round((start + seconds) * SECOND)
    return Utterance(7, bytes(round(seconds * 32_000)), begin, end, 1e9 + start, ended)  # type: ignore[arg-type]


def hour(partial: bool) -> Iterator[list[tuple[int, Utterance]]]:
    """An utterance of 2 s every 3 s, in tenths if ``partial``."""
    for number in range(1_200):
        if partial:
            for tenth in range(20):
                yield [(number, part(3 * number + tenth / 10, 0.1, "silence" if tenth == 19 else None))]
        else:
            yield [(number, part(3 * number, 2.0))]


@pytest.mark.parametrize("partial", [False, True])
async def test_an_hour_of_speech_that_nobody_reads(partial: bool) -> None:
    source = Source(hour(partial))
    utterances: Utterances[Any] = Utterances(source, partial=partial, capacity=16)
    tracemalloc.start()
    source.may.set()
    while utterances.dropped < 1_200 - 16:
        await asyncio.sleep(0.01)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Twenty of 64 kB, and what is around them.
    assert most < 2_500_000
    left = [utterance async for utterance in utterances]
    assert [utterance.start for utterance in left] == [3 * number * SECOND for number in range(1_184, 1_200)]


async def test_parts_are_read_as_they_come_and_by_who_comes_late() -> None:
    going = PartialUtterance(part(1.0, 0.5, None))
    chunks: list[bytes] = []

    async def read() -> None:
        async for chunk in going:
            chunks.append(chunk)  # noqa: PERF401 - they are looked at while they come

    async def wait() -> Utterance:
        return await going

    tasks = [asyncio.create_task(wait()), asyncio.create_task(read()), asyncio.create_task(wait())]
    await asyncio.sleep(0)
    for number, ended in ((0, None), (1, None), (2, "left")):
        threading.Thread(target=going.add, args=(part(1.5 + number / 10, 0.1, ended),)).start()
        before = len(chunks)
        while len(chunks) == before:
            await asyncio.sleep(0.001)
    first, _, second = await asyncio.gather(*tasks)
    assert first is second is await going
    assert [len(chunk) for chunk in chunks] == [16_000, 3_200, 3_200, 3_200]
    assert (first.start, first.end, first.ended) == (SECOND, round(1.8 * SECOND), "left")
    assert first.pcm == b"".join(chunks)
    assert first.duration == pytest.approx(0.8)
    # All of it has been read.
    assert [chunk async for chunk in going] == []


async def test_whoever_gives_up_waiting_leaves_nothing_behind() -> None:
    going = PartialUtterance(part(1.0, 0.5, None))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(going, 0.01)
    assert not going._readers
    going.add(part(1.5, 0.0, "closed"))
    assert (await going).ended == "closed"
