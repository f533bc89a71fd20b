"""What several threads use at once. Without the GIL, threads meet between any two steps; with it, seldom."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from isocord import _native
from isocord._door.posing import posing
from isocord.client.encoder import VoiceEncoder
from isocord.client.hearing import ListeningSurface
from isocord.client.speaking import SpeakingWatch
from isocord.hearing.recording import recording
from isocord.hearing.utterances import PartialUtterance
from isocord.hosts.joined import joined
from isocord.playing.sources import feeder
from isocord.runtime.log import GuildLog
from isocord.runtime.once import once

THREADS = 4
ROUNDS = 2_500
SILENCE = bytes(3_840)


@pytest.fixture(autouse=True)
def hurried() -> Iterator[None]:
    """Where there is a GIL, threads take turns as often as it lets them."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(*works: Callable[[], object]) -> list[Any]:
    """Do all of it at the same time, and return what each came to."""
    came: dict[int, Any] = {}
    raised: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            start.wait(15)
            came[number] = work()
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=one) for one in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if raised:
        raise raised[0]
    return [came[number] for number in range(len(works))]


def again(work: Callable[[], object], rounds: int = ROUNDS) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(rounds):
            work()

    return repeated


def meanwhile(change: Callable[[], object], *works: Callable[[], object]) -> list[Any]:
    """Do all of the works at the same time, and the change again and again until they are done."""
    left, lock = len(works), threading.Lock()

    def change_on() -> None:
        while left:
            change()

    def counted(work: Callable[[], object]) -> object:
        nonlocal left
        try:
            return work()
        finally:
            with lock:
                left -= 1

    return at_once(*(partial(counted, work) for work in works), change_on)[:-1]


@pytest.mark.parametrize(
    ("those", "asks"),
    [(feeder._reading, lambda: feeder.is_read(None)), (recording._unfinished, recording.unfinished)],
    ids=["feeders", "recordings"],
)
def test_those_that_run_are_counted_while_others_come_and_go(those: set[Any], asks: Callable[[], object]) -> None:
    class One:
        source, _cancelled = object(), False

    def come_and_go() -> None:
        ones = [One() for _ in range(20)]
        for one in ones:
            those.add(one)
        for one in ones:
            those.discard(one)

    meanwhile(come_and_go, again(asks, 20_000), again(asks, 20_000))
    # Other tests may have left some of theirs.
    assert not [one for one in those if isinstance(one, One)]


def test_what_is_repeated_is_told_at_each_power_of_ten_whoever_says_it(caplog: pytest.LogCaptureFixture) -> None:
    log = GuildLog(logging.getLogger("isocord"), 1)
    at_once(*[again(lambda: log.repeated(logging.WARNING, "packet %d is bad", 7))] * THREADS)
    told = [f"[guild 1] packet 7 is bad ({times} times by now)" for times in (10, 100, 1_000, 10_000)]
    # Each is written after it was counted, so that threads may overtake each other.
    assert sorted(record.getMessage() for record in caplog.records) == ["[guild 1] packet 7 is bad", *told]


def test_many_different_lines_are_told_by_many_threads(caplog: pytest.LogCaptureFixture) -> None:
    log = GuildLog(logging.getLogger("isocord"), 1)
    words = ["".join(chr(97 + (number >> 4 * place) % 16) for place in range(3)) for number in range(2_000)]

    def tell(part: list[str]) -> None:
        for word in part:
            log.repeated(logging.WARNING, "%s", word)

    at_once(*(lambda first=first: tell(words[first::THREADS]) for first in range(THREADS)))
    assert sorted(record.getMessage() for record in caplog.records) == sorted(f"[guild 1] {word}" for word in words)


