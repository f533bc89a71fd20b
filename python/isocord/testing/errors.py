"""Errors of :mod:`isocord.testing`."""

from __future__ import annotations


class TestingError(Exception):
    """Base of the errors that the fake Discord raises towards a test."""

    __test__ = False


class NotFoundError(TestingError, LookupError):
    """No such guild, channel, user or voice session in the fake Discord."""


class WaitTimeoutError(TestingError, TimeoutError):
    """What a test waited for did not happen in time."""


class NotRunningError(TestingError, RuntimeError):
    """The fake Discord is not running: use it inside its ``with`` block."""


class MissingDependencyError(TestingError, ImportError):
    """A package that this part of :mod:`isocord.testing` needs is not installed."""


class CommandError(TestingError):
    """A stand-alone fake Discord refused a command, or its process ended."""


class BotError(TestingError):
    """The bot under test failed: a command raised, it did not answer, or it stopped before it was ready.

    What it raised is the ``__cause__``.
    """
