"""The Rust core as Python sees it. Nothing here waits for the bot's event loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterable, Mapping, Sequence, Set
from os import PathLike
from typing import Any, BinaryIO, Final, Literal, TypeAlias, final

from typing_extensions import Buffer, Self

from .desk.parts import Part
from .errors import AudioFileError, FFmpegError, SinkError
from .filters import Filter
from .playing.barge_in import BargeIn

LIBOPUS_VERSION: Final[str]
"""The version string of the libopus inside, e.g. ``"libopus 1.6.1"``."""

TRANSPORT_MODES: Final[tuple[str, ...]]
"""Transport modes that :class:`Connection` can seal, preferred first."""

SOURCES: Final[tuple[type[Playable], ...]]
"""What the native threads play by themselves: the classes of :data:`Playable`."""

FILTERS: Final[Mapping[str, tuple[tuple[str, float, float, float], ...]]]
"""Every kind of filter: the name, default, minimum and maximum of each of its numbers."""

def check_filter(name: str, values: Sequence[float]) -> None:
    """Raises ValueError for a filter that cannot be."""

HAS_MP3: Final[bool]
"""Whether LAME is inside, so that MP3 can be written without ffmpeg."""

Application = Literal["audio", "voip", "lowdelay"]
Bandwidth = Literal["narrow", "medium", "wide", "superwide", "full"]
SignalType = Literal["auto", "voice", "music"]

def choose_mode(offered: Sequence[str]) -> str:
    """The best transport mode among those a server offers.

    Legacy xsalsa20 modes are chosen only where nothing newer is offered.

    Raises:
        UnsupportedModeError: none of them is known.
    """

def shutdown() -> None:
    """Stop every native thread; idempotent. The next use starts them anew."""

def after_fork_in_child() -> None:
    """Forget the parent's threads in a forked child, which did not inherit them."""

@final
class EncoderOptions:
    """Settings of one Opus encoder (RFC 6716); immutable.

    Args:
        application: libopus's mode of coding.
        bitrate: kbit/s, 16 to 512.
        fec: in-band forward error correction.
        expected_packet_loss: 0.0 to 1.0.
        bandwidth: widest audio band that is coded.
        signal_type: hint for the choice between speech and music coding.
        complexity: 0 (cheapest) to 10 (best).

    Raises:
        ValueError: a value is out of its range; the message names it.
    """

    def __new__(
        cls,
        *,
        application: Application = "audio",
        bitrate: int = 128,
        fec: bool = False,
        expected_packet_loss: float = 0.0,
        bandwidth: Bandwidth = "full",
        signal_type: SignalType = "auto",
        complexity: int = 10,
    ) -> EncoderOptions: ...
    @property
    def application(self) -> Application: ...
    @property
    def bitrate(self) -> int: ...
    @property
    def fec(self) -> bool: ...
    @property
    def expected_packet_loss(self) -> float: ...
    @property
    def bandwidth(self) -> Bandwidth: ...
    @property
    def signal_type(self) -> SignalType: ...
    @property
    def complexity(self) -> int: ...

@final
class OpusEncoder:
    """An Opus encoder, 48 kHz stereo, 20 ms frames."""

    def __new__(cls, options: EncoderOptions | None = None) -> OpusEncoder: ...
    def encode(self, pcm: Buffer) -> bytes:
        """Encode one frame: 3,840 bytes of s16le interleaved stereo; shorter is padded with silence.

        Raises:
            OpusError: the frame is too long or libopus refused it.
        """

@final
class OpusDecoder:
    """An Opus decoder, 48 kHz stereo."""

    def __new__(cls) -> OpusDecoder: ...
    def decode(self, packet: Buffer | None, *, fec: bool = False) -> bytes:
        """Decode one packet to s16le interleaved stereo; ``None`` conceals one lost 20 ms frame.

        Raises:
            OpusError: not an Opus packet.
        """

@final
class Track:
    """Opus frames on their way to one connection: a bounded ring and its encoder.

    The producer writes on a thread of its own, the clock thread reads. One track plays once.
    """

    @staticmethod
    def pcm(options: EncoderOptions | None = None, *, lookahead: int = 25) -> Track:
        """A track fed with PCM by :meth:`write_pcm`; ``lookahead`` in frames of 20 ms, 1 to 1,000."""
    @staticmethod
    def opus(*, lookahead: int = 25) -> Track:
        """A track fed with Opus packets by :meth:`write_opus`."""
    @staticmethod
    def native(source: Playable, options: EncoderOptions | None = None, *, lookahead: int = 25) -> Track:
        """A track that the native pool feeds from ``source``, without the GIL.

        Raises:
            AudioFileError: the source is closed or already plays elsewhere.
        """
    def configure(self, options: EncoderOptions) -> None:
        """Encode with these options what is not encoded yet; the application stays what it was.

        Nothing changes for a track of Opus packets.
        """
    def wait_room(self, timeout: float) -> int | None:
        """Wait, without the GIL, until half the ring is free; at once while it has never been full.

        Returns the number of free frames, 0 after ``timeout`` seconds, or None once the track is over
        (stopped or replaced): the producer then ends.
        """
    def write_pcm(self, pcm: Buffer) -> int:
        """Queue whole frames of 3,840 bytes for the native pool to encode; a short last one is padded.

        Returns the number of frames queued; those that found no room or a track that is over are dropped.
        """
    def write_opus(self, packets: Sequence[Buffer]) -> int:
        """Queue Opus packets of 20 ms.

        Returns the number queued.

        Raises:
            OpusError: a packet is empty or over 1,275 bytes.
        """
    def rewrite_opus(self, first: int, packets: Sequence[Buffer], *, rests: bool, is_all: bool) -> int:
        """From frame ``first`` on there are these packets and no others; those whose turn has come are left out: gives
        how many they were.

        Raises:
            OpusError: a packet is empty or over 1,275 bytes.
            TypeError: the track is fed with PCM, or by a native source.
        """

    def finish(self) -> None:
        """No more frames will come; the track ends when the ring is empty."""
    def wait_end(self, timeout: float) -> TrackEnd | None:
        """Wait, without the GIL, until the track is over; None after ``timeout`` seconds."""
    @property
    def error(self) -> AudioFileError | None:
        """What ended a native source early."""
    @property
    def end(self) -> TrackEnd | None:
        """How the track ended, or None while it has not."""
    @property
    def interrupted(self) -> tuple[int, int, float, float] | None:
        """If that was its end: by which user, the frames that had left before it was faded out, the seconds from the
        packet with which speech began to the one with which it was enough, and those from then to our last packet."""
    @property
    def frames_sent(self) -> int:
        """Frames that have left, each 20 ms."""
    @property
    def waiting(self) -> int:
        """Frames that wait to leave."""
    @property
    def underruns(self) -> int:
        """Slots that found the ring empty after the first frame and before :meth:`finish`, while one was due."""

class Relay:
    """The frames of a track, sent ahead to where they leave: ``send(turn, first, packets, rests, is_all)`` is called on
    a thread of its own whenever from number ``first`` on, counted from where ``turn`` began, these packets of 20 ms are
    to leave and no others. ``rests``: none is due where none waits. ``is_all``: no more will come.

    Args:
        track: one of a native source, that does not play.
        lookahead: the track's.
    """

    def __new__(
        cls, track: Track, lookahead: int, send: Callable[[int, int, list[bytes], bool, bool], object]
    ) -> Relay: ...
    @staticmethod
    def capacity(lookahead: int) -> int:
        """Frames that a receiver needs room for.

        Raises:
            ValueError: ``lookahead`` is out of its range.
        """

    def begin(self) -> int:
        """Another one receives it, who knows nothing: what has not left begins with number 0. Gives its turn."""

    def note_left(self, left: int, moves: bool, late: int) -> None:
        """The receiver tells that so many frames have left; ``moves`` if others follow them one by one; ``late``: so
        many came too late since its last word."""

    def hold(self) -> None:
        """What is about to leave is the last for now; that was sent when this returns."""

    def go_on(self) -> None:
        """Frames leave again; what is to leave first was sent when this returns."""

    def end(self, how: TrackEnd) -> None:
        """It has ended there; the first word counts."""

