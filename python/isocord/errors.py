"""Every exception that isocord itself raises.

Where a bot library has an exception of its own for a case (``ClientException``,
``OpusError``, ``RecordingException``), the client raises a class that is both:
:mod:`isocord.hosts` makes it.
"""

from __future__ import annotations

import asyncio


class IsocordError(Exception):
    """Base of all errors of isocord."""


class UnsupportedModeError(IsocordError):
    """No transport encryption mode that both sides know."""


class UdpError(IsocordError):
    """The UDP socket could not be opened or used."""


class ClosedError(IsocordError):
    """The connection is closed or has no session yet."""


class OpusError(IsocordError):
    """libopus refused a frame, or the bytes are no Opus packet."""


class AudioFileError(IsocordError):
    """A file cannot be played: missing, broken, of an unknown format, or closed."""


class FFmpegError(IsocordError):
    """The process behind a source failed: ffmpeg, on a URL that is not there, say.

    Attributes:
        code: its exit status; below zero, the signal that ended it.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class StreamError(IsocordError):
    """A :class:`StreamSource` takes no more: it is finished, full, or not played any more."""


class StreamFullError(StreamError):
    """There is no room for so much at once: ``await stream.write(...)`` waits for it."""


class Interrupted(IsocordError):  # noqa: N818 - it is what happened, and nothing went wrong
    """Somebody spoke over what played, which has ended early: see ``barge_in`` of :meth:`VoiceClient.play`.

    Attributes:
        by: the id of the user who spoke.
        heard: seconds of the source that had left before it was faded out, exact to the frame of 20 ms; of a
            :class:`StreamSource` seconds of what was written, as its ``played``.
        speech: seconds between the packet with which speech began and the one with which it was enough, both by the
            kernel's time: as long as was asked for, and the pauses in it.
        reaction: seconds from then to the last packet of the source.
    """

    def __init__(self, by: int, heard: float, speech: float = 0.0, reaction: float = 0.0) -> None:
        super().__init__(by, heard, speech, reaction)
        self.by = by
        self.heard = heard
        self.speech = speech
        self.reaction = reaction

    def __str__(self) -> str:
        return f"user {self.by} spoke over it after {self.heard:.2f} s"


class SinkError(IsocordError):
    """A recording cannot be written: a file cannot be made, the disk is full, or there is no ffmpeg."""


class UnknownHostError(IsocordError, TypeError):
    """The client belongs to no bot library that isocord knows."""


class ClientError(IsocordError):
    """A voice client was asked for something that its state does not allow, e.g. to play while not connected.

    It is a ``ClientException`` of the bot library as well.
    """


class ConnectError(ClientError):
    """The voice connection could not be made, or was refused for good.

    Attributes:
        code: the close code of the voice gateway, or None where none was involved.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class VoiceTimeoutError(IsocordError, asyncio.TimeoutError):
    """Something of a voice connection took longer than it was given."""


class RecordingError(ClientError):
    """A recording cannot begin, or there is none.

    It is a ``RecordingException`` of the bot library as well, where that has one.
    """


class NotASinkError(RecordingError, TypeError):
    """What is to take a recording is no sink."""


class DaveError(IsocordError):
    """The end-to-end encryption (DAVE) refused a message or a frame."""
