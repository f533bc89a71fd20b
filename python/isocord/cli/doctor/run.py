"""The doctor from start to end."""

from __future__ import annotations

import json

from ...errors import IsocordError
from ..terminal import console
from . import environment, system
from .findings import Finding, Status
from .udp import reachability

_STYLES = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "bold red"}
_HINT = "UDP was not tried: --endpoint host:port asks a voice server, voice.endpoint_ip and voice.voice_port of a bot."


def run(*, seconds: float, endpoint: str | None, as_json: bool) -> int:
    """Look at everything and say it; returns the exit status: 1 if something fails.

    Args:
        seconds: how long the clock is measured.
        endpoint: where UDP is tried, ``host:port``.
        as_json: one object on one line, instead of words for people.
    """
    findings = look(seconds=seconds, endpoint=endpoint)
    worst = max((finding.status for finding in findings), key=list(Status).index)
    if as_json:
        names = ("name", "found", "advice")
        told = [{**{name: getattr(one, name) for name in names}, "status": one.status.value} for one in findings]
        print(json.dumps({"status": worst.value, "checks": told}))
    else:
        show(findings)
        if endpoint is None:
            print(f"\n{_HINT}")
    return int(worst is Status.FAIL)


def look(*, seconds: float, endpoint: str | None) -> list[Finding]:
    """Look at everything."""
    codec = environment.codec()
    findings = [environment.interpreter(), *environment.libraries(), codec]
    if codec.status is not Status.FAIL:
        findings += _clock(seconds)
    if endpoint is not None:
        findings.append(reachability(endpoint))
    findings.append(environment.ffmpeg())
    if (files := system.open_files()) is not None:
        findings.append(files)
    return [*findings, environment.event_loop(), environment.extras()]


def show(findings: list[Finding]) -> None:
    """A line each, and below it what to do."""
    out = console()
    if out is None or not out.is_terminal:
        for finding in findings:
            print(f"{finding.status.value:<5} {finding.name:<15} {finding.found}")
            if finding.advice:
                print(f"{'':<5} {'':<15} -> {finding.advice}")
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for finding in findings:
        told = Text(finding.found)
        if finding.advice:
            told.append(f"\n-> {finding.advice}", style="cyan")
        table.add_row(Text(finding.status.value, style=_STYLES[finding.status]), Text(finding.name), told)
    out.print(table)


def _clock(seconds: float) -> list[Finding]:
    # Without the native core there is nothing to import.
    from .clock import lateness, measure

    try:
        measured = measure(seconds)
    except (OSError, IsocordError) as error:
        return [Finding("clock lateness", Status.FAIL, f"cannot be measured: {error}", "see that 127.0.0.1 takes UDP")]
    return [system.real_time(measured.policy), lateness(measured.stats)]
