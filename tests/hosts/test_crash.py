"""What a process that is killed leaves of its recordings."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .recordings import left
from .world import RATE, np, share

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="the test kills a process")
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")


def crash(place: Path, sink: str, **options: Any) -> tuple[Path, float]:
    """The one file that is left, and the seconds that had been said."""
    wanted = ",".join([sink, *(f"{name}={value}" for name, value in options.items())])
    asked = [sys.executable, "-m", "tests.hosts.crash", str(place), "150", wanted]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (file,) = place.iterdir()
    return file, float(done.stdout.split()[-1])


def test_a_wave_file_can_be_read_up_to_the_last_second(tmp_path: Path) -> None:
    file, said = crash(tmp_path, "WaveSink")
    pcm = left(str(file))
    assert len(pcm) / RATE >= said - 1.5
    assert share(pcm, 440.0) > 0.9


@needs_ffmpeg
@pytest.mark.parametrize("bitrate", [24, 128])
@pytest.mark.parametrize("opened", [0, 1])
def test_so_can_what_ffmpeg_encodes_also_into_a_file_of_the_bots(tmp_path: Path, bitrate: int, opened: int) -> None:
    av = pytest.importorskip("av")
    file, said = crash(tmp_path, "MP4Sink", bitrate=bitrate, opened=opened)
    # ffmpeg sees that its input has ended; nobody takes what it would write then.
    time.sleep(0.2)
    with av.open(str(file)) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    pcm = np.concatenate(frames)
    assert len(pcm) / RATE >= said - 1.5
    assert share(pcm, 440.0) > 0.7
