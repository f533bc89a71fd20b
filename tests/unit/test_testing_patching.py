"""What the fake changes in this process, and that it puts it back."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path

import aiohttp.connector
import discord.http
import pytest

import isocord.testing
from isocord.testing import Addresses
from isocord.testing.patching import patched
from isocord.testing.wire.certificate import Certificate


@pytest.fixture
def addresses() -> Addresses:
    return Addresses("http://127.0.0.1:1/api", "ws://127.0.0.1:1/gateway", "127.0.0.1:2", Certificate().ca_pem)


def test_everything_is_put_back_even_after_an_error(addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/some/file")
    before = discord.http.Route("GET", "/gateway").url
    context = aiohttp.connector._SSL_CONTEXT_VERIFIED
    bundles: list[Path] = []

    def fail_inside() -> None:
        with patched(addresses):
            bundles.append(Path(os.environ["SSL_CERT_FILE"]))
            assert discord.http.Route("GET", "/gateway").url == "http://127.0.0.1:1/api/v10/gateway"
            assert aiohttp.connector._SSL_CONTEXT_VERIFIED is not context
            assert addresses.ca_pem in bundles[0].read_text()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_inside()
    assert discord.http.Route("GET", "/gateway").url == before
    assert aiohttp.connector._SSL_CONTEXT_VERIFIED is context
    assert os.environ["SSL_CERT_FILE"] == "/some/file"
    assert not bundles[0].exists()


def test_default_contexts_trust_the_fake_and_still_verify(addresses: Addresses) -> None:
    def trusts() -> bool:
        names = [dict(entry[0] for entry in ca["subject"]) for ca in ssl.create_default_context().get_ca_certs()]
        return "isocord.testing" in [name.get("organizationName") for name in names]

    assert not trusts()
    with patched(addresses):
        assert trusts()
        assert aiohttp.connector._SSL_CONTEXT_VERIFIED.verify_mode is ssl.CERT_REQUIRED
    assert not trusts()


def test_two_fakes_can_be_nested(addresses: Addresses) -> None:
    other = Addresses("http://127.0.0.1:9/api", "ws://127.0.0.1:9/gateway", "127.0.0.1:8", Certificate().ca_pem)
    with patched(addresses):
        with patched(other):
            assert discord.http.Route("GET", "/x").url == "http://127.0.0.1:9/api/v10/x"
        assert discord.http.Route("GET", "/x").url == "http://127.0.0.1:1/api/v10/x"


def test_importing_the_package_loads_nothing_heavy_and_no_client() -> None:
    code = (
        "import sys, isocord.testing, isocord.testing.pytest_plugin;"
        "loaded = set(sys.modules) & {'aiohttp', 'cryptography', 'discord', 'isocord.client', 'isocord.connection'};"
        "sys.exit(repr(loaded) if loaded else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def test_every_public_name_is_there() -> None:
    for name in isocord.testing.__all__:
        assert getattr(isocord.testing, name) is not None
    with pytest.raises(AttributeError):
        _ = isocord.testing.nothing_of_that_name


def test_the_fake_never_imports_the_client() -> None:
    for path in Path(isocord.testing.__file__).parent.glob("*.py"):
        source = path.read_text("utf-8")
        for forbidden in ("isocord.client", "isocord.connection", "from ..client", "from ..connection"):
            assert forbidden not in source, path.name
