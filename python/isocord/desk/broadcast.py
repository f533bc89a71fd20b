"""One source for many connections."""

from __future__ import annotations

from typing import Any

from .. import _native
from ..playing.encoding import native_options
from .parts import Part, native


class Broadcast(_native.Broadcast):
    """One source, decoded and encoded once, that any number of connections play::

        radio = isocord.Broadcast(isocord.AudioFile("https://example.com/radio.mp3"))
        for voice in bot.voice_clients:
            voice.play(radio)

    It moves on while somebody hears it. Who comes later, or has paused, goes on where the others are. ``voice.stop()``
    is for one connection, :meth:`stop` for all. Each connection encrypts for itself. The options of the encoder are
    given here, once, and not with ``play``; they are those of :meth:`VoiceClient.play`.

    Args:
        source: an isocord source, one of the bot library's, a path or a URL.
        prebuffer: seconds of sound that are stored before it begins, and again when it has run dry, 0 to 60: for live
            sound that comes unevenly.
        lookahead: frames of 20 ms that are encoded ahead, 1 to 1,000.
        bitrate: kbit/s, 16 to 512.
        complexity: 0 (cheapest) to 10 (best).
        fec: in-band forward error correction.
        expected_packet_loss: 0.0 to 1.0; by default 0.15 with ``fec`` and 0.0 without.
        bandwidth: the widest audio band that is coded.
        application: libopus's mode of coding.
        signal_type: a hint for the choice between speech and music coding.

    Raises:
        AudioFileError: the source is closed or plays elsewhere, or it is a path or a URL that cannot be played.
        TypeError: it is no source.
        ValueError: an option is out of its range.
    """

    _source: Part
    _part: _native.Playable | _native.Reel

    def __new__(
        cls,
        source: Part,
        *,
        prebuffer: float = 0.0,
        lookahead: int = 25,
        bitrate: int | None = None,
        complexity: int | None = None,
        fec: bool | None = None,
        expected_packet_loss: float | None = None,
        bandwidth: _native.Bandwidth | None = None,
        application: _native.Application | None = None,
        signal_type: _native.SignalType | None = None,
    ) -> Broadcast:
        given: dict[str, Any] = {
            "bitrate": bitrate,
            "complexity": complexity,
            "fec": fec,
            "expected_packet_loss": expected_packet_loss,
            "bandwidth": bandwidth,
            "application": application,
            "signal_type": signal_type,
        }
        options = native_options({name: value for name, value in given.items() if value is not None})
        part = native(source)
        broadcast = super().__new__(cls, part, options, lookahead=lookahead, prebuffer=prebuffer)
        broadcast._source, broadcast._part = source, part
        return broadcast

    @property
    def source(self) -> Part:
        """What was given."""
        return self._source

    @property
    def error(self) -> BaseException | None:
        """What ended it early, or None: an AudioFileError, or whatever a source written in Python raised."""
        told = getattr(self._part, "error", None)
        return told if isinstance(told, BaseException) else super().error
