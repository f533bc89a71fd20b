"""Runs tests/hosts once for each bot library, in an environment of its own with that library alone.

``make test`` calls it. Environments lie in ``.venvs`` and are made when they are missing or their list has changed.
The tests mostly wait for sound to play, so some environments are tested at once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

AT_ONCE = 5
ROOT = Path(__file__).resolve().parents[2]
HOMES = ROOT / ".venvs"
WHEELS = ROOT / "dist" / "wheels"
TOOLS = (
    "pytest>=8",
    "pytest-asyncio>=1.0",
    "pytest-timeout>=2.3",
    "numpy>=1.26",
    "cryptography>=42",
    "trustme>=1.1",
    "setuptools<81",
)


@dataclass(frozen=True)
class Environment:
    """A bot library as users install it."""

    name: str
    packages: tuple[str, ...]
    python: tuple[int, int] = (3, 10)


ENVIRONMENTS = (
    Environment("py-cord-2.8.1-without-extras", ("py-cord==2.8.1",)),
    Environment("py-cord-2.6.1-without-extras", ("py-cord==2.6.1", "audioop-lts; python_version >= '3.13'")),
    Environment("py-cord-2.6.1-with-PyNaCl", ("py-cord[voice]==2.6.1", "audioop-lts; python_version >= '3.13'")),
    Environment("discord.py-2.7.1", ("discord.py==2.7.1",)),
    Environment("disnake-2.12.2", ("disnake==2.12.2",)),
    Environment("nextcord-3.2", ("nextcord>=3.2,<3.3",), (3, 12)),
)


def main(names: list[str]) -> int:
    """Run the environments of these names, or all; returns the exit status."""
    run(sys.executable, "-m", "maturin", "build", "--release", "--quiet", "--out", str(WHEELS))
    wheel = max(WHEELS.glob("isocord-*.whl"), key=lambda path: path.stat().st_mtime)
    chosen = []
    for environment in ENVIRONMENTS:
        if names and environment.name not in names:
            continue
        if interpreter(environment) is None:
            wanted = ".".join(map(str, environment.python))
            print(f"-- {environment.name}: needs Python {wanted}, which is not there: left out", flush=True)
            continue
        chosen.append(environment)
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for environment, (passed, output) in zip(
            chosen, threads.map(lambda environment: test(environment, wheel), chosen), strict=True
        ):
            print(f"-- {environment.name}\n{output}", flush=True)
            if not passed:
                failed.append(environment.name)
    if failed:
        print(f"failed under: {', '.join(failed)}")
    return 1 if failed else 0


def interpreter(environment: Environment) -> str | None:
    """The Python to test with: this one, or the first newer one on the path where the library needs it."""
    if sys.version_info >= environment.python:
        return sys.executable
    for minor in range(environment.python[1], environment.python[1] + 4):
        found = shutil.which(f"python3.{minor}")
        # What is on the path may be a stand-in for a Python that is not installed.
        if found and subprocess.run([found, "-c", "import venv"], check=False, capture_output=True).returncode == 0:
            return found
    return None


def test(environment: Environment, wheel: Path) -> tuple[bool, str]:
    """Make the environment, install the wheel and run the tests; whether they passed, and what they printed."""
    home = HOMES / environment.name
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = "\n".join((*TOOLS, *environment.packages))
    stamp = home / hashlib.sha256(wanted.encode()).hexdigest()[:16]
    if not stamp.exists():
        run(interpreter(environment) or sys.executable, "-m", "venv", "--clear", str(home))
        run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted.split("\n"))
        stamp.touch()
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--force-reinstall", "--no-deps", str(wheel))
    run(*pip, str(wheel))
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", "tests/hosts"]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout.rstrip()


def run(*command: str) -> None:
    """Run a command that has to succeed."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, "PATH": path})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
