"""A player on a stage: a loop and a native connection of the test's own, and sources that note what becomes of them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from isocord.playing.manners import Manners
from isocord.playing.player import Player
from isocord.playing.sources.feed import Feed

from .fakes import LOG, FakeConnection


class Frames:
    """A source of some frames, then of an error or of the end."""

    def __init__(self, count: int = 3, *, error: BaseException | None = None, frame: bytes = b"\1" * 3840) -> None:
        self.left = count
        self.error = error
        self.frame = frame
        self.cleaned = 0
        self.readers: set[str] = set()

    def read(self) -> bytes:
        self.readers.add(threading.current_thread().name)
        if self.left > 0:
            self.left -= 1
            return self.frame
        if self.error is not None:
            raise self.error
        return b""

    def is_opus(self) -> bool:
        return False

    def cleanup(self) -> None:
        self.cleaned += 1


class Hanging(Frames):
    """A source whose read does not come back until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.entered = threading.Event()

    def read(self) -> bytes:
        self.entered.set()
        self.released.wait(15)
        return b""


class Stage:
    """A player, its native connection, and what came out of it."""

    def __init__(self, manners: Manners) -> None:
        self.loop = asyncio.new_event_loop()
        self.runner = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.runner.start()
        self.native = FakeConnection(lambda event: self.player.track_ended())
        self.player = Player(self.native, self.sync, loop=self.loop, manners=manners, log=LOG)  # type: ignore[arg-type]
        self.story: list[str] = []
        self.synced = 0

    def sync(self) -> None:
        # The gateway thread would do this, after it told the server.
        self.synced += 1
        self.player.apply()

    def after(self, error: Exception | None) -> None:
        self.story.append(f"after {error!r}")

    def play(self, source: Any, *, after: Callable[[Exception | None], Any] | None = None, **options: Any) -> None:
        if isinstance(source, Frames):
            plain = source.cleanup

            def cleanup() -> None:
                plain()
                self.story.append("cleanup")

            source.cleanup = cleanup  # type: ignore[method-assign]
        future = options.pop("future", None)
        self.player.start(Feed(source, None, lookahead=25, **options), after or self.after, future)

    def new_future(self) -> asyncio.Future[Exception | None]:
        async def make() -> asyncio.Future[Exception | None]:
            return self.loop.create_future()

        return asyncio.run_coroutine_threadsafe(make(), self.loop).result(5)

    def close(self) -> None:
        self.player.close()
        self.native.close()
        self.player.finish_all()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.runner.join(15)
        self.loop.close()
