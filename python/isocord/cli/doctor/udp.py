"""Whether datagrams get to an address and back.

What is sent is an IP discovery, as a voice server gets it from each client (Discord, "Voice Connections"). Its SSRC is
one that no server has handed out: to send that of a session that stands would lead its sound astray.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
import time

from .findings import Finding, Status

_TRIES = 3
_WAIT = 1.0
_NAME = "UDP"


def reachability(endpoint: str, *, wait: float = _WAIT) -> Finding:
    """Ask ``host:port``, three times at most, ``wait`` seconds each; an IPv6 address stands in brackets."""
    try:
        host, port = _parsed(endpoint)
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    except (OSError, ValueError) as error:
        advice = "give --endpoint as host:port: voice.endpoint_ip and voice.voice_port of a bot that is connected"
        return Finding(_NAME, Status.FAIL, f"{endpoint} is no address: {error}", advice)
    request = struct.pack(">HHI64sH", 1, 70, secrets.randbits(32), b"", 0)
    with socket.socket(family, kind) as asking:
        try:
            asking.connect(address)
            for _ in range(_TRIES):
                asking.send(request)
                if (seen := _answered(asking, request, wait)) is not None:
                    return Finding(_NAME, Status.OK, f"{endpoint} answers, and sees us as {seen}")
        except ConnectionRefusedError:
            closed = f"{endpoint} is reached, and nobody is there: the port is closed"
            advice = "voice servers come and go: take the address of a session that stands"
            return Finding(_NAME, Status.FAIL, closed, advice)
        except OSError as error:
            advice = "see to the network's route"
            return Finding(_NAME, Status.FAIL, f"nothing can be sent to {endpoint}: {error}", advice)
    silent = (
        f"no answer from {endpoint}. That proves nothing: a voice server need not answer who has no session with it, "
        "and a firewall that drops datagrams looks the same"
    )
    advice = "if bots time out while they connect, let UDP out to any address, ports 50000 to 65535, and its answers in"
    return Finding(_NAME, Status.WARN, silent, advice)


def _answered(asking: socket.socket, request: bytes, wait: float) -> str | None:
    """Our address as the answer tells it, or None if none came in time."""
    deadline = time.monotonic() + wait
    while (left := deadline - time.monotonic()) > 0:
        asking.settimeout(left)
        try:
            answer = asking.recv(2_048)
        except TimeoutError:
            return None
        if len(answer) == 74 and answer[:4] == b"\x00\x02\x00\x46" and answer[4:8] == request[4:8]:
            port = int.from_bytes(answer[72:74], "big")
            try:
                return f"{ipaddress.ip_address(answer[8:72].split(bytes(1))[0].decode())}:{port}"
            except ValueError:
                return "an address that is none"
    return None


def _parsed(endpoint: str) -> tuple[str, int]:
    host, colon, port = endpoint.rpartition(":")
    if not colon or not host.strip("[]") or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError("host and port are wanted")
    return host.strip("[]"), int(port)
