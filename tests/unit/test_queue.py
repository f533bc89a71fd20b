"""What a queue does for who reads it, frame by frame, and what bots ask of it: no clock and no connection."""

from __future__ import annotations

import asyncio
import gc
import io
import time
import wave
import weakref
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

import isocord

FRAME = 960


def samples(which: int, count: int) -> list[int]:
    return [which * 4_000 + at % 3_000 + 1 for at in range(count)]


def wav(values: list[int]) -> bytes:
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(array("h", values).tobytes())
    return data.getvalue()


def file(which: int, count: int) -> isocord.AudioFile:
    return isocord.AudioFile(io.BytesIO(wav(samples(which, count))))


def until(condition: Callable[[], object]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.001)


def left(queue: isocord.Queue, frames: int) -> list[int]:
    """The left channel of so many frames that are not silent: who reads does not wait for what is being opened."""
    out: list[int] = []
    limit = time.monotonic() + 20
    while len(out) < frames * FRAME and (pcm := queue.read()):
        values = array("h", pcm)[::2]
        if any(values):
            out += values
        else:
            assert time.monotonic() < limit
            time.sleep(0.001)
    return out


def test_one_file_follows_the_other_to_the_sample() -> None:
    queue = isocord.Queue(file(0, 48_017), file(1, 20_000))
    assert left(queue, 71)[:68_017] == samples(0, 48_017) + samples(1, 20_000)
    assert queue.read() == b""
    assert queue.now is None
    assert [entry.duration for entry in queue.history] == [48_017 / 48_000, 20_000 / 48_000]


def test_paths_names_and_what_is_shown(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.wav").write_bytes(wav(samples(0, 9_600)))
    queue = isocord.Queue(tmp_path / "one.wav", loop="all")
    second = queue.add(str(tmp_path / "two.wav"), title="The second")
    assert [entry.title for entry in queue] == ["one.wav", "The second"]
    assert len(queue) == 2
    assert queue
    assert second.duration is None
    assert "upcoming=2" in repr(queue)
    assert left(queue, 40)[: 4 * 9_600] == samples(0, 9_600) * 4
    assert second.duration == 0.2
    assert queue.duration == 0.2
    assert isinstance(queue.now, isocord.QueueEntry)


def test_order_and_controls() -> None:
    queue = isocord.Queue()
    one, two, three = (queue.add(file(which, 480_000)) for which in range(3))
    assert queue.insert(0, three) is three
    assert queue.upcoming == (three, one, two)
    queue.remove(1)
    assert queue.upcoming == (three, two)
    assert queue.add(one) is one
    left(queue, 2)
    assert queue.now is three
    assert queue.position == pytest.approx(0.04, abs=0.021)
    queue.seek(5.0)
    assert queue.position == 5.0
    assert left(queue, 1) == samples(2, 480_000)[240_000 : 240_000 + FRAME]
    queue.skip()
    assert queue.now is two
    assert left(queue, 1) == samples(1, FRAME)
    queue.previous()
    assert queue.now is three
    assert left(queue, 1) == samples(2, FRAME)
    queue.remove(three)
    assert queue.now is two
    queue.clear()
    assert queue.read() == b""
    assert (queue.now, queue.upcoming, queue.history) == (None, (), ())


def test_a_shuffle_loses_none() -> None:
    queue = isocord.Queue(*(file(0, 960) for _ in range(50)))
    before = queue.upcoming
    queue.shuffle()
    assert queue.upcoming != before
    assert set(queue.upcoming) == set(before)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(TypeError, match="AudioSource, a path or a URL, not int"):
        isocord.Queue(1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="crossfade must be 0 to 20 seconds, not 21"):
        isocord.Queue(crossfade=21)
    with pytest.raises(ValueError, match="loop must be"):
        isocord.Queue(loop="twice")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="volume"):
        isocord.Queue(volume=-1)
    queue = isocord.Queue()
    with pytest.raises(IndexError):
        queue.remove(0)
    with pytest.raises(ValueError, match="nothing of the queue is heard"):
        queue.seek(1.0)
    with pytest.raises(RuntimeError):
        queue.events()

    async def make() -> str:
        return "never"

    with pytest.raises(RuntimeError, match="from there"):
        queue.add(make)


def test_an_audio_file_plays_again_and_again() -> None:
    queue = isocord.Queue(file(0, 5_000), loop="one")
    heard = left(queue, 30)
    # What is not opened in time for who reads at once is silence, and left out.
    assert heard[:5_000] == samples(0, 5_000)
    assert heard.count(1) >= 4


async def test_functions_make_sources_when_their_turn_comes() -> None:
    loop = asyncio.get_running_loop()
    made: list[object] = []

    def plain() -> isocord.AudioFile:
        made.append("plain")
        return file(0, 4_800)

    async def later() -> isocord.AudioFile:
        assert asyncio.get_running_loop() is loop
        await asyncio.sleep(0)
        made.append("later")
        return file(1, 4_800)

    queue = isocord.Queue(plain, later)
    assert made == []
    heard = await asyncio.to_thread(left, queue, 10)
    assert heard[:9_600] == samples(0, 4_800) + samples(1, 4_800)
    assert made == ["plain", "later"]


