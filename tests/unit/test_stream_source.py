"""What a stream does for who writes it and who reads it, frame by frame: no clock and no thread of the player's."""

from __future__ import annotations

import asyncio
import gc
import math
import time
from array import array
from collections.abc import Callable
from typing import Any

import pytest

import isocord

RATE = 24_000


def tone(samples: int, first: int = 0) -> array[int]:
    return array("h", [round(16_000 * math.sin(math.tau * 440 * (first + at) / RATE)) for at in range(samples)])


def left(stream: isocord.StreamSource, frames: int) -> list[int]:
    """The left channel of so many frames."""
    return [value for _ in range(frames) for value in array("h", stream.read())[::2]]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, array])
def test_any_buffer_of_bytes_or_samples_is_taken(kind: Any) -> None:
    stream = isocord.StreamSource(RATE)
    samples = tone(RATE // 5)
    stream.write_nowait(samples if kind is array else kind(samples.tobytes()))
    stream.finish()
    got = left(stream, 10)
    expected = [16_000 * math.sin(math.tau * 440 * at / 48_000) for at in range(9_600)]
    assert max(abs(one - two) for one, two in zip(got[480:-480], expected[480:-480], strict=True)) < 50
    left(stream, 1)
    assert stream.read() == b""
    assert stream.played == pytest.approx(0.2)


def test_chunks_may_be_cut_in_the_midst_of_a_sample() -> None:
    whole, cut = isocord.StreamSource(RATE), isocord.StreamSource(RATE)
    data = tone(4_800).tobytes()
    whole.write_nowait(data)
    for at in range(0, len(data), 7):
        cut.write_nowait(data[at : at + 7])
    whole.finish()
    cut.finish()
    assert left(whole, 10) == left(cut, 10)


def test_a_buffer_of_other_samples_is_refused() -> None:
    stream = isocord.StreamSource(RATE, format="f32")
    with pytest.raises(TypeError, match="32-bit floats"):
        stream.write_nowait(tone(10))
    stream.write_nowait(array("f", [0.5] * 480))
    with pytest.raises(TypeError):
        stream.write_nowait("sound")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sample_rate": 0}, "sample_rate must be"),
        ({"sample_rate": -1}, "sample_rate must be"),
        ({"channels": 0}, "channels must be"),
        ({"format": "s24"}, "format must be"),
        ({"on_starve": "loop"}, "on_starve must be"),
        ({"capacity": math.nan}, "capacity must be"),
        ({"prebuffer": 6.0}, "prebuffer must be"),
        ({"volume": -1.0}, "volume"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        isocord.StreamSource(**options)


def test_what_does_not_fit_is_refused_whole() -> None:
    stream = isocord.StreamSource(RATE, capacity=0.1)
    with pytest.raises(isocord.StreamFullError, match=r"await write\(\)"):
        stream.write_nowait(tone(RATE))
    assert stream.unheard == 0.0
    stream.write_nowait(tone(RATE // 10))
    assert stream.unheard == pytest.approx(0.1)


async def test_who_writes_waits_for_room() -> None:
    stream = isocord.StreamSource(RATE, capacity=0.1)
    writing = asyncio.ensure_future(stream.write(tone(RATE // 2)))
    heard: list[int] = []
    while not writing.done():
        await asyncio.sleep(0)
        heard += left(stream, 1)
    await writing
    stream.finish()
    heard += left(stream, 30)
    assert stream.played == pytest.approx(0.5)


async def test_clear_forgets_and_goes_on() -> None:
    stream = isocord.StreamSource(RATE)
    stream.write_nowait(tone(RATE))
    loud = left(stream, 5)
    assert max(map(abs, loud)) > 15_000
    assert stream.clear() == pytest.approx(0.9)
    assert max(map(abs, left(stream, 5))) == 0
    await stream.drained()
    stream.write_nowait(tone(RATE))
    assert max(map(abs, left(stream, 2))) > 15_000


def test_held_sound_goes_on_where_it_was() -> None:
    stream = isocord.StreamSource(RATE)
    stream.write_nowait(tone(RATE))
    left(stream, 5)
    stream.pause()
    assert stream.paused
    assert max(map(abs, left(stream, 5))) == 0
    stream.resume()
    left(stream, 5)
    assert stream.played == pytest.approx(0.2)
    assert stream.starved == 0


async def test_every_wait_ends_with_the_stream() -> None:
    stream = isocord.StreamSource(RATE, capacity=0.1)
    waits = [asyncio.ensure_future(stream.write(tone(RATE))), asyncio.ensure_future(stream.drained())]
    await asyncio.sleep(0)
    stream.cleanup()
    for result in await asyncio.gather(*waits, return_exceptions=True):
        assert isinstance(result, isocord.StreamError)
    with pytest.raises(isocord.StreamError):
        await stream.write(b"12")


def test_it_plays_once_and_can_be_let_go() -> None:
    stream = isocord.StreamSource()
    isocord.Mixer().play(stream)
    with pytest.raises(isocord.AudioFileError, match="already"):
        isocord.Mixer().play(stream)
    del stream
    gc.collect()


def _mixed(stream: isocord.StreamSource) -> isocord.Mixer:
    mixer = isocord.Mixer(endless=True)
    mixer.play(stream)
    return mixer


@pytest.mark.parametrize("wrap", [_mixed, isocord.Filtered, isocord.Queue])
def test_it_is_a_layer_and_a_part_of_filters_and_queues(wrap: Callable[[isocord.StreamSource], Any]) -> None:
    stream = isocord.StreamSource(RATE)
    source = wrap(stream)

    def heard(is_it: Callable[[int], bool]) -> bool:
        """Whether a frame comes soon whose loudest sample is such. A queue opens its entries on another thread."""
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            if is_it(max(map(abs, array("h", source.read())))):
                return True
            time.sleep(0.001)
        return False

    stream.write_nowait(tone(RATE * 9))
    assert heard(lambda peak: peak > 12_000)
    stream.clear()
    # Who reads filters and queues waits for sound.
    stream.write_nowait(bytes(RATE * 18))
    assert heard(lambda peak: peak < 10)
    stream.clear()
    stream.write_nowait(tone(RATE * 9))
    assert heard(lambda peak: peak > 12_000)
    source.cleanup()
