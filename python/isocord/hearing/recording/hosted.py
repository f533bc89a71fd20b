"""Helps py-cord's own sinks where they are wrong; the sinks of users are left as they are."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from typing import Any

from ...runtime.once import once
from .timeline import BYTES_PER_SAMPLE, SAMPLE_RATE

_CHANNELS = 2
_UNKNOWN_SIZE = 0xFFFFFFFF


class PcmFormat:
    """What sinks ask of ``voice_client.decoder``: the format of what they get."""

    SAMPLING_RATE = SAMPLE_RATE
    CHANNELS = _CHANNELS
    FRAME_LENGTH = 20
    SAMPLE_SIZE = BYTES_PER_SAMPLE
    SAMPLES_PER_FRAME = 960
    FRAME_SIZE = SAMPLES_PER_FRAME * SAMPLE_SIZE


def mend_wave_sink(sink: Any, wave_sink: Any) -> None:
    """Give a sink that formats as py-cord's ``WaveSink``, or calls that, a formatter that keeps all sound.

    py-cord's writes a header for 0 bytes over the first 44 bytes of the sound.
    """
    if wave_sink is None or not isinstance(sink, wave_sink):
        return
    made = type(sink)
    mended = _mended(wave_sink)
    if issubclass(made, mended):
        return
    names = {"__module__": made.__module__, "__qualname__": made.__qualname__, "__doc__": made.__doc__}
    # Behind the sink's own class and before py-cord's, so that ``super().format_audio`` finds it. A class with slots of
    # its own refuses that, and keeps py-cord's formatter.
    with contextlib.suppress(TypeError):
        sink.__class__ = type(made.__name__, (mended,) if made is wave_sink else (made, mended), names)


@once
def _mended(wave_sink: Any) -> Any:
    def format_audio(self: Any, audio: Any) -> None:
        file = audio.file
        pcm = file.read()
        file.seek(0)
        file.write(wave_header(len(pcm)))
        file.write(pcm)
        file.seek(0)
        audio.on_format(self.encoding)

    return type("WaveSink", (wave_sink,), {"format_audio": format_audio})


def wave_header(size: int) -> bytes:
    """The 44 bytes before ``size`` bytes of s16le stereo at 48 kHz. Source: RIFF specification, 1991."""
    whole = size + 36
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        min(whole, _UNKNOWN_SIZE),
        b"WAVE",
        b"fmt ",
        16,
        1,
        _CHANNELS,
        SAMPLE_RATE,
        SAMPLE_RATE * BYTES_PER_SAMPLE,
        BYTES_PER_SAMPLE,
        16,
        b"data",
        min(size, _UNKNOWN_SIZE),
    )


@contextlib.contextmanager
def without_timer(sink: Any) -> Iterator[None]:
    """Keep ``Sink.init`` from starting py-cord's timer, which would outlive its recording and stop the next one."""
    seconds = getattr(sink, "seconds", 0)
    if not seconds:
        yield
        return
    sink.seconds = 0
    try:
        yield
    finally:
        sink.seconds = seconds
