""":class:`isocord.Filtered`: a source whose filters may be others at any time."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import discord
import numpy as np
import pytest

import isocord
from isocord import _native, filters
from isocord.errors import AudioFileError
from isocord.filters import Echo, Equalizer, Timescale, Tremolo, Volume
from tests import pages
from tests.interop.wire import SILENCE, Server

from .sounds import RATE, as_file, noise, read_all, samples, stereo, tone

DOCS = Path(__file__).resolve().parents[2] / "docs" / "filters.md"


def test_without_filters_it_is_the_source() -> None:
    # What is 16 bits is kept exactly.
    sound = np.round(stereo(noise(0.5), noise(0.5, seed=2)) * 32_768) / 32_768
    plain = samples(b"".join(iter(as_file(sound).read, b"")))
    assert np.array_equal(read_all(isocord.Filtered(as_file(sound))), plain)


def test_the_end_is_the_source_s_to_the_sample_and_silent_up_to_the_frame() -> None:
    sound = np.full(1_000, 0.5)
    out = read_all(isocord.Filtered(as_file(sound), Volume(0.5)))
    assert len(out) == 2 * 960
    assert np.abs(out[:1_000] - 0.25).max() < 1e-3
    assert not out[1_000:].any()


def test_filters_are_read_and_set_as_records() -> None:
    source = isocord.Filtered(as_file(tone(440, 1)), Tremolo(), volume=0.5)
    assert source.filters == (Tremolo(),)
    source.filters = iter([Equalizer(bass=0.2), Timescale(speed=1.2)])
    assert source.filters == (Equalizer(bass=0.2), Timescale(speed=1.2))
    source.filters = filters.nightcore
    assert source.filters == filters.nightcore
    source.filters = []
    assert source.filters == ()
    assert (source.volume, source.duration, source.position) == (0.5, 1.0, 0.0)
    assert repr(isocord.Filtered(as_file(tone(440, 1)), Tremolo())).endswith("Tremolo(frequency=2.0, depth=0.5),)>")


def test_what_is_no_filter_is_refused_and_changes_nothing() -> None:
    source = isocord.Filtered(as_file(tone(440, 1)), Tremolo())
    wrong: list[tuple[Any, type[Exception], str]] = [
        (Tremolo(), TypeError, "one after the other"),
        ([Tremolo], TypeError, "filters must be filters"),
        (["nightcore"], TypeError, "filters must be filters"),
        (None, TypeError, "filters must be filters"),
        ([Tremolo()] * 33, ValueError, "at most 32 filters, not 33"),
        ([Timescale(), *filters.nightcore], ValueError, "one timescale at most"),
    ]
    for value, error, match in wrong:
        with pytest.raises(error, match=match):
            source.filters = value
    assert source.filters == (Tremolo(),)


def test_a_source_is_not_taken_where_something_is_wrong() -> None:
    file = as_file(tone(440, 1))
    with pytest.raises(TypeError):
        isocord.Filtered(file, "loud")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="volume"):
        isocord.Filtered(file, volume=17.0)
    with pytest.raises(TypeError, match="AudioSource"):
        isocord.Filtered(5)  # type: ignore[arg-type]
    assert len(read_all(isocord.Filtered(file))) == RATE
    with pytest.raises(AudioFileError):
        isocord.Filtered(file)


def test_filters_and_volume_change_with_the_next_frame_that_is_read() -> None:
    source = isocord.Filtered(as_file(np.full(RATE, 0.4)))
    assert samples(source.read()) == pytest.approx(0.4, abs=1e-3)
    source.filters = [Volume(0.5)]
    assert samples(source.read()) == pytest.approx(0.2, abs=1e-3)
    source.volume = 0.5
    source.read()
    assert samples(source.read()) == pytest.approx(0.1, abs=1e-3)
    source.filters = []
    source.volume = 1.0
    source.read()
    assert samples(source.read()) == pytest.approx(0.4, abs=1e-3)


def test_it_seeks_in_the_source_and_says_where_it_is() -> None:
    sound = np.linspace(0, 0.9, 4 * RATE)
    source = isocord.Filtered(as_file(sound), Timescale(rate=2.0))
    for _ in range(25):
        source.read()
    assert source.position == pytest.approx(1.0, abs=0.03)
    source.seek(3.0)
    # After 10 ms, which are 20 of the source.
    assert samples(source.read())[480, 0] == pytest.approx(0.9 * 3.02 / 4, abs=0.01)
    source.seek(5.0)
    assert source.read() == b""
    with pytest.raises(ValueError, match="position"):
        source.seek(-1)


def test_it_is_closed_with_its_source() -> None:
    file = as_file(tone(440, 1))
    source = isocord.Filtered(file, Echo())
    source.close()
    source.cleanup()
    for closed in (source, file):
        with pytest.raises(AudioFileError, match="closed"):
            closed.read()
    assert source.position == 0.0
    with pytest.raises(AudioFileError, match="closed"):
        source.volume = 0.5


def test_a_source_of_the_bot_library_is_filtered_too() -> None:
    pcm = (np.full((RATE // 2, 2), 0.4) * 32_768).astype("<i2").tobytes()
    source = isocord.Filtered(discord.PCMAudio(io.BytesIO(pcm)), Volume(0.5))
    out = read_all(source)
    assert len(out) == RATE // 2
    assert np.abs(out - 0.2).max() < 1e-3
    assert isinstance(source, discord.AudioSource)


LOOKAHEAD = 100
"""Two seconds."""


class Stage:
    """A connection to a server of the test's own, with a source that plays on it."""

    def __init__(self, source: isocord.Filtered, lookahead: int) -> None:
        self.server = Server("aead_aes256_gcm_rtpsize", bytes(32))
        self.connection = self.server.connect()
        self.track = _native.Track.native(source, lookahead=lookahead)
        self.connection.play(self.track)
        self._decoder = _native.OpusDecoder()

    def close(self) -> None:
        self.connection.close()
        self.server.close()

    def levels(self, frames: int) -> list[float]:
        found = []
        while len(found) < frames:
            packet = self.server.packet().opus
            if packet != SILENCE:
                found.append(float(np.abs(samples(self._decoder.decode(packet))).max()))
        return found

    def hear(self, holds: Callable[[float], bool]) -> None:
        """Before what may be made ahead is over, ten frames in a row have such a level."""
        found: list[float] = []
        while len(found) < 10 or not all(map(holds, found[-10:])):
            found += self.levels(1)
            assert len(found) < LOOKAHEAD