class QueueEntry:
    """See :class:`isocord.QueueEntry`."""

    def __new__(cls, open: Callable[[], Playable | Reel], *, keeps: bool, brief: bool) -> Self: ...
    @property
    def _failed(self) -> Exception | None: ...
    @property
    def _broke_off(self) -> str | None: ...
    @property
    def duration(self) -> float | None:
        """Length in seconds, where it is known; not before it was opened."""

@final
class QueueEvents:
    """What happens in a queue, without the queue."""

    def take(
        self, timeout: float
    ) -> list[tuple[Literal["started", "ended", "failed", "empty"], QueueEntry | None, str | None]] | None:
        """Wait, without the GIL, for what happens next; none after ``timeout`` seconds, None when it is gone."""

class Queue:
    """See :class:`isocord.Queue`."""

    def __new__(
        cls,
        *,
        crossfade: float = 0.0,
        loop: Literal["off", "one", "all"] = "off",
        volume: float = 1.0,
        endless: bool = False,
    ) -> Self: ...
    def _insert(self, index: int, entry: QueueEntry) -> None: ...
    def _remove(self, entry: QueueEntry) -> None: ...
    def _reorder(self, order: Sequence[int]) -> None: ...
    def _events(self) -> QueueEvents: ...
    def skip(self) -> None:
        """Go on to the next entry at once, also where the present one is repeated."""
    def previous(self) -> None:
        """Go back to the entry before at once; where there is none, to the beginning of the present one."""
    def clear(self) -> None:
        """Have nothing sound and nothing come, at once. Unless it is endless, the queue ends."""
    def seek(self, seconds: float) -> None:
        """Go to a place in the entry that is heard now, in seconds; past its end, the next one begins.

        Raises:
            ValueError: seconds is negative or not finite, or nothing is heard.
        """
    @property
    def loop(self) -> Literal["off", "one", "all"]:
        """What comes again.

        Raises, when it is set:
            ValueError: it is none of these.
        """
    @loop.setter
    def loop(self, value: Literal["off", "one", "all"]) -> None: ...
    @property
    def crossfade(self) -> float:
        """Seconds in which an entry goes over into the next, 0 to 20; at most half of either.

        Raises, when it is set:
            ValueError: it is out of its range.
        """
    @crossfade.setter
    def crossfade(self, value: float) -> None: ...
    @property
    def volume(self) -> float:
        """0.0 to 16.0, on top of the entries' own; 1.0 leaves the sound as it is. Setting it is heard within 60 ms.

        Raises, when it is set:
            ValueError: it is out of its range.
        """
    @volume.setter
    def volume(self, value: float) -> None: ...
    @property
    def endless(self) -> bool:
        """Whether it goes on in silence when nothing is left."""
    @property
    def now(self) -> QueueEntry | None:
        """The entry that is heard now, or None. After skip() and the like it is the one that was asked for."""
    @property
    def upcoming(self) -> tuple[QueueEntry, ...]:
        """The entries to come, the next one first."""
    @property
    def history(self) -> tuple[QueueEntry, ...]:
        """The entries that were heard, or could not be, the last one last: the last 100, or all of a loop."""
    @property
    def position(self) -> float:
        """Place in the present entry, in seconds, of what is heard now."""
    @property
    def duration(self) -> float | None:
        """Length of the present entry in seconds, or None where it is not known."""
    def __len__(self) -> int: ...
    def __bool__(self) -> bool:
        """True, however many entries are to come."""
    def is_opus(self) -> bool:
        """False: read() gives PCM, so that a wrapper of the bot library's can work on it."""
    def read(self) -> bytes:
        """The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. For wrappers in Python.

        Raises:
            AudioFileError: it plays natively.
        """
    def cleanup(self) -> None:
        """Called by players at the end: it may be played again."""

@final
class Reel:
    """The sound of a source of Python's as a part of a native one. It is written like a :class:`Track`."""

    def __new__(cls) -> Reel: ...
    def wait_room(self, timeout: float) -> int | None:
        """As :meth:`Track.wait_room`; None once nobody plays it."""
    def write_pcm(self, pcm: Buffer) -> int:
        """Put whole frames of 3,840 bytes on, a short last one padded. Returns the number of those that had room."""
    def write_opus(self, packets: Sequence[Buffer]) -> int:
        """Decode Opus packets of 20 ms and put them on.

        Returns the number of those that had room.

        Raises:
            OpusError: one cannot be decoded.
        """
    def finish(self) -> None:
        """No more frames will come."""
    def fail(self, error: BaseException) -> None:
        """Say what has ended the source, before :meth:`finish`."""
    def wait_end(self, timeout: float) -> TrackEnd | None:
        """Wait, without the GIL, until all is played or nobody plays it; None after ``timeout`` seconds."""
    @property
    def error(self) -> BaseException | None:
        """What has ended the source early."""
    @property
    def frames_sent(self) -> int:
        """Frames that were taken, each 20 ms."""

TrackEnd = Literal["finished", "stopped", "replaced", "closed", "failed", "interrupted"]
"""Played to its end; stop(); another track took its place; the connection closed; a native source failed; somebody
spoke over it."""

class Broadcast:
    """See :class:`isocord.Broadcast`."""

    def __new__(
        cls, source: object, options: EncoderOptions | None = None, *, lookahead: int = 25, prebuffer: float = 0.0
    ) -> Self: ...
    @property
    def volume(self) -> float:
        """0.0 to 16.0, for all who hear it; 1.0 leaves the sound as it is.

        Raises, when it is set:
            ValueError: it is out of its range.
        """
    @volume.setter
    def volume(self, value: float) -> None: ...
    @property
    def simplified(self) -> int:
        """Frames that were encoded with a lower complexity than asked, because the machine could not keep up."""
    @property
    def error(self) -> BaseException | None:
        """What ended it early, or None."""
    def stop(self) -> None:
        """End it for all who hear it."""
    def is_opus(self) -> bool:
        """False."""
    def read(self) -> bytes:
        """It is played, not read.

        Raises:
            AudioFileError: always.
        """
    def cleanup(self) -> None:
        """Nothing: others may hear it still. It goes when nobody holds or hears it."""

Playable: TypeAlias = AudioFile | Broadcast | Filtered | Mixer | Queue | StreamSource

class StreamSource:
    """What :class:`isocord.StreamSource` stands on."""

    def __new__(
        cls,
        sample_rate: int = 24_000,
        channels: int = 1,
        *,
        format: Literal["s16", "f32"] = "s16",
        prebuffer: float = 0.0,
        capacity: float = 10.0,
        on_starve: Literal["silence", "hold"] = "silence",
        volume: float = 1.0,
    ) -> Self: ...
    def _bytes(self, pcm: Buffer) -> bytes: ...
    def _push(self, pcm: bytes, start: int) -> int: ...
    def _room(self, bytes: int) -> asyncio.Future[None]: ...
    def _drained(self) -> asyncio.Future[None]: ...
    def write_nowait(self, pcm: Buffer) -> None:
        """Write all of it, or nothing.

        Raises:
            StreamFullError: there is no room for so much.
            StreamError: it is finished, or not played any more.
            TypeError: it is no buffer, or one of other samples.
        """
    def flush(self) -> None:
        """All is said for now: what is there is played to its end, also below ``prebuffer``."""
    def finish(self) -> None:
        """No more comes: what is there is played to its end, and then the source is over. A sample that was cut in two
        and whose rest never came is dropped."""
    def clear(self) -> float:
        """Forget all that has not left, and go on. The next frame that leaves is silence or new sound, into which the
        old goes over within 10 ms. Returns how many seconds were not heard."""
    def pause(self) -> None:
        """Hold the sound from the next frame on. It can be written to meanwhile."""
    def resume(self) -> None:
        """Let it go on where it was."""
    @property
    def paused(self) -> bool:
        """Whether it is held."""
    @property
    def played(self) -> float:
        """Seconds of what was written that have left, in steps of a frame; what was cleared does not count."""
    @property
    def unheard(self) -> float:
        """Seconds of what was written that have not left and were not cleared."""
    @property
    def starved(self) -> int:
        """How often it ran dry: nothing more was there, and neither :meth:`flush` nor :meth:`finish` had said so."""
    @property
    def volume(self) -> float:
        """0.0 to 16.0; 1.0 leaves the sound as it is. Setting it while it plays is heard at once, without a click.

        Raises, when it is set:
            ValueError: it is out of its range.
        """
    @volume.setter
    def volume(self, value: float) -> None: ...
    def is_opus(self) -> Literal[False]:
        """False: read() gives PCM, so that a wrapper of the bot library's can work on it."""
    def read(self) -> bytes:
        """The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. For wrappers in Python.

        Raises:
            AudioFileError: it plays natively.
        """
    def cleanup(self) -> None:
        """Called by players at the end: who waits for it is told, and it takes no more."""

