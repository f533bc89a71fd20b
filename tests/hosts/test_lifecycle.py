"""Ends that nobody planned: each in an interpreter of its own, which has to exit soon and quietly."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from .interpreters import START, run
from .world import LIBRARY

pytest.importorskip("cryptography")


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
    # It would hang for longer than the interpreter may take.
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
            deadline = time.monotonic() + 15
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
                before, deadline = voice.elapsed(), time.monotonic() + 15
                while voice.elapsed() <= before and time.monotonic() < deadline:
                    await asyncio.sleep(0.01)
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
                channel = bot.guilds[0].voice_channels[0]
                def left():
                    # The thread for encryption is made when it is needed, one for all connections.
                    threads = [thread for thread in threading.enumerate() if thread.name != "isocord-mls"]
                    return len(threads), len(os.listdir("/proc/self/fd"))
                await asyncio.sleep(0.5)
                before = left()
                for _ in range(20):
                    voice = await channel.connect(cls=isocord.VoiceClient, timeout=30)
                    voice.play(Tone())
                    await voice.disconnect()
                def leak():
                    return left()[0] > before[0] or left()[1] > before[1] + 2
                for _ in range(150):
                    if not leak():
                        break
                    await asyncio.sleep(0.1)
                print("leak", leak(), before, left(), [thread.name for thread in threading.enumerate()])
                await bot.close()
        asyncio.run(main())
    """)
    assert "leak False" in done.stdout, done.stdout + done.stderr


def test_an_exception_in_the_bots_code_ends_the_process_soon() -> None:
    done = run("""
        async def main():
            with FakeDiscord() as discord:
                bot, voice = await connect(discord)
                voice.play(Tone())
                async for frame in hearing(voice):
                    raise RuntimeError("the bot's own fault")

        async def hearing(voice):
            queue = voice.listen()
            await asyncio.sleep(0.2)
            yield queue

        asyncio.run(main())
    """)
    assert "the bot's own fault" in done.stderr
    assert done.returncode == 1
    assert "Fatal" not in done.stderr


def is_gone(pid: int, limit: float = 15.0) -> bool:
    """Whether a process has ended; one whose new parent has yet to take note of it counts."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        stat = Path(f"/proc/{pid}/stat")
        if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("with_process", [False, True])
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT for one process")
def test_ctrl_c_ends_the_bot_and_what_it_started(with_process: bool) -> None:
    if with_process and (shutil.which("ffmpeg") is None or LIBRARY == "hikari"):
        pytest.skip("there is no ffmpeg, or nothing that starts it")
    program = textwrap.dedent(START) + textwrap.dedent(f"""
        # What a shell runs in the background is started with Ctrl-C ignored.
        import signal
        signal.signal(signal.SIGINT, signal.default_int_handler)
        bot = library.Client(intents=library.Intents.default())

        @bot.event
        async def on_ready():
            voice = await bot.guilds[0].voice_channels[0].connect(cls=isocord.VoiceClient, timeout=30)
            if {with_process}:
                source = library.FFmpegPCMAudio("anullsrc=r=48000:cl=stereo", before_options="-f lavfi")
                voice.play(source)
                print("process", source._process.pid, flush=True)
            else:
                voice.play(Tone())
            while voice.stats.packets_sent < 10:
                await asyncio.sleep(0.01)
            print("playing", flush=True)

        with FakeDiscord() as discord:
            bot.run(discord.token)
        print("ended", flush=True)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as bot:
        assert bot.stdout is not None
        watchdog = threading.Timer(60.0, bot.kill)
        watchdog.start()
        try:
            said = []
            while line := bot.stdout.readline():
                said.append(line.split())
                if line.startswith("playing"):
                    bot.send_signal(signal.SIGINT)
                    break
            _, errors = bot.communicate()
        finally:
            watchdog.cancel()
    assert ["playing"] in said, errors
    # Killed by the watchdog would be -9.
    assert bot.returncode in (0, 1, 130, -signal.SIGINT), errors
    assert "Fatal" not in errors
    for pid in (int(words[1]) for words in said if words[0] == "process"):
        assert is_gone(pid), "the bot has left a process behind"


