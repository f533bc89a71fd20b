"""How a websocket to a voice server is to be opened. Apart from the transport, so that saying it needs no aiohttp."""

from __future__ import annotations

from typing import Any

from ...runtime.values import Record, secret
from .connector import ConnectorPlan


class SocketOptions(Record):
    """How the bot's own HTTP client reaches Discord.

    Attributes:
        proxy: URL of an HTTP proxy.
        proxy_auth: an ``aiohttp.BasicAuth`` for it.
        ssl: an ``ssl.SSLContext``, an ``aiohttp.Fingerprint`` or False; None for Python's defaults.
        connector: how to make a connector like the bot's, if it has one of its own.
    """

    proxy: str | None = secret(default=None)
    proxy_auth: Any = secret(default=None)
    ssl: Any = None
    connector: ConnectorPlan | None = None