@final
class Mixer:
    """Any number of sounds as one source, mixed natively: music, speech over it, effects.

        mixer = isocord.Mixer(endless=True)
        voice.play(mixer)
        music = mixer.play(isocord.AudioFile("music.flac"), volume=0.8, fade_in=2.0)
        await mixer.play("hello.mp3", duck=0.25)
        await music.fade(0.0, 3.0)

    It is encoded once, whatever the number of layers. A sum that would clip is turned down 5 ms before; one that does
    not is exact. A layer that has nothing yet, say a source in Python whose read() blocks, costs its own sound only.

    A mixer ends with its last layer unless it is endless; before the first one it is silent. It plays in one place at
    a time, and again after it was stopped: the layers that played are over then, and those that had not begun wait.

    Args:
        volume: of the whole, 0.0 to 16.0; 1.0 leaves the sound as it is.
        endless: go on in silence when no layer is left.

    Raises:
        ValueError: volume is out of its range.
    """

    def __new__(cls, *, volume: float = 1.0, endless: bool = False) -> Self: ...
    def play(
        self,
        source: Part,
        *,
        volume: float = 1.0,
        fade_in: float = 0.0,
        duck: float | None = None,
        loop: bool = False,
    ) -> Layer:
        """Have a source heard with the others; before the mixer plays, it waits for that.

        Args:
            source: an AudioFile, an audio source of the bot library (read on a thread of its own), another native
                source, a path or a URL. It plays once.
            volume: 0.0 to 16.0, on top of the source's own.
            fade_in: seconds in which it comes up, 0 to 3600.
            duck: what the other layers are turned down to while it sounds, 0.0 to 1.0: down within 40 ms, back within
                400. Layers that duck others are not ducked.
            loop: begin again at its end, to the sample.

        Raises:
            AudioFileError: a path or URL cannot be played, or the source plays or has played already.
            TypeError: source is none that can be played.
            ValueError: a number is out of its range, or loop is asked of a source that cannot go back.
        """
    def stop(self, *, fade: float = 0.0) -> None:
        """End all layers, at once or after they have faded out. Unless it is endless, the mixer ends with them.

        Args:
            fade: seconds in which they fade out, 0 to 3600.

        Raises:
            ValueError: fade is out of its range.
        """
    @property
    def volume(self) -> float:
        """0.0 to 16.0; 1.0 leaves the sound as it is. Setting it while it plays is heard within 60 ms, without a click.

        Raises, when it is set:
            ValueError: it is out of its range.
        """
    @volume.setter
    def volume(self, value: float) -> None: ...
    @property
    def endless(self) -> bool:
        """Whether it goes on in silence when no layer is left."""
    @endless.setter
    def endless(self, value: bool) -> None: ...
    def is_opus(self) -> Literal[False]:
        """False: read() gives PCM, so that a wrapper of the bot library's can work on it."""
    def read(self) -> bytes:
        """The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. For wrappers in Python: played
        natively, none of its sound passes through Python.

        Raises:
            AudioFileError: it plays natively.
        """
    def cleanup(self) -> None:
        """Called by players at the end: what read() has read is over."""

@final
class Layer:
    """One sound of a :class:`Mixer`, made by :meth:`Mixer.play`. Awaiting it waits until its end is heard.

        song = mixer.play(isocord.AudioFile("song.mp3"))
        await song.fade(0.3, 2.0)
        await song

    Everything may be asked from any thread and never blocks. What changes while it plays is heard within 60 ms,
    without a click. Awaiting raises what ended the source early: an AudioFileError, or whatever a source written in
    Python raised. One that was stopped has simply ended.
    """

    @property
    def volume(self) -> float:
        """0.0 to 16.0; 1.0 leaves the sound as it is. While it fades, the volume that it goes to.

        Raises, when it is set:
            ValueError: it is out of its range.
        """
    @volume.setter
    def volume(self, value: float) -> None: ...
    def fade(self, to: float, seconds: float) -> Awaitable[None]:
        """Go to another volume, without a kink and, of two that cross, with the power of one. It begins at once;
        awaiting waits until the new volume is heard, until the volume is set anew, or until the layer is over.

        Args:
            to: the volume, 0.0 to 16.0.
            seconds: how long it takes, 0 to 3600.

        Raises:
            ValueError: to or seconds is out of its range.
        """
    def stop(self, *, fade: float = 0.0) -> None:
        """End it, at once or after it has faded out. Asked again, it is over sooner, if anything.

        Args:
            fade: seconds in which it fades out, 0 to 3600. What it ducks comes back meanwhile.

        Raises:
            ValueError: fade is out of its range.
        """
    def pause(self) -> None:
        """Have it stand still, silent, until resume(). A mixer with a layer that is paused does not end."""
    def resume(self) -> None:
        """Go on after pause()."""
    @property
    def paused(self) -> bool:
        """Whether it was asked to stand still."""
    def seek(self, seconds: float) -> None:
        """Go to a place in its source, in seconds. Past the end, it ends. A source that can go nowhere (one of
        Python's, radio) ends with an error.

        Raises:
            ValueError: seconds is negative or not finite.
        """
    @property
    def position(self) -> float:
        """Place in its source, in seconds, of what is heard now, or was heard last."""
    @property
    def duration(self) -> float | None:
        """Length of its source in seconds, or None where it is not known."""
    @property
    def underruns(self) -> int:
        """Frames of 20 ms in which its source had nothing, so that the others went on without it. What came late is
        heard late, and not lost.
        """
    @property
    def ended(self) -> bool:
        """Whether its end has been heard."""
    @property
    def error(self) -> BaseException | None:
        """What ended it early, or None."""
    @property
    def source(self) -> Part:
        """What was given to play()."""
    def __await__(self) -> Generator[Any]: ...

@final
class Filtered:
    """A source with filters behind it, computed natively; they may be set anew at any time.

        song = isocord.Filtered(isocord.AudioFile("song.mp3"), isocord.filters.Timescale(speed=1.2))
        voice.play(song)
        song.filters = [isocord.filters.Equalizer(bass=0.2), isocord.filters.Tremolo()]
        song.filters = isocord.filters.nightcore
        song.filters = []

    What changes while it plays is heard within 60 ms, without a click. Without filters it is the source as it is, and
    Opus packets of a file still pass through. What they make too loud is turned down and not cut. Echo and reverb ring
    out after the end of the source.

    It plays once, as its source does.

    Args:
        source: an AudioFile, a Mixer, an audio source of the bot library (read on a thread of its own), another native
            source, a path or a URL.
        filters: of isocord.filters, in the order in which the sound passes them; 32 at most, and one Timescale.
        volume: 0.0 to 16.0, after the filters and on top of the source's own; 1.0 leaves the sound as it is.

    Raises:
        AudioFileError: a path or URL cannot be played, or the source plays or has played already.
        TypeError: source is none that can be played, or a filter is none.
        ValueError: the volume is out of its range, or the filters do not go together.
    """

    def __new__(cls, source: Part, *filters: Filter, volume: float = 1.0) -> Filtered: ...
    @property
    def filters(self) -> tuple[Filter, ...]:
        """The filters, in the order in which the sound passes them. Any iterable may be set, at any time.

        Raises, when they are set:
            TypeError: one is no filter.
            ValueError: they are more than 32, or more than one is a Timescale.
        """
    @filters.setter
    def filters(self, value: Iterable[Filter]) -> None: ...
    @property
    def volume(self) -> float:
        """0.0 to 16.0, after the filters; 1.0 leaves the sound as it is. Setting it while it plays is heard within
        60 ms, without a click.

        Raises, when it is set:
            AudioFileError: it is closed.
            ValueError: it is out of its range.
        """
    @volume.setter
    def volume(self, value: float) -> None: ...
    @property
    def position(self) -> float:
        """Place in the source, in seconds, of what is heard now, or was heard last."""
    @property
    def duration(self) -> float | None:
        """Length of the source in seconds, or None where it is not known. A Timescale does not change it."""
    @property
    def source(self) -> Part:
        """What was given."""
    @property
    def simplified(self) -> int:
        """Frames that were encoded with a lower complexity than asked, because the machine could not keep up."""
    @property
    def error(self) -> BaseException | None:
        """What ended it early, or None."""
    def seek(self, seconds: float) -> None:
        """Go to a place in the source, in seconds; heard with the next frame if it plays. Past the end, it ends.

        Raises:
            AudioFileError: it is closed, cannot be read, or its source can go nowhere.
            ValueError: seconds is negative or not finite.
        """
    def is_opus(self) -> Literal[False]:
        """False: read() gives PCM, so that a wrapper of the bot library's can work on it."""
    def read(self) -> bytes:
        """The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. For wrappers in Python, tests and
        tools: played natively, none of its sound passes through Python.

        Raises:
            AudioFileError: it is closed, cannot be read, plays natively, or its source has brought nothing for 10 s.
            FFmpegError: ffmpeg decodes its source and has failed.
        """
    def close(self) -> None:
        """Let it go, and its source. Does nothing twice."""
    def cleanup(self) -> None:
        """The same as close(), as bot libraries call it when it has played."""

