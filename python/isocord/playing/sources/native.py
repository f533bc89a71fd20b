"""Finds the native source behind the volume transformers of a bot library: it plays without a thread of Python's.

A transformer multiplies in Python, under the GIL. Around an :class:`isocord.AudioFile` it need not: the file has a
volume of its own, which follows that of the transformers for as long as they are played.
"""

from __future__ import annotations

import contextlib
from typing import Any, cast

from ... import _native
from ...errors import AudioFileError
from ...runtime.once import once

_DEEPEST = 16
_LOUDEST_TRANSFORMER = 2.0
"""What all bot libraries cap theirs at."""
_LOUDEST = 16.0


class NativeSource:
    """A native source, and the transformers around it, the outermost first."""

    def __init__(self, source: _native.Playable, transformers: tuple[Any, ...], kind: type | None) -> None:
        self.source = source
        self._transformers = transformers
        self._kind = kind
        self._own = source.volume if transformers else 1.0

    @staticmethod
    def of(source: object, kind: type | None) -> NativeSource | None:
        """What ``source`` is, if it is native or nothing but transformers of ``kind`` around one.

        Raises:
            TypeError: they are around a Broadcast.
        """
        transformers: list[Any] = []
        while kind is not None and type(source) in (kind, _following(kind)):
            transformers.append(source)
            source = cast("Any", source).original
            if len(transformers) > _DEEPEST:
                return None
        if not isinstance(source, _native.SOURCES):
            return None
        if transformers and isinstance(source, _native.Broadcast):
            raise TypeError("a Broadcast has one volume for all who hear it: set it there, without a transformer")
        return NativeSource(source, tuple(transformers), kind)

    def follow(self, earlier: NativeSource | None = None) -> None:
        """Have the source's volume follow the transformers; ``earlier`` is what it followed before.

        Raises:
            AudioFileError: the source is closed.
        """
        if earlier is not None:
            self._own = earlier._own if earlier._transformers else self._own
            earlier.release()
        if self._transformers:
            self.apply()
            for transformer in self._transformers:
                transformer._isocord_native = self
                transformer.__class__ = _following(self._kind)

    def release(self) -> None:
        """Follow them no more."""
        for transformer in self._transformers:
            transformer.__class__ = self._kind
            transformer.__dict__.pop("_isocord_native", None)
        if self._transformers:
            with contextlib.suppress(AudioFileError):
                self.source.volume = self._own

    def apply(self) -> None:
        """Give the source the volume that the transformers come to."""
        volume = self._own
        for transformer in self._transformers:
            volume *= min(transformer.volume, _LOUDEST_TRANSFORMER)
        self.source.volume = min(volume, _LOUDEST)


@once
def _following(kind: Any) -> type:
    """A transformer of ``kind`` that tells its :class:`NativeSource` of each change."""

    def change(self: Any, value: float) -> None:
        kind.volume.fset(self, value)
        # When it has played, the file is closed.
        with contextlib.suppress(AudioFileError):
            self._isocord_native.apply()

    shown = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (kind,), {**shown, "volume": property(kind.volume.fget, change)})
