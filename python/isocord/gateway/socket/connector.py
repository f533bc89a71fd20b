"""A bot's own way to Discord, for the gateway thread.

A connector of aiohttp belongs to one event loop, so that the bot's cannot be used here: one is made after it. That is
known for the SOCKS connectors of ``aiohttp_socks``. What other connectors do cannot be known.
"""

from __future__ import annotations

from typing import Any

from ...runtime.values import Record, secret


class ConnectorPlan(Record):
    """How to make a connector like the bot's.

    Attributes:
        kind: its class.
        arguments: what it is made with; may hold a password.
    """

    kind: type
    arguments: tuple[tuple[str, Any], ...] = secret()

    def make(self) -> Any:
        """A connector of the running loop."""
        return self.kind(**dict(self.arguments), limit=0)


def plan_of(connector: object) -> ConnectorPlan | None:
    """How to make a connector like this one; None if that is not known."""
    kind, has = type(connector), vars(connector)
    infos, host = has.get("_proxy_infos"), has.get("_proxy_host")
    if infos is not None:
        return ConnectorPlan(kind, (("proxy_infos", tuple(infos)),))
    if host is None:
        return None
    names = ("proxy_type", "proxy_host", "proxy_port", "proxy_username", "proxy_password", "rdns", "proxy_ssl")
    keywords = {"proxy_host": "host", "proxy_port": "port", "proxy_username": "username", "proxy_password": "password"}
    return ConnectorPlan(kind, tuple((keywords.get(name, name), has.get(f"_{name}")) for name in names))
