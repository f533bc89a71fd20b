"""Fixtures of the unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from isocord.playing.manners import Manners

from . import fakes
from .connection_world import World
from .stages import Stage

# How long an example takes says nothing where the machine is busy.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture
def fake_native(monkeypatch: pytest.MonkeyPatch) -> None:
    """The native module's parts that touch threads and sockets, replaced."""
    fakes.replace_native(monkeypatch)


@pytest.fixture
def stage() -> Iterator[Stage]:
    made = Stage(Manners())
    yield made
    made.close()


@pytest.fixture
def old_stage() -> Iterator[Stage]:
    made = Stage(Manners(after_first=False, resolve_on_stop=False))
    yield made
    made.close()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A connection with a scripted voice server; the native module has to be replaced as well."""
    made = World(monkeypatch)
    yield made
    made.close()
