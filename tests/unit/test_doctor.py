"""``isocord doctor``: what it finds, what it advises, and its exit status."""

from __future__ import annotations

import json
import re
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

import isocord
from isocord import _native
from isocord.cli.doctor import clock, environment, run, system
from isocord.cli.doctor.findings import Finding, Status
from isocord.cli.doctor.udp import reachability
from isocord.cli.main import main

QUICK = ["doctor", "--seconds", "0.1"]


def test_each_line_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    main([*QUICK, "--json"])
    told = json.loads(capsys.readouterr().out)
    checks = {check["name"]: check for check in told["checks"]}
    assert {"interpreter", "bot library", "codec", "real-time", "clock lateness", "ffmpeg"} <= checks.keys()
    assert isocord.__version__ in checks["interpreter"]["found"]
    assert checks["codec"]["found"].startswith(_native.LIBOPUS_VERSION)
    # A busy machine takes a little longer.
    assert int(re.search(r" of (\d+) packets", checks["clock lateness"]["found"])[1]) >= 5  # type: ignore[index]
    assert {check["status"] for check in told["checks"]} <= {"ok", "warn", "fail"}
    assert all(check["advice"] for check in told["checks"] if check["status"] != "ok")


@pytest.mark.parametrize("worst", list(Status))
def test_its_exit_status(worst: Status, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [Finding("one", Status.OK, "fine"), Finding("two", worst, "so so", "do this")]
    monkeypatch.setattr(run, "look", lambda **_: findings)
    assert main(["doctor", "--json"]) == (worst is Status.FAIL)
    assert json.loads(capsys.readouterr().out)["status"] == worst.value
    assert main(["doctor"]) == (worst is Status.FAIL)
    said = capsys.readouterr().out
    assert f"{worst.value:<5} two" in said and "-> do this" in said and "--endpoint" in said


def test_in_a_terminal() -> None:
    pytest.importorskip("rich")
    terminals = pytest.importorskip("tests.terminals")
    code = f"import sys\nfrom isocord.cli.main import main\nsys.exit(main({QUICK!r}))"
    with terminals.Terminal(code) as terminal:
        terminal.shows(lambda text: "UDP was not tried" in text)
        terminal.ends()
        assert "codec" in terminal.text and _native.LIBOPUS_VERSION in terminal.text


@pytest.mark.parametrize("arguments", [["-m", "isocord", "--version"], ["-m", "isocord.cli.main", "--version"]])
def test_its_version(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"isocord {isocord.__version__}\n"


@pytest.mark.parametrize("seconds", ["0", "21", "nan", "soon"])
def test_how_long_it_may_measure(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["doctor", "--seconds", seconds])
    assert "--seconds" in capsys.readouterr().err


def statuses(found: dict[str, str]) -> list[Status]:
    return [finding.status for finding in environment.judged_libraries(found)]


def test_bot_libraries() -> None:
    assert statuses({"py-cord": "2.8.1"}) == [Status.OK]
    assert statuses({"discord.py": "2.7.1", "nextcord": "3.2.0"}) == [Status.OK, Status.OK]
    assert statuses({"hikari": "2.7.0"}) == statuses({"hikari": "2.3.5"}) == [Status.OK]
    assert statuses({"disnake": "2.9"}) == statuses({"py-cord": "3.0.0rc1"}) == [Status.WARN]
    (none,) = environment.judged_libraries({})
    assert none.status is Status.FAIL and "pip install" in none.advice
    *_, both = environment.judged_libraries({"py-cord": "2.8.1", "discord.py": "2.7.1"})
    assert both.status is Status.FAIL and "uninstall" in both.advice


def test_a_bot_library_that_does_not_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "installed", lambda name: "2.6.1" if name == "py-cord" else None)

    def without_audioop(name: str) -> Any:
        raise ModuleNotFoundError("No module named 'audioop'")

    monkeypatch.setattr(environment.importlib, "import_module", without_audioop)
    known, broken = environment.libraries()
    assert known.status is Status.OK
    assert broken.status is Status.FAIL and "audioop" in broken.found and "audioop-lts" in broken.advice


def test_a_ctrl_c_shows_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "look", interrupted)
    assert main(["doctor"]) == 130


