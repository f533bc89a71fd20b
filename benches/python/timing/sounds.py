"""What is played: one tune as raw PCM, WAV and Ogg Opus, and the sources that read it."""

from __future__ import annotations

import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRAME_BYTES = 3840
"""20 ms of s16le stereo at 48 kHz."""

CROSSFADE = 1.0
"""Seconds that a queue's entries go over into one another."""


@dataclass(frozen=True)
class Tune:
    """The same sound in three files."""

    pcm: Path
    wav: Path
    opus: Path

    @classmethod
    def synthesise(cls, folder: Path, seconds: float) -> Tune:
        """Write the files into ``folder``."""
        # Here, because the bots that are measured need neither.
        import av

        from isocord.cli.demo import clip

        tune = cls.at(folder)
        clip.synthesise(tune.wav, seconds)
        with wave.open(str(tune.wav), "rb") as file:
            tune.pcm.write_bytes(file.readframes(file.getnframes()))
        with av.open(str(tune.wav)) as reader, av.open(str(tune.opus), "w", format="ogg") as writer:
            stream = writer.add_stream("libopus", rate=48_000, layout="stereo")
            stream.bit_rate = 128_000
            for frame in reader.decode(audio=0):
                writer.mux(stream.encode(frame))
            writer.mux(stream.encode(None))
        return tune

    @classmethod
    def at(cls, folder: Path) -> Tune:
        """The files that :meth:`synthesise` wrote."""
        return cls(folder / "tune.pcm", folder / "tune.wav", folder / "tune.ogg")

    def frames(self) -> list[bytes]:
        """The PCM in whole frames of 20 ms."""
        pcm = self.pcm.read_bytes()
        return [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]

    def sources(self, kind: str) -> Callable[[], Any]:
        """What makes one for each of many connections: a broadcast is one for all of them."""
        if kind == "broadcast":
            shared = self.source(kind)
            return lambda: shared
        return lambda: self.source(kind)

    def source(self, kind: str) -> Any:
        """A new source: ``pcm`` and ``opus`` are py-cord's, the others isocord's."""
        if kind in _DESK:
            return _DESK[kind](self)
        if kind == "file":
            return _isocord_file(self.wav)
        if kind == "opus-file":
            return _isocord_file(self.opus)
        if kind == "pcm":
            import discord

            return discord.PCMAudio(self.pcm.open("rb"))
        return _ogg_packets(self.opus)


def _isocord_file(path: Path) -> Any:
    import isocord

    return isocord.AudioFile(path)


def _mixer(tune: Tune) -> Any:
    """Three layers: a file, a filtered file, one from Python."""
    import isocord

    mixer = isocord.Mixer(volume=0.4)
    mixer.play(tune.wav)
    mixer.play(isocord.Filtered(isocord.AudioFile(tune.wav), isocord.filters.Timescale(speed=1.2)), loop=True)
    mixer.play(tune.source("pcm"))
    return mixer


def _queue(tune: Tune) -> Any:
    """The last seconds of two files in turns, so that much of what is heard are crossfades."""
    import isocord

    def end_of(path: Path) -> Any:
        file = isocord.AudioFile(path)
        file.seek((file.duration or 0.0) - 3 * CROSSFADE)
        return file

    ends = (lambda: end_of(tune.wav)), (lambda: end_of(tune.opus))
    return isocord.Queue(*ends, loop="all", crossfade=CROSSFADE)


def _broadcast(tune: Tune) -> Any:
    import isocord

    return isocord.Broadcast(isocord.Queue(tune.wav, loop="one"))


_DESK = {"mixer": _mixer, "queue": _queue, "broadcast": _broadcast}


def _ogg_packets(path: Path) -> Any:
    """What py-cord's FFmpegOpusAudio does, without the ffmpeg process."""
    import discord
    from discord.oggparse import OggStream

    class OggPackets(discord.AudioSource):
        def __init__(self) -> None:
            self._file = path.open("rb")
            self._packets = OggStream(self._file).iter_packets()
            # Opus in Ogg begins with two packets that are no sound (RFC 7845, section 3).
            next(self._packets), next(self._packets)

        def read(self) -> bytes:
            return next(self._packets, b"")

        def is_opus(self) -> bool:
            return True

        def cleanup(self) -> None:
            self._file.close()

    return OggPackets()


def chord(seconds: float) -> bytes:
    """Something like a voice, as PCM: a fundamental with overtones that swells and fades, and some breath."""
    import numpy as np

    time = np.arange(round(seconds * 48_000)) / 48_000
    pitch = 2 * np.pi * (140 * time + 4 * np.sin(2 * np.pi * 0.7 * time))
    voice = sum(np.sin(pitch * overtone) / overtone for overtone in range(1, 12))
    voice *= 0.5 + 0.5 * np.sin(2 * np.pi * 2.3 * time) ** 2
    breath = np.random.default_rng(1).normal(0.0, 0.05, len(time))
    samples = np.clip((voice * 0.25 + breath) * 32_767, -32_768, 32_767).astype("<i2")
    return np.repeat(samples, 2).tobytes()