def test_a_client_that_is_done_with_is_collected() -> None:
    done = run("""
        import gc, weakref

        async def main():
            with FakeDiscord() as discord:
                bot, voice = await connect(discord)
                channel, references = bot.guilds[0].voice_channels[0], []
                voice.play(Tone())
                await asyncio.sleep(0.1)
                references.append(weakref.ref(voice))
                references.append(weakref.ref(voice._connection))
                await voice.disconnect()
                del voice
                # One whose connect is given up half-way.
                discord.set_gateway_filter(lambda direction, op, body: op != 4)
                try:
                    await channel.connect(cls=isocord.VoiceClient, timeout=0.2)
                except asyncio.TimeoutError:
                    pass
                # One that is forgotten without a word: the bot still holds it, so it stays connected.
                discord.set_gateway_filter(None)
                references.append(weakref.ref(await channel.connect(cls=isocord.VoiceClient, timeout=30)))
                gc.collect()
                print("held", references[-1]() is not None and references[-1]().is_connected(), flush=True)
                await bot.close()
                await asyncio.wait([bot.running], timeout=15)
                del bot, channel
                deadline = time.monotonic() + 15
                while any(reference() for reference in references) and time.monotonic() < deadline:
                    await asyncio.sleep(0.05)
                    gc.collect()
                print("left", [type(reference()).__name__ for reference in references if reference()], flush=True)
        asyncio.run(main())
    """)
    assert "held True" in done.stdout, done.stderr
    assert "left []" in done.stdout, done.stdout + done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_can_connect_by_itself() -> None:
    done = run("""
        async def play(discord):
            bot, voice = await connect(discord)
            voice.play(Tone())
            while voice.stats.packets_sent < 10:
                await asyncio.sleep(0.01)
            return bot, voice

        def child(discord):
            async def main():
                bot, voice = await play(discord)
                print("child plays", voice.is_playing(), flush=True)
                await voice.disconnect()
                await bot.close()
            asyncio.run(asyncio.wait_for(main(), 40))

        async def main():
            with FakeDiscord(guilds=2) as discord:
                bot, voice = await play(discord)
                # The child is another bot in another call, as far as the parent is concerned.
                await voice.disconnect()
                pid = os.fork()
                if pid == 0:
                    status = 1
                    try:
                        asyncio.events._set_running_loop(None)
                        asyncio.set_event_loop(None)
                        child(discord)
                        status = 0
                    except BaseException as error:
                        print("child failed", repr(error), flush=True)
                    finally:
                        os._exit(status)
                _, status = await asyncio.to_thread(os.waitpid, pid, 0)
                print("status", os.waitstatus_to_exitcode(status), flush=True)
                await bot.close()
        asyncio.run(main())
    """)
    assert "child plays True" in done.stdout, done.stdout + done.stderr
    assert "status 0" in done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_does_not_take_what_its_parent_hears() -> None:
    done = run("""
        async def main():
            with FakeDiscord() as discord:
                bot, voice = await connect(discord)
                discord.speak("General", user="bob").play(b"\\x10\\x20" * 1920 * 1500)
                listening = voice.listen()
                await listening.__anext__()
                child = os.fork()
                if child == 0:
                    listening.close()
                    del listening
                    os._exit(7)
                _, status = os.waitpid(child, 0)
                for _ in range(20):
                    await listening.__anext__()
                print("parent", os.waitstatus_to_exitcode(status), flush=True)
                await voice.disconnect()
                await bot.close()
        asyncio.run(main())
    """)
    assert "parent 7" in done.stdout, done.stderr


def test_a_loop_that_is_closed_while_it_listens_leaves_nothing_that_runs() -> None:
    done = run("""
        async def main(discord):
            bot, voice = await connect(discord)
            discord.speak("General", user="bob").play(b"\\x10\\x20" * 1920 * 1500)
            listening = voice.listen()
            await listening.__anext__()
            return bot, voice, listening
        with FakeDiscord() as discord:
            loop = asyncio.new_event_loop()
            kept = loop.run_until_complete(main(discord))
            loop.close()
            time.sleep(0.3)
            print("closed", flush=True)
            del kept, loop
            import gc
            gc.collect()
        print("over", flush=True)
    """)
    assert "closed" in done.stdout, done.stderr
    assert "over" in done.stdout, done.stderr
    # hikari's own tasks complain of a loop that is closed under them.
    assert LIBRARY == "hikari" or "Traceback" not in done.stderr
