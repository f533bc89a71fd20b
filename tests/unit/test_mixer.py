"""What a mixer does for who reads it, frame by frame: no clock and no thread of the player's."""

from __future__ import annotations

import asyncio
import gc
import io
import threading
import time
import wave
from array import array
from collections.abc import Callable

import pytest

import isocord
from isocord import _native

FRAME = 960


def file(samples: int, sample: Callable[[int], int]) -> isocord.AudioFile:
    data = io.BytesIO()
    with wave.open(data, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(array("h", map(sample, range(samples))).tobytes())
    data.seek(0)
    return isocord.AudioFile(data)


def flat(frames: int, level: int) -> isocord.AudioFile:
    return file(frames * FRAME, lambda _: level)


def left(mixer: isocord.Mixer, frames: int) -> list[int]:
    """The left channel of so many frames."""
    return [value for _ in range(frames) for value in array("h", mixer.read())[::2]]


def test_files_are_summed_to_the_bit() -> None:
    mixer = isocord.Mixer()
    mixer.play(file(5 * FRAME, lambda at: at % 1_000))
    mixer.play(file(3 * FRAME, lambda at: -7 * (at % 333)))
    expected = [at % 1_000 + (-7 * (at % 333) if at < 3 * FRAME else 0) for at in range(5 * FRAME)]
    assert left(mixer, 5) == expected
    assert mixer.read() == b""
    assert mixer.is_opus() is False


def test_a_loop_has_no_seam() -> None:
    mixer = isocord.Mixer()
    mixer.play(file(1_234, lambda at: at + 1), loop=True)
    assert left(mixer, 30) == [at % 1_234 + 1 for at in range(30 * FRAME)]


def test_volumes_and_ducking() -> None:
    mixer = isocord.Mixer(endless=True)
    music = mixer.play(flat(500, 16_000), volume=0.5)
    assert left(mixer, 2)[-1] == 8_000
    voice = mixer.play(flat(20, 0), duck=0.25)
    assert left(mixer, 10)[-1] == 2_000
    assert left(mixer, 35)[-1] == 8_000
    assert voice.ended
    assert not music.ended
    music.volume = 0.25
    assert (music.volume, left(mixer, 1)[-1]) == (0.25, 4_000)
    mixer.volume = 0.5
    left(mixer, 1)
    assert (mixer.volume, left(mixer, 1)[-1]) == (0.5, 2_000)
    music.stop(fade=0.1)
    assert left(mixer, 10)[-1] == 0
    assert music.ended


def test_pause_seek_and_position() -> None:
    mixer = isocord.Mixer()
    layer = mixer.play(file(100 * FRAME, lambda at: at // FRAME * 10))
    assert (layer.position, layer.duration) == (0.0, 2.0)
    left(mixer, 10)
    assert layer.position == pytest.approx(0.2)
    layer.pause()
    assert layer.paused
    assert left(mixer, 5) == [0] * 5 * FRAME
    assert layer.position == pytest.approx(0.2)
    layer.resume()
    assert left(mixer, 1)[-1] == 100
    layer.seek(1.0)
    assert layer.position == pytest.approx(1.0)
    assert left(mixer, 1)[-1] == 500
    layer.seek(9.0)
    deadline = time.monotonic() + 15
    while mixer.read():
        # A busy machine takes its time to find that there is nothing.
        assert time.monotonic() < deadline
    assert layer.ended


async def test_awaiting_a_layer_and_a_fade() -> None:
    mixer = isocord.Mixer(endless=True)
    layer = mixer.play(flat(50, 1_000))
    fade = layer.fade(0.0, 0.2)
    waits = [asyncio.ensure_future(layer), asyncio.ensure_future(fade), asyncio.ensure_future(fade)]
    await asyncio.sleep(0)
    left(mixer, 9)
    await asyncio.sleep(0)
    assert not any(wait.done() for wait in waits)
    left(mixer, 4)
    await asyncio.gather(*waits[1:])
    assert not waits[0].done()
    left(mixer, 50)
    await asyncio.wait_for(waits[0], 15)
    await layer
    await fade
    assert layer.error is None


async def test_an_awaited_layer_that_was_cancelled_goes_on() -> None:
    mixer = isocord.Mixer(endless=True)
    layer = mixer.play(flat(5, 1_000))
    wait = asyncio.ensure_future(layer)
    await asyncio.sleep(0)
    wait.cancel()
    assert left(mixer, 5)[-1] == 1_000
    left(mixer, 3)
    await asyncio.wait_for(asyncio.ensure_future(layer), 15)
    with pytest.raises(asyncio.CancelledError):
        await wait


async def test_what_is_never_heard_is_over_at_once() -> None:
    mixer = isocord.Mixer()
    for stop in (isocord.Layer.stop, lambda _: mixer.stop()):
        layer = mixer.play(flat(5, 1))
        wait = asyncio.ensure_future(layer)
        await asyncio.sleep(0)
        stop(layer)
        await asyncio.wait_for(wait, 15)
        assert layer.ended
    gone = isocord.Mixer()
    layer = gone.play(flat(5, 1))
    del gone
    gc.collect()
    await asyncio.wait_for(asyncio.ensure_future(layer), 15)


async def test_an_error_is_its_layers_own() -> None:
    source = file(500 * FRAME, lambda _: 1)
    mixer = isocord.Mixer()
    mixer.play(flat(500, 5))
    layer = mixer.play(source)
    assert left(mixer, 2)[-1] == 6
    source.close()
    assert left(mixer, 490)[-1] == 5
    with pytest.raises(isocord.AudioFileError, match="closed"):
        await asyncio.wait_for(asyncio.ensure_future(layer), 15)
    assert isinstance(layer.error, isocord.AudioFileError)
    assert layer.source is source


def test_what_cannot_be_played_is_refused_and_takes_nothing() -> None:
    mixer = isocord.Mixer()
    source = flat(2, 5)
    with pytest.raises(ValueError, match="volume must be"):
        mixer.play(source, volume=-1.0)
    with pytest.raises(ValueError, match="fade must last"):
        mixer.play(source, fade_in=-1.0)
    with pytest.raises(ValueError, match="duck must be"):
        mixer.play(source, duck=2.0)
    with pytest.raises(ValueError, match="play itself"):
        mixer.play(mixer)
    with pytest.raises(ValueError, match="cannot be looped"):
        mixer.play(isocord.Mixer(), loop=True)
    with pytest.raises(TypeError):
        mixer.play(3)  # type: ignore[arg-type]
    with pytest.raises(isocord.AudioFileError):
        mixer.play("/nowhere/at/all.wav")
    with pytest.raises(ValueError, match="volume must be"):
        isocord.Mixer(volume=float("nan"))
    mixer.play(source)
    with pytest.raises(isocord.AudioFileError, match="plays"):
        mixer.play(source)
    assert left(mixer, 2) == [5] * 2 * FRAME
    layer = mixer.play(flat(2, 5))
    for wrong in (lambda: layer.fade(17.0, 1.0), lambda: layer.stop(fade=-1.0), lambda: layer.seek(-1.0)):
        with pytest.raises(ValueError, match="must"):
            wrong()


def test_it_is_read_or_plays_natively_and_never_both() -> None:
    mixer = isocord.Mixer()
    mixer.play(flat(2, 5))
    mixer.read()
    with pytest.raises(isocord.AudioFileError, match="plays already"):
        _native.Track.native(mixer)
    mixer.cleanup()
    track = _native.Track.native(mixer)
    with pytest.raises(isocord.AudioFileError, match="natively"):
        mixer.read()
    del track
    mixer.play(flat(1, 7))
    assert left(mixer, 1) == [7] * FRAME


def test_a_mixer_in_a_mixer() -> None:
    inner, outer = isocord.Mixer(volume=0.5), isocord.Mixer()
    inner.play(flat(5, 1_000))
    layer = outer.play(inner, volume=0.5)
    assert left(outer, 1)[-1] == 250
    inner.volume = 1.0
    assert left(outer, 1)[-1] == 500
    assert left(outer, 3)[-1] == 500
    assert outer.read() == b""
    assert layer.ended


def test_threads_may_ask_anything_while_it_is_read() -> None:
    mixer = isocord.Mixer(endless=True)
    stop = threading.Event()
    failures: list[BaseException] = []

    def ask(number: int) -> None:
        try:
            while not stop.is_set():
                layer = mixer.play(flat(20, number), fade_in=0.01, duck=0.5 if number % 2 else None)
                layer.fade(0.5, 0.05)
                layer.seek(0.1)
                layer.pause()
                layer.volume = 0.3
                layer.resume()
                assert layer.position >= 0.0
                layer.stop(fade=0.02)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        assert len(mixer.read()) == 3_840
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures
    mixer.stop()
    left(mixer, 5)
    assert "0 layers" in repr(mixer)
