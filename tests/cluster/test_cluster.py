"""Media nodes on a Ray cluster, and what a listener hears when they are lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from isocord.ray import Cluster, ClusterError
from isocord.testing import tone

from .stage import Heard, RayMachines, go_on, kill, staged, stop, until

pytestmark = pytest.mark.timeout(300)


async def test_a_killed_node_is_followed_by_another_one_and_started_again() -> None:
    async with staged(2) as stage:
        await stage.play()
        before = await stage.node()
        kill(before.pid)
        await stage.another(before)
        heard = Heard(await stage.arrivals())
        assert heard.lost <= 1.0 and heard.again <= 1.0 and heard.mixed == 0, heard

        async def is_back() -> bool:
            return any(one.node == before.node and one.pid != before.pid for one in stage.cluster.stats())

        await until(is_back)


async def test_a_killed_machine_is_followed_by_another_one() -> None:
    async with staged(2) as stage:
        await stage.play()
        before = await stage.node()
        stage.machines.kill(before.node)
        await stage.another(before)
        heard = Heard(await stage.arrivals())
        assert heard.lost <= 1.0 and heard.again <= 1.0 and heard.mixed == 0, heard


async def test_a_node_that_stood_still_comes_back_and_nobody_is_heard_twice() -> None:
    async with staged(2) as stage:
        await stage.play()
        before = await stage.node()
        stop(before.pid)
        try:
            await stage.another(before)
        finally:
            go_on(before.pid)
        # It would have a second of frames to send, and its websocket to keep.
        await stage.hears(150)
        heard = Heard(await stage.arrivals())
        assert heard.lost <= 1.0 and heard.again <= 1.0 and heard.mixed == 0, heard
        assert stage.voice.is_connected()

        async def is_empty() -> bool:
            return any(one.node == before.node and one.load.connections == 0 for one in stage.cluster.stats())

        await until(is_empty)


async def test_a_drained_node_is_left_and_begins_anew() -> None:
    async with staged(2) as stage:
        await stage.play()
        before = await stage.node()
        await stage.cluster.drain(before.node, within=5.0, restart=True)
        await stage.another(before)
        heard = Heard(await stage.arrivals())
        assert heard.lost <= 1.0 and heard.again <= 1.0 and heard.mixed == 0, heard
        with pytest.raises(ClusterError, match="no media node"):
            await stage.cluster.drain("nothing")

        async def is_back() -> bool:
            return any(
                one.node == before.node and one.pid != before.pid and not one.draining for one in stage.cluster.stats()
            )

        await until(is_back)


async def test_sound_goes_on_without_the_head_and_nodes_are_still_known() -> None:
    async with staged(2) as stage:
        await stage.play()
        before = await stage.node()
        stage.machines.kill_head()
        await stage.hears(500)
        assert Heard(await stage.arrivals()).lost == 0
        assert (await stage.node()).pid == before.pid
        # What was known goes on to hold: another node takes over all the same.
        kill(before.pid)
        await stage.another(before)
        heard = Heard(await stage.arrivals())
        assert heard.lost <= 1.0 and heard.mixed == 0, heard


async def test_a_bot_hears_through_its_node_and_all_nodes_can_be_ended() -> None:
    async with staged(1) as stage:
        await stage.play()
        bob = await asyncio.to_thread(stage.discord.speak, "General", user="bob")
        listening = stage.voice.listen()
        await asyncio.to_thread(bob.play, tone(440, 2.0))
        frame = await asyncio.wait_for(anext(aiter(listening)), 30.0)
        assert frame.user_id is not None
        listening.close()
        before = stage.cluster.stats()
        assert len(before) == 1
        await stage.cluster.shutdown()

        async def is_lost() -> bool:
            return not stage.voice.state.is_connected

        await until(is_lost)


async def test_two_bots_share_the_nodes() -> None:
    async with staged(1) as stage, Cluster(stage.machines.address, nodes=0) as another:
        await another.ready()
        assert [one.pid for one in another.stats()] == [one.pid for one in stage.cluster.stats()]
        # Each was told the address by a key of its own.
        assert [one.address for one in another.stats()] == [one.address for one in stage.cluster.stats()]


async def test_machines_are_asked_for_by_what_there_is_to_do() -> None:
    async with (
        staged(1) as stage,
        Cluster(stage.machines.address, nodes=0, resources={"isocord": 1}, machines=(2, 5)) as growing,
    ):
        await growing.ready()

        async def is_asked() -> bool:
            return await asyncio.to_thread(demand, stage.machines.address) == [{"isocord": 1}] * 2

        await until(is_asked)


async def test_a_node_that_cannot_begin_says_why_and_begins_when_it_can() -> None:
    with contextlib.closing(RayMachines(1)) as machines, socket.socket() as taken:
        taken.bind((machines.address.split(":")[0], 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with Cluster(machines.address, port=port, resources={"isocord": 1}) as cluster:

            async def is_told() -> bool:
                try:
                    await cluster.ready(0.5)
                except ClusterError as error:
                    return "in use" in str(error)
                return False

            await until(is_told)
            taken.close()
            await cluster.ready(60.0)
            assert cluster.stats()[0].address.port == port


def demand(address: str) -> Any:
    """What Ray's autoscaler is asked to provide for at least; in a process of its own, which speaks with Ray."""
    code = (
        "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False);"
        "from ray.experimental.internal_kv import _internal_kv_get as get;"
        "print((get(b'autoscaler_resource_request') or b'null').decode())"
    )
    done = subprocess.run([sys.executable, "-c", code, address], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout.splitlines()[-1])


async def test_nothing_secret_reaches_what_ray_writes() -> None:
    async with staged(1) as stage:
        await stage.play()
        (node,) = stage.cluster.stats()
        session = stage.machines.raylets.head_node.get_session_dir_path()
        secrets = [node.address.key, node.address.key.hex().encode(), node.address.certificate.splitlines()[1].encode()]
        secrets.append(str(stage.voice.token).encode())
        secrets.append(str(stage.voice.session_id).encode())
        written = [path for path in Path(session).rglob("*") if path.is_file()]
        assert written
        for path in written:
            content = path.read_bytes()
            assert not [one for one in secrets if one in content], path
        for shown in (repr(node), repr(stage.cluster), repr(stage.voice)):
            assert not [one for one in secrets if one.decode("latin-1") in shown]
