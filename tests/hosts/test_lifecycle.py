"""Ends that nobody planned: each in an interpreter of its own, which has to exit soon and quietly."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time

import pytest

from .test_client import LIBRARY

pytest.importorskip("cryptography")

START = f"""
    import asyncio, os, sys, threading, time
    import {LIBRARY} as library
    import isocord
    from isocord.testing import FakeDiscord

    class Tone(library.AudioSource):
        def read(self):
            return b"\\1\\2" * 1920

    class Stuck(library.AudioSource):
        def read(self):
            time.sleep(600)

    async def connect(discord):
        bot = library.Client(intents=library.Intents.default())
        bot.running = asyncio.create_task(bot.start(discord.token))
        while not (bot.is_ready() and bot.guilds):
            await asyncio.sleep(0.01)
        channel = bot.guilds[0].voice_channels[0]
        return bot, await channel.connect(cls=isocord.VoiceClient, timeout=10)
"""


def run(code: str, *, limit: float = 30.0) -> subprocess.CompletedProcess[str]:
    program = textwrap.dedent(START) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=limit, check=False)


def test_exit_while_playing() -> None:
    done = run("""
        async def main():
            with FakeDiscord() as discord:
                bot, voice = await connect(discord)
                voice.play(Tone())
                await asyncio.sleep(0.3)
                print("playing", voice.is_playing(), flush=True)
                sys.exit(5)
        asyncio.run(main())
    """)
    assert "playing True" in done.stdout
    assert done.returncode == 5, done.stderr
    assert "Fatal" not in done.stderr


def test_exit_with_a_source_that_hangs() -> None:
    began = time.monotonic()
    done = run("""
        async def main():
            with FakeDiscord() as discord:
                bot, voice = await connect(discord)
                voice.play(Stuck())
                await asyncio.sleep(0.1)
                await voice.disconnect()
                print("left", flush=True)
        asyncio.run(main())
    """)
    assert "left" in done.stdout
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < 20


def test_a_loop_that_is_closed_ends_the_connection() -> None:
    done = run("""
        async def main(discord):
            bot, voice = await connect(discord)
            voice.play(Tone())
            return voice
        with FakeDiscord() as discord:
            loop = asyncio.new_event_loop()
            voice = loop.run_until_complete(main(discord))
            loop.close()
            deadline = time.monotonic() + 8
            while voice.state.phase is not isocord.Phase.DISCONNECTED and time.monotonic() < deadline:
                time.sleep(0.01)
            print(voice.state.reason.name, voice.is_playing())
    """)
    assert "LOOP_CLOSED False" in done.stdout, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_is_not_connected_and_exits() -> None:
    done = run("""
        async def main():
            with FakeDiscord() as discord:
                bot, voice = await connect(discord)
                voice.play(Tone())
                await asyncio.sleep(0.1)
                child = os.fork()
                if child == 0:
                    print("child", voice.is_connected(), voice.state.reason.name, flush=True)
                    voice.stop()
                    voice.cleanup()
                    os._exit(7)
                _, status = os.waitpid(child, 0)
                print("parent", os.waitstatus_to_exitcode(status), voice.is_connected(), voice.is_playing(), flush=True)
                before = voice.elapsed()
                await asyncio.sleep(0.3)
                print("goes on", voice.elapsed() > before, flush=True)
                await voice.disconnect()
                await bot.close()
        asyncio.run(main())
    """)
    assert "child False FORKED" in done.stdout, done.stderr
    assert "parent 7 True True" in done.stdout
    assert "goes on True" in done.stdout


def test_nothing_is_left_of_many_connections() -> None:
    done = run("""
        async def main():
            with FakeDiscord() as discord:
                bot, voice = await connect(discord)
                await voice.disconnect()
                channel = voice.channel
                def left():
                    return len(threading.enumerate()), len(os.listdir("/proc/self/fd"))
                await asyncio.sleep(0.5)
                before = left()
                for _ in range(20):
                    voice = await channel.connect(cls=isocord.VoiceClient, timeout=10)
                    voice.play(Tone())
                    await voice.disconnect()
                await asyncio.sleep(1.5)
                print("before", before, "after", left())
                print("leak", left()[0] > before[0] or left()[1] > before[1] + 2)
                await bot.close()
        asyncio.run(main())
    """)
    assert "leak False" in done.stdout, done.stdout + done.stderr
