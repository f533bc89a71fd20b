"""What bots know as ``voice_client.encoder``: how PCM becomes Opus, changed while it plays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _native
from ..playing.encoding import native_options

_BITRATES = (16, 512)
_BANDWIDTHS = ("narrow", "medium", "wide", "superwide", "full")
_SIGNALS = ("auto", "voice", "music")


class VoiceEncoder:
    """The encoder of a voice client.

    What the ``set_`` methods say holds for what plays, from the frames on that are not encoded yet (``lookahead``
    frames of 20 ms later). It also holds for what is played afterwards, unless ``play`` is told otherwise, but for
    discord.py: there each ``play`` begins anew. Sources that give Opus packets do without.

    Args:
        changed: called with the options when they change while something may play.
        keeps: whether they hold for later playbacks.
    """

    SAMPLING_RATE = 48_000
    CHANNELS = 2
    FRAME_LENGTH = 20
    SAMPLE_SIZE = 4
    SAMPLES_PER_FRAME = 960
    FRAME_SIZE = 3_840

    def __init__(self, changed: Callable[[_native.EncoderOptions], None], *, keeps: bool) -> None:
        self._changed = changed
        self._keeps = keeps
        self._set: dict[str, Any] = {}
        self._playing: dict[str, Any] = {}
        self._single: _native.OpusEncoder | None = None

    def set_bitrate(self, kbps: int) -> int:
        """Set the bitrate in kbit/s; returns what it came to: 16 to 512."""
        lowest, highest = _BITRATES
        bitrate = min(highest, max(lowest, int(kbps)))
        self._change(bitrate=bitrate)
        return bitrate

    def set_fec(self, enabled: bool = True) -> None:
        """Switch in-band forward error correction."""
        self._change(fec=bool(enabled))

    def set_expected_packet_loss_percent(self, percentage: float) -> None:
        """Set the loss that is expected, 0.0 to 1.0 in spite of the name, which is the bot libraries'."""
        self._change(expected_packet_loss=min(1.0, max(0.0, float(percentage))))

    def set_bandwidth(self, req: _native.Bandwidth) -> None:
        """Set the widest audio band that is coded.

        Raises:
            KeyError: there is no such band.
        """
        if req not in _BANDWIDTHS:
            raise KeyError(f"{req!r} is no bandwidth; try one of {', '.join(_BANDWIDTHS)}")
        self._change(bandwidth=req)

    def set_signal_type(self, req: _native.SignalType) -> None:
        """Set the hint for the choice between speech and music coding.

        Raises:
            KeyError: there is no such type.
        """
        if req not in _SIGNALS:
            raise KeyError(f"{req!r} is no signal type; try one of {', '.join(_SIGNALS)}")
        self._change(signal_type=req)

    def encode(self, pcm: bytes, frame_size: int = SAMPLES_PER_FRAME) -> bytes:
        """Encode one frame of 20 ms: 3,840 bytes of s16le 48 kHz stereo.

        Raises:
            OpusError: libopus refused it.
            ValueError: ``frame_size`` is not 960 samples.
        """
        if frame_size != self.SAMPLES_PER_FRAME:
            raise ValueError("frames of 20 ms have 960 samples")
        # Another thread may change the options, and with them the encoder, at any time.
        encoder = self._single
        if encoder is None:
            encoder = self._single = _native.OpusEncoder(native_options(self._set))
        return encoder.encode(pcm)

    def _options_for(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options of a playback for which ``play`` was given some; None is not given."""
        if not self._keeps:
            self._set, self._single = {}, None
        return self._set | {name: value for name, value in given.items() if value is not None}

    def _change(self, **options: Any) -> None:
        self._set |= options
        self._playing |= options
        self._single = None
        self._changed(native_options(self._playing))
