"""The playing half of :class:`isocord.VoiceClient`."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime
import io
import os
from collections.abc import AsyncIterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from .. import _native
from ..desk.pump import PumpedStream
from ..errors import ClientError, ClosedError, OpusError
from ..playing.barge_in import BargeIn
from ..playing.encoding import native_options
from ..playing.playback import After, AnySource, Playback, PlaybackState
from ..playing.sources.feed import Feed
from .base import ClientBase
from .encoder import VoiceEncoder

if TYPE_CHECKING:
    from typing_extensions import Buffer

_DEFAULT_LOOKAHEAD = 25
_SPEAKING_LIMIT = 0.15


class PlaybackSurface(ClientBase):
    """Plays, pauses and stops; see :class:`isocord.VoiceClient`."""

    def __init__(self, client: Any, channel: Any) -> None:
        super().__init__(client, channel)
        self._lookahead = _DEFAULT_LOOKAHEAD
        self._encoder = VoiceEncoder(self._configure, keeps=self._host.manners.keeps_encoder)

    @property
    def encoder(self) -> VoiceEncoder:
        """How PCM becomes Opus: its ``set_`` methods take effect while it plays."""
        return self._encoder

    @property
    def _player(self) -> Playback | None:
        return self._connection.player.current if self._connection is not None else None

    @property
    def _live_player(self) -> Playback | None:
        """None also where the connection is over, whatever is still to be done at its end."""
        return self._player if self._connection is not None and self._connection.state.is_alive else None

    @overload
    def play(
        self,
        source: AnySource | AsyncIterable[Buffer],
        *,
        after: After | None = ...,
        application: _native.Application | None = ...,
        bitrate: int | None = ...,
        fec: bool | None = ...,
        expected_packet_loss: float | None = ...,
        bandwidth: _native.Bandwidth | None = ...,
        signal_type: _native.SignalType | None = ...,
        complexity: int | None = ...,
        lookahead: int = ...,
        sample_rate: int | None = ...,
        channels: int | None = ...,
        format: Literal["s16", "f32"] | None = ...,
        barge_in: BargeIn | bool = ...,
        wait_finish: Literal[False] = ...,
    ) -> None: ...

    @overload
    def play(
        self,
        source: AnySource | AsyncIterable[Buffer],
        *,
        after: After | None = ...,
        application: _native.Application | None = ...,
        bitrate: int | None = ...,
        fec: bool | None = ...,
        expected_packet_loss: float | None = ...,
        bandwidth: _native.Bandwidth | None = ...,
        signal_type: _native.SignalType | None = ...,
        complexity: int | None = ...,
        lookahead: int = ...,
        sample_rate: int | None = ...,
        channels: int | None = ...,
        format: Literal["s16", "f32"] | None = ...,
        barge_in: BargeIn | bool = ...,
        wait_finish: Literal[True],
    ) -> asyncio.Future[Exception | None]: ...

    def play(
        self,
        source: AnySource | AsyncIterable[Buffer],
        *,
        after: After | None = None,
        application: _native.Application | None = None,
        bitrate: int | None = None,
        fec: bool | None = None,
        expected_packet_loss: float | None = None,
        bandwidth: _native.Bandwidth | None = None,
        signal_type: _native.SignalType | None = None,
        complexity: int | None = None,
        lookahead: int = _DEFAULT_LOOKAHEAD,
        sample_rate: int | None = None,
        channels: int | None = None,
        format: Literal["s16", "f32"] | None = None,
        barge_in: BargeIn | bool = False,
        wait_finish: bool = False,
    ) -> asyncio.Future[Exception | None] | None:
        """Play an audio source: one of the bot library's, or an :class:`isocord.AudioFile`.

        The source is read ahead of time on a thread of its own; an ``AudioFile`` is read natively. At the end, or on
        an error, ``after`` is called with the error or None, and the source is cleaned up. The options from
        ``application`` to ``complexity`` are those of the Opus encoder; sources that give Opus packets do without. What
        is not given is as :attr:`encoder` was set, or else as said here.

        Args:
            source: what to play. An asynchronous iterator of PCM chunks (of any size, as :class:`isocord.StreamSource`
                takes them) is emptied on the bot's loop and closed when the playback ends; what it raises is the
                error of ``after``.
            after: called on a thread of isocord's when the source is over; a coroutine function runs on the bot's loop.
            application: libopus's mode of coding, by default "audio".
            bitrate: kbit/s, 16 to 512, by default 128.
            fec: in-band forward error correction. Costs two to three times the CPU, so it is off unless asked for.
            expected_packet_loss: 0.0 to 1.0; by default 0.15 with ``fec`` and 0.0 without.
            bandwidth: the widest audio band that is coded, by default "full".
            signal_type: a hint for the choice between speech and music coding, by default "auto".
            complexity: 0 (cheapest) to 10 (best), by default 10. It is the most that is spent: where the machine cannot
                keep up, an ``AudioFile`` gets less until it has caught up.
            lookahead: frames of 20 ms that are read ahead, 1 to 1,000.
            sample_rate: of an asynchronous iterator's chunks, by default 24,000 Hz.
            channels: of the same, by default 1.
            format: of the same, "s16" (by default) or "f32".
            barge_in: end it when somebody speaks over it for 0.2 seconds, or as an :class:`isocord.BargeIn` says. It is
                faded out natively, in the next frame that leaves, whatever the bot's loop and the GIL are doing;
                ``after`` gets an :class:`isocord.Interrupted`. A :class:`isocord.StreamSource` forgets what is unheard,
                and who writes to it gets a :class:`isocord.StreamError`: the next answer is a new stream.
            wait_finish: return a future whose result is the error, or None, when the source is over.

        Raises:
            ClientError: not connected, or something plays already (what is paused is replaced). It is a
                ``ClientException`` of the bot library as well.
            TypeError: ``source`` is no audio source, ``after`` is not callable, or options of the encoder are given for
                an :class:`isocord.Broadcast`, which has one of its own.
            ValueError: an option is out of its range.
            AudioFileError: the file is closed, or plays already.
        """
        connection = self._live()
        interrupter = BargeIn.of(barge_in)
        if connection.player.sounding:
            raise self._error(ClientError, "Already playing audio: `voice.stop()` ends it, an isocord.Queue waits")
        if isinstance(source, AsyncIterable):
            source = PumpedStream.of(
                source,
                self.loop,
                sample_rate=24_000 if sample_rate is None else sample_rate,
                channels=1 if channels is None else channels,
                format=format or "s16",
            )
        elif (sample_rate, channels, format) != (None, None, None):
            raise TypeError("sample_rate, channels and format are for an asynchronous iterator: a source knows its own")
        self._check_source(source)
        if after is not None and not callable(after):
            raise TypeError('Expected a callable for the "after" parameter.')
        given = {
            "application": application,
            "bitrate": bitrate,
            "fec": fec,
            "expected_packet_loss": expected_packet_loss,
            "bandwidth": bandwidth,
            "signal_type": signal_type,
            "complexity": complexity,
        }
        if isinstance(source, _native.Broadcast) and (named := [name for name in given if given[name] is not None]):
            raise TypeError(f"a Broadcast has one encoder for all who hear it: give {', '.join(named)} when it is made")
        encoding = self._encoder._options_for(given)
        feed = self._feed(source, encoding, lookahead)
        self._encoder._playing, self._lookahead = encoding, lookahead
        future: asyncio.Future[Exception | None] | None = self.loop.create_future() if wait_finish else None
        connection.player.start(feed, after, future, self._exchange, interrupter)
        if self._unheard:
            self._log.warning("Nobody hears what plays: %s", self._unheard)
        if isinstance(source, PumpedStream):
            source.start()
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
        player = self._live_player
        return player is not None and player.is_playing()

    def is_paused(self) -> bool:
        """Whether something plays but is paused."""
        player = self._live_player
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
        if not connection.player.swap(self._feed(source, self._encoder._playing, self._lookahead)):
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
                data = self._encoder.encode(data)
            # The server has to know before the first packet; afterwards this costs nothing.
            if (told := connection.announce_packet()) is not None:
                with contextlib.suppress(concurrent.futures.TimeoutError):
                    told.result(_SPEAKING_LIMIT)
            connection.native.send_packet(data)
        except OpusError as error:
            raise self._error(OpusError, str(error)) from error
        except ClosedError as error:
            raise self._error(ClientError, "Not connected to voice") from error

    def _configure(self, options: _native.EncoderOptions) -> None:
        if self._connection is not None:
            self._connection.player.configure(options)

    def _check_source(self, source: object) -> None:
        if not isinstance(source, (self._host.audio_source, *_native.SOURCES)):
            raise TypeError(f"Source must be an AudioSource, not {_kind_of(source)}")

    def _feed(self, source: AnySource, encoding: dict[str, Any], lookahead: int) -> Feed:
        native = self._host.native_source(source)
        options = None if native is None and source.is_opus() else native_options(encoding)
        process = self._host.process_of(source)
        tracks = self._begun().tracks
        if process is None:
            return Feed(source, options, lookahead=lookahead, native=native, tracks=tracks)
        failure, kill = partial(self._host.process_failure, process), process.cleanup
        return Feed(source, options, lookahead=lookahead, native=native, tracks=tracks, kill=kill, failure=failure)


def _kind_of(value: object) -> str:
    """What was given in place of a source, and what to write instead."""
    if isinstance(value, type):
        return f"the class {value.__name__}: make one of it, {value.__name__}(...)"
    if isinstance(value, str) and "://" in value:
        return "a URL: play isocord.AudioFile(url)"
    if isinstance(value, (str, os.PathLike)):
        return f"{type(value).__name__}: play isocord.AudioFile({os.fspath(value)!r})"
    if isinstance(value, (bytes, bytearray, io.IOBase)):
        return f"{type(value).__name__}: play isocord.AudioFile(io.BytesIO(data)), or PCMAudio for raw PCM"
    return type(value).__name__
