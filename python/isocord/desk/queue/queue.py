"""Sources one after the other."""

from __future__ import annotations

import operator
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from ... import _native
from .entry import Making, QueueEntry
from .events import QueueEvent, QueueEvents, Watchers

if TYPE_CHECKING:
    from ..parts import Part

Loop: TypeAlias = Literal["off", "one", "all"]


class Queue(_native.Queue):
    """Sources that are heard one after the other, natively and without a gap; a source like any other::

        queue = isocord.Queue("one.flac", "two.opus", loop="all")
        voice.play(queue)
        queue.add(find_the_third)

    The next one is opened and decoded before the present one ends. Its first sample follows the last one in the same
    frame; the delay and the padding of MP3, AAC and Opus are cut off as their headers tell. Opus at volume 1.0 is sent
    as it stands; where the sound of one entry runs on into the next, the latter is encoded anew.

    An entry is an AudioFile, another isocord source, an audio source of the bot library, a path, a URL, or a function
    that makes one of these when its turn comes: about 15 seconds before, where the length of the present one is known,
    or at once on a skip. A plain function is called on a thread of isocord's, a coroutine function on the bot's loop.
    A URL that needs headers, or leads into a private network, is such a function as well, or an AudioFile::

        queue.add(lambda: isocord.AudioFile(url, headers={"Authorization": token}), title="Mine")

    Opening may take 30 s. What cannot be opened is told by an event and left out. An audio source of the bot library
    plays once, all others any number of times.

    It plays in one place at a time, and again after it was stopped: it goes on where it was heard. ``len()``, iteration
    and indices are about the entries to come, of which it holds 10,000.

    Args:
        *entries: what comes first.
        crossfade: seconds in which an entry goes over into the next with equal power, 0 to 20; half a second at most
            on a skip, and never more than half of either entry.
        loop: "off", "one" (the present entry comes again) or "all".
        volume: 0.0 to 16.0, on top of the entries' own; 1.0 leaves the sound as it is.
        endless: go on in silence when nothing is left, so that what is added later begins at once.

    Raises:
        RuntimeError: a coroutine function is given where no event loop runs.
        TypeError: an entry is nothing that can be played.
        ValueError: an option is out of its range.
    """

    _watchers: Watchers

    def __new__(
        cls,
        *entries: Part | Making | QueueEntry,
        crossfade: float = 0.0,
        loop: Loop = "off",
        volume: float = 1.0,
        endless: bool = False,
    ) -> Queue:
        queue = super().__new__(cls, crossfade=crossfade, loop=loop, volume=volume, endless=endless)
        queue._watchers = Watchers(queue._events())
        for entry in entries:
            queue.add(entry)
        return queue

    def add(self, source: Part | Making | QueueEntry, *, title: str | None = None) -> QueueEntry:
        """Put an entry behind all others; returns it. One of this queue that is not heard now is moved there.

        Args:
            source: what to play.
            title: what the entry is called, in place of what the source tells.

        Raises:
            RuntimeError: a coroutine function is given where no event loop runs.
            TypeError: it is nothing that can be played, or the title is no text.
            ValueError: the queue is full.
        """
        return self.insert(len(self), source, title=title)

    def insert(self, index: int, source: Part | Making | QueueEntry, *, title: str | None = None) -> QueueEntry:
        """Put an entry before the one at ``index`` of those to come, 0 for the next one; as :meth:`add`."""
        entry = source if isinstance(source, QueueEntry) else QueueEntry(source, title=title)
        start, _, _ = slice(operator.index(index), None).indices(len(self))
        self._insert(start, entry)
        return entry

    def remove(self, entry: QueueEntry | int) -> None:
        """Take out an entry, or the one at an index of those to come. If it is heard now, the next one is at once.

        Raises:
            IndexError: there is none such.
        """
        if isinstance(entry, int):
            entry = cast("QueueEntry", self.upcoming[entry])
        self._remove(entry)

    def shuffle(self) -> None:
        """Give the entries to come an order by chance."""
        count = len(self)
        self._reorder(random.sample(range(count), count))

    def events(self) -> QueueEvents:
        """What happens from now on, as an asynchronous iterator for one task; call it on the bot's loop::

            async for event in queue.events():
                if event.kind == "started":
                    await channel.send(f"Now playing {event.entry.title}")

        Each is a :class:`QueueEvent`, told when it is heard; 1,024 of them wait.

        Raises:
            RuntimeError: no event loop runs.
        """
        return self._watchers.iterate(self)

    def on_event(self, function: Callable[[QueueEvent], object]) -> Callable[[QueueEvent], object]:
        """Have a function called with each event from now on; returns it, so that this can be used as a decorator.

        A coroutine function runs on the loop that runs now, another one on a thread of isocord's.

        Raises:
            RuntimeError: no event loop runs.
            TypeError: it is no function.
        """
        if not callable(function):
            raise TypeError(f"a function is to be called with each event, not {type(function).__name__}")
        self._watchers.call(function)
        return function

    def __iter__(self) -> Iterator[QueueEntry]:
        return iter(cast("tuple[QueueEntry, ...]", self.upcoming))

    def __repr__(self) -> str:
        return f"<Queue now={self.now!r} upcoming={len(self)} loop={self.loop!r}>"
