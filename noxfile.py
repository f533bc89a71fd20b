"""tests/hosts once for each bot library, in an environment of its own with that library alone, as users install it.

``make hosts-test`` builds the wheel (session ``wheel``) and runs the others, some at once, for they mostly wait for
sound to play; ``nox -s NAME`` runs one. Environments lie in ``.venvs`` and are kept.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import nox

WHEELS = Path("dist", "wheels")
RELEASE = Path("dist", "release")
COVERAGE = Path("coverage")
LIBRARIES = Path(".venvs", "libraries")
TOOLS = (
    "pytest>=8",
    "pytest-asyncio>=1.0",
    "pytest-timeout>=2.3",
    "pytest-xdist>=3.6",
    "numpy>=1.26",
    "cryptography>=42",
    "trustme>=1.1",
    "setuptools<81",
    "rich>=13.7",
    "pyte>=0.8.2",
    "fsspec>=2024.2",
)
AUDIOOP = "audioop-lts; python_version >= '3.13'"
HOSTS: dict[str, tuple[str, ...]] = {
    "py-cord-2.8.1-without-extras": ("py-cord==2.8.1",),
    "py-cord-2.6.1-without-extras": ("py-cord==2.6.1", AUDIOOP),
    "py-cord-2.6.1-with-PyNaCl": ("py-cord[voice]==2.6.1", AUDIOOP),
    "discord.py-2.7.1": ("discord.py==2.7.1",),
    "disnake-2.12.2": ("disnake==2.12.2",),
    "nextcord-3.2": ("nextcord>=3.2,<3.3",),
    "hikari-2.7": ("hikari>=2.7,<2.8",),
}
OWN_VOICE = (
    *("client", "client_playing", "desk_contract", "drop_in", "file_sinks", "kit", "lifecycle", "listening"),
    *("mistakes", "own_gateway", "page_bots", "playing", "pokes", "processes", "races", "recording", "sources"),
    "stage",
)
"""The methods, events and errors that a bot library's own voice client has as well."""
WITH_THE_BOT = (
    *OWN_VOICE,
    *("barge_in", "commands", "commands_docs", "crash", "desk_wrapping", "exit", "mishaps", "mixing", "pages"),
    *("play_command", "queueing", "record_command", "recording_consent", "recording_uploads", "resuming", "run_beside"),
    *("streaming", "transcribe_command", "utterances"),
)
"""All that meets the bot library's events, sources, commands or processes: what is recorded and how it is filtered and
mixed does not."""
SELECTIONS = {
    "hikari-2.7": (
        *("hikari", "client", "client_playing", "races", "listening", "utterances", "barge_in", "queueing"),
        *("recording", "stage", "play_command", "commands_docs", "pages"),
    ),
    "py-cord-2.6.1-with-PyNaCl": OWN_VOICE,
    "disnake-2.12.2": WITH_THE_BOT,
    "nextcord-3.2": WITH_THE_BOT,
    "discord.py-2.7.1-uvloop": ("client", "client_playing", "lifecycle", "listening_loops", "races", "utterances"),
    "py-cord-2.8.1-without-extras": OWN_VOICE,
    "py-cord-2.6.1-without-extras": OWN_VOICE,
    "py-cord-2.6.1-oldest": OWN_VOICE,
    "discord.py-2.4.0-oldest": OWN_VOICE,
    "disnake-2.9.2-oldest": OWN_VOICE,
}
"""What of tests/hosts is run where not all of it is, as it is with py-cord 2.8.1 and discord.py: hikari shares with the
others all but its way into a channel; on another loop it is what the loop has to do with, and without py-cord's extras,
or with its older voice, what that is held against. ``nox -s NAME -- tests/hosts`` runs all."""
OWN_CLIENTS: dict[str, tuple[str, ...]] = {
    "discord.py-2.7.1-own-client": ("discord.py[voice]==2.7.1",),
    "disnake-2.12.2-own-client": ("disnake[voice]==2.12.2",),
    "nextcord-3.2-own-client": ("nextcord[voice]>=3.2,<3.3",),
}
"""With what their own voice clients need, which ours is held against; py-cord 2.8's is so in ``make python-test``."""
LOOPS: dict[str, tuple[str, ...]] = {"discord.py-2.7.1-uvloop": ("discord.py==2.7.1", "uvloop>=0.21")}
"""Bots that run on another event loop than asyncio's own."""
OLD_AIOHTTP = "aiohttp==3.9.0"
OLDEST: dict[str, tuple[str, ...]] = {
    "py-cord-2.6.1-oldest": ("py-cord==2.6.1", AUDIOOP, OLD_AIOHTTP),
    "discord.py-2.4.0-oldest": ("discord.py==2.4.0", AUDIOOP, OLD_AIOHTTP),
    "disnake-2.9.2-oldest": ("disnake==2.9.2", AUDIOOP, OLD_AIOHTTP),
}
"""The oldest that isocord works with; not in ``make hosts-test``."""
ADAPTERS = {"pipecat": "pipecat-ai>=1.14,<2", "livekit": "livekit-agents>=1.8,<2"}
"""The frameworks of voice assistants that there are adapters for."""
RAY = ("ray[default,serve]>=2.40,<3", "cryptography>=42", "cloudpickle>=3", "matplotlib>=3.8")
"""What places media nodes on machines."""
S3 = ("moto[server]>=5", "s3fs>=2024.2")
"""A server of S3, and what fsspec reaches it with."""
OTHER_WHEELS = {"python3.14t": "3.14 without the GIL", "python3.15": "3.15 and later, with or without"}
"""Interpreters that the wheel for 3.10 and later is not for, and what is built for them."""
NEEDS = {"nextcord-3.2": (3, 12), "nextcord-3.2-own-client": (3, 12), "hikari-2.7": (3, 11)}
NEWER = {name: "{}.{}".format(*needed) for name, needed in NEEDS.items() if sys.version_info < needed}
"""What needs a newer Python than this one: left out where it is not found."""

