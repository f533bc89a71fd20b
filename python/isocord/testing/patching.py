"""Points the bot libraries of this process at a fake Discord, and back.

Three things change for the time of the ``with`` block, and are put back after it:

* the REST base address of py-cord, discord.py, disnake, nextcord and hikari, whichever are installed, and
  discord.py's built-in gateway address (the others ask REST for it);
* ``SSL_CERT_FILE``, so that ``ssl.create_default_context()`` trusts the voice gateway's certificate next to the
  system's authorities;
* aiohttp's default TLS context, which aiohttp makes once, at import, and which therefore never sees that variable; and
  that of hikari's bots which were made before.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from .errors import BotError

HOSTS = ("discord", "disnake", "nextcord")
API_VERSION = 10


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a fake Discord listens.

    Attributes:
        api: REST base address, without version: ``http://127.0.0.1:PORT/api``.
        gateway: main gateway: ``ws://127.0.0.1:PORT/gateway``.
        voice: voice gateway endpoint as in VOICE_SERVER_UPDATE: ``127.0.0.1:PORT``.
        ca_pem: the authority that signed the voice gateway's certificate.
    """

    api: str
    gateway: str
    voice: str
    ca_pem: str

    def ssl_context(self) -> ssl.SSLContext:
        """A client context that trusts the fake and the system's authorities."""
        return _client_context(self.ca_pem)


class _Bots:
    """How many bots of this process run, and the fakes that the bot libraries are pointed at; the last one counts."""

    running = 0
    pointed_at: ClassVar[list[Addresses]] = []


@contextmanager
def in_use() -> Iterator[None]:
    """A bot runs, so that the bot libraries have to stay pointed where they are."""
    _Bots.running += 1
    try:
        yield
    finally:
        _Bots.running -= 1


def is_pointed_at(addresses: Addresses) -> bool:
    """Whether the bot libraries of this process talk to that fake."""
    return _Bots.pointed_at[-1:] == [addresses]


@contextmanager
def patched(addresses: Addresses) -> Iterator[None]:
    """Point every installed bot library at ``addresses``.

    Raises:
        BotError: a bot that runs already would be cut off from its own fake.
    """
    if _Bots.running:
        raise BotError(
            "a bot of this process runs with another fake Discord, which the bot libraries would leave: let both bots "
            "run with one, or begin this fake with patch=False"
        )
    with ExitStack() as stack:
        _trust(addresses.ca_pem, stack)
        for name in HOSTS:
            for module in _host_modules(name):
                _redirect(module, addresses, stack)
        _redirect_hikari(addresses, stack)
        _Bots.pointed_at.append(addresses)
        stack.callback(_Bots.pointed_at.remove, addresses)
        yield


def _host_modules(name: str) -> list[ModuleType]:
    """The host's ``http`` and ``gateway`` modules; empty if it is not installed or does not import here."""
    if find_spec(name) is None:
        return []
    try:
        return [import_module(f"{name}.http"), import_module(f"{name}.gateway")]
    except ImportError:
        return []


def _redirect(module: ModuleType, addresses: Addresses, stack: ExitStack) -> None:
    route: Any = getattr(module, "Route", None)
    base = f"{addresses.api}/v{API_VERSION}"
    if route is not None and module.__name__.endswith(".http"):
        if isinstance(getattr(route, "API_BASE_URL", None), str):
            _replace(stack, route, "API_BASE_URL", base)
        elif isinstance(getattr(route, "BASE", None), str):
            _replace(stack, route, "BASE", base)
        elif isinstance(getattr(route, "base", None), property):
            _replace(stack, route, "base", property(lambda self: base))
    socket: Any = getattr(module, "DiscordWebSocket", None)
    default = getattr(socket, "DEFAULT_GATEWAY", None)
    if default is not None:
        # A yarl.URL there; its own class makes the new one.
        _replace(stack, socket, "DEFAULT_GATEWAY", type(default)(addresses.gateway))


def _redirect_hikari(addresses: Addresses, stack: ExitStack) -> None:
    """hikari's bots are given the address and the TLS context when they are made, which may have been before."""
    if find_spec("hikari") is None:
        return
    route: Any = import_module("hikari.internal.routes").CompiledRoute
    base = f"{addresses.api}/v{API_VERSION}"
    _replace(stack, route, "create_url", lambda self, base_url: f"{base}{self.compiled_path}")
    settings: Any = import_module("hikari.impl.config").HTTPSettings
    slot, trusting = settings.ssl, addresses.ssl_context()
    # Those made from now on know SSL_CERT_FILE, or are the bot's own.
    newer: weakref.WeakSet[ssl.SSLContext] = weakref.WeakSet()

    def read(self: Any) -> ssl.SSLContext:
        found: ssl.SSLContext = slot.__get__(self)
        return found if found in newer else trusting

    def write(self: Any, value: ssl.SSLContext) -> None:
        newer.add(value)
        slot.__set__(self, value)

    _replace(stack, settings, "ssl", property(read, write))


def _trust(ca_pem: str, stack: ExitStack) -> None:
    handle, path = tempfile.mkstemp(prefix="isocord-ca-", suffix=".pem")
    os.close(handle)
    stack.callback(Path(path).unlink, missing_ok=True)
    _write_bundle(ca_pem, Path(path))
    previous = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = path
    stack.callback(_restore_environment, previous)
    connector = import_module("aiohttp.connector")
    if isinstance(getattr(connector, "_SSL_CONTEXT_VERIFIED", None), ssl.SSLContext):
        context = _client_context(ca_pem)
        context.set_alpn_protocols(("http/1.1",))
        _replace(stack, connector, "_SSL_CONTEXT_VERIFIED", context)
        return
    # Before 3.11 aiohttp kept its default context in a cache; emptied, it makes a new one under the variable.
    cached: Any = getattr(connector, "_make_ssl_context", None) or connector.TCPConnector._make_ssl_context
    clear: Callable[[], None] | None = getattr(cached, "cache_clear", None)
    if clear is not None:
        clear()
        stack.callback(clear)


def _client_context(ca_pem: str) -> ssl.SSLContext:
    """A verifying client context that trusts the system's authorities and the given one."""
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=ca_pem)
    return context


def _write_bundle(ca_pem: str, path: Path) -> None:
    """Write a file for ``SSL_CERT_FILE``: the system's authorities with the fake's behind them."""
    default = ssl.get_default_verify_paths().cafile
    system = Path(default).read_text("utf-8", "replace") if default and os.path.isfile(default) else ""
    path.write_text(system + "\n" + ca_pem, "utf-8")


def _restore_environment(previous: str | None) -> None:
    if previous is None:
        os.environ.pop("SSL_CERT_FILE", None)
    else:
        os.environ["SSL_CERT_FILE"] = previous


def _replace(stack: ExitStack, owner: Any, name: str, value: Any) -> None:
    own = name in vars(owner)
    previous = getattr(owner, name)
    setattr(owner, name, value)

    def restore() -> None:
        if own:
            setattr(owner, name, previous)
        else:
            delattr(owner, name)

    stack.callback(restore)
