"""URLs that recordings are uploaded to: what they name, what of them is shown, and what is refused."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from isocord.runtime.urls import is_url
from isocord.sinks import OGGSink, Remote, WaveSink

pytest.importorskip("fsspec")


@pytest.mark.parametrize(
    ("url", "root", "name", "shown"),
    [
        ("memory://calls", "memory://", "calls", "memory://calls"),
        ("memory://b/calls/", "memory://b/calls/", "", "memory://b/calls/"),
        ("memory://b/{date}/{user}.ogg", "memory://b/", "{date}/{user}.ogg", "memory://b/{date}/{user}.ogg"),
        ("memory://{guild}/a.ogg", "memory://", "{guild}/a.ogg", "memory://{guild}/a.ogg"),
        ("file:///tmp/a{b}/c.ogg", "file:///tmp/a{b}/", "c.ogg", "file:///tmp/a{b}/c.ogg"),
        ("sftp://h:22/a@b/c.ogg", "sftp://h:22/a@b/", "c.ogg", "sftp://h:22/a@b/c.ogg"),
        ("sftp://me:p%40ss@h/{user}", "sftp://me:p%40ss@h/", "{user}", "sftp://h/{user}"),
        ("sftp://me:pa/s@s@h/c", "sftp://me:pa/s@s@h/", "c", "sftp://h/c"),
        ("sftp://me:{user}@h/a/{user}.ogg", "sftp://me:{user}@h/a/", "{user}.ogg", "sftp://h/a/{user}.ogg"),
        ("https://h/a/c.ogg?sig=abc", "https://h/a/", "c.ogg", "https://h/a/c.ogg"),
    ],
)
def test_what_a_url_names(url: str, root: str, name: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsspec.get_filesystem_class", lambda scheme: None)
    remote = Remote(url)
    assert (remote.root, remote.name, remote.url) == (root, name, shown)
    assert repr(remote) == f"<Remote {shown!r}>"
    assert remote.address(name) == url
    assert remote.same_place(Remote(url))


def test_what_an_error_says_of_secrets() -> None:
    options = {"key": "AKIA1", "client_kwargs": {"nested": ["deep-secret"], "endpoint_url": "http://127.0.0.1:9000"}}
    remote = Remote("memory://me:p%40ss+w@host/calls?token=tok123", storage_options=options)
    error = OSError(
        "AKIA1 at me:p%40ss+w@host with p@ss+w, token=tok123\nand deep-secret: http://127.0.0.1:9000 says no"
    )
    told = remote.told(error)
    assert told == "OSError: *** at ***@host with ***, *** and ***: http://127.0.0.1:9000 says no"
    assert len(remote.told(OSError("x" * 10_000))) <= 500
    assert remote.told(TimeoutError()) == "TimeoutError"
    # What is left would show where the secret was.
    assert Remote("memory://a:b@host/calls").told(OSError("a bad baby")) == "OSError"


@pytest.mark.parametrize(
    ("wrong", "options"),
    [
        ("nothing-of-the-kind://me:s3cret@host/x", {}),
        ("simplecache::memory://calls", {}),
        ("calls", {}),
        ("memory://calls/{date}/../{user}.ogg", {}),
        ("memory://calls", {"tries": 0}),
        ("memory://calls", {"tries": 101}),
        ("memory://calls", {"spool_limit": 0}),
        ("memory://calls", {"spool_limit": "much"}),
    ],
)
def test_what_is_refused(wrong: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        Remote(wrong, **options)
    assert "s3cret" not in str(raised.value)
    assert raised.value.__context__ is None or raised.value.__suppress_context__


def test_sinks_take_urls_as_they_take_paths() -> None:
    assert WaveSink("memory://calls").layout == "users"
    with pytest.raises(ValueError, match="mixdown=True"):
        WaveSink("memory://calls/call.wav")
    assert WaveSink("memory://calls/call.wav", mixdown=True).layout == "mixdown"
    assert WaveSink("memory://calls/{user}.wav", mixdown="memory://calls/all.wav", split=5).mixes
    with pytest.raises(ValueError, match="user"):
        OGGSink("memory://calls/{date}.ogg")
    assert not any(map(is_url, ("C:\\calls", "calls", "a:b", "/a://b", None, 5)))


def test_what_is_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ImportError, match=r"isocord\[fsspec\]"):
        WaveSink("memory://calls")