nox.needs_version = ">=2025.2.9"
nox.options.envdir = ".venvs"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False


@nox.session(python=False)
def wheel(session: nox.Session) -> None:
    """Build the wheel that the other sessions install."""
    # cmake and ninja, which build the bundled libopus, lie beside this interpreter.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    session.run(
        sys.executable, "-m", "maturin", "build", "--release", "--quiet", "--out", str(WHEELS), env={"PATH": path}
    )


@nox.session
def release(session: nox.Session) -> None:
    """Build what is published for this machine, for systems as old as can be, and look into it."""
    session.install(
        "maturin[zig]>=1.14,<2", "cmake>=3.20", "ninja>=1.11", "auditwheel>=6", "abi3audit>=0.0.20", "twine>=6"
    )
    shutil.rmtree(RELEASE, ignore_errors=True)
    others = {name: found for name in OTHER_WHEELS if (found := shutil.which(name))}
    interpreters = [str(Path(session.bin, "python")), *others.values()]
    # What panics say of places must not name the machine that built it.
    names = {Path.home(): "~", Path.cwd(): "isocord"}
    env = {
        "CARGO_TARGET_DIR": str(Path("target", "published").resolve()),
        "RUSTFLAGS": " ".join(f"--remap-path-prefix={place}={name}" for place, name in names.items()),
        "CFLAGS": " ".join(f"-ffile-prefix-map={place}={name}" for place, name in names.items()),
    }
    out = ("--out", str(RELEASE))
    old = ("--zig", "--compatibility", "manylinux2014", "--interpreter", *interpreters)
    session.run("maturin", "build", "--release", "--locked", *old, *out, env=env)
    session.run("maturin", "sdist", *out)
    wheels, (source,) = sorted(RELEASE.glob("*.whl")), RELEASE.glob("*.tar.gz")
    for built in wheels:
        session.run("auditwheel", "show", str(built))
    session.run("abi3audit", "--strict", "--summary", *(str(built) for built in wheels if "-abi3-" in built.name))
    session.run("twine", "check", "--strict", *map(str, wheels), str(source))
    for python in interpreters:
        try_wheel(session, python)
    session.log("the sdist builds alone; crates that are not its own may be there from other builds")
    env = {"CARGO_TARGET_DIR": str(Path("target").resolve())}
    session.run("pip", "wheel", "--no-deps", "--wheel-dir", session.create_tmp(), str(source), env=env)
    session.run("python", "-m", "tests.published", str(RELEASE))
    for name, kind in OTHER_WHEELS.items():
        if name not in others:
            session.log(f"not built: the wheel for {kind}, since there is no {name} here")


