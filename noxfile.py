"""tests/hosts once for each bot library, in an environment of its own with that library alone, as users install it.

``make hosts-test`` builds the wheel (session ``wheel``) and runs the others, some at once, for they mostly wait for
sound to play; ``nox -s NAME`` runs one. Environments lie in ``.venvs`` and are kept.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

WHEELS = Path("dist", "wheels")
TOOLS = (
    "pytest>=8",
    "pytest-asyncio>=1.0",
    "pytest-timeout>=2.3",
    "numpy>=1.26",
    "cryptography>=42",
    "trustme>=1.1",
    "setuptools<81",
)
AUDIOOP = "audioop-lts; python_version >= '3.13'"
HOSTS: dict[str, tuple[str, ...]] = {
    "py-cord-2.8.1-without-extras": ("py-cord==2.8.1",),
    "py-cord-2.6.1-without-extras": ("py-cord==2.6.1", AUDIOOP),
    "py-cord-2.6.1-with-PyNaCl": ("py-cord[voice]==2.6.1", AUDIOOP),
    "discord.py-2.7.1": ("discord.py==2.7.1",),
    "disnake-2.12.2": ("disnake==2.12.2",),
    "nextcord-3.2": ("nextcord>=3.2,<3.3",),
}
NEWER = {} if sys.version_info >= (3, 12) else {"nextcord-3.2": "3.12"}
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
    session.run("maturin", "build", "--release", "--quiet", "--out", str(WHEELS), env={"PATH": path})


def register(name: str, packages: tuple[str, ...]) -> None:
    @nox.session(name=name, python=NEWER.get(name))
    def host(session: nox.Session) -> None:
        built = max(WHEELS.glob("isocord-*.whl"), key=lambda path: path.stat().st_mtime, default=None)
        if built is None:
            session.error("there is no wheel yet: nox -s wheel")
        session.install("--quiet", *TOOLS, *packages, str(built))
        # The version is the same for every build of one.
        session.install("--quiet", "--force-reinstall", "--no-deps", str(built))
        session.run("python", "-m", "pytest", "-p", "no:cacheprovider", "tests/hosts", *session.posargs)


for host_name, host_packages in HOSTS.items():
    register(host_name, host_packages)
