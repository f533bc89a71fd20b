"""What the system allows: real-time priority, files."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .findings import Finding, Status

_CLOCK = "isocord-clock-0"
_SYS_NICE = 1 << 23
"""CAP_SYS_NICE, capabilities(7)."""
_FEW_FILES = 1_024
_FILES_EACH = 4
"""A UDP socket and a websocket, and room for a file that plays and one that is recorded."""


def clock_policy() -> int | None:
    """The scheduling policy of the clock thread, sched(7), while it runs; None where that cannot be seen."""
    if sys.platform != "linux":
        return None
    policies = map(_policy_if_clock, Path("/proc/self/task").iterdir())
    return next((policy for policy in policies if policy is not None), None)


def _policy_if_clock(task: Path) -> int | None:
    # It may have ended meanwhile, or a sandbox may forbid to ask.
    with contextlib.suppress(OSError, ValueError):
        if task.joinpath("comm").read_text("utf-8").strip() == _CLOCK:
            return os.sched_getscheduler(int(task.name))
    return None


def real_time(policy: int | None) -> Finding:
    """Whether the clock thread is real-time, and what to do where it is not."""
    name = "real-time"
    if sys.platform != "linux":
        return Finding(name, Status.OK, f"asked of {sys.platform}, which does not tell whether it grants it")
    if policy is None:
        return Finding(
            name, Status.WARN, "the clock thread cannot be seen here", "look at `isocord doctor` outside the sandbox"
        )
    if policy in (os.SCHED_FIFO, os.SCHED_RR):
        return Finding(name, Status.OK, "the clock thread has real-time priority")
    lacks = "the clock thread has none: under load, packets leave up to 8 ms late instead of a third of one"
    return Finding(name, Status.WARN, lacks, how_to_be_real_time(allowed=_is_allowed(), where=_where(os.environ)))


def how_to_be_real_time(*, allowed: bool, where: str) -> str:
    """What to do.

    Args:
        allowed: whether a limit or a capability says yes already, and the kernel no all the same.
        where: "container", "service" or "login".
    """
    if allowed:
        return "it is allowed, and refused all the same: by this control group (cpu.rt_runtime_us) or by seccomp"
    if where == "container":
        return (
            "docker run --cap-add=sys_nice; in a compose file cap_add: [SYS_NICE]; in Kubernetes "
            "securityContext.capabilities.add: [SYS_NICE]"
        )
    if where == "service":
        return "LimitRTPRIO=1 below [Service] in the unit (systemctl edit), then restart it"
    return (
        "a line `NAME - rtprio 1` with your user's name in /etc/security/limits.conf, then log in anew; in a systemd "
        "service LimitRTPRIO=1"
    )


def open_files() -> Finding | None:
    """How many may be open; None where there is no such limit."""
    try:
        import resource
    except ImportError:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return judged_files(None if soft == resource.RLIM_INFINITY else soft)


def judged_files(limit: int | None) -> Finding:
    """What is to be said of a limit."""
    if limit is None:
        return Finding("open files", Status.OK, "as many as one likes")
    few = limit < _FEW_FILES
    advice = "ulimit -n 4096; in a systemd service LimitNOFILE=4096; docker run --ulimit nofile=4096" if few else ""
    found = f"{limit}, enough for about {limit // _FILES_EACH} voice connections"
    return Finding("open files", Status.WARN if few else Status.OK, found, advice)


def _is_allowed() -> bool:
    import resource

    # Not in the stubs of other systems, nor in Python before 3.12.
    limit = getattr(resource, "RLIMIT_RTPRIO", 14)
    try:
        if resource.getrlimit(limit)[0] != 0:
            return True
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        held = next(line.split()[1] for line in lines if line.startswith("CapEff:"))
        return bool(int(held, 16) & _SYS_NICE)
    except (OSError, ValueError, StopIteration):
        return False


def _where(environment: Mapping[str, str]) -> str:
    marks = ("/.dockerenv", "/run/.containerenv")
    if any(map(os.path.exists, marks)) or environment.keys() & {"KUBERNETES_SERVICE_HOST", "container"}:
        return "container"
    return "service" if "INVOCATION_ID" in environment else "login"
