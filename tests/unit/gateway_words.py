"""What a voice server and a client say on the voice gateway, for tests in virtual time."""

from __future__ import annotations

import json
from typing import Any

from isocord.gateway.protocol.protocol import Credentials, GatewayProtocol

KEY = list(range(32))
SECRETS = ("session-secret", "token-secret")


def new_protocol(**options: Any) -> GatewayProtocol:
    return GatewayProtocol(Credentials(10, 20, *SECRETS), **options)


def message(op: int, d: Any = None, seq: int | None = None, **more: Any) -> str:
    body: dict[str, Any] = {"op": op, "d": d, **more}
    if seq is not None:
        body["seq"] = seq
    return json.dumps(body)


def sent(protocol: GatewayProtocol) -> list[dict[str, Any]]:
    return [json.loads(data) for data in protocol.take_outgoing()]


def hello(interval: float = 10_000) -> str:
    return message(8, {"heartbeat_interval": interval})


def ready(seq: int | None = None) -> str:
    return message(2, {"ssrc": 7, "ip": "10.0.0.1", "port": 50_000, "modes": ["a", "b"], "heartbeat_interval": 1}, seq)


def description(seq: int | None = None) -> str:
    return message(4, {"mode": "a", "secret_key": KEY, "dave_protocol_version": 0}, seq)


def established(now: float = 0.0, **options: Any) -> GatewayProtocol:
    protocol = new_protocol(**options)
    protocol.connected(now)
    protocol.receive(hello(), now)
    protocol.receive(ready(1), now)
    protocol.select_protocol("1.2.3.4", 4321, "a")
    protocol.receive(description(2), now)
    protocol.take_events()
    protocol.take_outgoing()
    return protocol
