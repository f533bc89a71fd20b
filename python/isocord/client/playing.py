"""The playing half of :class:`isocord.VoiceClient`."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import io
import os
from typing import Any, Literal, overload

from .. import _native
from ..errors import ClientError, ClosedError, OpusError
from ..playing.playback import After, AnySource, Playback, PlaybackState
from ..playing.sources.feed import Feed
from .base import ClientBase

_DEFAULT_LOSS = 0.15
_SPEAKING_LIMIT = 0.15


class _Settings:
    """How the present or last playback is encoded, which goes for a source that is swapped in as well."""

    def __init__(self) -> None:
        self.encoding: dict[str, Any] = {}
        self.lookahead = 25
        self.packet_encoder: _native.OpusEncoder | None = None


class PlaybackSurface(ClientBase):
    """Plays, pauses and stops; see :class:`isocord.VoiceClient`."""

    def __init__(self, client: Any, channel: Any) -> None:
        super().__init__(client, channel)
        self._settings = _Settings()

    @property
    def _player(self) -> Playback | None:
        return self._connection.player.current if self._connection is not None else None

    @overload
    def play(
        self,
        source: AnySource,
        *,
        after: After | None = ...,
        application: _native.Application = ...,
        bitrate: int = ...,
        fec: bool = ...,
        expected_packet_loss: float | None = ...,
        bandwidth: _native.Bandwidth = ...,
        signal_type: _native.SignalType = ...,
        complexity: int = ...,
        lookahead: int = ...,
        wait_finish: Literal[False] = ...,
    ) -> None: ...

    @overload
    def play(
        self,
        source: AnySource,
        *,
        after: After | None = ...,
        application: _native.Application = ...,
        bitrate: int = ...,
        fec: bool = ...,
        expected_packet_loss: float | None = ...,
        bandwidth: _native.Bandwidth = ...,
        signal_type: _native.SignalType = ...,
        complexity: int = ...,
        lookahead: int = ...,
        wait_finish: Literal[True],
    ) -> asyncio.Future[Exception | None]: ...

    def play(
        self,
        source: AnySource,
        *,
        after: After | None = None,
        application: _native.Application = "audio",
        bitrate: int = 128,
        fec: bool = False,
        expected_packet_loss: float | None = None,
        bandwidth: _native.Bandwidth = "full",
        signal_type: _native.SignalType = "auto",
        complexity: int = 10,
        lookahead: int = 25,
        wait_finish: bool = False,
    ) -> asyncio.Future[Exception | None] | None:
        """Play an audio source: one of the bot library's, or an :class:`isocord.AudioFile`.

        The source is read ahead of time on a thread of its own; an ``AudioFile`` is read natively. At the end, or on
        an error, ``after`` is called with the error or None, and the source is cleaned up. The options from
        ``application`` to ``complexity`` are those of the Opus encoder; sources that give Opus packets do without.

        Args:
            source: what to play.
            after: called on a thread of isocord's when the source is over; a coroutine function runs on the bot's loop.
            application: libopus's mode of coding.
            bitrate: kbit/s, 16 to 512.
            fec: in-band forward error correction. Costs two to three times the CPU, so it is off unless asked for.
            expected_packet_loss: 0.0 to 1.0; by default 0.15 with ``fec`` and 0.0 without.
            bandwidth: the widest audio band that is coded.
            signal_type: a hint for the choice between speech and music coding.
            complexity: 0 (cheapest) to 10 (best). It is the most that is spent: where the machine cannot keep up, an
                ``AudioFile`` gets less until it has caught up.
            lookahead: frames of 20 ms that are read ahead, 1 to 1,000.
            wait_finish: return a future whose result is the error, or None, when the source is over.

        Raises:
            ClientError: not connected, or something plays already (what is paused is replaced). It is a
                ``ClientException`` of the bot library as well.
            TypeError: ``source`` is no audio source, or ``after`` is not callable.
            ValueError: an option is out of its range.
            AudioFileError: the file is closed, or plays already.
        """
        connection = self._live()
        if connection.player.sounding:
            raise self._error(ClientError, "Already playing audio")
        self._check_source(source)
        if after is not None and not callable(after):
            raise TypeError('Expected a callable for the "after" parameter.')
        if expected_packet_loss is None:
            expected_packet_loss = _DEFAULT_LOSS if fec else 0.0
        encoding: dict[str, Any] = {
            "application": application,
            "bitrate": bitrate,
            "fec": fec,
            "expected_packet_loss": expected_packet_loss,
            "bandwidth": bandwidth,
            "signal_type": signal_type,
            "complexity": complexity,
        }
        feed = self._feed(source, encoding, lookahead)
        self._settings.encoding, self._settings.lookahead = encoding, lookahead
        future: asyncio.Future[Exception | None] | None = self.loop.create_future() if wait_finish else None
        connection.player.start(feed, after, future, self._exchange)
        return future

    def stop(self) -> None:
        """Stop playing. Does not wait for the source."""
        if self._connection is not None:
            self._connection.player.stop()

    def pause(self) -> None:
        """Hold what plays."""
        if self._connection is not None:
            self._connection.player.pause()

    def resume(self) -> None:
        """Let what is held go on."""
        if self._connection is not None:
            self._connection.player.resume()

    def is_playing(self) -> bool:
        """Whether something plays and is not paused."""
        return self._connection is not None and self._connection.player.sounding

    def is_paused(self) -> bool:
        """Whether something plays but is paused."""
        player = self._player
        return player is not None and player.is_paused()

    @property
    def source(self) -> AnySource | None:
        """What is being played, or was played last; None after :meth:`stop`.

        Set it to go on with another source; the old one is not cleaned up. A source that wraps the present one
        (``PCMVolumeTransformer(voice.source)``), or that it wraps, goes on where the present one is, with the frames
        that are read from then on.

        Raises:
            TypeError: set to something that is no audio source.
            ValueError: set while nothing plays.
        """
        player = self._player
        return None if player is None or player.state is PlaybackState.STOPPED else player.source

    @source.setter
    def source(self, value: AnySource) -> None:
        self._exchange(value)

    def _exchange(self, source: AnySource) -> None:
        self._check_source(source)
        connection, current = self._connection, self._player
        if connection is None or current is None or current.state.is_over:
            raise ValueError("the client is not playing anything")
        if connection.player.rewrap(source, self._host.native_source(source)):
            return
        if not connection.player.swap(self._feed(source, self._settings.encoding, self._settings.lookahead)):
            raise ValueError("the client is not playing anything")

    def elapsed(self) -> datetime.timedelta:
        """How much of the present playback has been sent, in steps of 20 ms."""
        player = self._player
        return datetime.timedelta(milliseconds=20 * player.played_frames() if player is not None else 0)

    def send_audio_packet(self, data: bytes, *, encode: bool = True) -> None:
        """Send one packet of 20 ms now.

        Args:
            data: 3,840 bytes of s16le 48 kHz stereo, or with ``encode=False`` an Opus packet.
            encode: whether ``data`` is to be encoded.

        Raises:
            ClientError: not connected.
            OpusError: encoding failed, or it is no Opus packet of a sendable size. Both are the bot library's
                own exceptions as well.
        """
        connection = self._live()
        try:
            if encode:
                if self._settings.packet_encoder is None:
                    self._settings.packet_encoder = _native.OpusEncoder()
                data = self._settings.packet_encoder.encode(data)
            # The server has to know before the first packet; afterwards this costs nothing.
            if (told := connection.announce_packet()) is not None:
                with contextlib.suppress(concurrent.futures.TimeoutError):
                    told.result(_SPEAKING_LIMIT)
            connection.native.send_packet(data)
        except OpusError as error:
            raise self._error(OpusError, str(error)) from error
        except ClosedError as error:
            raise self._error(ClientError, "Not connected to voice") from error

    def _check_source(self, source: object) -> None:
        if not isinstance(source, (self._host.audio_source, _native.AudioFile)):
            raise TypeError(f"Source must be an AudioSource, not {_kind_of(source)}")

    def _feed(self, source: AnySource, encoding: dict[str, Any], lookahead: int) -> Feed:
        native = self._host.native_source(source)
        options = None if native is None and source.is_opus() else _native.EncoderOptions(**encoding)
        process = self._host.process_of(source)
        kill = process.cleanup if process is not None else None
        return Feed(source, options, lookahead=lookahead, native=native, kill=kill)


def _kind_of(value: object) -> str:
    """What was given in place of a source, and what to write instead."""
    if isinstance(value, type):
        return f"the class {value.__name__}: make one of it, {value.__name__}(...)"
    if isinstance(value, str) and "://" in value:
        return "a URL: play FFmpegPCMAudio(url)"
    if isinstance(value, (str, os.PathLike)):
        return f"{type(value).__name__}: play isocord.AudioFile({os.fspath(value)!r})"
    if isinstance(value, (bytes, bytearray, io.IOBase)):
        return f"{type(value).__name__}: play isocord.AudioFile(io.BytesIO(data)), or PCMAudio for raw PCM"
    return type(value).__name__
