"""The desk's sources around one another, in encrypted calls: what is heard is what was put in, and stays changeable."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import isocord

from .ears import FRAME, IDEAL, Ear, heard_by, sine
from .world import World, library, np, until

HALF = isocord.filters.Volume(volume=0.5)


class Layers:
    """The only layers of mixers."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def __call__(self, source: Any) -> Any:
        mixer = isocord.Mixer()
        self.made.append(mixer.play(source))
        return mixer

    def waited(self) -> bool:
        """Whether a mixer went on without one, for a busy machine had no time for it."""
        return any(layer.underruns for layer in self.made)


WRAPS: dict[str, Callable[[Any], Any]] = {
    "F": lambda source: isocord.Filtered(source, isocord.filters.HighPass(frequency=10)),
    "Q": isocord.Queue,
    "B": isocord.Broadcast,
}
CHAINS = ["FM", "FQ", "MF", "QF", "FF", "FMQ", "FQM", "MFQ", "MQF", "QFM", "QMF", "BFQ", "BFM", "BMF", "BQF"]


def wrapped(chain: str, source: Any, layers: Layers | None = None) -> Any:
    wraps = WRAPS | {"M": layers or Layers()}
    for wrap in reversed(chain):
        source = wraps[wrap](source)
    return source


def samples(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def written(path: Path) -> isocord.StreamSource:
    stream = isocord.StreamSource(48_000, 2)
    stream.write_nowait(samples(path))
    stream.finish()
    return stream


LEAVES: dict[str, Callable[[Path], Any]] = {
    "file": isocord.AudioFile,
    "stream": written,
    "python": lambda path: library.PCMAudio(io.BytesIO(samples(path))),
}


@pytest.mark.parametrize("leaf", LEAVES)
async def test_all_of_it_is_heard_once_and_as_it_is(
    world: World, tmp_path: Path, leaf: str, pytestconfig: pytest.Config
) -> None:
    # A media node that is told late has let the first frames of what begins go (docs/cluster.md).
    late = 3 if pytestconfig.getoption("--carried") == "elsewhere" else 0
    voice = await world.connect()
    listener = world.discord.listen("General")
    path = sine(tmp_path / "sine.wav", 1.0)
    for chain in CHAINS:
        before, underruns, layers = len(listener.arrivals()), voice.stats.underruns, Layers()
        source = wrapped(chain, LEAVES[leaf](path), layers)
        assert await asyncio.wait_for(voice.play(source, wait_finish=True), 15) is None, chain
        sent = voice.elapsed().total_seconds()
        assert sent >= 1.0, chain
        await heard_by(world, listener, before + round(sent * 50))
        if voice.stats.underruns != underruns or layers.waited() or getattr(source, "simplified", 0):
            # A busy machine has torn it up, or made less of it.
            continue
        decoder = isocord._native.OpusDecoder()
        heard = [decoder.decode(arrival.opus) for arrival in listener.arrivals()[before:] if not arrival.is_silence]
        frames = np.frombuffer(b"".join(heard), "<i2")[::2].astype(float).reshape(-1, FRAME)
        # A mixer waits for nothing that has yet to begin: where a busy machine takes its time there is silence.
        unbegun = int(np.argmax(np.abs(frames).max(axis=1) > 1_000))
        # A frame more at the most, in which a sound goes out.
        assert sent - 0.02 * unbegun <= 1.041, chain
        sound = frames[unbegun:].ravel()[5 * FRAME : (48 - late) * FRAME]
        assert np.abs(sound).max() == pytest.approx(16_000, rel=0.03), chain
        assert np.abs(np.diff(sound, 2)).max() <= 2 * IDEAL, chain


@pytest.mark.parametrize("chain", [chain for chain in CHAINS if chain[0] != "B"])
async def test_it_takes_a_place_and_its_filters_change_while_it_plays(world: World, tmp_path: Path, chain: str) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    ear, told = Ear(listener), list[Any]()
    inner = isocord.Filtered(sine(tmp_path / "two.wav", 30.0, 700))
    source = wrapped(chain, inner)
    voice.play(isocord.AudioFile(sine(tmp_path / "one.wav", 30.0, 400)), after=told.append)
    await heard_by(world, listener, 10)
    voice.source = source
    await until(lambda: abs(ear.tone(700) - 1.0) < 0.05)
    start = ear.sound().size
    inner.filters = [HALF]
    await until(lambda: abs(ear.tone(700) - 0.5) < 0.03)
    if isinstance(source, isocord.Filtered):
        source.filters = [HALF]
        await until(lambda: abs(ear.tone(700) - 0.25) < 0.03)
        source.filters = ()
        await until(lambda: abs(ear.tone(700) - 0.5) < 0.03)
    inner.filters = ()
    await until(lambda: abs(ear.tone(700) - 1.0) < 0.05)
    if voice.stats.underruns == 0:
        bends = np.abs(np.diff(ear.sound()[start:], 2))
        assert bends.max() <= 2 * IDEAL * (700 / 240) ** 2
    voice.stop()
    await until(lambda: told == [None])


async def test_none_plays_in_two_places(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    path = sine(tmp_path / "one.wav", 30.0)
    for chain in ("F", "M", "Q"):
        source = wrapped(chain, isocord.AudioFile(path))
        outer = isocord.Mixer()
        outer.play(source)
        for again in (isocord.Filtered, isocord.Broadcast, outer.play, voice.play):
            with pytest.raises(isocord.AudioFileError, match=r"already plays|plays already"):
                again(source)
    with pytest.raises(TypeError, match="make a Broadcast of that one"):
        isocord.Filtered(isocord.Broadcast(path))
