"""The order of exit: what was said is written, while all threads stand; and no native one is left or begun anew."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import pytest

from .interpreters import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="native threads are listed by way of /proc")

RECORD = """
    import atexit, pathlib
    from isocord import testing

    def native():
        names = {task.joinpath("comm").read_text().strip() for task in pathlib.Path("/proc/self/task").iterdir()}
        kinds = {name.rstrip("-0123456789") for name in names}
        return sorted(kinds & {"isocord-clock", "isocord-recv", "isocord-events"})

    # What is registered first is called last.
    atexit.register(lambda: print("left", native(), flush=True))

    class Sink(isocord.sinks.Sink):
        seconds_heard = 0.0
        def write(self, data, user):
            # So slow that much still waits at the exit.
            time.sleep(0.03)
            self.seconds_heard += len(data) / 192_000
        def cleanup(self):
            super().cleanup()
            gateway = any(thread.name == "isocord-gateway" for thread in threading.enumerate())
            print("finishing", native(), gateway, flush=True)
            print("heard", self.seconds_heard, flush=True)

    async def record(sink):
        discord = FakeDiscord()
        await discord.__aenter__()
        bot, voice = await connect(discord)
        bob = discord.speak(voice.channel.name, user="bob")
        voice.start_recording(sink, lambda *_: print("called back", flush=True))
        bob.play(testing.tone(440, 30.0))
        while bob.sent < 75:
            await asyncio.sleep(0.01)
        print("said", bob.sent * 0.02, flush=True)
        sys.exit(5)
"""


def told(output: str, word: str) -> str:
    return next(line.removeprefix(word).strip() for line in output.splitlines() if line.startswith(word))


def test_a_sink_in_python_is_finished_while_all_threads_stand() -> None:
    done = run(RECORD + "    asyncio.run(record(Sink()))\n")
    assert done.returncode == 5, done.stderr
    assert "called back" in done.stdout
    assert told(done.stdout, "finishing") == "['isocord-clock', 'isocord-events', 'isocord-recv'] True"
    assert float(told(done.stdout, "heard")) >= float(told(done.stdout, "said")) - 0.2
    assert told(done.stdout, "left") == "[]"
    assert "Traceback" not in done.stderr.replace("SystemExit", "")


def test_files_are_whole(tmp_path: Path) -> None:
    done = run(RECORD + f"    asyncio.run(record(isocord.sinks.WaveSink({str(tmp_path)!r})))\n")
    assert done.returncode == 5, done.stderr
    assert "called back" in done.stdout
    assert told(done.stdout, "left") == "[]"
    (path,) = tmp_path.iterdir()
    with wave.open(str(path)) as file:
        assert file.getnframes() / file.getframerate() >= float(told(done.stdout, "said")) - 0.2