@final
class AudioFile:
    """A sound file that the native threads read, decode and encode: no ffmpeg, no thread of Python's, no GIL.

        voice.play(isocord.AudioFile("song.mp3", volume=0.5))

    It plays WAV, AIFF, FLAC, MP3 (and MP1, MP2), Ogg, MP4 and M4A, Matroska and WebM, and ADTS, with PCM, FLAC, ALAC,
    Vorbis, AAC-LC or Opus in them; the content decides, not the name. Opus packets of 20 ms are sent as they stand
    while the volume is 1.0. What nothing of this reads (AC-3, WMA, AVI) plays if ffmpeg is on the PATH: in a process
    of its own, which opens and fetches nothing itself and ends with the file.

    A URL is played while it comes: a file, which is taken up again where the connection breaks, or a radio without end.
    It can be sought in where its server sends byte ranges. To make one waits for the server, 10 s at most, so in a
    coroutine: await asyncio.to_thread(isocord.AudioFile, url).

    It plays once: for another time, or in two places, open it anew. It is closed when it has played; what it was then
    can still be read, but setting the volume and seek() raise.

    Args:
        file: a path, an http or https URL, or a binary file object at its beginning. One that is no file of the system
            is read into memory here, to its end, 1 GiB at most.
        volume: 0.0 to 16.0; 1.0 leaves the sound as it is.
        start: seconds into the file, 0 or more.
        headers: sent with each request for the URL. Another host, to which it may send us on, gets of them only
            User-Agent, Accept and Accept-Language.
        allow_private: connect also to servers in private networks and on this machine. A URL that a stranger gave
            must not: what only the bot can reach would be played to them.

    Raises:
        AudioFileError: the file is missing, broken, of a format that isocord does not know, or asks for too much before
            there is sound; its server refuses it, or is in a private network; or the disk or the server has not
            answered for 10 s.
        TypeError: file is no path, no URL and no binary file object.
        ValueError: volume or start is out of its range, or a header has a name or a value that none may have.
    """

    def __new__(
        cls,
        file: str | PathLike[str] | BinaryIO,
        *,
        volume: float = 1.0,
        start: float = 0.0,
        headers: dict[str, str] | None = None,
        allow_private: bool = False,
    ) -> AudioFile: ...
    @staticmethod
    def from_info(
        info: Mapping[str, Any],
        *,
        resolve: Callable[[], Mapping[str, Any] | Awaitable[Mapping[str, Any] | None] | None] | None = None,
        volume: float = 1.0,
        start: float = 0.0,
        allow_private: bool = False,
    ) -> AudioFile:
        """Play what yt-dlp has found: ``ydl.extract_info(url, download=False)``.

            file = await asyncio.to_thread(isocord.AudioFile.from_info, info, resolve=find_again)

        The format that was chosen is played, or the best one with sound that isocord can ask for. ``title``,
        ``artist``, ``duration`` and ``tags`` are what the dict says, and what the file says for lack of it; ``tags``
        has also "uploader", "thumbnail" and "webpage_url".

        Args:
            info: the dict. Of a playlist the first entry is played.
            resolve: called without arguments when the server says that the URL has expired (403 or 410); gives a new
                info dict, or None. It is called in a thread of isocord's and may take 30 s; while the file is opened,
                it is a part of the 10 s that this may take. What it returns may be awaited, on the bot's loop: that of
                this thread, otherwise the one on which the bot joined a channel; before it has, a loop of its own.
            volume, start, allow_private: as for AudioFile.

        Raises:
            AudioFileError: as for AudioFile, or the dict names nothing that can be played or sent.
            TypeError: info is no dict.
        """
    @property
    def volume(self) -> float:
        """0.0 to 16.0; 1.0 leaves the sound as it is. Setting it while it plays is heard within 60 ms,
        without a click.

        Raises, when it is set:
            AudioFileError: the file is closed.
            ValueError: it is out of its range.
        """
    @volume.setter
    def volume(self, value: float) -> None: ...
    @property
    def position(self) -> float:
        """Place in the file, in seconds, of what is heard now, or was heard last; at most the duration."""
    @property
    def duration(self) -> float | None:
        """Length in seconds, or None where it is not told. Estimated for ADTS, and MP3 without a Xing header."""
    @property
    def codec(self) -> str:
        """What the sound is coded in: "opus", "vorbis", "mp3", "aac", "flac", "alac", "pcm_s16le" and so on."""
    @property
    def container(self) -> str:
        """What kind of file it is: "wav", "aiff", "flac", "mp3", "ogg", "mp4", "matroska", "adts", "mp1" or "mp2"."""
    @property
    def sample_rate(self) -> int:
        """Samples a second in the file; 48000 for Opus. All is sent with 48 kHz."""
    @property
    def channels(self) -> int:
        """Channels in the file. All is sent in stereo."""
    @property
    def seekable(self) -> bool:
        """Whether seek() is possible: not where a server gives it from front to back only."""
    @property
    def title(self) -> str | None:
        """The title, or None where the file does not tell it. That of a radio changes while it plays, a little before
        it is heard.
        """
    @property
    def artist(self) -> str | None:
        """The artist, or None; several have ", " between them."""
    @property
    def album(self) -> str | None:
        """The album, or None."""
    @property
    def tags(self) -> Mapping[str, str]:
        """All that the file says of itself in words: keys in lower case, the same ones for all formats
        ("title", "album_artist", "date", "track", "genre", "comment", "replaygain_track_gain" and so on). 16 KiB a
        value and 128 KiB in all at most; the rest is left out.
        """
    @property
    def cover(self) -> bytes | None:
        """The picture, JPEG or PNG as a rule, or None: the front cover if there are several, 16 MiB at most. It is read
        when it is asked for, each time.

        Raises:
            AudioFileError: the file is closed, or cannot be read.
        """
    @property
    def passthrough(self) -> bool:
        """Whether Opus packets of the file are sent as they stand: they last 20 ms, and the volume is 1.0."""
    @property
    def simplified(self) -> int:
        """Frames that were encoded with a lower complexity than asked, because the machine could not keep up."""
    @property
    def error(self) -> AudioFileError | FFmpegError | None:
        """What ended it early, or None: an AudioFileError, or an FFmpegError where ffmpeg decoded it and has failed."""
    def seek(self, seconds: float) -> None:
        """Go to a place in the file, in seconds; heard with the next frame if it plays. Past the end, the file ends.

        Opus that is sent as it stands goes on at the packet that holds the place, up to 20 ms earlier.

        Raises:
            AudioFileError: the file is closed, cannot be read, or is not seekable.
            ValueError: seconds is negative or not finite.
        """
    def read(self) -> bytes:
        """The next 20 ms as 3,840 bytes of s16le stereo at 48 kHz; empty at the end. Not for a file that plays.

        Raises:
            AudioFileError: the file is closed, cannot be read, or plays natively.
            FFmpegError: ffmpeg decodes it and has failed.
        """
    def titles(self) -> AsyncIterator[str]:
        """The title, and each that a radio goes on to, until the file is closed: async for title in file.titles()."""
    @property
    def _is_over(self) -> bool: ...
    def is_opus(self) -> bool:
        """False: read() gives PCM, so that a wrapper of the bot library's (PCMVolumeTransformer) can work on it."""
    def close(self) -> None:
        """Let the file go, at once, whoever reads it. A file object that was given stays open. Does nothing twice."""
    def cleanup(self) -> None:
        """The same as close(), as bot libraries call it when it has played."""