async def test_the_last_part_may_come_while_it_is_looked_for() -> None:
    whole = PartialUtterance(utterance(None))

    class First:
        """Is asked whether it ends the utterance, and is followed at that moment by what does."""

        def __getattr__(self, name: str) -> Any:
            if name == "ended":
                whole._parts[0] = first
                thread = threading.Thread(target=whole.add, args=(utterance("silence"),))
                thread.start()
                thread.join()
                return None
            return getattr(first, name)

    first = whole._parts[0]
    whole._parts[0] = First()  # type: ignore[assignment]
    assert (await asyncio.wait_for(whole, 15)).ended == "silence"


def utterance(ended: str | None) -> _native.Utterance:
    return _native.Utterance(1, SILENCE, 0, 960, 0.0, ended, 48_000, 2)


def test_frames_are_encoded_while_the_options_change() -> None:
    encoder = VoiceEncoder(lambda _: None, keeps=True)
    encode = again(lambda: encoder.encode(SILENCE), 300)
    meanwhile(lambda: encoder.set_fec(True), encode, encode)


def test_a_user_who_speaks_is_never_missing() -> None:
    begin = threading.Barrier(3)

    class Frames:
        """Gives what a queue of news gives: the same user begins and ceases to speak, again and again."""

        left = ROUNDS
        dropped = late = 0

        def take(self, max: int, timeout: float) -> list[_native.SpeakingChanged] | None:
            if self.left == ROUNDS:
                begin.wait(15)
            self.left -= 1
            return [Change(7, bool(number % 2)) for number in range(100)] if self.left else None

        def close(self) -> None: ...

    watch = SpeakingWatch(Frames(), lambda _: None)

    def look() -> None:
        known = False
        begin.wait(15)
        while not watch.is_over:
            spoke = watch.asked_of(7)
            assert spoke is not None or not known
            known = spoke is not None

    at_once(look, look)


class Change:
    def __init__(self, user_id: int, speaking: bool) -> None:
        self.user_id, self.speaking = user_id, speaking


def test_speaking_is_followed_once_whoever_asks() -> None:
    class Nobody:
        dropped = late = 0

        def __init__(self) -> None:
            self.closed = threading.Event()

        def take(self, max: int, timeout: float) -> list[Any] | None:
            return None if self.closed.wait(0.01) else []

        def close(self) -> None:
            self.closed.set()

    class Client(ListeningSurface):
        def __init__(self) -> None:
            self._speaking_watch = None
            self._beginning_watch = threading.RLock()
            self.queues: list[Nobody] = []

        def _hear(self, form: Any, **_: Any) -> Any:
            self.queues.append(Nobody())
            return self.queues[-1]

    for _ in range(20):
        client = Client()
        watches = at_once(*[client._watch] * THREADS)
        for queue in client.queues:
            queue.close()
        assert (len(client.queues), len(set(watches))) == (1, 1)


def test_a_loop_that_two_threads_give_the_same_queue_hears_all_of_it() -> None:
    connection = _native.Connection(lambda _: None)
    try:
        for _ in range(50):
            frames = connection.listen()
            first, second = at_once(*[lambda frames=frames: frames.watch(10, newest=False)] * 2)
            assert first == second
            # Nothing has come, and it has not ended.
            assert frames.take(10, 0.0) == []
            frames.close()
    finally:
        connection.close()


def test_what_is_made_once_is_one_thing_whoever_asks_first() -> None:
    class Ours:
        pass

    class Theirs:
        pass

    for number in range(200):
        ours = type("Ours", (Ours,), {"number": number})
        made = once(lambda *_: object())
        for ask in (lambda made=made: made(1, "a"), lambda ours=ours: joined(ours, Theirs)):
            assert len(set(map(id, at_once(*[ask] * THREADS)))) == 1


def test_a_source_shows_the_same_class_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class AudioSource:
        """A bot library's."""

    monkeypatch.setitem(sys.modules, "nextcord", SimpleNamespace(AudioSource=AudioSource))
    for _ in range(200):
        monkeypatch.setattr("isocord._door.posing._known", {})
        shown = at_once(*[lambda: posing(_native.AudioFile)] * THREADS)
        assert len(set(shown)) == 1
        assert issubclass(shown[0], AudioSource)
