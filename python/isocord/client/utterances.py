"""The part of :class:`isocord.VoiceClient` that hears what users say in one piece."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, overload

from .. import _native
from ..errors import ClientError, ClosedError
from ..hearing.utterances import PartialUtterance, Utterances
from .hearing import Format, ListeningSurface, ids

Whole: TypeAlias = "_native.Utterance"
Vad: TypeAlias = "bool | Literal['auto']"


class UtteranceSurface(ListeningSurface):
    """Hears utterances; see :class:`isocord.VoiceClient`."""

    @overload
    def utterances(
        self,
        sample_rate: int = 16_000,
        *,
        users: Iterable[Any] = (),
        silence: float = 0.6,
        min_speech: float = 0.1,
        max_length: float = 30.0,
        pre_roll: float = 0.3,
        vad: Vad = "auto",
        partial: Literal[False] = False,
        channels: int = 1,
        format: Format = "s16",
        capacity: int = 16,
    ) -> Utterances[Whole]: ...

    @overload
    def utterances(
        self,
        sample_rate: int = 16_000,
        *,
        users: Iterable[Any] = (),
        silence: float = 0.6,
        min_speech: float = 0.1,
        max_length: float = 30.0,
        pre_roll: float = 0.3,
        vad: Vad = "auto",
        partial: Literal[True],
        channels: int = 1,
        format: Format = "s16",
        capacity: int = 16,
    ) -> Utterances[PartialUtterance]: ...

    def utterances(
        self,
        sample_rate: int = 16_000,
        *,
        users: Iterable[Any] = (),
        silence: float = 0.6,
        min_speech: float = 0.1,
        max_length: float = 30.0,
        pre_roll: float = 0.3,
        vad: Vad = "auto",
        partial: bool = False,
        channels: int = 1,
        format: Format = "s16",
        capacity: int = 16,
    ) -> Utterances[Any]:
        """Hear what users say, each utterance in one piece: ``async for utterance in voice.utterances(): ...``

        Each :class:`isocord.Utterance` is one user's, s16le mono at 16 kHz unless asked for otherwise, and the same
        sound that ``listen(fill=True)`` gives from its ``start`` to its ``end``. It is cut natively, without the GIL.
        Whoever leaves or is cut off has spoken: what was under way when a user leaves, the connection ends or it is
        closed comes as well. It goes on over reconnects and moves. Several may listen at once.

        Args:
            sample_rate: 48000, 24000, 16000, 12000 or 8000 Hz; resampled natively.
            users: members, users or ids to listen to; all if empty.
            silence: so many seconds without speech end an utterance, and are its last part, 0.02 to 10.
            min_speech: so many seconds of speech begin one, with pauses of 0.3 s at most, 0 to 2: clicks and coughs
                begin none.
            max_length: none gets longer, in seconds, 1 to 120; what follows is the next one, with nothing between them.
            pre_roll: seconds of what was heard before the speech that are its first part, 0 to 2.
            vad: what speech is. "auto" or True: what the voice activity detector takes for speech, so that noise of an
                open microphone begins no utterance and keeps none going; nor does what Discord does not send. False:
                all that Discord sends.
            partial: each comes when it has begun, as a :class:`isocord.PartialUtterance`: ``async for`` gives its sound
                as it comes, ``await`` the whole utterance.
            channels: 1 or 2.
            format: "s16" or "f32": samples of 16 bits, or floating point with full scale at 1.0.
            capacity: utterances that may wait for the loop, 1 to 1,000; of more the oldest goes, and is counted in
                :attr:`.Utterances.dropped`.

        Raises:
            ClientError: not connected. It is a ``ClientException`` of the bot library as well.
            ValueError: an option is out of its range.
        """
        if not 1 <= capacity <= 1_000:
            raise ValueError("capacity must be 1 to 1,000 utterances")
        if vad not in ("auto", True, False):
            raise ValueError('vad must be "auto", True or False')
        try:
            source = self._live().native.utterances(
                users=ids(users),
                sample_rate=sample_rate,
                channels=channels,
                format=format,
                silence=silence,
                min_speech=min_speech,
                max_length=max_length,
                pre_roll=pre_roll,
                vad=bool(vad),
                partial=partial,
            )
        except ClosedError as error:
            raise self._error(ClientError, "Not connected to voice") from error
        return Utterances(source, partial=partial, capacity=capacity)
