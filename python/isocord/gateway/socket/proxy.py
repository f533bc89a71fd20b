"""The HTTP proxy of a bot, with its password kept apart: errors of aiohttp show the URL that it was given."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import unquote

from ...runtime.values import Record, secret
from .options import SocketOptions

_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_HIDDEN = "***"
_TELLING = 4
"""Characters that a secret has at least; to take a shorter one out of a text would tell it."""


class Proxy(Record):
    """A proxy as aiohttp is to be told of it.

    Attributes:
        url: without user and password; None without a proxy.
        authorization: value of the header Proxy-Authorization, if there is a user.
        secrets: what no text may show.
    """

    url: str | None
    authorization: str | None = secret(default=None)
    secrets: tuple[str, ...] = secret(default=())

    def arguments(self) -> dict[str, Any]:
        """For ``aiohttp.ClientSession.ws_connect``."""
        headers = {"Proxy-Authorization": self.authorization} if self.authorization is not None else None
        return {"proxy": self.url, "proxy_headers": headers}

    def scrub(self, text: str) -> str:
        """``text`` without the proxy's user and password."""
        for hidden in self.secrets:
            text = text.replace(hidden, _HIDDEN)
        return text


def proxy_of(options: SocketOptions) -> Proxy:
    """The proxy of a bot, however its URL is written.

    Raises:
        ValueError: user and password cannot be told to a proxy.
    """
    if options.proxy is None:
        return Proxy(None)
    url = str(options.proxy)
    scheme = found.group() if (found := _SCHEME.match(url)) is not None else ""
    # A password that nobody has quoted may hold anything.
    userinfo, at, address = url[len(scheme) :].rpartition("@")
    raw_user, _, raw_password = userinfo.partition(":")
    user, password = unquote(raw_user), unquote(raw_password)
    authorization = None
    if options.proxy_auth is not None:
        authorization = options.proxy_auth.encode()
    elif at:
        authorization = _basic(user, password)
    own = getattr(options.proxy_auth, "password", None) or ""
    hidden = {url if at else "", userinfo + at, raw_password, password, own, authorization or ""}
    secrets = sorted((one for one in hidden if len(one) >= _TELLING), key=len, reverse=True)
    return Proxy(scheme.strip() + address, authorization, tuple(secrets))


def _basic(user: str, password: str) -> str:
    if ":" in user:
        raise ValueError("the user name of a proxy has no colon (RFC 7617, section 2)")
    pair = f"{user}:{password}"
    try:
        # As aiohttp writes it, and with it the bot's own HTTP client.
        content = pair.encode("latin1")
    except UnicodeEncodeError:
        content = pair.encode()
    return "Basic " + base64.b64encode(content).decode("ascii")
