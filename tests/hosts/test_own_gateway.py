"""What the bot's own gateway has said is true for the bot at once: inside of its own handlers of the same event."""

from __future__ import annotations

import time
from typing import Any

import pytest

import isocord

from .world import LIBRARY, World, logged_in, until

pytestmark = pytest.mark.skipif(LIBRARY == "hikari", reason="test_hikari.py has its like")


def watch(world: World, voice: Any) -> list[dict[str, Any]]:
    """What each of the bot's own ``on_voice_state_update`` sees."""
    seen: list[dict[str, Any]] = []

    async def on_voice_state_update(member: Any, before: Any, after: Any) -> None:
        if member.id != world.bot.user.id:
            return
        seen.append(
            {
                "said": getattr(after.channel, "name", None),
                "connected": voice.is_connected(),
                "phase": voice.state.phase,
                "channel": voice.channel.name,
                "registered": world.guild.voice_client is voice,
            }
        )

    world.bot.event(on_voice_state_update)
    return seen


def hold_gateway_thread(voice: Any, seconds: float) -> None:
    """Have the gateway thread busy: what is true at once must not wait for it."""
    voice._connection._thread.call(time.sleep, seconds)


async def test_a_kick() -> None:
    async with logged_in() as world:
        voice = await world.connect()
        seen = watch(world, voice)
        hold_gateway_thread(voice, 0.5)
        world.discord.kick_bot()
        await until(lambda: seen)
        assert seen[0] == {
            "said": None,
            "connected": False,
            "phase": isocord.Phase.DISCONNECTED,
            "channel": "General",
            "registered": False,
        }
        assert voice.state.reason is isocord.Reason.KICKED
        # As a bot does that wants to come back.
        again = await world.connect()
        await until(lambda: world.phases().count(isocord.Phase.DISCONNECTED) == 1)
        assert again.is_connected()
        assert not voice.is_connected()
        assert world.guild.voice_client is again
        assert voice.state.reason is isocord.Reason.KICKED
        await again.disconnect()


async def test_a_move() -> None:
    async with logged_in() as world:
        voice = await world.connect()
        seen = watch(world, voice)
        hold_gateway_thread(voice, 0.5)
        world.discord.move_bot("Music")
        await until(lambda: seen)
        assert (seen[0]["said"], seen[0]["channel"]) == ("Music", "Music")
        assert seen[0]["registered"]
        await until(voice.is_connected)
        await voice.disconnect()


async def test_the_bots_own_leave() -> None:
    async with logged_in() as world:
        voice = await world.connect()
        seen = watch(world, voice)
        driver = voice._connection._driver
        finish = driver._finish

        def finish_late() -> None:
            # The leave is on its way before the connection has ended.
            time.sleep(0.5)
            finish()

        driver._finish = finish_late
        await voice.disconnect()
        await until(lambda: seen)
        assert (seen[0]["connected"], seen[0]["phase"]) == (False, isocord.Phase.DISCONNECTED)
        assert voice.state.reason is isocord.Reason.REQUESTED
