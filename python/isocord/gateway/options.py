"""How a websocket to a voice server is to be opened. Apart from the transport, so that saying it needs no aiohttp."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SocketOptions:
    """How the bot's own HTTP client reaches Discord.

    Attributes:
        proxy: URL of an HTTP proxy.
        proxy_auth: an ``aiohttp.BasicAuth`` for it.
        ssl: an ``ssl.SSLContext``, an ``aiohttp.Fingerprint`` or False; None for Python's defaults.
    """

    proxy: str | None = field(default=None, repr=False)
    proxy_auth: Any = field(default=None, repr=False)
    ssl: Any = None
