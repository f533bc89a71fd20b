"""The address of a voice server, as Discord tells it to the bot.

It becomes the authority of a URL to which secrets are sent, so that only what can be nothing else is taken: what a URL
would read as a user, a path, a query or a fragment leads elsewhere, and leaves out the protocol's version.
"""

from __future__ import annotations

import ipaddress
import re

from ...runtime.text import shown
from ...runtime.values import Record

VERSION = 8
"""Of the voice gateway's protocol; Discord takes a connection that names none for the oldest."""

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*", re.ASCII)
_LONGEST_NAME = 253
_TLS_PORT = 443


class Address(Record):
    """Host and port of a voice server. An IPv6 address has no brackets here."""

    host: str
    port: int


def address_of(endpoint: str) -> Address:
    """Read ``host`` or ``host:port``; without a port it is 443.

    The host is a DNS name of letters, digits and hyphens (RFC 1123, section 2.1), an IPv4 address of four decimal
    numbers, or an IPv6 address in brackets without a zone. Names that resolvers read as numbers are none.

    Raises:
        ValueError: it is anything else.
    """
    refusal = ValueError(f"isocord does not connect to the voice server address {shown(endpoint, 80)!r}")
    if endpoint.startswith("["):
        host, bracket, rest = endpoint[1:].partition("]")
        colon, port = rest[:1], rest[1:]
        if not bracket or (rest and colon != ":") or not _is_ipv6(host):
            raise refusal
    else:
        host, colon, port = endpoint.partition(":")
        if not (_is_ipv4(host) or _is_name(host)):
            raise refusal
    if colon and not (_PORT.fullmatch(port) and 0 < int(port) <= 0xFFFF):
        raise refusal
    return Address(host, int(port) if colon else _TLS_PORT)


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return len(host) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return host.isascii()


def _is_ipv6(host: str) -> bool:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return address.scope_id is None and host.isascii()