def try_wheel(session: nox.Session, python: str) -> None:
    """Install the wheel that this interpreter takes, in an environment of its own, and use it elsewhere."""
    place = Path(session.create_tmp(), "venv").resolve()
    session.run(python, "-m", "venv", "--clear", str(place), external=True)
    own = str(place / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = (own, "-m", "pip", "install", "--quiet")
    session.run(*pip, "--no-index", "--no-deps", "--find-links", str(RELEASE), "isocord", external=True)
    session.run(*pip, "aiohttp", external=True)
    with session.chdir(place):
        session.run(own, "-m", "isocord", "--version", external=True)
        told = "from isocord import _native; print(_native.__file__, _native.LIBOPUS_VERSION)"
        session.run(own, "-W", "error", "-c", told, external=True)


@nox.session
def coverage(session: nox.Session) -> None:
    """See what the tests reach, of both languages: the tests of Python run on the build that counts, so that Rust which
    only Python calls is counted too."""
    session.install("-r", "requirements-dev.txt", "coverage>=7.10")
    path = os.pathsep.join((session.bin, os.environ.get("PATH", "")))
    env = {"CARGO_TARGET_DIR": str(Path("target", "coverage").resolve()), "CARGO_INCREMENTAL": "0", "PATH": path}
    shown = session.run("cargo", "llvm-cov", "show-env", env=env, external=True, silent=True)
    # Each is NAME="value" as a shell reads it.
    env |= dict(word.split("=", 1) for word in shlex.split(str(shown)) if "=" in word)
    shutil.rmtree(COVERAGE, ignore_errors=True)
    session.run("cargo", "llvm-cov", "clean", "--workspace", env=env, external=True)
    tests = ("test", "--quiet", "--release", "--workspace", "--exclude", "isocord-benches")
    session.run("cargo", *tests, env=env, external=True)
    # What counts is found by what stripping takes away.
    session.run("maturin", "build", "--release", "--quiet", "--strip=false", "--out", str(COVERAGE / "wheel"), env=env)
    session.install("--force-reinstall", "--no-deps", *map(str, (COVERAGE / "wheel").glob("*.whl")))
    # Not pytest's plugin: isocord has one itself, and is loaded before that one begins to count.
    session.run("coverage", "run", "-m", "pytest", "-n", "2", *(session.posargs or ["tests"]), env=env)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "html", "--quiet", "--directory", str(COVERAGE / "python"))
    session.run("coverage", "json", "--quiet", "-o", str(COVERAGE / "python.json"))
    ignored = ("--ignore-filename-regex", "/(benches|tests)/")
    pages = ("--html", "--output-dir", str(COVERAGE / "rust"))
    session.run("cargo", "llvm-cov", "report", "--release", *pages, *ignored, env=env, external=True)
    summary = ("--json", "--summary-only", "--output-path", str(COVERAGE / "rust.json"))
    session.run("cargo", "llvm-cov", "report", "--release", *summary, *ignored, env=env, external=True)
    rust = json.loads((COVERAGE / "rust.json").read_text())["data"][0]["totals"]
    python = json.loads((COVERAGE / "python.json").read_text())["totals"]
    session.log(f"Rust: {rust['lines']['percent']:.1f} % of {rust['lines']['count']:,} lines")
    session.log(f"Python: {python['percent_statements_covered']:.1f} % of {python['num_statements']:,} statements")


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """See that every public name has a type, which takes the types of all bot libraries at once."""
    libraries = [HOSTS[name][0] for name in ("disnake-2.12.2", "nextcord-3.2", "hikari-2.7")]
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--ignore-requires-python")
    session.run(*pip, "--upgrade", "--target", str(LIBRARIES), *libraries)
    packages = os.pathsep.join(map(str, (LIBRARIES.resolve(), Path("python").resolve())))
    # pyright asks the first Python on the PATH where packages lie.
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    command = (sys.executable, "-m", "tests.types.complete")
    session.run(*command, env={"PYTHONPATH": packages, "PATH": path})


