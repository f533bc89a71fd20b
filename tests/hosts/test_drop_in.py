"""Bots that ask for the library's own class get a yes, and bots that do not say ``cls=`` get isocord."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

import isocord
from isocord.hosts import host_of, present_hosts

from .world import LIBRARY, World, library

pytestmark = pytest.mark.skipif(LIBRARY == "hikari", reason="hikari has no voice client of its own")

HOST = present_hosts()[0]
HOMES = {home.__name__: vars(home).get("VoiceClient") for home in HOST.client_homes}
needs_own = pytest.mark.skipif(HOST.voice_client is None, reason="the library refuses its class without its extras")


@pytest.fixture
def installed() -> Iterator[None]:
    isocord.install()
    yield
    isocord.uninstall()


def own_class() -> Any:
    """The class by the name that bots write."""
    return importlib.import_module("discord.voice" if "discord.voice" in HOMES else LIBRARY).VoiceClient


@needs_own
async def test_it_passes_for_the_librarys_own_class(world: World) -> None:
    voice = await world.connect()
    own = own_class()
    assert own is HOST.voice_client
    assert isinstance(voice, own)
    assert isinstance(voice, isocord.VoiceClient)
    assert isinstance(voice, HOST.voice_protocol)
    assert voice.__class__.__name__ == "VoiceClient"
    assert not isinstance(voice, library.Client)


@needs_own
async def test_it_inherits_nothing_of_it(world: World) -> None:
    voice = await world.connect()
    assert not issubclass(type(voice), own_class())
    assert not hasattr(voice, "_get_voice_packet")


@needs_own
async def test_a_class_of_the_bots_own_passes_too(world: World) -> None:
    class Mine(isocord.VoiceClient):
        pass

    voice = await world.connect(cls=Mine)
    assert isinstance(voice, Mine)
    assert isinstance(voice, own_class())
    assert type(voice).__name__ == "Mine"


class TestInstall:
    async def test_channels_connect_with_it(self, world: World, installed: None) -> None:
        voice = await world.channel().connect()
        assert isinstance(voice, isocord.VoiceClient)
        assert voice.is_connected()
        assert world.guild.voice_client is voice
        if HOST.voice_client is not None:
            assert isinstance(voice, HOST.voice_client)

    async def test_the_name_of_the_librarys_class_means_it(self, world: World, installed: None) -> None:
        assert own_class() is isocord.VoiceClient
        voice = await world.channel().connect(cls=own_class())
        assert isinstance(voice, own_class())
        await voice.disconnect()

        class Mine(own_class()):  # type: ignore[misc]
            pass

        assert isinstance(await world.channel().connect(cls=Mine), isocord.VoiceClient)

    def test_it_is_undone_wholly(self) -> None:
        defaults = dict(HOST.connect.__kwdefaults__)  # type: ignore[union-attr]
        for _ in range(2):
            isocord.install()
        assert own_class() is isocord.VoiceClient
        for _ in range(2):
            isocord.uninstall()
        assert {home.__name__: vars(home).get("VoiceClient") for home in HOST.client_homes} == HOMES
        assert HOST.connect.__kwdefaults__ == defaults  # type: ignore[union-attr]

    async def test_what_is_connected_stays(self, world: World, installed: None) -> None:
        voice = await world.channel().connect()
        isocord.uninstall()
        assert voice.is_connected()
        await voice.move_to(world.channel("Music"))
        assert world.guild.voice_client is voice

    async def test_the_host_stays_the_same(self, installed: None) -> None:
        assert HOST.voice_client is not isocord.VoiceClient
        assert present_hosts() == [HOST]
        assert host_of(library.Client(intents=library.Intents.default())) is HOST
