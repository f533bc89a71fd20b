"""Ctrl-C is not kept waiting by a server that says nothing."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable

import pytest

import isocord


@pytest.mark.parametrize("ask", [isocord.AudioFile, isocord.probe])
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signal can be sent to a thread here")
def test_a_url_that_hangs_can_be_interrupted(ask: Callable[..., object]) -> None:
    asked: list[bytes] = []
    main = threading.main_thread().ident
    assert main is not None
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang() -> None:
            there, _ = server.accept()
            with there:
                asked.append(there.recv(4_096))
                signal.pthread_kill(main, signal.SIGINT)
                # Until whoever asked has given up.
                over.wait(30)

        over = threading.Event()
        silent = threading.Thread(target=hang)
        silent.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                ask(f"http://127.0.0.1:{server.getsockname()[1]}/song.mp3", allow_private=True)
        finally:
            over.set()
            silent.join()
    assert asked[0].startswith(b"GET /song.mp3")