def test_a_program_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.shutil, "which", lambda _: None)
    assert environment.ffmpeg().status is Status.WARN
    monkeypatch.setattr(environment.shutil, "which", lambda _: "/nowhere/ffmpeg")
    assert "does not run" in environment.ffmpeg().found


def test_a_core_that_does_not_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "isocord._native", None)
    monkeypatch.delattr(isocord, "_native")
    findings = {finding.name: finding for finding in run.look(seconds=0.1, endpoint=None)}
    assert findings["codec"].status is Status.FAIL
    assert "clock lateness" not in findings


def stats(p99: float) -> Any:
    return SimpleNamespace(lateness_p50=0.0, lateness_p99=p99, lateness_max=p99, packets_sent=150)


def test_lateness_is_judged_by_what_listeners_notice() -> None:
    judged = [clock.lateness(stats(seconds)).status for seconds in (0.0005, 0.012, 0.080)]
    assert judged == [Status.OK, Status.WARN, Status.FAIL]


@pytest.mark.skipif(sys.platform != "linux", reason="scheduling policies are Linux's")
def test_real_time_priority() -> None:
    import os

    assert system.real_time(os.SCHED_RR).status is Status.OK
    lacking = system.real_time(os.SCHED_OTHER)
    assert lacking.status is Status.WARN and lacking.advice
    assert system.real_time(None).status is Status.WARN
    advice = {
        where: system.how_to_be_real_time(allowed=False, where=where) for where in ("container", "service", "login")
    }
    assert "sys_nice" in advice["container"] and "LimitRTPRIO" in advice["service"] and "rtprio" in advice["login"]
    assert "cpu.rt_runtime_us" in system.how_to_be_real_time(allowed=True, where="container")
    assert clock.measure(0.1).policy is not None


def test_open_files() -> None:
    assert [system.judged_files(limit).status for limit in (256, 1_024, None)] == [Status.WARN, Status.OK, Status.OK]


@contextmanager
def server(*, address: bytes, delay: int = 0, ssrc: int | None = None) -> Iterator[str]:
    """Answers IP discovery, but for the first ``delay`` times."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))

        def answer() -> None:
            for number in range(delay + 1):
                request, sender = listening.recvfrom(2_048)
                kind, length, asked = struct.unpack_from(">HHI", request)
                assert (kind, length, len(request)) == (1, 70, 74)
                if number == delay:
                    known = asked if ssrc is None else ssrc
                    listening.sendto(struct.pack(">HHI64sH", 2, 70, known, address, sender[1]), sender)

        answering = threading.Thread(target=answer)
        answering.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        answering.join(15)


def test_a_server_that_answers() -> None:
    with server(address=b"203.0.113.9") as endpoint:
        found = reachability(endpoint, wait=10.0)
    assert found.status is Status.OK and "203.0.113.9:" in found.found


def test_a_datagram_that_was_lost_is_sent_again() -> None:
    with server(address=b"203.0.113.9", delay=2) as endpoint:
        assert reachability(endpoint, wait=0.5).status is Status.OK


def test_what_strangers_answer_is_not_shown_as_it_is() -> None:
    with server(address=b"\x1b[31mfree nitro") as endpoint:
        found = reachability(endpoint, wait=10.0)
    assert found.status is Status.OK and "\x1b" not in found.found and "nitro" not in found.found


def test_silence_proves_nothing() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        found = reachability(f"127.0.0.1:{silent.getsockname()[1]}", wait=0.01)
    assert found.status is Status.WARN and "proves nothing" in found.found and found.advice


def test_a_port_that_is_closed() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        port = gone.getsockname()[1]
    found = reachability(f"127.0.0.1:{port}", wait=5.0)
    assert found.status is Status.FAIL and "closed" in found.found


@pytest.mark.parametrize(
    "endpoint", ["", "127.0.0.1", ":443", "host:", "127.0.0.1:0", "127.0.0.1:70000", "[]:5", "a b:1"]
)
def test_what_is_no_address(endpoint: str) -> None:
    found = reachability(endpoint)
    assert found.status is Status.FAIL and "host:port" in found.advice
