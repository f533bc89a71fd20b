"""``python -m isocord.testing``: a fake Discord as a process of its own.

With ``--json`` it prints one JSON line (addresses, token, certificate authority, guilds), then answers one JSON
command a line from standard input until that ends; see :mod:`isocord.testing.console`. Without, it tells a person
where to connect and runs until Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from .fake.discord import FakeDiscord
from .ground.world import GuildSpec
from .process.console import Console
from .voice.sfu import Wrapping
from .wire.ciphers import NEWER_MODES


def main(arguments: list[str] | None = None) -> int:
    """Run until standard input ends or a signal comes; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m isocord.testing", description="A fake Discord on 127.0.0.1.")
    parser.add_argument("--json", action="store_true", help="speak JSON lines on standard input and output")
    parser.add_argument("--guilds", type=int, default=1, help="number of guilds (default 1)")
    parser.add_argument("--ca", metavar="FILE", help="write the voice gateway's certificate authority to a PEM file")
    parser.add_argument("--options", default="{}", metavar="JSON", help="arguments of FakeDiscord as a JSON object")
    parsed = parser.parse_args(arguments)
    try:
        options = _options(json.loads(parsed.options))
    except (ValueError, TypeError) as error:
        parser.error(f"--options: {error}")
    options.setdefault("guilds", parsed.guilds)
    with FakeDiscord(patch=False, **options) as discord:
        if parsed.ca:
            Path(parsed.ca).write_text(discord.addresses.ca_pem, "ascii")
        return _serve(discord) if parsed.json else _tell(discord)


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """JSON values as the arguments they stand for."""
    if isinstance(given.get("guilds"), list):
        given["guilds"] = [GuildSpec(**guild) for guild in given["guilds"]]
    if isinstance(given.get("wrapping"), dict):
        extension = bytes.fromhex(given["wrapping"].pop("extension", ""))
        given["wrapping"] = Wrapping(extension, **given["wrapping"])
    return given


def _serve(discord: FakeDiscord) -> int:
    # The parent decides when this ends, by closing the pipe; a Ctrl-C on the terminal is meant for the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    console = Console(discord)
    _print(json.dumps(console.greeting()))
    for line in sys.stdin:
        if line.strip():
            _print(console.answer(line))
    return 0


def _tell(discord: FakeDiscord) -> int:
    addresses = discord.addresses
    print(f"REST     {addresses.api}\ngateway  {addresses.gateway}\nvoice    wss://{addresses.voice}")
    print(f"token    {discord.token}\nmodes    {', '.join(NEWER_MODES)}")
    for guild in discord.guilds:
        print(f"guild    {guild.name} ({guild.id}): {', '.join(c.name for c in guild.channels.values())}")
    print("Ctrl-C ends it.", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    return 0


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
