"""The sinks that write files, a format each."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .. import _native
from ..errors import SinkError
from .files import FileSink, Layout, SinkOptions
from .targets import Target

if TYPE_CHECKING:
    from typing_extensions import Unpack


class _SampleSink(FileSink):
    """A format without loss, whose samples may be kept in several ways."""

    _formats: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        target: Target = None,
        *,
        channels: Literal[1, 2] = 2,
        format: Literal["s16", "s24", "f32"] = "s16",
        **options: Unpack[SinkOptions],
    ) -> None:
        super().__init__(target, **options)
        if channels not in (1, 2):
            raise ValueError(f"channels must be 1 or 2, not {channels!r}")
        if format not in self._formats:
            raise ValueError(f"format of {self.encoding.upper()} must be {' or '.join(self._formats)}, not {format!r}")
        self.channels: Literal[1, 2] = channels
        self.format: Literal["s16", "s24", "f32"] = format

    def _options(self) -> dict[str, Any]:
        return {"channels": self.channels, "sample_format": self.format}


class WaveSink(_SampleSink):
    """WAV at 48 kHz; RF64 past 4 GiB. With a broadcast extension: name, start in UTC, samples since midnight.

    Args:
        target: see :class:`FileSink`.
        channels: 2, or 1 for the mean of both.
        format: of samples: "s16", "s24", or "f32" for floating point, for tools that want those: the sound that is
            decoded has 16 bits.
        options: see :class:`FileSink`.

    Raises:
        ValueError: ``channels`` or ``format`` is none of these; see :class:`FileSink` for more.
    """

    encoding: ClassVar[_native.RecordingFormat] = "wav"
    _formats = ("s16", "s24", "f32")


class PCMSink(FileSink):
    """s16le stereo at 48 kHz without a header. See :class:`FileSink`."""

    encoding: ClassVar[_native.RecordingFormat] = "pcm"


class FLACSink(_SampleSink):
    """FLAC, lossless at about half the size of WAV, with names, dates and chapters in its comments.

    Args:
        target: see :class:`FileSink`.
        channels: 2, or 1 for the mean of both.
        format: of samples: "s16" or "s24"; see :class:`WaveSink`.
        options: see :class:`FileSink`.

    Raises:
        ValueError: ``channels`` or ``format`` is none of these; see :class:`FileSink` for more.
    """

    encoding: ClassVar[_native.RecordingFormat] = "flac"
    _formats = ("s16", "s24")


class OGGSink(FileSink):
    """Opus in Ogg: the packets as users sent them, so that it costs next to nothing. See :class:`FileSink`.

    Only a mixdown is encoded anew.
    """

    encoding: ClassVar[_native.RecordingFormat] = "ogg"


class MKASink(FileSink):
    """Opus in Matroska: the packets as users sent them. See :class:`FileSink`.

    Args:
        target: see :class:`FileSink`; with ``tracks`` a path or a binary file object.
        tracks: one file for all in which each user is a track.
        options: see :class:`FileSink`.
    """

    encoding: ClassVar[_native.RecordingFormat] = "mka"
    _for_one = "mixdown=True or tracks=True for one file"

    def __init__(self, target: Target = None, *, tracks: bool = False, **options: Unpack[SinkOptions]) -> None:
        self._tracks = tracks
        super().__init__(target, **options)

    def _choose_layout(self, mixdown: bool) -> Layout:
        if mixdown and self._tracks:
            raise ValueError("choose mixdown or tracks")
        return "tracks" if self._tracks else super()._choose_layout(mixdown)


class MKVSink(MKASink):
    """Opus in Matroska under the name that video players open. See :class:`MKASink`."""

    encoding: ClassVar[_native.RecordingFormat] = "mkv"


class WebMSink(MKASink):
    """Opus in WebM, which browsers play. See :class:`MKASink`."""

    encoding: ClassVar[_native.RecordingFormat] = "webm"


class _BitrateSink(FileSink):
    """A lossy format with a bit rate."""

    _bitrates: ClassVar[tuple[int, ...] | range]

    def __init__(self, target: Target = None, *, bitrate: int = 128, **options: Unpack[SinkOptions]) -> None:
        super().__init__(target, **options)
        self.bitrate: int = operator.index(bitrate)
        if self.bitrate not in self._bitrates:
            known = self._bitrates
            names = f"{known[0]} to {known[-1]}" if isinstance(known, range) else ", ".join(map(str, known))
            raise ValueError(f"bitrate of {self.encoding.upper()} must be one of {names} kbit/s, not {bitrate}")

    def _options(self) -> dict[str, Any]:
        return {"bitrate": self.bitrate}


class MP3Sink(_BitrateSink):
    """MP3 with a constant bit rate; through ffmpeg where isocord is built without LAME, as it is on Windows.

    Args:
        target: see :class:`FileSink`.
        bitrate: kbit/s: 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256 or 320.
        options: see :class:`FileSink`.

    Raises:
        ValueError: ``bitrate`` is none of these; see :class:`FileSink` for more.
    """

    encoding: ClassVar[_native.RecordingFormat] = "mp3"
    # All that MPEG-1 layer III has at 48 kHz but for 56, which the encoder's binding lacks.
    _bitrates = (32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)

    def _ffmpeg(self) -> str | None:
        return None if _native.HAS_MP3 else _find_ffmpeg("MP3")


class MP4Sink(_BitrateSink):
    """AAC in MP4, encoded by ffmpeg as the sound comes, which has to be on the PATH.

    Args:
        target: see :class:`FileSink`.
        bitrate: kbit/s, 8 to 576, which is the most that AAC allows in stereo at 48 kHz.
        options: see :class:`FileSink`.

    Raises:
        ValueError: ``bitrate`` is out of its range; see :class:`FileSink` for more.
    """

    encoding: ClassVar[_native.RecordingFormat] = "mp4"
    _bitrates = range(8, 577)

    def _ffmpeg(self) -> str | None:
        return _find_ffmpeg(self.encoding.upper())


class M4ASink(MP4Sink):
    """AAC in MP4 that is marked as sound only. See :class:`MP4Sink`."""

    encoding: ClassVar[_native.RecordingFormat] = "m4a"


def _find_ffmpeg(what: str) -> str:
    # Here, for it is slow to import.
    import shutil

    found = shutil.which("ffmpeg")
    if found is None:
        raise SinkError(f"recording to {what} needs ffmpeg, which is not on the PATH")
    return found
