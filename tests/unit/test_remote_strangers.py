"""What whoever reaches a media node's port can do without its key: be sent away."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pickle
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

pytest.importorskip("cryptography")

from isocord.remote import MediaNode, NodeAddress, codec, door, greeting, resumable, wire
from isocord.remote.codec import LinkError
from isocord.remote.link import Links
from isocord.runtime.thread import gateway_thread


@pytest.fixture
def node() -> Iterator[MediaNode]:
    with MediaNode() as made:
        yield made


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def reached(node: MediaNode, sockets: ExitStack) -> socket.socket:
    """A TCP connection to its port."""
    return sockets.enter_context(socket.create_connection((node.address.host, node.address.port), timeout=20))


def secured(plain: socket.socket, sockets: ExitStack) -> ssl.SSLSocket:
    """TLS, by somebody who asks for no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return sockets.enter_context(context.wrap_socket(plain))


def all_of(connection: socket.socket) -> bytes:
    """What comes until it ends."""
    came = b""
    try:
        while part := connection.recv(4096):
            came += part
    except TimeoutError:
        pytest.fail("it was not ended")
    except OSError:
        # It was ended roughly.
        pass
    return came


def opened(address: NodeAddress) -> str:
    """What a bot hears that comes with this address."""

    async def ask() -> str:
        link = Links.of(gateway_thread()).to(address)
        try:
            await link.open()
        except LinkError as error:
            return str(error)
        link.close()
        return "welcome"

    return asyncio.run_coroutine_threadsafe(ask(), gateway_thread().loop).result(20)


def with_key(address: NodeAddress, key: bytes) -> NodeAddress:
    return NodeAddress(address.host, address.port, address.certificate, key)


def framed(body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + body


@pytest.mark.parametrize(
    "first",
    [
        # A dict whose key takes 2**60 steps to hash, and a memo of half a gigabyte.
        framed(b"\x80\x05})" + b"2\x86" * 60 + b"Ns."),
        framed(b"\x80\x05Nr" + struct.pack("<I", 1 << 25) + b"." + bytes(40)),
        framed(pickle.dumps(["hello", bytes(64)])),
        b"GET / HTTP/1.1\r\nHost: node.example.com\r\n\r\n",
        greeting.hello(bytes(32)) + framed(b"\x80\x05})" + b"2\x86" * 60 + b"Ns."),
    ],
    ids=["hash", "memo", "pickle", "http", "wrong key"],
)
def test_nothing_is_unpickled_of_who_has_not_shown_the_key(
    node: MediaNode, sockets: ExitStack, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpickled: list[bytes] = []
    monkeypatch.setattr(codec, "_read", unpickled.append)
    stranger = secured(reached(node, sockets), sockets)
    stranger.sendall(first)
    assert greeting.refusal(all_of(stranger)) == "the key is not this node's"
    assert unpickled == []
    assert opened(node.address) == "welcome"


def test_a_bot_with_another_key_or_of_another_version_is_told_so(
    node: MediaNode, sockets: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(with_key(node.address, bytes(32))).endswith(f":{node.address.port}: the key is not this node's")
    stranger = secured(reached(node, sockets), sockets)
    key = node.address.key
    stranger.sendall(greeting.hello(key).replace(struct.pack("!H", greeting.VERSION), struct.pack("!H", 999), 1))
    told = all_of(stranger)
    assert key not in told
    assert greeting.refusal(told) == (
        f"it speaks version {greeting.VERSION} of the protocol, and this bot version {greeting.VERSION}"
    )


@pytest.mark.parametrize("with_tls", [False, True])
def test_who_shows_no_key_in_time_is_sent_away(
    node: MediaNode, sockets: ExitStack, monkeypatch: pytest.MonkeyPatch, with_tls: bool
) -> None:
    monkeypatch.setattr(door, "HELLO_LIMIT", 1.0)
    stranger = reached(node, sockets)
    if with_tls:
        # On a busy machine its time may be over before.
        with contextlib.suppress(OSError):
            stranger = secured(stranger, sockets)
            stranger.sendall(greeting.hello(node.address.key)[:-1])
    assert all_of(stranger) == b""
    monkeypatch.undo()
    assert opened(node.address) == "welcome"


def test_of_many_strangers_the_oldest_goes(
    node: MediaNode, sockets: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_MOST_STRANGERS", 2)
    monkeypatch.setattr(door, "HELLO_LIMIT", 600.0)
    first, second = reached(node, sockets), reached(node, sockets)
    # A bot with the key is none of them.
    assert opened(node.address) == "welcome"
    assert all_of(first) == b""
    later = secured(second, sockets)
    later.sendall(greeting.hello(node.address.key))
    assert greeting.refusal(later.recv(greeting.ANSWER_SIZE)) is None


def test_who_goes_on_sending_is_cut_off(node: MediaNode, sockets: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_CLOSE_LIMIT", 0.1)
    stranger = secured(reached(node, sockets), sockets)
    stranger.sendall(greeting.hello(bytes(32)))

    def send_for_ever() -> None:
        while True:
            stranger.sendall(bytes(1 << 16))

    with pytest.raises((ConnectionError, ssl.SSLError)):
        send_for_ever()


@pytest.mark.parametrize("silent", [False, True])
async def test_nobody_is_bothered_by_a_node_that_lets_nobody_in(
    node: MediaNode, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    if silent:
        monkeypatch.setattr(greeting, "answer", lambda kind: b"")
    unretrieved: list[object] = []
    loop = gateway_thread().loop
    loop.set_exception_handler(lambda _, context: unretrieved.append(context))
    try:
        assert await resumable(with_key(node.address, bytes(32)), 5) == []
        gc.collect()
        # What a collected future has to say is said there.
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop))
    finally:
        loop.set_exception_handler(None)
    assert unretrieved == []


def test_the_log_is_not_flooded(node: MediaNode, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(25):
        assert "the key is not this node's" in opened(with_key(node.address, bytes(32)))
    said = [record.getMessage() for record in caplog.records if "without the key" in record.getMessage()]
    assert [message.rsplit(",", 1)[1] for message in said] == [" 1 times by now", " 10 times by now"]
