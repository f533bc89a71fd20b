"""What libav finds in the files of a process that is gone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import av
import numpy as np

RATE = 48_000
LOUD = 1_000
_PART = re.compile(r"-\d{3}$")


def kept(folder: Path, suffix: str, *, tracks: bool) -> dict[str, float]:
    """Seconds up to the last sound: of the mixdown, and of the user of whom there is less."""
    rows: dict[str, list[Path]] = {}
    for path in sorted(folder.glob(f"*.{suffix}"), key=_order):
        rows.setdefault(_PART.sub("", path.stem), []).append(path)
    told: dict[str, float] = {}
    for name, files in rows.items():
        for stream in range(2 if tracks else 1):
            pieces = [samples(path, stream) for path in files]
            seconds = until(np.concatenate(pieces))
            what = "mix" if name == "all" and not tracks else "tracks"
            told[what] = min(seconds, told.get(what, seconds))
    return {"mix": 0.0, "tracks": 0.0, **told} if not tracks else {"tracks": 0.0, **told}


def _order(path: Path) -> tuple[str, int]:
    name = path.stem
    return (_PART.sub("", name), int(name[-3:]) if _PART.search(name) else 1)


def until(pcm: Any) -> float:
    """Where the last sound ends."""
    loud = np.flatnonzero(np.abs(pcm) > LOUD)
    return float(loud[-1] + 1) / RATE if len(loud) else 0.0


def samples(path: Path, stream: int = 0) -> Any:
    """What can be decoded of a file, left; nothing of what has no head yet."""
    if path.suffix == ".pcm":
        data = path.read_bytes()
        return np.frombuffer(data[: len(data) // 4 * 4], "<i2")[::2].astype(int)
    pieces = [np.zeros(0, int)]
    try:
        with av.open(str(path)) as opened:
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=RATE)
            for frame in opened.decode(opened.streams.audio[stream]):
                pieces += [out.to_ndarray()[0][::2].astype(int) for out in resampler.resample(frame)]
    except (av.FFmpegError, IndexError, EOFError):
        pass
    return np.concatenate(pieces)
