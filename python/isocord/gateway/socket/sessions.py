"""The HTTP sessions that voice websockets are opened with; the gateway thread keeps and closes them."""

from __future__ import annotations

from typing import Any

import aiohttp

from ...runtime.values import Record
from .connector import ConnectorPlan


class RedirectError(aiohttp.ClientError):
    """A voice server sent its client elsewhere."""


class Sessions(Record):
    """Makes the session for one way to Discord; equal ones share it."""

    connector: ConnectorPlan | None = None

    def __call__(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0) if self.connector is None else self.connector.make()
        tracing = aiohttp.TraceConfig()
        tracing.on_request_redirect.append(_refuse)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[tracing])


async def _refuse(_: aiohttp.ClientSession, context: Any, redirect: aiohttp.TraceRequestRedirectParams) -> None:
    """``ws_connect`` follows redirects, also to where nothing is encrypted, and cannot be told not to."""
    redirect.response.close()
    raise RedirectError(f"the voice server answered {redirect.response.status}, a redirect, which is not followed")
