"""What isocord's own sinks refuse when they are made."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isocord import sinks

KINDS = [getattr(sinks, name) for name in sinks.__all__ if name.endswith("Sink") and name != "AnySink"]
FILE_SINKS = [kind for kind in KINDS if issubclass(kind, sinks.FileSink) and kind is not sinks.FileSink]
MP3 = (32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)


def test_bit_rates() -> None:
    for bitrate in MP3:
        assert sinks.MP3Sink(bitrate=bitrate).bitrate == bitrate
    for wrong in (-1, 0, 1, 56, 100, 321, 1 << 40):
        with pytest.raises(
            ValueError, match="one of 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320 kbit/s, not"
        ):
            sinks.MP3Sink(bitrate=wrong)
    for kind in (sinks.MP4Sink, sinks.M4ASink):
        assert [kind(bitrate=bitrate).bitrate for bitrate in (8, 100, 576)] == [8, 100, 576]
        for wrong in (-1, 0, 7, 577, 1 << 40):
            with pytest.raises(ValueError, match="8 to 576 kbit/s, not"):
                kind(bitrate=wrong)
    for no_number in (128.0, "128", None):
        with pytest.raises(TypeError):
            sinks.MP3Sink(bitrate=no_number)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", FILE_SINKS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"time": -1},
        {"time": float("nan")},
        {"max_size": -1},
        {"max_size": 1 << 64},
        {"users": [-1]},
        {"users": [1 << 64]},
        {"users": ["bob"]},
    ],
)
def test_limits_that_cannot_be(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        kind(**wrong)
    with pytest.raises(ValueError):  # noqa: PT011
        kind(filters=wrong)


def test_limits_of_sinks_in_python() -> None:
    for wrong in ({"time": -1}, {"time": float("nan")}, {"max_size": -1}):
        with pytest.raises(ValueError, match="0 or more"):
            sinks.Sink(**wrong)


def test_filters_as_pycord_has_them() -> None:
    sink = sinks.WaveSink(filters={"users": None, "time": None, "max_size": None})
    assert (sink.filtered_users, sink.seconds, sink.max_size) == (frozenset(), 0, 0)
    assert sinks.WaveSink(users=[SimpleNamespace(id=5), 6]).filtered_users == {5, 6}


@pytest.mark.parametrize("kind", FILE_SINKS)
def test_a_directory_that_is_called_like_a_file(kind: Any, tmp_path: Path) -> None:
    for name in (f"call.{kind.encoding}", "call.WAV", "call.opus"):
        for target in (name, tmp_path / name):
            with pytest.raises(ValueError, match="mixdown=True"):
                kind(target)
            assert kind(target, mixdown=True).layout == "mixdown"
    assert not list(tmp_path.iterdir())
    for name in ("call", "2026.11.22", "call.d"):
        assert kind(tmp_path / name).layout == "users"
    (tmp_path / "old.wav").mkdir()
    assert kind(tmp_path / "old.wav").layout == "users"


def test_a_file_of_many_tracks() -> None:
    for kind in (sinks.MKASink, sinks.MKVSink, sinks.WebMSink):
        assert kind(f"call.{kind.encoding}", tracks=True).layout == "tracks"
        with pytest.raises(ValueError, match="tracks=True"):
            kind("call.mka")
        with pytest.raises(ValueError, match="mixdown or tracks"):
            kind("call.mka", tracks=True, mixdown=True)


def test_targets_of_another_kind() -> None:
    for wrong in (5, object(), io.StringIO(), [], b"call"):
        with pytest.raises(TypeError, match="target"):
            sinks.WaveSink(wrong)  # type: ignore[arg-type]
    closed = io.BytesIO()
    closed.close()
    with pytest.raises(ValueError, match="closed"):
        sinks.WaveSink(closed, mixdown=True)
