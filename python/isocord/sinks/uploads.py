"""Uploads the files of one recording as they are complete, on a thread of its own: ``isocord-upload``."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from ..errors import SinkError
from .remote import Remote
from .spool import Spool
from .tracks import Part

_PATIENCE = 60.0
_SLOWEST = 64 * 1024
_LONGEST_PAUSE = 60.0
_FINAL = (PermissionError, FileNotFoundError, NotImplementedError)
"""What trying again at once does not change."""


class Unsent(NamedTuple):
    """A file of a recording that could not be uploaded and stays on this machine."""

    path: str
    url: str
    """Where it should be."""
    error: SinkError


class _Work(Enum):
    SEND = "upload"
    REMOVE = "remove"


@dataclass(eq=False)
class _Job:
    work: _Work
    spool: Spool
    part: Part
    path: str
    tries: int = 0
    dropped: bool = False

    def do(self) -> None:
        if self.work is _Work.SEND:
            self.spool.send(self.path)
        else:
            self.spool.remove(self.path)

    def patience(self) -> float:
        size = 0
        if self.work is _Work.SEND:
            with contextlib.suppress(OSError):
                size = os.path.getsize(self.path)
        return _PATIENCE + size / _SLOWEST

    def told(self, error: BaseException) -> SinkError:
        what = self.spool.remote.told(error)
        return SinkError(f"cannot {self.work.value} {self.spool.shown(self.path)!r}: {what}")


class HungError(TimeoutError):
    """It may go on for ever."""


class Uploads:
    """The files of one recording that are on their way; whoever made it sets what is called.

    Attributes:
        tell: called on the thread with each part that is uploaded, or given up.
        warn: called with what goes wrong and is tried again at the end.
        fail: called with what goes wrong for good.
    """

    def __init__(self) -> None:
        self.tell: Callable[[Part], object] = _nothing
        self.warn: Callable[[SinkError], object] = _nothing
        self.fail: Callable[[SinkError], object] = _nothing
        self._spools: list[Spool] = []
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int, _Job]] = []
        self._numbers = itertools.count()
        self._present: _Job | None = None
        self._sent: list[_Job] = []
        self._left: list[_Job] = []
        self._is_ending = False
        self._thread: threading.Thread | None = None

    def here(self, remote: Remote) -> str:
        """The path or template on this machine of what is to be uploaded. Any thread may ask.

        Raises:
            SinkError: there is no folder to be had.
        """
        with self._changed:
            spool = next((spool for spool in self._spools if spool.remote.same_place(remote)), None)
            if spool is None:
                spool = Spool(remote)
                self._spools.append(spool)
        return spool.path(remote.name)

    @property
    def is_needed(self) -> bool:
        """Whether anything of the recording is uploaded."""
        return bool(self._spools)

    def overflow(self) -> SinkError | None:
        """What there is to say if more lies on this machine than may."""
        for spool in list(self._spools):
            if spool.size() > spool.remote.spool_limit:
                most = f"{spool.remote.spool_limit:,} bytes"
                return SinkError(f"more than {most} wait in {spool.folder!r} to be uploaded to {spool.remote.url!r}")
        return None

    def add(self, part: Part) -> bool:
        """Upload a part, if its file is one of those; False if not."""
        path = part.path
        spool = next((spool for spool in self._spools if path is not None and spool.holds(path)), None)
        if spool is None or path is None:
            return False
        with self._changed:
            self._put(_Job(_Work.SEND, spool, part, path))
        return True

    def forget(self, user_id: int) -> None:
        """What was kept of a user goes, here and there."""
        with self._changed:
            waiting = [job for _, _, job in self._waiting] + self._left
            for job in [*waiting, *filter(None, [self._present])]:
                job.dropped |= job.part.user_id == user_id and job.work is _Work.SEND
            self._left = [job for job in self._left if not job.dropped]
            gone = [job for job in self._sent if job.part.user_id == user_id]
            self._sent = [job for job in self._sent if job.part.user_id != user_id]
            for job in gone:
                self._put(_Job(_Work.REMOVE, job.spool, job.part, job.path))

    def finish(self) -> None:
        """Wait until all is uploaded or given up, which is bounded; nothing more comes."""
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        for spool in self._spools:
            spool.tidy()

    def unsent(self, error: Exception | None) -> list[Unsent]:
        """What stays on this machine; ``error`` is why files may not be complete."""
        known = {job.path: job.part.error for job in self._left}
        sent = {job.path for job in self._sent}
        why = SinkError("it is not complete" if error is None else f"it is not complete: {error}")
        found: list[Unsent] = []
        for spool in self._spools:
            lie = set(spool.files()) - sent
            # In the order in which they were complete.
            paths = [path for path in known if path in lie] + sorted(lie - set(known))
            found += [Unsent(path, spool.shown(path), known.get(path) or why) for path in paths]
        return found

    def _put(self, job: _Job, pause: float = 0.0) -> None:
        heapq.heappush(self._waiting, (time.monotonic() + pause, next(self._numbers), job))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="isocord-upload", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if not job.dropped:
                self._settle(job, _attempt(job))
        for job in self._left:
            if job.part.error is not None:
                self.fail(job.part.error)
            self.tell(job.part)

    def _next(self) -> _Job | None:
        """What is due; None when there is nothing left to try."""
        with self._changed:
            self._present = None
            while True:
                now = time.monotonic()
                if self._waiting and self._waiting[0][0] <= now:
                    self._present = heapq.heappop(self._waiting)[2]
                    return self._present
                if self._waiting or not self._is_ending:
                    self._changed.wait(self._waiting[0][0] - now if self._waiting else None)
                    continue
                once_more = [job for job in self._left if job.tries <= job.spool.remote.tries]
                if not once_more:
                    return None
                self._left = [job for job in self._left if job not in once_more]
                for job in once_more:
                    job.tries = job.spool.remote.tries
                    self._put(job)

    def _settle(self, job: _Job, error: BaseException | None) -> None:
        """What becomes of a job that was tried."""
        job.tries += 1
        if error is not None:
            job.spool.reconnect()
        with self._changed:
            self._present = None
            if job.dropped:
                # Some of it may be there.
                self._put(_Job(_Work.REMOVE, job.spool, job.part, job.path))
                return
            can_wait = error is not None and not isinstance(error, (*_FINAL, HungError))
            if can_wait and job.tries < job.spool.remote.tries:
                self._put(job, min(2.0 ** (job.tries - 1), _LONGEST_PAUSE))
                return
            if job.work is _Work.SEND and error is None:
                self._sent.append(job)
        if error is not None:
            self._give_up(job, error)
        elif job.work is _Work.SEND:
            job.part.url, job.part.path, job.part.error = job.spool.shown(job.path), None, None
            with contextlib.suppress(OSError):
                os.remove(job.path)
            self.tell(job.part)

    def _give_up(self, job: _Job, error: BaseException) -> None:
        told = job.told(error)
        if job.work is _Work.REMOVE:
            self.fail(told)
            return
        if not os.path.exists(job.path):
            # Its user was denied, and this room is yet to hear of it.
            return
        if isinstance(error, HungError):
            # It may still be writing: no other may begin.
            job.tries = job.spool.remote.tries + 1
        job.part.error = told
        with self._changed:
            self._left.append(job)
            is_last = self._is_ending and job.tries > job.spool.remote.tries
        if not is_last:
            self.warn(told)


def _attempt(job: _Job) -> BaseException | None:
    """Do it on a thread that can be left alone: what a file system waits for may never come."""
    outcome: list[BaseException | None] = []

    def attempt() -> None:
        try:
            job.do()
        except BaseException as error:
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=attempt, name="isocord-upload", daemon=True)
    patience = job.patience()
    thread.start()
    thread.join(patience)
    return outcome[0] if outcome else HungError(f"it took longer than {patience:.0f} s")


def _nothing(_: object) -> None:
    """Nobody asked."""
