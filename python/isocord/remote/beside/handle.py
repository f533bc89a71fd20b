"""What a bot holds of a class that runs at its connection's media node."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any

from ...client.voice_client import VoiceClient
from ...errors import ClientError
from ..native import RemoteNative
from .errand import Errand
from .parcel import pack

if TYPE_CHECKING:
    from typing_extensions import Self


class Beside:
    """Runs beside a voice connection; :func:`run_beside` makes it.

    Public methods of the class are coroutines here, called there: ``await beside.mood("kind")``. What they return are
    plain values. A call waits where the node is lost; one that was under way then raises a :class:`BesideError`.
    ``await beside`` waits for the end of ``run``, and gives what it returned.
    """

    def __init__(self, kind: type, errand: Errand) -> None:
        self._kind = kind
        self._errand = errand

    @property
    def starts(self) -> int:
        """How often it was begun: once, and once more with each node that took over."""
        return self._errand.starts

    @property
    def found(self) -> bool:
        """Whether it ran there already, begun by a process of the bot that has ended: it knows what it was told then,
        and not the arguments of now. To be asked once :meth:`started` has returned."""
        return self._errand.found

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._errand.end.done()

    async def started(self, after: int = 0) -> int:
        """Wait until it was begun more than ``after`` times; gives :attr:`starts`. An object that was begun anew knows
        its arguments, and nothing of what it was told since.

        Raises:
            BesideError: it failed.
            ClosedError: it was ended, or the connection was.
        """
        return await asyncio.wrap_future(self._errand.started(after))

    async def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method by its name; a plain one runs on its loop there as well.

        Args:
            method: a public one.
            args: whatever pickles.
            kwargs: the same.

        Raises:
            BesideError: the method raised, there is none, it returned what is no plain value, or its node was lost.
            ClosedError: it was ended, or the connection was.
            TypeError: an argument does not pickle.
        """
        return await asyncio.wrap_future(self._errand.call(method, pack(args, kwargs)))

    def close(self) -> None:
        """End it: ``run`` is cancelled, and what it plays stops. Idempotent."""
        self._errand.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def __await__(self) -> Generator[Any, None, Any]:
        # A waiter who is cancelled ends nothing.
        return asyncio.shield(asyncio.wrap_future(self._errand.end)).__await__()

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        if name.startswith("_") or not callable(getattr(self._kind, name, None)):
            raise AttributeError(f"{self._kind.__name__} has no public method {name!r}")

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self.call(name, *args, **kwargs)

        return call

    def __repr__(self) -> str:
        state = "over" if self.is_over else f"begun {self.starts} times"
        return f"<Beside {self._kind.__name__} {state}>"


def run_beside(voice: VoiceClient, kind: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Beside:
    """Make ``kind(beside_voice, *args, **kwargs)`` in the process of the media node that carries ``voice``, and run it.

    It listens and plays there by a :class:`BesideVoice`: what it hears and says does not pass through the bot. Where it
    has a coroutine ``run()``, that is awaited, and ends it; otherwise it lasts as long as the connection. Where another
    node takes over it is made anew there, from its arguments. On a connection that was resumed, see ``resume`` of
    :func:`voice_client`, one of the same class's name that runs there is found.

    Args:
        voice: a connection that media nodes carry.
        kind: a class. Of a module that the node has as well it travels by its name; of the main program as code.
        args: whatever pickles.
        kwargs: the same.

    Raises:
        ClientError: not connected, or no media node carries it. It is a ``ClientException`` of the bot library as well.
        TypeError: ``kind`` is no class, or something does not pickle.
        ValueError: class and arguments are more than 8 MB.
    """
    if not isinstance(kind, type):
        raise TypeError("what runs beside a connection is a class")
    native = voice._live().native
    if not isinstance(native, RemoteNative):
        raise voice._error(ClientError, "no media node carries this connection: it was made with another class")
    return Beside(kind, native.errands.begin_one(kind.__name__, pack(kind, args, kwargs)))
