"""Exception classes that are isocord's and the bot library's at once, so that either ``except`` catches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ..runtime.once import once

if TYPE_CHECKING:
    from ..errors import IsocordError

    _E = TypeVar("_E", bound=IsocordError)


def combined(ours: type[_E], *theirs: type[Exception]) -> type[_E]:
    """A class with all these ancestors; its arguments are a message and an optional code."""
    made: type[_E] = _combined(ours, *theirs)
    return made


@once
def _combined(ours: Any, *theirs: Any) -> type[Any]:
    def initialise(self: Any, message: str, code: int | None = None) -> None:
        # The libraries' own initialisers may ask a libopus that is not there for the words: pass them by.
        Exception.__init__(self, message)
        self.code = code

    def reduce(self: Any) -> tuple[Any, ...]:
        # The class has no name to be found by in another process, its ancestors have.
        return _restore, ((ours, *theirs), self.args), self.__dict__

    members = {"__module__": ours.__module__, "__init__": initialise, "__reduce__": reduce}
    return type(ours.__name__, (ours, *theirs), members)


def _restore(ancestors: tuple[Any, ...], args: tuple[Any, ...]) -> Exception:
    """What was pickled, but for its attributes."""
    made: Exception = combined(*ancestors)(*args)
    return made
