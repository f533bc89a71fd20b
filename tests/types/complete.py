"""Sees that every public name of isocord has a type: ``python -m tests.types.complete``.

What the adapters take from their frameworks is left out: mypy looks at it where those are installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

ELSEWHERE = ("isocord.adapters.pipecat.", "isocord.adapters.livekit.")


def unknown(report: dict[str, Any]) -> list[str]:
    """What pyright's report knows no whole type of, and why."""
    symbols = report["typeCompleteness"]["symbols"]
    wrong = [symbol for symbol in symbols if symbol["isExported"] and not symbol["isTypeKnown"]]
    return [
        f"{symbol['name']}: {'; '.join(problem['message'] for problem in symbol['diagnostics'])}"
        for symbol in wrong
        if not symbol["name"].startswith(ELSEWHERE)
    ]


def main() -> int:
    command = [sys.executable, "-m", "pyright", "--verifytypes", "isocord", "--ignoreexternal", "--outputjson"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    try:
        report = json.loads(done.stdout)
        found = unknown(report)
        count = report["typeCompleteness"]["exportedSymbolCounts"]["withKnownType"]
    except (ValueError, KeyError):
        print(done.stdout + done.stderr)
        return 1
    print(*found, f"{count} public names have a type, {len(found)} have none", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
