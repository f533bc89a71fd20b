"""Voice clients whose sound is carried by media nodes in other processes, and what happens when those are lost.

That everything else is as ever is shown by the tests of each host with ``--carried elsewhere``.
"""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncIterator
from typing import Any

import pytest

import isocord
from isocord.remote import MediaNode, NodeAddress, voice_client
from tests.hosts.world import RATE, Tone, World, has_sources, joins_with_isocord, library, logged_in, np, share, until

from .media_nodes import NodeProcess, media_nodes

pytestmark = [has_sources, joins_with_isocord]


@pytest.fixture
async def call() -> AsyncIterator[World]:
    async with logged_in() as made:
        yield made


class Numbered(library.AudioSource):  # type: ignore[misc, name-defined]
    """Opus packets that bear their number, so that a listener can tell which have come."""

    def __init__(self, count: int) -> None:
        self.count, self.given = count, 0

    def is_opus(self) -> bool:
        return True

    def read(self) -> bytes:
        if self.given >= self.count:
            return b""
        self.given += 1
        return b"\xfc" + self.given.to_bytes(2, "big") * 20

    def cleanup(self) -> None:
        pass


def numbers(listener: Any) -> list[int]:
    """Those of the packets that have come."""
    came = [arrival.opus for arrival in listener.arrivals() if arrival.opus and len(arrival.opus) == 41]
    return [int.from_bytes(packet[1:3], "big") for packet in came]


async def connected(call: World, nodes: list[NodeProcess]) -> Any:
    """A voice client that takes the first of the nodes that is there."""
    return await call.connect(voice_client([node.address for node in nodes]))


@pytest.mark.parametrize("how", ["kill", "pause"])
async def test_a_node_that_is_lost_is_replaced_and_what_plays_goes_on_at_its_place(call: World, how: str) -> None:
    with media_nodes(2) as nodes:
        voice = await connected(call, nodes)
        listener = call.discord.listen("General")
        await until(lambda: voice.privacy_code)
        source = Numbered(400)
        voice.play(source)
        await until(lambda: len(numbers(listener)) > 50)
        getattr(nodes[0], how)()
        lost_at = numbers(listener)[-1]
        await until(lambda: numbers(listener)[-1] > lost_at + 50, 30)
        if how == "pause":
            nodes[0].resume()
        await until(lambda: not voice.is_playing(), 30)
        # The last one has left, and is on its way to the listener.
        await until(lambda: numbers(listener)[-1] == 400)
        heard = numbers(listener)
        # What the bot had been told of before is not said again, nor is more than a moment left out.
        assert len(heard) > 350
        assert max(after - before for before, after in zip(heard, heard[1:], strict=False)) <= 50
        # Nor does a node that stood still speak beside its successor.
        assert sum(after <= before for before, after in zip(heard, heard[1:], strict=False)) <= 1
        assert voice.stats.packets_sent
        await voice.disconnect()


async def test_a_recording_goes_on_at_another_node(call: World) -> None:
    with media_nodes(2) as nodes:
        voice = await connected(call, nodes)
        file = io.BytesIO()
        recording = voice.start_recording(isocord.sinks.WaveSink(file, mixdown=True))
        alice = call.discord.speak("General", user="alice")
        alice.play(np.frombuffer(tone(440.0, 1.0), dtype="<i2").tobytes())
        await until(lambda: not alice.is_playing)
        phases = len(call.phases())
        nodes[0].kill()
        await until(lambda: isocord.Phase.CONNECTED in call.phases()[phases:], 30)
        await until(lambda: voice.privacy_code)
        alice.play(tone(1000.0, 1.0))
        await until(lambda: not alice.is_playing)
        report = await recording.stop()
        assert report.error is None
        with wave.open(io.BytesIO(file.getvalue())) as opened:
            sound = np.frombuffer(opened.readframes(opened.getnframes()), dtype="<i2").reshape(-1, 2)[:, 0]
        loud = [sound[at : at + RATE // 2] for at in range(0, len(sound) - RATE // 2, RATE // 10)]
        assert max(share(part, 440.0) for part in loud if part.any()) > 0.9
        assert max(share(part, 1000.0) for part in loud if part.any()) > 0.9
        await voice.disconnect()


def tone(frequency: float, seconds: float) -> bytes:
    at = np.arange(int(RATE * seconds)) / RATE
    return np.repeat((np.sin(2 * np.pi * frequency * at) * 8000).astype("<i2"), 2).tobytes()


async def test_a_node_that_is_closed_gives_its_connections_to_another(call: World) -> None:
    with MediaNode() as first, MediaNode() as second:
        voice = await call.connect(voice_client([first.address, second.address]))
        assert (first.connections, second.connections) == (1, 0)
        first.close()
        await until(lambda: second.connections == 1)
        await until(lambda: voice.state.phase is isocord.Phase.CONNECTED)
        await voice.disconnect()
        await until(lambda: second.connections == 0)


async def test_where_there_is_no_node_connect_says_so(call: World) -> None:
    with MediaNode() as node:
        address = node.address
    with pytest.raises(isocord.IsocordError, match="media node"):
        await call.connect(voice_client(address), timeout=2)
    with pytest.raises(isocord.IsocordError, match="no media node"):
        await call.connect(voice_client([]), timeout=2)


async def test_a_node_lets_nobody_in_without_its_key(call: World) -> None:
    with MediaNode() as node, MediaNode() as other:
        address = node.address
        wrong_key = NodeAddress(address.host, address.port, address.certificate, bytes(32))
        with pytest.raises(isocord.IsocordError):
            await call.connect(voice_client(wrong_key), timeout=2)
        # Nor does a bot tell anything to a node with another certificate.
        impostor = NodeAddress(other.address.host, other.address.port, address.certificate, address.key)
        with pytest.raises(isocord.IsocordError, match="certificate"):
            await call.connect(voice_client(impostor), timeout=2)
        assert (node.connections, other.connections) == (0, 0)


async def test_what_is_secret_is_in_no_text(call: World) -> None:
    with MediaNode() as node:
        for shown in (repr(node), repr(node.address), str(node.address)):
            assert "PRIVATE" not in shown
            assert "CERTIFICATE" not in shown
            assert repr(node.address.key)[2:10] not in shown


async def test_the_later_of_two_clients_for_a_guild_is_the_valid_one(call: World) -> None:
    with MediaNode() as node:
        cls = voice_client(node.address)
        voice = await call.connect(cls)
        await voice.disconnect()
        again = await call.connect(cls)
        assert node.connections == 1
        again.play(Tone(20))
        await until(lambda: not again.is_playing())
        await again.disconnect()
        await asyncio.sleep(0)
        await until(lambda: node.connections == 0)
