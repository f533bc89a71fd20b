"""Which addresses of voice servers are connected to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from isocord.gateway.socket.address import Address, address_of


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        ("c-iad03-3a1b.discord.media:2053", Address("c-iad03-3a1b.discord.media", 2053)),
        ("us-east1.discord.gg", Address("us-east1.discord.gg", 443)),
        ("localhost:1", Address("localhost", 1)),
        ("127.0.0.1:65535", Address("127.0.0.1", 65535)),
        ("[::1]:443", Address("::1", 443)),
        ("[2001:db8::7]", Address("2001:db8::7", 443)),
    ],
)
def test_hosts_with_and_without_a_port(endpoint: str, address: Address) -> None:
    assert address_of(endpoint) == address


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        " ",
        "\t",
        "host name:443",
        " host:443",
        "host:443 ",
        "host\n:443",
        "discord.media@evil.example",
        "discord.media@evil.example:443",
        "user:443@evil.example",
        "host/path",
        "host:443/path",
        "host#fragment",
        "host:443#x",
        "host?x",
        "host:443?v=1",
        "host\\evil",
        "wss://host",
        "host:",
        "host:0",
        "host:65536",
        "host:99999999999999999999",
        "host:-1",
        "host:+1",
        "host:0x50",
        "host:80a",
        "host: 80",
        "host:８０",
        "host:1:2",
        ":443",
        ".",
        "host.",
        ".host",
        "a..b",
        "-host",
        "host-",
        "ho_st",
        "höst",
        "ｅvil.example",
        "хост.example",
        "host%2epath",
        "2130706433",
        "127.1",
        "0x7f.1",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "::1",
        "[::1",
        "[::1]x",
        "[::1]443",
        "[fe80::1%eth0]:443",
        "[127.0.0.1]",
        "[host]",
        "a" * 64,
        ".".join(["abcdefg"] * 40),
    ],
)
def test_everything_else_is_refused_in_words(endpoint: str) -> None:
    with pytest.raises(ValueError, match="does not connect to the voice server address") as raised:
        address_of(endpoint)
    text = str(raised.value)
    assert text.isprintable()
    assert len(text) < 200


@given(st.text(st.sampled_from("ab1:.@/#?[]%-\\ \0é"), max_size=12))
def test_what_is_taken_leads_nowhere_else(endpoint: str) -> None:
    try:
        address = address_of(endpoint)
    except ValueError:
        return
    url = URL(f"wss://{endpoint}/?v=8")
    assert (url.host, url.port, url.raw_path, url.query_string, url.user) == (
        address.host.lower(),
        address.port,
        "/",
        "v=8",
        None,
    )
