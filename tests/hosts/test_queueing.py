"""What a listener hears of a queue: joins without a gap, and what is asked while it plays."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import isocord

from .ears import FRAME, IDEAL, Ear, heard_by, sine
from .world import RATE, Tone, World, np, until, wave_file


def music(seconds: float) -> Any:
    """Chirps and noise, which correlate with themselves at one place only."""
    at = np.arange(int(seconds * RATE)) / RATE
    rng = np.random.default_rng(7)
    noise = np.convolve(rng.normal(size=at.size), np.ones(12) / 12, "same")
    swell = 0.75 + 0.25 * np.sin(2 * np.pi * 0.7 * at)
    return (6_000 * swell * (np.sin(2 * np.pi * (200 + 150 * at) * at) + noise)).astype("<i2")


def write(path: Path, values: Any) -> Path:
    path.write_bytes(wave_file(np.repeat(values, 2).tobytes()))
    return path


def coded(path: Path, *options: str) -> Path:
    """The same in another format, by ffmpeg."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("there is no ffmpeg")
    out = path.with_suffix(options[0])
    subprocess.run(
        [ffmpeg, "-v", "error", "-y", "-i", str(path), *options[1:], str(out)], check=True, stdin=subprocess.DEVNULL
    )
    return out


def delay(heard: Any, original: Any) -> int:
    """By how many samples a piece of the original is heard later, by cross-correlation."""
    size = 1 << (heard.size + original.size).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(original, size))
    found = int(np.argmax(np.fft.irfft(product, size)))
    return found if found < size // 2 else found - size


FORMATS = {
    "wav": (),
    "flac": (".flac",),
    "mp3": (".mp3", "-c:a", "libmp3lame", "-b:a", "256k"),
    "opus": (".opus", "-c:a", "libopus", "-b:a", "256k", "-vbr", "off"),
}