def test_what_is_given_wrongly_is_refused_before_its_turn() -> None:
    queue = isocord.Queue(file(0, 480), file(1, 480))
    with pytest.raises(TypeError, match="a title must be a str, not int"):
        queue.add("song.opus", title=5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="integer"):
        queue.insert(0.5, "song.opus")  # type: ignore[arg-type]
    assert len(queue) == 2
    behind = queue.insert(2**70, "behind.opus")
    front = queue.insert(-(2**70), "front.opus")
    assert (queue.upcoming[0], queue.upcoming[-1]) == (front, behind)


async def test_an_event_is_told_to_a_function_and_nothing_else() -> None:
    with pytest.raises(TypeError, match="not str"):
        isocord.Queue().on_event("print")  # type: ignore[arg-type]


async def test_events_tell_what_is_heard_and_why_something_is_not() -> None:
    def broken() -> str:
        raise LookupError("no such song")

    queue = isocord.Queue(file(0, 4_800), broken, "/nowhere/to/be.found", file(1, 4_800))
    one, two, three, four = queue
    called: list[isocord.QueueEvent] = []
    awaited: list[isocord.QueueEvent] = []

    @queue.on_event
    async def told(event: isocord.QueueEvent) -> None:
        awaited.append(event)

    queue.on_event(called.append)
    events = queue.events()
    await asyncio.to_thread(left, queue, 20)
    told_of = [await asyncio.wait_for(anext(events), 15) for _ in range(7)]
    assert sorted(event.kind for event in told_of) == sorted(["started", "ended"] * 2 + ["failed"] * 2 + ["empty"])
    heard = [(event.kind, event.entry) for event in told_of if event.kind != "failed"]
    assert heard == [("started", one), ("ended", one), ("started", four), ("ended", four), ("empty", None)]
    errors = {event.entry: event.error for event in told_of if event.kind == "failed"}
    assert isinstance(errors[two], LookupError)
    assert isinstance(errors[three], isocord.AudioFileError)
    assert two.error is errors[two]
    while not len(called) == len(awaited) == 7:
        await asyncio.sleep(0.001)
    assert called == awaited == told_of


def test_it_can_be_forgotten() -> None:
    queue = isocord.Queue(file(0, 4_800))
    entry = weakref.ref(queue.upcoming[0])
    left(queue, 2)
    gone = weakref.ref(queue)
    del queue
    gc.collect()
    assert gone() is None
    until(lambda: gc.collect() >= 0 and entry() is None)


def test_what_has_played_is_closed_whoever_remembers_it(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.wav" for number in range(30)]
    for path in paths:
        path.write_bytes(wav(samples(0, 1_920)))
    made: list[isocord.AudioFile] = []

    def make() -> isocord.AudioFile:
        made.append(isocord.AudioFile(paths[0]))
        return made[-1]

    queue = isocord.Queue(*paths, make, loop="all")
    left(queue, 2 * 31 + 4)
    assert len(queue.history) > 0
    opened = [entry._opened[0] for entry in (*queue.history, *queue.upcoming)]
    until(lambda: sum(not file._is_over for file in opened) <= 10)
    until(lambda: made[0]._is_over)
    assert opened[0].title is None
    assert opened[0].duration == 0.04


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("https://user:SECRET@radio.example/a/song.mp3?token=SECRET#SECRET", "song.mp3"),
        ("https://user:SECRET@radio.example", "radio.example"),
        ("https://SECRET@radio.example:8000/?token=SECRET", "radio.example"),
        ("https://radio.example?next=/a/SECRET", "radio.example"),
        ("https://radio.example/live/?next=/a/SECRET", "live"),
        ("https://radio.example/song.mp3#/SECRET", "song.mp3"),
        ("https://user:SEC/SECRET@radio.example", "radio.example"),
        ("https://radio.example/@artist/a@b.mp3", "a@b.mp3"),
        ("HTTPS://user:SECRET@[::1]/", "::1"),
        ("https://user:SECRET@[", None),
        (Path("https://user:SECRET@radio.example"), "radio.example"),
        ("music/a b?c#d.mp3", "a b?c#d.mp3"),
        (Path("music/song.mp3"), "song.mp3"),
    ],
)
def test_what_a_url_tells_in_confidence_is_not_in_its_title(source: str | Path, title: str | None) -> None:
    entry = isocord.Queue().add(source)
    assert entry.title == title
    shown = f"{entry} {isocord.QueueEvent('failed', entry)}"
    assert "SEC" not in shown
    assert title is None or shown.count(repr(title)) == 2
    assert isocord.Queue().add(source, title="Mine").title == "Mine"