@final
class AudioInfo:
    """What a file is and says of itself; immutable. Its properties are those of :class:`AudioFile`."""

    @property
    def title(self) -> str | None: ...
    @property
    def artist(self) -> str | None: ...
    @property
    def album(self) -> str | None: ...
    @property
    def cover(self) -> bytes | None: ...
    @property
    def duration(self) -> float | None: ...
    @property
    def codec(self) -> str: ...
    @property
    def container(self) -> str: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def tags(self) -> Mapping[str, str]: ...

def probe(
    file: str | PathLike[str] | BinaryIO, *, headers: dict[str, str] | None = None, allow_private: bool = False
) -> AudioInfo:
    """What a file is and says of itself, without playing it. It takes and raises what :class:`AudioFile` does.

    It waits for the disk or the server, without the GIL: ``await asyncio.to_thread(isocord.probe, path)`` on a loop.
    """

@final
class Discovered:
    """Event: the address that the voice server sees us at; once more when it has changed."""

    @property
    def address(self) -> str: ...
    @property
    def port(self) -> int: ...

@final
class DiscoveryFailed:
    """Event: no answer to IP discovery within its time, or the socket leads nowhere any more."""

    @property
    def reason(self) -> str: ...

@final
class TrackEnded:
    """Event: a track is over."""

    @property
    def track(self) -> Track: ...
    @property
    def end(self) -> TrackEnd: ...

Event = Discovered | DiscoveryFailed | TrackEnded

@final
class Connection:
    """One voice connection's UDP leg: socket, keys, clock slot.

    Args:
        on_event: called on isocord's event thread, one call at a time; it must return soon
            (hand the event to a loop with ``call_soon_threadsafe``). Its exceptions are logged.
    """

    def __new__(cls, on_event: Callable[[Event], object]) -> Connection: ...
    def open(self, host: str, port: int, ssrc: int, *, discovery_timeout: float = 5.0) -> None:
        """Open a connected socket and start IP discovery; ends in :class:`Discovered` or :class:`DiscoveryFailed`.

        Called again (after a move or a reconnect) it replaces the socket; the track keeps its place and nothing is
        sent until :meth:`start_session`.

        Raises:
            UdpError: the socket could not be made.
            ValueError: ``host`` is no IP address.
        """
    def start_session(self, mode: str, secret_key: Buffer) -> None:
        """Take the keys of a Session Description.

        On a socket that has a session already, they take the place of its keys, and the end-to-end encryption goes on.
        Otherwise packets leave once it is known whether the call is encrypted end to end: after
        :meth:`DaveSession.session_description`, or :meth:`allow_unencrypted`.

        Raises:
            UnsupportedModeError: ``mode`` is not in :data:`TRANSPORT_MODES`.
            ValueError: the key is not 32 bytes.
        """
    def end_session(self) -> None:
        """The voice server has ended the session: what plays waits for the next :meth:`start_session`."""
    def allow_unencrypted(self) -> None:
        """Let packets leave without end-to-end encryption, in a call that has none and no :class:`DaveSession`."""
    def play(self, track: Track, barge_in: BargeIn | None = None) -> None:
        """Start ``track`` in the next free slot, or in the place of the one that plays.

        Before :meth:`start_session` the track waits for the session. With ``barge_in`` it is faded out and ends when
        somebody speaks over it.
        """
    def stop(self) -> None:
        """End the track ("stopped"); five silence frames follow."""
    def pause(self) -> None:
        """Hold the track; five silence frames follow. RTP time goes on."""
    def resume(self) -> None: ...
    def send_packet(self, packet: Buffer) -> None:
        """Send one Opus packet of 20 ms now.

        Raises:
            OpusError: the packet is empty or over 1,275 bytes.
            ClosedError: no session.
        """
    def own_voice(self, user_id: int) -> OwnVoice:
        """What leaves from now on, as Opus packets of a user.

        Raises:
            ClosedError: the connection is closed.
        """
    def listen(
        self,
        *,
        form: Literal["pcm", "opus", "speaking"] = "pcm",
        capacity: int = 4096,
        users: Set[int] | None = None,
        mixdown: bool = False,
        latency: float = 0.06,
        fill: bool = False,
        sample_rate: int = 48000,
        channels: int = 2,
        format: Literal["s16", "f32"] = "s16",
        vad: bool = False,
    ) -> FrameQueue:
        """Listen: what users say comes out of the queue until it is closed. Several can listen at once.

        With nobody listening, packets are only counted. A new socket or session does not end it. Mixing and resampling
        happen in :meth:`FrameQueue.take`, without the GIL.

        Args:
            form: decoded sound, Opus packets as they came, or only the news of who speaks.
            capacity: frames of 20 ms that may wait, of all users; what finds the queue full is dropped and counted.
            users: those who are heard; all if None.
            mixdown: all as one, whose id is 0.
            latency: seconds that a mixdown waits for users beyond the slowest jitter buffer, 0 to 1.
            fill: frames of silence where nobody speaks.
            sample_rate: 48000, 24000, 16000, 12000 or 8000.
            channels: 1 or 2.
            format: how samples are written: 16 bits, or floating point of 32 bits.
            vad: whether frames are judged for speech.

        Raises:
            ValueError: an option is out of its range, or Opus packets are to be mixed or resampled.
        """
    def utterances(
        self,
        *,
        users: Set[int] | None = None,
        sample_rate: int = 16000,
        channels: int = 1,
        format: Literal["s16", "f32"] = "s16",
        silence: float = 0.6,
        min_speech: float = 0.1,
        max_length: float = 30.0,
        pre_roll: float = 0.3,
        vad: bool = True,
        partial: bool = False,
    ) -> UtteranceQueue:
        """Listen, and have what each user says cut into utterances, without the GIL.

        Args:
            users: those who are heard; all if None.
            sample_rate: see :meth:`listen`.
            channels: see :meth:`listen`.
            format: see :meth:`listen`.
            silence: seconds without speech that end an utterance, 0.02 to 10; they are its last part.
            min_speech: seconds of speech that begin one, 0 to 2.
            max_length: seconds after which the next one begins, 1 to 120.
            pre_roll: seconds before the speech that are its first part, 0 to 2.
            vad: whether the voice activity detector says what speech is; otherwise all that comes is.
            partial: whether parts come as they are heard, or each utterance at its end.

        Raises:
            ValueError: an option is out of its range.
            ClosedError: the connection is closed.
        """
    def record(
        self,
        target: object,
        *,
        format: RecordingFormat,
        layout: Literal["users", "mixdown", "tracks"] = "users",
        mixdown: object = None,
        sync_start: bool = False,
        users: Set[int] | None = None,
        exclude: Set[int] = ...,
        seconds: float = 0.0,
        max_size: int | None = None,
        split: tuple[Literal["samples", "bytes", "hours"], int] | None = None,
        bitrate: int = 128,
        ffmpeg: str | None = None,
        survey: bool = False,
        own_user: int | None = None,
        channels: Literal[1, 2] = 2,
        sample_format: Literal["s16", "s24", "f32"] = "s16",
        name_of: Callable[[int], str | None] | None = None,
        denoise: bool = False,
        normalize: float | None = None,
        relayed: bool = False,
    ) -> Recording:
        """Write what users say to files from now on, on the thread ``isocord-record``, without the GIL.

        Args:
            target: for ``layout="users"`` a directory that exists, for files that are called ``<user id>.<format>``, or
                a function that is called on the thread with a user id and the number of a part, from 1 on, and gives a
                path or a binary file object. For one file those, or a function of the number of the part.
            format: "mp4" and "m4a" are encoded by ffmpeg, and "mp3" where ``ffmpeg`` is given.
            layout: one file per user, one in which all are summed, or one in which each is a track (Matroska, WebM).
            mixdown: where all are summed as well, as ``target`` of one file, or None.
            sync_start: whether tracks of users that come later begin with silence from the start of the recording.
            users: those who are recorded; all if None.
            exclude: those who are not.
            seconds: when the recording ends; 0 for no end.
            max_size: bytes that no file gets more of, its end included.
            split: when to go on in new files: each so many samples, when a file has so many bytes, or so many samples
                after the start and then every hour.
            bitrate: kbit/s, of MP3 and of what ffmpeg encodes.
            ffmpeg: the program.
            survey: whether it is listened to who speaks when, and how loud.
            own_user: the id under which our own voice is recorded too, as the packets that leave, where they leave.
            channels: of WAV and FLAC.
            sample_format: of WAV and FLAC; "f32" of WAV only.
            name_of: called once for each user, on the thread: what files call them; their ids if None.
            denoise: whether noise is taken out of what each user but us says.
            normalize: the loudness that each user is brought to, in LUFS.
            relayed: record nothing of this connection, but what :meth:`Recording.hear` is given.

        Raises:
            SinkError: the file could not be made, or ffmpeg could not be started.
            ValueError: an option is out of its range, or there is no ffmpeg where it is needed.
            TypeError: ``target`` is of another kind.
            ClosedError: the native threads have stopped.
        """
    def assign_ssrc(self, ssrc: int, user_id: int) -> None:
        """The gateway says that a stream is a user's (opcode 5)."""
    def user_left(self, user_id: int) -> None:
        """The gateway says that a user left (opcode 13)."""
    @property
    def position(self) -> int:
        """Now, in samples of 48 kHz on the clock that all frames of :meth:`listen` are placed on."""
    @property
    def receive_stats(self) -> ReceiveStats: ...
    def close(self) -> None:
        """Leave the clock and close the socket; idempotent. A track that plays ends as "closed"."""
    @property
    def stats(self) -> Stats: ...

