"""Holds what mypy and pyright say of ``cases.py`` against what is marked there, for the bot library of an interpreter.

A bot of hikari, which joins channels in another way, is ``cases_hikari.py``.

``python -m tests.types.check [PYTHON]``: PYTHON is an interpreter that has isocord and a bot library; this one, else.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CASES = Path(__file__).with_name("cases.py")
HIKARI = Path(__file__).with_name("cases_hikari.py")
_PACKAGES = ("disnake", "nextcord", "discord", "hikari")
_FIND = "import importlib.util as u; print(next(name for name in {} if u.find_spec(name)))"


def marked(text: str) -> set[int]:
    """The lines on which an error is expected."""
    return {number for number, line in enumerate(text.splitlines(), 1) if line.endswith("# error")}


def cases_for(python: str) -> str:
    """The cases in the words of the bot library that ``python`` has."""
    command = [python, "-c", _FIND.format(_PACKAGES)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    if found == "hikari":
        return HIKARI.read_text("utf-8")
    return re.sub(r"\bdiscord\b", found, CASES.read_text("utf-8"))


def mypy(python: str, path: Path) -> dict[int, str]:
    """The errors of mypy by line."""
    command = [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "--no-error-summary"]
    command += ["--config-file=", f"--cache-dir={path.parent}", "--output=json", str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=path.parent)
    assert not lines.stderr, lines.stderr
    found = [json.loads(line) for line in lines.stdout.splitlines()]
    return {item["line"]: item["message"] for item in found if item["severity"] == "error"}


def pyright(python: str, path: Path) -> dict[int, str]:
    """The errors of pyright by line."""
    command = [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", python, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, cwd=path.parent)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {item["range"]["start"]["line"] + 1: item["message"] for item in found if item["severity"] == "error"}


def differences(python: str) -> list[str]:
    """Where a type checker says something else than what is marked, as sentences; empty if all is well."""
    text = cases_for(python)
    wanted, wrong = marked(text), []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bot.py"
        path.write_text(text, "utf-8")
        for checker in (mypy, pyright):
            said = checker(python, path)
            for line in sorted(wanted ^ said.keys()):
                source = text.splitlines()[line - 1].strip()
                wrong.append(f"{checker.__name__}, line {line}, {said.get(line, 'no error')}: {source}")
    return wrong


def main() -> int:
    """Print the differences."""
    wrong = differences(sys.argv[1] if len(sys.argv) > 1 else sys.executable)
    print("\n".join(wrong) or "mypy and pyright say of a bot's code what they should")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