def test_a_change_is_heard_long_before_what_was_made_ahead_is_over() -> None:
    source = isocord.Filtered(as_file(tone(440, 30, 0.6)))
    stage = Stage(source, lookahead=LOOKAHEAD)
    assert max(stage.levels(20)[5:]) > 0.5
    source.filters = [Volume(0.1)]
    stage.hear(lambda level: level < 0.1)
    source.filters = []
    stage.hear(lambda level: level > 0.5)
    assert source.position > 0.5
    with pytest.raises(AudioFileError, match="plays natively"):
        source.read()
    stage.close()


BLOCKS = pages.python("docs/filters.md")


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_blocks_of_the_page_run(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scipy.io import wavfile

    wavfile.write(tmp_path / "song.wav", RATE, stereo(tone(440, 1)).astype(np.float32))
    monkeypatch.chdir(tmp_path)
    played: list[isocord.Filtered] = []

    class Voice:
        def play(self, source: isocord.Filtered) -> None:
            played.append(source)

    exec(compile(block, str(DOCS), "exec"), {"isocord": isocord, "voice": Voice()})
    assert all(len(read_all(source)) for source in played)


def test_the_page_names_every_filter_with_its_numbers() -> None:
    page = DOCS.read_text("utf-8")
    for kind in vars(filters).values():
        if isinstance(kind, type) and issubclass(kind, filters.Filter) and kind is not filters.Filter:
            row = next(line for line in page.splitlines() if line.startswith(f"| `{kind.__name__}` |"))
            if kind is filters.Equalizer:
                continue
            for name, default, least, most in _native.FILTERS[kind()._spec[0]]:
                assert f"`{name}`" in row, name
                if kind not in (filters.Distortion, filters.ChannelMix):
                    assert f"`{name}` {least:g} to {most:.15g} ({default:g})" in row, name
