"""What is left when the fake Discord stops: nothing."""

from __future__ import annotations

import gc
import socket
import ssl
import warnings

import pytest

from isocord import testing

UPGRADE = (
    b"GET /?v=8 HTTP/1.1\r\nHost: voice\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize("far", ["connected", "encrypted", "asking", "answered"])
def test_a_client_that_says_no_goodbye_leaves_no_socket_open(far: str) -> None:
    context = ssl.create_default_context()
    with warnings.catch_warnings():
        # What other tests left behind is theirs.
        warnings.simplefilter("ignore")
        gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with testing.FakeDiscord() as discord:
            context.load_verify_locations(cadata=discord.addresses.ca_pem)
            host, port = discord.addresses.voice.split(":")
            client = socket.create_connection((host, int(port)), timeout=15)
            if far != "connected":
                client = context.wrap_socket(client, server_hostname=host)
            if far in ("asking", "answered"):
                client.sendall(UPGRADE)
            if far == "answered":
                assert client.recv(1024).startswith(b"HTTP/1.1 101")
        gc.collect()
    client.close()
    assert [str(warning.message) for warning in told if issubclass(warning.category, ResourceWarning)] == []
