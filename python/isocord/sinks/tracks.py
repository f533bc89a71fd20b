"""What a recording into files came to, file by file and track by track."""

from __future__ import annotations

import os
from typing import BinaryIO

from .. import _native
from ..errors import SinkError


class Part:
    """A file of a recording that is complete; what is not split has one for each track.

    Attributes:
        user_id: whose it is; None for a file of all users.
        is_mixdown: whether these are summed in it.
        name: the name that the bot's library had for the user when first heard, or None.
        number: from 1 on; what is cut at one moment has one number, whoever's it is.
        path: the file, where the sink opened one; None once it is uploaded.
        url: where it was uploaded, without user and password, or None.
        file: the binary file object that was written to, rewound where it can be, or None.
        offset: seconds into the recording where it begins.
        duration: seconds.
        size: bytes.
        error: why it could not be uploaded and stays at ``path``, or None.
    """

    def __init__(self, outcome: _native.PartOutcome, file: BinaryIO | None, name: str | None) -> None:
        self.user_id: int | None = outcome.user_id
        self.is_mixdown: bool = outcome.is_mixdown
        self.name = name
        self.number: int = outcome.number
        self.path: str | None = os.fspath(outcome.path) if outcome.path is not None else None
        self.file = file
        self.offset: float = outcome.offset
        self.duration: float = outcome.duration
        self.size: int = outcome.size
        self.url: str | None = None
        self.error: SinkError | None = None

    def __repr__(self) -> str:
        where = self.url or self.path or type(self.file).__name__
        return f"<Part {self.number} user_id={self.user_id} {self.duration:.2f} s in {where}>"


class AudioTrack:
    """One user's part of a recording, or all of it in a mixdown; made when the recording is over.

    Attributes:
        user_id: whose it is; None for a mixdown.
        name: the name that the bot's library had for the user when first heard, or None.
        path: the file, where the sink opened one; of many the first. None once that is uploaded.
        url: where it was uploaded, without user and password, or None; of many the first.
        file: the binary file object that was written to, rewound where it can be; None where ``path`` is set or none
            could be had. Of many the first.
        parts: all its files that are complete, in order.
        offset: seconds into the recording where it begins; 0.0 with ``sync_start=True``.
        duration: seconds; of a track that failed, those that are surely there.
        size: bytes of the file; in a file of many tracks those of its packets.
        is_cut: whether it ended at the sink's ``max_size``.
        error: why it was given up, or could not be uploaded, or None; what was written before may well be readable. Its
            ``__cause__`` is what a file object or a function of yours raised.
    """

    def __init__(
        self, outcome: _native.TrackOutcome, file: BinaryIO | None, name: str | None, parts: list[Part]
    ) -> None:
        self.user_id: int | None = outcome.user_id
        self.name = name
        self.parts = parts
        self.path: str | None = os.fspath(outcome.path) if outcome.path is not None else None
        self.file = file
        self.offset: float = outcome.offset
        self.duration: float = outcome.duration
        self.size: int = outcome.size
        self.is_cut: bool = outcome.is_cut
        self.error: SinkError | None = outcome.error
        self.url: str | None = None

    def take_uploads(self) -> None:
        """Take what became of the parts."""
        if self.parts and self.parts[0].url is not None:
            self.url, self.path = self.parts[0].url, None
        self.error = self.error or next((part.error for part in self.parts if part.error is not None), None)

    def __repr__(self) -> str:
        if self.path is None and self.file is None and self.url is None:
            return f"<AudioTrack user_id={self.user_id} not written>"
        where = self.url or self.path or type(self.file).__name__
        return f"<AudioTrack user_id={self.user_id} {self.duration:.2f} s in {where}>"
