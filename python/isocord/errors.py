"""Every exception that isocord itself raises.

Where a bot library has an exception of its own for a case (``ClientException``,
``OpusError``, ``RecordingException``), the client raises a class that is both:
:mod:`isocord.hosts` makes it.
"""

from __future__ import annotations


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
