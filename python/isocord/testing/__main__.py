"""``python -m isocord.testing``: a fake Discord to try a bot with by hand; tells where to connect."""

from __future__ import annotations

import argparse
import sys
import threading
from contextlib import suppress
from pathlib import Path

from .fake.discord import FakeDiscord
from .wire.ciphers import NEWER_MODES


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m isocord.testing", description="A fake Discord on 127.0.0.1.")
    parser.add_argument("--guilds", type=int, default=1, help="number of guilds (default 1)")
    parser.add_argument("--ca", metavar="FILE", help="write the voice gateway's certificate authority to a PEM file")
    parsed = parser.parse_args(arguments)
    with suppress(KeyboardInterrupt), FakeDiscord(parsed.guilds, patch=False) as discord:
        addresses = discord.addresses
        if parsed.ca:
            Path(parsed.ca).write_text(addresses.ca_pem, "ascii")
        print(f"REST     {addresses.api}\ngateway  {addresses.gateway}\nvoice    wss://{addresses.voice}")
        print(f"token    {discord.token}\nmodes    {', '.join(NEWER_MODES)}")
        for guild in discord.guilds:
            print(f"guild    {guild.name} ({guild.id}): {', '.join(c.name for c in guild.channels.values())}")
        print("Ctrl-C ends it.", flush=True)
        threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