RecordingFormat = Literal["wav", "pcm", "flac", "mp3", "ogg", "mka", "mkv", "webm", "mp4", "m4a"]

@final
class Recording:
    """A recording that runs; dropping it ends it, and its files are finished all the same."""

    @property
    def form(self) -> Literal["pcm", "opus"] | None:
        """The form of frames that :meth:`hear` takes, see :meth:`Connection.listen`; None unless it is relayed."""
    def hear(self, frames: Sequence[HeardFrame], shift: int) -> None:
        """Take frames that another machine has heard, or sent, placed ``shift`` samples later on this one's clock."""
    def hear_no_more(self) -> None:
        """The connection is over, and so is the recording."""
    @property
    def is_over(self) -> bool:
        """Whether nothing that is said from now on is recorded; the files may not be whole yet."""
    @property
    def is_paused(self) -> bool: ...
    @property
    def dropped(self) -> int:
        """Frames that became silence because the disk was too slow."""
    @property
    def position(self) -> int:
        """Where it begins on the common clock."""
    def pause(self, position: int) -> None:
        """What is said from there on, and its time, are in no track. Nothing happens but to one that runs."""
    def resume(self, position: int) -> None:
        """Go on. Nothing happens but to one that is paused."""
    def allow(self, user_id: int, position: int) -> None:
        """Record a user from there on, whoever was not to be."""
    def deny(self, user_id: int, position: int, *, drop: bool = False) -> None:
        """Record nothing of a user from there on; with ``drop`` what was kept is given up, which is told as news.

        To be dropped, a user has to have a file that no other is in.
        """
    def cut(self, position: int) -> None:
        """Go on in new files from there on, all tracks at once."""
    def mark(self, position: int, title: str) -> None:
        """The moment has a name, which files that have chapters tell when they are complete."""
    def stop(self, delay: int) -> None:
        """Record nothing that is said from now on; does not wait. Idempotent.

        What was said before, and waits in jitter buffers for at most ``delay`` samples, is still written.
        """
    def news(self, timeout: float) -> list[RecordingNews]:
        """Wait, without the GIL, for what becomes of the users' tracks.

        Returns:
            None of them after ``timeout`` seconds, or when all files are whole.
        """
    def wait(self, timeout: float) -> RecordingReport | None:
        """Wait, without the GIL, until all files are whole; None after ``timeout`` seconds.

        Raises:
            SinkError: the thread died, which is an error of isocord.
        """

@final
class OwnVoice:
    """What leaves a connection, for a recording on another machine; of 6 s that nobody takes the rest is lost."""

    def take(self) -> list[HeardFrame]:
        """What has left since the last call."""

@final
class RecordingNews:
    """What has become of a user's track, told once when it happens."""

    @property
    def user_id(self) -> int | None:
        """None for the one file of all users."""
    @property
    def kind(self) -> Literal["started", "part", "dropped", "failed", "refused"]:
        """Written from now on; a file is complete; what was kept is given up; written no more; there is no room."""
    @property
    def part(self) -> PartOutcome | None:
        """The file that is complete."""
    @property
    def error(self) -> SinkError | None:
        """Why; of "dropped", why what was kept is still there."""

@final
class PartOutcome:
    """A file of a recording that is complete."""

    @property
    def user_id(self) -> int | None:
        """None for a file of all users."""
    @property
    def is_mixdown(self) -> bool:
        """Whether all users are summed in it."""
    @property
    def number(self) -> int:
        """From 1 on."""
    @property
    def path(self) -> PathLike[str] | None: ...
    @property
    def offset(self) -> float:
        """Seconds into the recording where it begins."""
    @property
    def duration(self) -> float:
        """Seconds."""
    @property
    def size(self) -> int:
        """Bytes."""

@final
class RecordingReport:
    """What a recording came to. Counts are frames unless said otherwise."""

    @property
    def tracks(self) -> list[TrackOutcome]:
        """By user id; a mixdown is one."""
    @property
    def voices(self) -> list[VoiceOutcome]:
        """By user id: who spoke when, and how loud, if that was asked for (``survey``)."""
    @property
    def duration(self) -> float:
        """Seconds, pauses cut out."""
    @property
    def reason(self) -> Literal["finished", "time", "size", "failed"]:
        """Why it ended; "failed" if the one file of all users could not be written, or none of anybody's for 2 s."""
    @property
    def dropped(self) -> int:
        """That became silence because the disk was too slow."""
    @property
    def frames(self) -> int:
        """All that came."""
    @property
    def filtered(self) -> int:
        """Of users who were not to be recorded."""
    @property
    def before_start(self) -> int:
        """That were heard when it began, but belong to a time before."""
    @property
    def paused(self) -> int:
        """That fell in a pause, or after the stop."""
    @property
    def after_end(self) -> int:
        """That came after it had reached a limit or could not go on, or that the stop cut to less than half."""
    @property
    def late(self) -> int:
        """That came after their place had been written."""
    @property
    def overlapping(self) -> int: ...
    @property
    def invalid(self) -> int: ...
    @property
    def refused_users(self) -> int:
        """Users that got no file because there were 200 of others already; in a mixdown 1,024."""
    @property
    def filled_samples(self) -> int:
        """Samples of silence, over all tracks."""
    @property
    def late_samples(self) -> int:
        """Samples of users that came too late for a mixdown."""

@final
class TrackOutcome:
    """One file of a recording, or one track of a file."""

    @property
    def user_id(self) -> int | None:
        """None for a mixdown."""
    @property
    def path(self) -> PathLike[str] | None: ...
    @property
    def offset(self) -> float:
        """Seconds into the recording where it begins."""
    @property
    def duration(self) -> float:
        """Seconds."""
    @property
    def size(self) -> int:
        """Bytes written; in a file of many tracks those of its packets."""
    @property
    def is_cut(self) -> bool:
        """Whether it, or the one file of all users, ended at ``max_size``."""
    @property
    def error(self) -> SinkError | None:
        """Its ``__cause__`` is what a file object or a function of Python's raised."""

