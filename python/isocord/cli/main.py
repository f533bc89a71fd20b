"""The command ``isocord``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run ``isocord`` with these arguments (those of the process without); returns the exit status."""
    parser = argparse.ArgumentParser(prog="isocord", description="A voice client for Discord bots.")
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser(
        "demo",
        help="play a song to a listener through the embedded fake Discord, under load",
        description="Starts a fake Discord on 127.0.0.1, runs a real py-cord bot with isocord.VoiceClient in it, plays "
        "FILE while two CPU-bound threads and a blocked event loop do their worst, and shows what the listener heard; "
        "then records three participants to a file each.",
    )
    demo.add_argument("file", nargs="?", type=Path, help="an audio file; without one, a clip is synthesised")
    demo.add_argument("--seconds", type=float, default=12.0, help="play at most so long (default: %(default)s)")
    demo.add_argument("--out", type=Path, default=Path("demo-out"), help="where WAV and PNG go (default: %(default)s)")
    demo.add_argument(
        "--assistant",
        action="store_true",
        help="show a conversation of two users with a voice assistant instead, one of whom speaks over it",
    )
    demo.add_argument("--idle", action="store_true", help="leave the bot in peace")

    commands.add_parser("info", help="show versions and what is built in")

    options = parser.parse_args(arguments)
    if options.command == "info":
        return _info()
    return _demo(options)


def _info() -> int:
    from .. import __version__, _native

    print(f"isocord {__version__}")
    print(f"{_native.LIBOPUS_VERSION}, built in")
    print(f"transport modes: {', '.join(_native.TRANSPORT_MODES)}")
    return 0


def _demo(options: argparse.Namespace) -> int:
    try:
        if options.assistant:
            from .demo.assistant import run as talk

            return talk(options.out, busy=not options.idle)
        from .demo.run import run
    except ImportError as error:
        print(f"The demo needs more than isocord itself ({error}): pip install 'isocord[demo]'", file=sys.stderr)
        return 2
    from ..errors import AudioFileError

    try:
        return run(options.file, seconds=options.seconds, out=options.out, busy=not options.idle)
    except AudioFileError as error:
        print(f"isocord demo: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
