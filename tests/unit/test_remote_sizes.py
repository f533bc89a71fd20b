"""What is big passes a link to a media node, and what is too big is left out without the link being lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from isocord import _native
from isocord.remote import codec, messages, wire
from isocord.remote.beside.errand_here import _failure
from isocord.remote.beside.messages import Returned
from isocord.remote.ear import Ear
from isocord.remote.line import Line
from isocord.remote.listener import RemoteListener
from isocord.remote.wire import Wire

SECONDS = 24
LONG = bytes(48_000 * 2 * 4 * SECONDS)
"""Over nine megabytes: f32 in stereo."""


class Queue:
    """Gives all at once, as where nobody had time to take it."""

    dropped = late = 0

    def __init__(self, items: list[Any]) -> None:
        self._items: list[Any] | None = items

    def take(self, max: int, timeout: float) -> list[Any] | None:
        items, self._items = self._items, None
        return items

    def close(self) -> None:
        pass


def utterance(user_id: int, pcm: bytes, seconds: float) -> _native.Utterance:
    return _native.Utterance(user_id, pcm, 0, int(seconds * 48_000), 1.0, "length", 48_000, 2)


class End:
    """One end of a link, and what comes there."""

    def __init__(self) -> None:
        self.came: list[messages.Message] = []
        self.lost: list[str] = []
        self.is_open = asyncio.Event()
        self.has_more = asyncio.Event()
        self.wire = Wire(
            greeting=1,
            opened=lambda wire: wire.greet(b"!"),
            greeted=lambda wire, data: self.is_open.set(),
            received=self._received,
            lost=lambda wire, told: self.lost.append(told),
        )

    def _received(self, wire: Wire, message: messages.Message) -> None:
        self.came.append(message)
        self.has_more.set()

    async def until(self, count: int) -> None:
        while len(self.came) < count:
            self.has_more.clear()
            await asyncio.wait_for(self.has_more.wait(), 60)


@pytest.fixture
async def ends() -> AsyncIterator[tuple[End, End]]:
    near, far = End(), End()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: far.wire, "127.0.0.1", 0)
    await loop.create_connection(lambda: near.wire, *server.sockets[0].getsockname())
    await near.is_open.wait()
    await far.is_open.wait()
    yield near, far
    for end in (near, far):
        end.wire.close()
    server.close()
    await server.wait_closed()


async def test_long_utterances_arrive_one_by_one(ends: tuple[End, End]) -> None:
    near, far = ends
    loop = asyncio.get_running_loop()
    is_over = asyncio.Event()

    def send(message: messages.FromSeat) -> None:
        near.wire.send(message)
        if isinstance(message, messages.ListenerIsOver):
            is_over.set()

    line = Line(1, lambda message: loop.call_soon_threadsafe(send, message))
    long = [(number, utterance(number, LONG, SECONDS)) for number in range(1, 4)]
    short = [(number, utterance(number, b"\0" * 960, 0.01)) for number in range(4, 30)]
    Ear(line, 5, Queue(long + short), None)
    await is_over.wait()
    await far.until(5)
    *heard, last = far.came
    assert isinstance(last, messages.ListenerIsOver)
    listener = RemoteListener(5, lambda number: None, utterances=True, shape={})
    for message in heard:
        assert isinstance(message, messages.Heard)
        listener.heard(message.items, message.dropped, message.late, 0)
    # A long one shares its message with none of the others, and those that are short share one.
    assert [len(message.items) for message in heard if isinstance(message, messages.Heard)] == [1, 1, 1, 26]
    found = listener.take(100, 0.0)
    assert found is not None
    assert [(number, len(said.pcm)) for number, said in found] == [
        (number, len(said.pcm)) for number, said in long + short
    ]
    assert near.lost == far.lost == []


@pytest.mark.parametrize("wrong", ["too long", "no room", "no pickle"])
async def test_what_cannot_be_sent_is_left_out_alone(
    ends: tuple[End, End], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    near, far = ends
    if wrong == "too long":
        monkeypatch.setattr(codec, "MAX_MESSAGE", 1 << 20)
    elif wrong == "no room":
        monkeypatch.setattr(wire, "_MAX_BUFFERED", 1 << 20)
    value: Any = threading.Lock() if wrong == "no pickle" else bytes(2 << 20)
    near.wire.send(messages.Answer(1, 1, value))
    near.wire.send(messages.Answer(1, 2, "small"))
    await far.until(1)
    assert far.came == [messages.Answer(1, 2, "small")]
    assert "Answer" in caplog.text
    assert near.lost == far.lost == []


def test_an_exception_is_told_in_few_words() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    for error in (ValueError("x" * 9_000_000), MuteError()):
        failure = _failure(error)
        assert failure.kind == type(error).__name__
        assert failure.told
        assert len(codec.encode(Returned(1, 1, 1, None, failure))) < 100_000