@final
class VoiceOutcome:
    """What is known of one user's sound in a recording. Places are samples of 48 kHz of the recording's own time."""

    @property
    def user_id(self) -> int: ...
    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where the user spoke, from and to, in order."""
    @property
    def peak(self) -> float:
        """The highest sample in dBFS, minus infinity for silence."""
    @property
    def rms(self) -> float:
        """The root of the mean square in dBFS of what came."""
    @property
    def loudness(self) -> float | None:
        """Integrated loudness in LUFS (ITU-R BS.1770-4); None where it was not measured."""
    @property
    def missed(self) -> int:
        """Samples that were not listened to, for frames waited for the files."""
    @property
    def step(self) -> int:
        """Samples that each step of the outline stands for."""
    @property
    def outline(self) -> list[int]:
        """The highest sample of each step from the recording's begin on, 32,768 being full scale."""

@final
class Stats:
    """A snapshot of one connection's counters since it was made. Times in seconds."""

    @property
    def packets_sent(self) -> int: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def silence_sent(self) -> int: ...
    @property
    def keepalives_sent(self) -> int: ...
    @property
    def packets_received(self) -> int: ...
    @property
    def send_errors(self) -> int: ...
    @property
    def underruns(self) -> int: ...
    @property
    def missed_slots(self) -> int:
        """Slots that passed while the clock thread could not run for over 20 ms; none while it rests."""
    @property
    def withheld(self) -> int:
        """Frames that passed unsent: in an encrypted call without a key, nobody could have opened them."""
    @property
    def dropped_commands(self) -> int: ...
    @property
    def lateness_p50(self) -> float: ...
    @property
    def lateness_p99(self) -> float: ...
    @property
    def lateness_max(self) -> float: ...
    @property
    def lateness_sum(self) -> float: ...
    @property
    def lateness_histogram(self) -> list[tuple[float, int]]:
        """For each doubling its upper edge, in seconds, and how many packets were so late: less than that, and not
        less than the edge before."""

@final
class PrivacyCodeChanged:
    """Output of a :class:`DaveSession`: the call has another privacy code."""

    @property
    def code(self) -> str | None:
        """30 digits without spaces; None while there is no group with others."""

@final
class DaveVersionChanged:
    """Output of a :class:`DaveSession`: another protocol version is in force; 0 is transport encryption only."""

    @property
    def version(self) -> int: ...

@final
class DaveNotice:
    """Output of a :class:`DaveSession`: something was refused or ignored, for the log. Never holds a secret."""

    @property
    def text(self) -> str: ...

DaveOutput = str | bytes | PrivacyCodeChanged | DaveVersionChanged | DaveNotice
"""What the caller has to do, in order: ``str`` and ``bytes`` are messages to send to the voice gateway as they are."""

@final
class DaveSession:
    """The end-to-end encryption of one voice session (DAVE protocol version 1).

    Feed it the gateway's messages; keys go straight to the native threads of ``connection``. Without a connection
    it is a participant of its own, who seals and opens frames itself.

    Args:
        connection: the connection whose packets are encrypted, or None.
        user_id: this member.
        channel_id: the voice channel, which is the MLS group's id.
    """

    def __new__(cls, connection: Connection | None, user_id: int, channel_id: int) -> DaveSession: ...
    def session_description(self, version: int) -> list[DaveOutput]:
        """Opcode 4, after :meth:`Connection.start_session`: ``dave_protocol_version``."""
    def clients_connect(self, user_ids: Sequence[int]) -> list[DaveOutput]:
        """Opcode 11."""
    def client_disconnect(self, user_id: int) -> list[DaveOutput]:
        """Opcode 13."""
    def prepare_transition(self, transition_id: int, protocol_version: int) -> list[DaveOutput]:
        """Opcode 21."""
    def execute_transition(self, transition_id: int) -> list[DaveOutput]:
        """Opcode 22."""
    def prepare_epoch(self, epoch: int, protocol_version: int) -> list[DaveOutput]:
        """Opcode 24."""
    def binary(self, opcode: int, payload: Buffer) -> list[DaveOutput]:
        """Opcodes 25, 27, 29 and 30: what follows the opcode in the message. Never fails on bad bytes."""
    def is_brief(self, opcode: int, payload: Buffer) -> bool:
        """Whether :meth:`binary` would take less than the time that another thread of Python waits for the GIL anyway:
        a short message, to a small group that nobody works on. It then keeps the GIL."""
    def take_in(self, opcode: int, payload: Buffer, *, more: bool) -> None:
        """The work of :meth:`binary`, which is longer the more members come or are there; from any thread.

        What it leads to waits for :meth:`outputs`.

        Args:
            more: whether another message waits already: proposals are answered after the last one.
        """
    def outputs(self) -> list[DaveOutput]:
        """What :meth:`take_in` has led to; the keys go to the connection now."""
    @property
    def protocol_version(self) -> int: ...
    @property
    def status(self) -> Literal["inactive", "waiting", "pending", "established"]: ...
    @property
    def epoch(self) -> int | None: ...
    @property
    def members(self) -> list[int]: ...
    @property
    def privacy_code(self) -> str | None: ...
    def verification_code(self, user_id: int) -> str | None:
        """The 45 digits that this member and another compare; None if the user is no member. Takes about 0.1 s."""
    def seal(self, frame: Buffer) -> bytes:
        """Seal an Opus frame; only without a connection.

        Raises:
            DaveError: there is no key yet.
            ValueError: the keys are with the connection.
        """
    def open(self, user_id: int, frame: Buffer) -> bytes:
        """Open a frame of another member; only without a connection.

        Raises:
            DaveError: it is not authentic, was opened before, or there is no key.
            ValueError: the keys are with the connection.
        """

@final
class Commit:
    """A commit that won its epoch."""

    @property
    def epoch(self) -> int: ...
    @property
    def staying(self) -> list[int]:
        """Members who get opcode 29, the committer among them."""
    @property
    def joining(self) -> list[int]:
        """Members who get opcode 30."""
    @property
    def removed(self) -> list[int]: ...
    def announcement(self, transition_id: int) -> bytes:
        """The payload of opcode 29."""
    def welcomes(self, transition_id: int) -> list[tuple[int, bytes]]:
        """The payloads of opcode 30, each with the user to whom it goes."""

@final
class DeliveryService:
    """The voice gateway's part of DAVE: external sender and delivery service of one call.

    Args:
        channel_id: the voice channel.
    """

    def __new__(cls, channel_id: int) -> DeliveryService: ...
    def external_sender(self) -> bytes:
        """The payload of opcode 25."""
    def add(self, user_id: int, key_package: Buffer) -> list[tuple[bytes, list[int]]]:
        """Opcode 26 of a user: payloads of opcode 27, each with the users to whom it goes.

        Raises:
            DaveError: the key package is not valid.
        """
    def remove(self, user_id: int) -> list[tuple[bytes, list[int]]]:
        """A user has left: payloads of opcode 27, each with the users to whom it goes."""
    def commit(self, user_id: int, payload: Buffer) -> Commit:
        """Opcode 28 of a user.

        Raises:
            DaveError: the commit is to be dropped, as all but the first of an epoch are.
        """
    def reset(self) -> None:
        """Forget the group; all users then get opcode 24 with epoch 1."""
    @property
    def epoch(self) -> int: ...
    @property
    def is_established(self) -> bool: ...
    @property
    def members(self) -> list[int]: ...
    @property
    def pending_members(self) -> list[int]: ...
    @property
    def sole_member(self) -> int | None: ...

@final
class HeardFrame:
    """20 ms of one user's sound, or of all as one, or one Opus packet. It pickles."""

    def __init__(
        self,
        user_id: int,
        position: int,
        samples: int,
        kind: Literal["voice", "recovered", "concealed", "silence"],
        data: bytes,
        *,
        sample_rate: int = 48000,
        channels: int = 2,
        level: float | None = None,
        speech: float | None = None,
        received_ns: int | None = None,
        captured: float = 0.0,
    ) -> None: ...
    @property
    def user_id(self) -> int:
        """Whose; 0 for all as one."""
    @property
    def position(self) -> int:
        """Place of its first sample on the common clock, in samples of 48 kHz whatever its own rate is."""
    @property
    def samples(self) -> int:
        """Its length in samples per channel, at its own rate."""
    @property
    def kind(self) -> Literal["voice", "recovered", "concealed", "silence"]:
        """As it came; from in-band FEC; filled in for a lost packet; filled in where nobody spoke."""
    @property
    def data(self) -> bytes:
        """s16le, stereo at 48 kHz unless asked for otherwise, or an Opus packet."""
    @property
    def sample_rate(self) -> int:
        """Samples a second."""
    @property
    def channels(self) -> int:
        """1 or 2."""
    @property
    def level(self) -> float | None:
        """Its loudness (root mean square) in dBFS, minus infinity for silence; None of Opus packets."""
    @property
    def speech(self) -> float | None:
        """How likely it is speech, 0 to 1, if that was asked for (``vad``)."""
    @property
    def received_ns(self) -> int | None:
        """When its newest packet came, as ``time.time_ns()`` tells time, to 21 us; on Linux the kernel's own time.

        None of what no packet stands behind (silence, what was lost), and of all as one.
        """
    @property
    def captured(self) -> float:
        """When its first sample would have come over a network without jitter, as ``time.time()`` tells time."""