@pytest.mark.parametrize("form", FORMATS)
async def test_a_sound_cut_in_two_is_heard_as_the_whole(world: World, tmp_path: Path, form: str) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    whole, cut = music(5.0), 2 * RATE + 12_345
    halves = [write(tmp_path / "one.wav", whole[:cut]), write(tmp_path / "two.wav", whole[cut:])]
    if FORMATS[form]:
        halves = [coded(half, *FORMATS[form]) for half in halves]
    queue = isocord.Queue(*halves)
    ear = Ear(listener)
    assert await asyncio.wait_for(voice.play(queue, wait_finish=True, complexity=10), 30) is None
    await until(lambda: [entry.error for entry in queue.history] == [None, None])
    heard = ear.sound()
    if voice.stats.underruns:
        pytest.skip("the machine is too busy for this")
    # Long pieces well inside both halves: from the one to the other nothing was put in and nothing left out.
    before, after = whole[RATE : 2 * RATE].astype(float), whole[cut + RATE // 2 : cut + 3 * RATE // 2].astype(float)
    apart = delay(heard, after) - delay(heard, before)
    assert abs(apart - (cut + RATE // 2 - RATE)) <= 1
    # No dip: the level of each 10 ms around the join is that of the original.
    start = delay(heard, before) - RATE + cut
    for step in range(-8, 8):
        piece = slice(start + step * 480, start + (step + 1) * 480)
        place = slice(cut + step * 480, cut + (step + 1) * 480)
        level, wanted = (np.sqrt(np.mean(values.astype(float) ** 2)) for values in (heard[piece], whole[place]))
        assert 20 * abs(np.log10(level / wanted)) < 2.0, f"{step}: {level} where {wanted} is right"


async def test_a_skip_is_heard_at_once_and_without_a_click(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    queue = isocord.Queue(sine(tmp_path / "one.wav", 20.0), isocord.AudioFile(sine(tmp_path / "two.wav", 20.0)))
    queue.upcoming[1].source.volume = 0.5  # type: ignore[union-attr]
    ear = Ear(listener)
    voice.play(queue)
    await heard_by(world, listener, 20)
    await until(lambda: queue.now is not None)
    first, second = queue.now, queue.upcoming[0]
    sent = len(listener.arrivals())
    queue.skip()
    assert queue.now is second
    await until(lambda: ear.level() == pytest.approx(0.5, abs=0.03))
    assert queue.history == (first,)
    if voice.stats.underruns == 0:
        sound = ear.sound()
        assert np.abs(np.diff(sound[10 * FRAME :], 2)).max() <= 2 * IDEAL + 300
        levels = [np.abs(sound[at : at + FRAME]).max() / 16_000 for at in range(0, sound.size - FRAME, FRAME)]
        changed = next(at for at, level in enumerate(levels) if at > 10 and level < 0.75)
        # Far less than what was encoded ahead, which a busy machine may take some of.
        assert changed <= sent + 18
    voice.stop()


async def test_it_goes_on_with_whatever_can_be_played_and_tells_when_it_is_heard(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    queue = isocord.Queue(crossfade=0.0)
    events = queue.events()
    tone = Tone(20)

    async def make() -> Path:
        return sine(tmp_path / "made.wav", 0.5)

    one, two, three = queue.add(sine(tmp_path / "one.wav", 0.5)), queue.add(tone), queue.add(make)
    four = queue.add(lambda: 1 // 0)  # type: ignore[arg-type, return-value]
    failed = asyncio.get_running_loop().create_future()
    voice.play(queue, after=failed.set_result)
    told: list[isocord.QueueEvent] = []
    while not told or told[-1].kind != "empty":
        told.append(await asyncio.wait_for(anext(events), 20))
        if told[-1].kind == "started" and told[-1].entry is one:
            # It has left; the listener is told by another thread.
            await until(lambda: bool(listener.arrivals()))
    assert await asyncio.wait_for(failed, 15) is None
    heard = [(event.kind, event.entry) for event in told if event.kind != "failed"]
    wanted = [(kind, entry) for entry in (one, two, three) for kind in ("started", "ended")]
    assert heard == [*wanted, ("empty", None)]
    assert isinstance(four.error, ZeroDivisionError)
    assert tone.cleaned == 1


async def test_it_goes_on_where_it_was_stopped_and_as_a_layer_of_a_mixer(world: World, tmp_path: Path) -> None:
    voice = await world.connect()
    listener = world.discord.listen("General")
    queue = isocord.Queue(sine(tmp_path / "one.wav", 20.0), endless=True)
    voice.play(queue)
    await heard_by(world, listener, 25)
    with pytest.raises(isocord.AudioFileError, match="plays already"):
        isocord.Mixer().play(queue)
    voice.stop()
    place = queue.position
    assert 0.3 < place < 15.0
    mixer = isocord.Mixer()
    layer = mixer.play(queue)
    voice.play(mixer)
    await until(lambda: queue.position > place + 0.3)
    assert queue.position < place + 15.0
    layer.stop()
    await asyncio.wait_for(asyncio.ensure_future(layer), 15)


@pytest.mark.parametrize("loop", ["off", "one", "all"])
@pytest.mark.parametrize("frames", [20, 60])
async def test_a_source_in_python_is_heard_once_also_where_all_is_repeated(
    world: World, loop: isocord.desk.queue.queue.Loop, frames: int
) -> None:
    voice = await world.connect()
    queue = isocord.Queue(Tone(frames), loop=loop)
    (entry,) = queue
    assert await asyncio.wait_for(voice.play(queue, wait_finish=True), 15) is None
    assert voice.elapsed().total_seconds() >= frames * 0.02
    assert queue.now is None
    assert (entry.error is None) == (loop == "off")


async def test_an_entry_knows_why_it_ended_also_if_nobody_asks_for_events(world: World) -> None:
    voice = await world.connect()
    failure = OSError("the far end is gone")
    queue = isocord.Queue(Tone(20, failure))
    (entry,) = queue
    assert await asyncio.wait_for(voice.play(queue, wait_finish=True), 15) is None
    assert entry.error is failure


async def test_a_function_that_wants_to_end_more_than_itself_is_called_with_what_follows(world: World) -> None:
    told: list[str] = []

    def leave(event: isocord.QueueEvent) -> None:
        told.append(event.kind)
        raise SystemExit("enough")

    voice, queue = await world.connect(), isocord.Queue("no/such/one.wav", "no/such/other.wav")
    queue.on_event(leave)
    voice.play(queue)
    await until(lambda: told == ["failed", "failed"])
