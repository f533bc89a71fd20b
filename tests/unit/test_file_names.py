"""Names of files that strangers have a say in."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocord.sinks import FLACSink, MKASink, MP3Sink, OGGSink, WaveSink
from isocord.sinks.naming import Given, Names, clean, is_template, numbered

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=timezone.utc)


@given(st.text(max_size=300))
def test_whatever_somebody_is_called_it_is_one_plain_name(name: str) -> None:
    found = clean(name, 42)
    assert found
    assert os.path.basename(found) == found
    assert found not in (".", "..")
    assert not found.startswith((".", " "))
    assert not found.endswith((".", " "))
    assert not set(found) & set('<>:"/\\|?*\0\n\u202e')
    assert len(found.encode()) <= 61


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\x", "C__x"),
        ("con.wav", "_con.wav"),
        ("\u202egnp.exe", "gnp.exe"),
        ("  Anna Bärbel  ", "Anna Bärbel"),
        ("...", "42"),
        ("\ud800", "42"),
        (None, "42"),
    ],
)
def test_names_that_lead_elsewhere(name: str | None, want: str) -> None:
    assert clean(name, 42) == want


def names(template: str) -> Names:
    guild, channel = SimpleNamespace(name="My/Guild", id=1), SimpleNamespace(name="", id=77)
    return Names(template, NOW, guild, channel)


@pytest.mark.parametrize(("first", "second"), [(None, "Bob"), ("Bob", "Robert"), ("Bob", None)])
def test_parts_of_a_track_have_one_name(tmp_path: Path, first: str | None, second: str | None) -> None:
    made = names(f"{tmp_path}/{{user}} {{part}}.ogg")
    called = first or "5"
    assert [made.path(5, first, 1), made.path(5, second, 2)] == [f"{tmp_path}/{called} {part}.ogg" for part in (1, 2)]


def test_a_template_names_each_part(tmp_path: Path) -> None:
    made = names(f"{tmp_path}/{{guild}}/{{date}}/{{channel}} {{date:%H-%M}} {{user}}.flac")
    first = made.path(5, "Bob", 1)
    assert first == f"{tmp_path}/My_Guild/2026-03-04/77 05-06 Bob.flac"
    assert os.path.isdir(os.path.dirname(first))
    assert made.path(5, "Bob", 2) == f"{tmp_path}/My_Guild/2026-03-04/77 05-06 Bob-002.flac"
    assert made.path(6, None, 1).endswith("77 05-06 6.flac")
    assert names(f"{tmp_path}/{{part:04}}-{{user_id}}.wav").path(5, "Bob", 3) == f"{tmp_path}/0003-5.wav"
    assert names(f"{tmp_path}/{{user}}.wav").path(None, None, 1) == f"{tmp_path}/all.wav"


def test_two_of_one_name_have_two_files() -> None:
    given = Given()
    assert given.once("a/Bob.wav", 1, 1) == "a/Bob.wav"
    assert given.once("a/Bob.wav", 2, 1) == "a/Bob-2.wav"
    assert given.once("a/Bob.wav", 1, 2) == "a/Bob-002.wav"
    assert given.once("a/Bob.wav", 2, 2) == "a/Bob-2-002.wav"
    # Who comes again for the same part has dropped what there was.
    assert given.once("a/Bob.wav", 2, 2) == "a/Bob-2-002.wav"
    assert given.once("a/Bob-2-003.wav", 4, 1) == "a/Bob-2-003.wav"
    assert given.once("a/Bob-003.wav", 4, 2) == "a/Bob-003.wav"
    assert given.once("a/Bob-2.wav", 4, 3) == "a/Bob-2-4.wav"
    with pytest.raises(ValueError, match=r"'a/Bob\.wav' is written already"):
        given.once("a/Bob.wav", 2, 3)
    given.release()
    assert numbered("a.b/c", "-002") == "a.b/c-002"


def test_no_two_recordings_write_to_one_path(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    os.symlink(there, tmp_path / "also")
    one, other = Given(), Given()
    one.once(there / "all.wav", "mixdown", 1)
    for name in (there / "all.wav", f"{there}/../also/all.wav", os.path.relpath(there / "all.wav")):
        with pytest.raises(ValueError, match=r"another recording writes to '.*all\.wav'"):
            other.once(name, "mixdown", 1)
    assert other.once(there / "other.wav", "mixdown", 1) == there / "other.wav"
    one.release()
    assert other.once(there / "all.wav", 7, 1) == there / "all.wav"
    other.release()


def test_a_device_may_be_written_by_many() -> None:
    assert [Given().once(os.devnull, 1, 1) for _ in range(2)] == [os.devnull] * 2


def test_what_is_a_template() -> None:
    assert is_template("{user}.wav")
    assert is_template("x/{date:%H}.wav")
    assert not any(map(is_template, ("plain", "{x}", "{", "a}b", "{}", "{{user}}")))


@pytest.mark.parametrize("template", ["{user}{nobody}.wav", "{date}.wav", "{user:d}.wav", "{user_id:%H}x.wav"])
def test_templates_that_cannot_name_files_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"file|known"):
        WaveSink(template)


@pytest.mark.parametrize("path", ["{foo}", "{user}-{foo}", "a/{user_id.real}", "{date.year}", "there{x}/{foo:03}"])
def test_fields_that_there_are_none_of_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there{x}").mkdir()
    for made in (lambda: WaveSink(path), lambda: OGGSink("x", mixdown=path), lambda: WaveSink(path, mixdown=True)):
        with pytest.raises(ValueError, match=r"has '\S+': known are channel"):
            made()


@pytest.mark.parametrize("path", ["there{x}", "there{x}/new", "a{", "{}", "{0}", "a}b", "{{user}}"])
def test_braces_that_are_none_of_a_template_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there{x}").mkdir()
    assert (WaveSink(path).layout, WaveSink(path, mixdown=True).layout) == ("users", "mixdown")


def test_an_empty_path_is_none() -> None:
    for made in (lambda: WaveSink(""), lambda: WaveSink("x", mixdown=""), lambda: MKASink("", tracks=True)):
        with pytest.raises(ValueError, match="empty"):
            made()


def test_a_file_for_all_needs_no_user() -> None:
    assert MKASink("{date}-{channel}.mka", tracks=True).layout == "tracks"
    assert FLACSink("{date}.flac", mixdown=True).layout == "mixdown"


@pytest.mark.parametrize("split", [0.5, -1, float("nan"), float("inf"), "", "25", "MB", "day", "-3 MB", b"1 MB", 1e12])
def test_splits_that_are_none_are_refused(split: Any) -> None:
    with pytest.raises(ValueError, match="split"):
        WaveSink("x", split=split)


def test_splits_that_are_some() -> None:
    kept: dict[Any, Any] = {
        300: ("samples", 14_400_000),
        1.5: ("samples", 72_000),
        "25 MB": ("bytes", 25_000_000),
        "8MiB": ("bytes", 8 << 20),
        "1.5 gb": ("bytes", 1_500_000_000),
        "500kB": ("bytes", 500_000),
        "9000 B": ("bytes", 9_000),
        "hour": ("hours", 0),
    }
    for split, want in kept.items():
        assert OGGSink("x", split=split)._split == want
    with pytest.raises(ValueError, match="max_size"):
        MP3Sink("x", max_size=5, split="25 MB")
    with pytest.raises(TypeError, match="on_part"):
        MP3Sink("x", on_part=5)  # type: ignore[arg-type]