@final
class SpeakingChanged:
    """A user begins or ceases to speak, as the packets tell it.

    The beginning is told with the first packet, before its sound is due, the end after the last frame. It pickles.
    """

    def __init__(self, user_id: int, speaking: bool, position: int) -> None: ...
    @property
    def user_id(self) -> int:
        """Who."""
    @property
    def speaking(self) -> bool:
        """Whether the user speaks now."""
    @property
    def position(self) -> int:
        """When, on the clock that all users share, in samples of 48 kHz."""

@final
class FrameQueue:
    """Frames on their way from the receive thread to one consumer."""

    def take(self, max: int, timeout: float) -> list[HeardFrame | SpeakingChanged] | None:
        """At most ``max`` items, waiting (without the GIL) up to ``timeout`` seconds for the first.

        Empty if none came; None once the queue is closed and empty.
        """
    def watch(self, capacity: int, *, newest: bool) -> int | None:
        """Have a thread that never takes the GIL make items ready for a loop, and give the file that it is to watch.

        The file can be read from while :meth:`take` has something to give, without waiting, or would give None. Of more
        than ``capacity`` frames the oldest goes, or the ``newest``. None where there is no file to watch: then the
        items are made by whoever takes them. The file belongs to the queue.

        Raises:
            OSError: the system has no thread to give.
        """
    @property
    def dropped(self) -> int:
        """Items that found the queue full."""
    @property
    def late(self) -> int:
        """Frames that came too late to be heard whole: for the mixdown, or after silence stood in their place."""
    def close(self) -> None:
        """Stop listening. What waits can still be taken."""

@final
class Utterance:
    """What one user said in one go. It pickles."""

    def __init__(
        self,
        user_id: int,
        pcm: bytes,
        start: int,
        end: int,
        captured: float,
        ended: Literal["silence", "length", "left", "closed"] | None,
        sample_rate: int = 16000,
        channels: int = 1,
    ) -> None: ...
    @property
    def user_id(self) -> int:
        """Whose."""
    @property
    def pcm(self) -> bytes:
        """Its sound, s16le or f32le as asked for, from ``start`` to ``end``, pre-roll and last silence included."""
    @property
    def start(self) -> int:
        """Place of its first sample on the common clock, in samples of 48 kHz whatever its own rate is."""
    @property
    def end(self) -> int:
        """Place after its last sample, on the same clock."""
    @property
    def duration(self) -> float:
        """Its length in seconds."""
    @property
    def captured(self) -> float:
        """When its first sample would have come over a network without jitter, as ``time.time()`` tells time."""
    @property
    def ended(self) -> Literal["silence", "length", "left", "closed"] | None:
        """Why it is over: silence followed; it became too long and the next one follows; the user left; nothing more
        comes. None of a part that is not the last."""
    @property
    def sample_rate(self) -> int:
        """Samples a second."""
    @property
    def channels(self) -> int:
        """1 or 2."""

@final
class UtteranceCutter:
    """Cuts one user's sound that is there already, as :meth:`Connection.utterances` cuts what comes.

    Args:
        user_id: whose it is.
        position: place of its first sample, in samples of 48 kHz.
        captured: when that was spoken, as ``time.time()`` tells time.
        sample_rate, channels, format, silence, min_speech, max_length, pre_roll, vad: see
            :meth:`Connection.utterances`.

    Raises:
        ValueError: an option is out of its range.
    """

    def __new__(
        cls,
        user_id: int,
        *,
        position: int = 0,
        captured: float = 0.0,
        sample_rate: int = 16000,
        channels: int = 1,
        format: Literal["s16", "f32"] = "s16",
        silence: float = 0.6,
        min_speech: float = 0.1,
        max_length: float = 30.0,
        pre_roll: float = 0.3,
        vad: bool = True,
    ) -> UtteranceCutter: ...
    def take(self, pcm: bytes) -> list[Utterance]:
        """Those that end within the next sound, s16le stereo at 48 kHz. Works without the GIL."""
    def finish(self) -> list[Utterance]:
        """What was being said when nothing more comes."""

@final
class UtteranceQueue:
    """Utterances on their way from the receive thread to one consumer, cut by whoever takes them."""

    def take(self, max: int, timeout: float) -> list[tuple[int, Utterance]] | None:
        """Those, or the parts of those, that have come, each with the number of the utterance.

        It waits (without the GIL) up to ``timeout`` seconds for the first and takes in at most ``max`` frames at once.
        Empty if none came; None once the queue is closed and empty.
        """
    @property
    def late(self) -> int:
        """Frames that came too late to be heard whole, or found no room."""
    def close(self) -> None:
        """Stop listening. What waits can still be taken."""

@final
class ReceiveStats:
    """What a connection received, in datagrams; a snapshot of at most 0.2 s ago."""

    @property
    def rtp(self) -> int:
        """RTP packets that came, of any kind."""
    @property
    def rtcp(self) -> int:
        """RTCP packets that came."""
    @property
    def unheard(self) -> int:
        """Datagrams that came while nobody listened."""
    @property
    def unknown_dropped(self) -> int:
        """Packets whose stream got no user in time, or that found no room to wait."""
    @property
    def forged(self) -> int:
        """Packets that failed authentication, or came before the session's key."""
    @property
    def malformed(self) -> int:
        """Datagrams that are no RTP, and packets whose lengths contradict each other or whose payload is not Opus."""
    @property
    def padding(self) -> int:
        """Packets that are nothing but padding."""
    @property
    def ignored(self) -> int:
        """Packets of other payload types: video, retransmissions."""
    @property
    def users(self) -> dict[int, UserReceiveStats]:
        """What each user sent, by id."""

@final
class UserReceiveStats:
    """What one user sent, in packets; ``inserted``, ``removed``, ``jitter`` and ``delay`` in samples of 48 kHz."""

    @property
    def received(self) -> int:
        """Packets of sound that arrived, duplicates and late ones included."""
    @property
    def lost(self) -> int:
        """Packets that were not there when their time had come."""
    @property
    def late(self) -> int:
        """Those of them that came afterwards."""
    @property
    def duplicate(self) -> int:
        """Packets that came again."""
    @property
    def concealed(self) -> int:
        """Lost packets filled in from the sound before them, or by silence when many were lost in a row."""
    @property
    def recovered(self) -> int:
        """Lost packets restored from in-band FEC."""
    @property
    def inserted(self) -> int:
        """Samples put in where the user's clock is slower than ours (WebRTC's insertedSamplesForDeceleration).

        Listeners to PCM hear it stretched, without a break; between Opus packets there is a gap of a whole packet.
        """
    @property
    def removed(self) -> int:
        """Samples taken out where it is faster, or was told to be late at first (removedSamplesForAcceleration).

        PCM is shortened without a break; of Opus packets a whole one is left out now and then.
        """
    @property
    def failed_to_open(self) -> int:
        """Packets that the end-to-end encryption refused."""
    @property
    def ignored(self) -> int:
        """Packets that are not Opus: video, retransmissions."""
    @property
    def malformed(self) -> int:
        """Packets that are broken inside."""
    @property
    def restarts(self) -> int:
        """Times that the stream began anew."""
    @property
    def jitter(self) -> int:
        """Interarrival jitter (RFC 3550, section 6.4.1), in samples at 48 kHz."""
    @property
    def delay(self) -> int:
        """How long packets are held now, in samples at 48 kHz."""
