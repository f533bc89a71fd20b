"""A fake Discord in a process of its own, for measurements: it does not share the interpreter lock with the bot."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import CommandError, NotFoundError, NotRunningError, WaitTimeoutError
from ..faults import FaultSpec
from ..ground.world import Channel, ChannelKind, Guild, Member, Reference, User, VoiceState
from ..mishaps.mishaps import Mishap, checked
from ..patching import Addresses, patched
from .remote import RemoteParticipant, plain

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

_TIMEOUT = 20.0
_POLL = 0.01


class FakeDiscordProcess:
    """As :class:`~isocord.testing.FakeDiscord`, in a process of its own.

    Args:
        patch: point the bot libraries of this process at the fake while it runs.
        options: arguments of :class:`~isocord.testing.FakeDiscord`, plain JSON values; ``wrapping`` as
            ``{"extension": hex, "max_padding": int}`` and ``guilds`` as a number or a list of objects with
            :class:`~isocord.testing.GuildSpec`'s fields.

    Example:
        >>> def bench(run_bot):
        ...     with FakeDiscordProcess(guilds=1) as discord:
        ...         listener = discord.listen("General")
        ...         run_bot(discord.token)
        ...         return listener.gaps().off_p99
    """

    def __init__(self, *, patch: bool = True, **options: Any) -> None:
        self._patch = patch
        self._options = options
        self._stack = ExitStack()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._answers: queue.Queue[str | None] = queue.Queue()
        self._lock = threading.Lock()
        self._number = 0
        self._greeting: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the process and wait for its addresses.

        Raises:
            CommandError: it ended at once; its standard error says why.
            WaitTimeoutError: it said nothing for 20 seconds.
        """
        if self._process is not None:
            raise RuntimeError("the fake Discord runs already")
        environment = dict(os.environ)
        package = str(Path(__file__).resolve().parents[3])
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, environment.get("PYTHONPATH"))))
        self._answers = queue.Queue()
        self._process = subprocess.Popen(  # noqa: S603 - this very interpreter and package.
            [sys.executable, "-m", "isocord.testing", "--json", "--options", json.dumps(self._options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        self._reader = threading.Thread(target=self._read, name="isocord-testing-reader", daemon=True)
        self._reader.start()
        try:
            self._greeting = json.loads(self._next_line())
            if self._patch:
                self._stack.enter_context(self.patch())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Put the bot libraries back and end the process; idempotent."""
        self._stack.close()
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        # The pipe is broken if the process is gone already; it is reaped below all the same.
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        if self._reader is not None:
            self._reader.join(10)
        process.stdout.close()

    def call(self, name: str, **arguments: Any) -> Any:
        """Carry out any command of :class:`isocord.testing.console.Console`.

        Raises:
            CommandError: the fake refused it, or has ended.
            NotFoundError: it names something that does not exist.
            WaitTimeoutError: no answer in 20 seconds.
        """
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            self._number += 1
            try:
                process.stdin.write(json.dumps({"id": self._number, "call": name, "args": arguments}) + "\n")
                process.stdin.flush()
            except OSError:
                raise CommandError("the fake Discord's process has ended") from None
            while (answer := json.loads(self._next_line()))["id"] != self._number:
                # An answer that came too late for an earlier call.
                continue
        if "error" in answer:
            kind = NotFoundError if answer["kind"] == "NotFoundError" else CommandError
            raise kind(f"{answer['kind']}: {answer['error']}" if kind is CommandError else answer["error"])
        return answer["result"]

    def patch(self) -> AbstractContextManager[None]:
        """A context that points the bot libraries of this process at the fake; needed only with ``patch=False``."""
        return patched(self.addresses)

    @property
    def pid(self) -> int:
        """The process id, to pin or measure it."""
        return self._running().pid

    @property
    def token(self) -> str:
        self._running()
        return str(self._greeting["token"])

    @property
    def addresses(self) -> Addresses:
        self._running()
        return Addresses(**{name: self._greeting[name] for name in ("api", "gateway", "voice", "ca_pem")})

    @property
    def ssl_context(self) -> ssl.SSLContext:
        return self.addresses.ssl_context()

    @property
    def bot(self) -> User:
        self._running()
        return User(**self._greeting["bot"])

    @property
    def guilds(self) -> list[Guild]:
        """The guilds as they were at the start."""
        self._running()
        return [_guild(raw) for raw in self._greeting["guilds"]]

    @property
    def guild(self) -> Guild:
        return self.guilds[0]

    def channel(self, reference: Reference) -> Channel:
        """A channel of any guild; a name finds the first that has it.

        Raises:
            NotFoundError: there is none.
        """
        identity = plain(reference)
        for channel in (channel for guild in self.guilds for channel in guild.channels.values()):
            if identity in (channel.id, channel.name):
                return channel
        raise NotFoundError(f"no channel {identity!r}")

    @property
    def counters(self) -> Counter[str]:
        return Counter(self.call("counters"))

    def bot_voice_state(self, guild: Reference | None = None) -> VoiceState | None:
        state = self.call("bot_voice_state", guild=plain(guild))
        return None if state is None else VoiceState(**state)

    def voice_session(self, guild: Reference | None = None) -> dict[str, Any] | None:
        """The bot's voice session as plain data; None when it has none."""
        session: dict[str, Any] | None = self.call("voice_session", guild=plain(guild))
        return session

    def listen(
        self,
        channel: Reference,
        *,
        user: Reference = "alice",
        only: Reference | None = None,
        max_dave_version: int = 1,
    ) -> RemoteParticipant:
        ssrc = self.call(
            "listen",
            channel=plain(channel),
            user=plain(user),
            only=plain(only),
            max_dave_version=max_dave_version,
        )
        return RemoteParticipant(self, ssrc)

    def speak(
        self, channel: Reference, *, user: Reference = "bob", announce: bool = True, max_dave_version: int = 1
    ) -> RemoteParticipant:
        ssrc = self.call(
            "speak",
            channel=plain(channel),
            user=plain(user),
            announce=announce,
            max_dave_version=max_dave_version,
        )
        return RemoteParticipant(self, ssrc)

    def encryption(self, channel: Reference) -> dict[str, Any] | None:
        """The end-to-end encryption of a channel's call: version, epoch, members, settled; None without any."""
        state: dict[str, Any] | None = self.call("encryption", channel=plain(channel))
        return state

    def move_bot(self, channel: Reference) -> None:
        self.call("move_bot", channel=plain(channel))

    def kick_bot(self, guild: Reference | None = None) -> None:
        self.call("kick_bot", guild=plain(guild))

    def close_voice(self, code: int, guild: Reference | None = None) -> None:
        """Close the bot's voice websocket with a code."""
        self.call("close_voice", code=code, guild=plain(guild))

    def cut_voice(self, guild: Reference | None = None) -> None:
        """Break the bot's voice websocket without a close frame."""
        self.call("cut_voice", guild=plain(guild))

    def stage(self, mishap: Mishap, guild: Reference | None = None) -> bool:
        """See :meth:`isocord.testing.FakeDiscord.stage`."""
        return bool(self.call("stage", guild=plain(guild), **checked(mishap).plain()))

    def stage_everywhere(self, mishap: Mishap) -> int:
        """See :meth:`isocord.testing.FakeDiscord.stage_everywhere`."""
        return int(self.call("stage_everywhere", **checked(mishap).plain()))

    def set_udp_faults(
        self,
        *,
        uplink: FaultSpec | None = None,
        downlink: FaultSpec | None = None,
        guild: Reference | None = None,
    ) -> None:
        """Faults for the bot's UDP datagrams; None takes them away."""
        self.call("udp_faults", uplink=uplink, downlink=downlink, guild=plain(guild))

    async def wait_for(self, predicate: Callable[[], T], *, timeout: float = 5.0, what: str = "") -> T:
        """Ask ``predicate`` every 10 ms until it gives something true; gives that.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (result := predicate()):
            if time.monotonic() >= deadline:
                raise WaitTimeoutError(f"{what or 'the condition'}: not within {timeout} s")
            await asyncio.sleep(_POLL)
        return result

    def wait_until(self, predicate: Callable[[], T], *, timeout: float = 5.0, what: str = "") -> T:
        """As :meth:`wait_for`; blocks the calling thread.

        Raises:
            WaitTimeoutError: it did not within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (result := predicate()):
            if time.monotonic() >= deadline:
                raise WaitTimeoutError(f"{what or 'the condition'}: not within {timeout} s")
            time.sleep(_POLL)
        return result

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise NotRunningError("the fake Discord is not running")
        return self._process

    def _read(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        for line in process.stdout:
            self._answers.put(line)
        self._answers.put(None)

    def _next_line(self) -> str:
        try:
            line = self._answers.get(timeout=_TIMEOUT)
        except queue.Empty:
            raise WaitTimeoutError(f"the fake Discord did not answer within {_TIMEOUT} s") from None
        if line is None:
            self._answers.put(None)
            raise CommandError("the fake Discord's process has ended")
        return line


def _guild(raw: dict[str, Any]) -> Guild:
    channels = [Channel(**{**c, "kind": ChannelKind(c["kind"])}) for c in raw["channels"]]
    members = [Member(**{**m, "user": User(**m["user"])}) for m in raw["members"]]
    return Guild(raw["id"], raw["name"], raw["owner_id"], {c.id: c for c in channels}, {m.id: m for m in members})