def test(session: nox.Session, packages: tuple[str, ...], tests: Sequence[str]) -> None:
    """Run tests against the wheel, with these packages."""
    built = max(WHEELS.glob("isocord-*.whl"), key=lambda path: path.stat().st_mtime, default=None)
    if built is None:
        session.error("there is no wheel yet: nox -s wheel")
    session.install("--quiet", *TOOLS, *packages, str(built))
    # The version is the same for every build of one.
    session.install("--quiet", "--force-reinstall", "--no-deps", str(built))
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", *tests, *session.posargs)


def selection(name: str) -> list[str]:
    """The files that a session runs."""
    return [f"tests/hosts/test_{part}.py" for part in SELECTIONS.get(name, ())] or ["tests/hosts"]


def in_order() -> list[str]:
    """The sessions of ``make hosts-test``, the long ones first."""
    most = [name for name in HOSTS if SELECTIONS.get(name) in (None, WITH_THE_BOT)]
    return ["types", *most, *(name for name in (*HOSTS, *LOOPS, *OWN_CLIENTS) if name not in most)]


def register(name: str, packages: tuple[str, ...], tests: Sequence[str]) -> None:
    @nox.session(name=name, python=NEWER.get(name))
    def host(session: nox.Session) -> None:
        test(session, packages, tests)
        if name in HOSTS:
            python = str(Path(session.bin, "python"))
            session.run(sys.executable, "-m", "tests.types.check", python, external=True)


for host_name, host_packages in HOSTS.items():
    register(host_name, host_packages, selection(host_name))
for host_name, host_packages in OLDEST.items():
    register(host_name, host_packages, selection(host_name))
for host_name, host_packages in LOOPS.items():
    register(host_name, host_packages, ["--loop", "uvloop", *selection(host_name)])
for host_name, host_packages in OWN_CLIENTS.items():
    register(host_name, host_packages, ["tests/hosts/test_pokes.py"])


@nox.session
def s3(session: nox.Session) -> None:
    """Recordings that are uploaded to a server of S3."""
    test(session, (*S3, *HOSTS["py-cord-2.8.1-without-extras"]), ["tests/s3"])


@nox.session(name="ray")
def ray_cluster(session: nox.Session) -> None:
    """Media nodes on a real Ray."""
    # One after the other: each has a cluster of its own.
    test(session, (*RAY, *HOSTS["py-cord-2.8.1-without-extras"]), ["-n", "0", "tests/cluster"])
    session.run("python", "-m", "tests.cluster.faults", "--count", "10")
    # What holds of a voice client holds where a media node carries its sound.
    session.run("python", "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "--carried", "elsewhere", "tests/hosts")
    command = (sys.executable, "-m", "mypy", "--python-executable", str(Path(session.bin, "python")))
    session.run(*command, "--follow-imports=silent", "python/isocord/ray", external=True)


def register_adapter(name: str, package: str) -> None:
    @nox.session(name=name)
    def adapter(session: nox.Session) -> None:
        test(session, (package, *HOSTS["py-cord-2.8.1-without-extras"]), ["tests/adapters"])
        python = str(Path(session.bin, "python"))
        module = Path("python", "isocord", "adapters", name)
        # One by one: what is left out elsewhere is left out of a folder here, too.
        files = sorted(module.glob("*.py")) or [module.with_suffix(".py")]
        checks = ("--follow-imports=silent", "--python-executable", python, *map(str, files))
        session.run(sys.executable, "-m", "mypy", *checks, external=True)


for adapter_name, framework in ADAPTERS.items():
    register_adapter(adapter_name, framework)
