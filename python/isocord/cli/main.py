"""The command ``isocord``."""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .._door.version import __version__
from .terminal import INTERRUPTED, complain, outlets

if TYPE_CHECKING:
    _Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]


def main(arguments: list[str] | None = None) -> int:
    """Run ``isocord`` with these arguments (those of the process without); returns the exit status."""
    with outlets() as out, _terminable() as asked:
        options = parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        try:
            status = run(options)
        except KeyboardInterrupt:
            status = INTERRUPTED
        if asked:
            # A wait_for of Python 3.11 may take the interruption for its own, and all goes on to its end.
            status = INTERRUPTED
        print(end="", flush=True)
        # Who goes while we talk has heard enough.
        if out.lost is None or isinstance(out.lost, BrokenPipeError):
            return status
        complain(options.command, f"what it shows cannot be written: {out.lost}")
        return status or 1


@contextlib.contextmanager
def _terminable() -> Iterator[list[int]]:
    """The wish of a service manager is as a Ctrl-C, so that nothing is left behind. Gives the signals that came."""
    came: list[int] = []
    # Outside the main thread nobody is interrupted.
    if threading.current_thread() is not threading.main_thread():
        yield came
        return

    def interrupt(number: int, _: object) -> None:
        came.append(number)
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield came
    finally:
        # None was no handler of Python's, which cannot be put back.
        if before is not None:
            signal.signal(signal.SIGTERM, before)


def parser() -> argparse.ArgumentParser:
    """What ``isocord`` understands."""
    made = argparse.ArgumentParser(prog="isocord", description="A voice client for Discord bots.")
    made.add_argument("--version", action="version", version=f"isocord {__version__}")
    commands = made.add_subparsers(dest="command", required=True)
    _add_doctor(commands)
    _add_play(commands)
    _add_record(commands)
    _add_transcribe(commands)
    _add_monitor(commands)
    _add_cluster(commands)
    _add_demo(commands)
    return made


def _add_doctor(commands: _Commands) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="look at this machine and environment, and say what to do about what they lack",
        description="Each line says ok, warn or fail; the exit status is 1 if something fails. Packets leave for "
        "127.0.0.1 only, and for the endpoint, if one is given. No token is asked for.",
    )
    doctor.add_argument(
        "--endpoint",
        metavar="HOST:PORT",
        help="try UDP: voice.endpoint_ip and voice.voice_port of a bot that is connected",
    )
    doctor.add_argument(
        "--seconds",
        type=_number(float, 0.1, 20, "0.1 to 20 seconds"),
        default=3.0,
        help="how long the clock is measured (default: %(default)s)",
    )
    doctor.add_argument("--json", action="store_true", help="one object on one line")
    doctor.set_defaults(run=_doctor)


def _add_play(commands: _Commands) -> None:
    play = commands.add_parser(
        "play",
        help="play a file or URL in a voice channel, as a bot",
        description="Logs in with the token in the environment variable DISCORD_TOKEN and whichever bot library is "
        "installed, joins the channel, plays, and leaves; Ctrl-C leaves at once.",
    )
    play.add_argument("source", metavar="FILE_OR_URL")
    _add_place(play)
    play.add_argument(
        "--allow-private", action="store_true", help="URLs of servers in private networks and on this machine, too"
    )
    play.add_argument(
        "--json", action="store_true", help="what happens, and the position once a second, as lines of JSON"
    )
    play.set_defaults(run=_play)


def _add_place(command: argparse.ArgumentParser) -> None:
    command.add_argument("--guild", metavar="ID", type=int, required=True)
    command.add_argument("--channel", metavar="ID", type=int, required=True)


def _add_record(commands: _Commands) -> None:
    record = commands.add_parser(
        "record",
        help="record a voice channel, as a bot: a file for each user",
        description="Logs in with the token in the environment variable DISCORD_TOKEN and whichever bot library is "
        "installed, joins the channel, and records until a Ctrl-C, or until everybody has left. Tell people that they "
        "are recorded.",
    )
    _add_place(record)
    record.add_argument(
        "--to",
        metavar="FOLDER",
        type=Path,
        default=Path("recordings"),
        help="each recording gets a folder in it, called after when it began (default: %(default)s)",
    )
    record.add_argument(
        "--format",
        choices=("wav", "flac", "mp3", "ogg", "mka", "webm", "m4a", "pcm"),
        default="ogg",
        help="ogg, mka and webm keep the packets as they came (default: %(default)s)",
    )
    record.add_argument("--mixdown", action="store_true", help="everybody in one file, too")
    record.add_argument(
        "--split", type=_split, metavar="EVERY", help='go on in new files: seconds, a size as in "25 MB", or "hour"'
    )
    record.add_argument(
        "--linger",
        type=_number(float, 0, math.inf, "0 seconds or more"),
        default=10.0,
        metavar="SECONDS",
        help="how long the channel may be empty, once somebody was there (default: %(default)s)",
    )
    record.add_argument("--json", action="store_true", help="what happens, and levels once a second, as lines of JSON")
    record.set_defaults(run=_record)


def _add_transcribe(commands: _Commands) -> None:
    transcribe = commands.add_parser(
        "transcribe",
        help="write down what was said in a recording, with a function of yours",
        description="Cuts each track into utterances, as voice.utterances() does live, calls the function with each, "
        "and writes WebVTT with the names of who speaks. The exit status is 1 if something is missing in it.",
    )
    transcribe.add_argument("recording", metavar="RECORDING", type=Path, nargs="+", help="a folder, or files")
    transcribe.add_argument(
        "--with",
        dest="function",
        metavar="MODULE:FUNCTION",
        required=True,
        help="gets an isocord.Utterance, 16 kHz mono s16le, and returns what was said, or None; may be async",
    )
    transcribe.add_argument("--out", type=Path, metavar="FILE", help=".vtt or .json (default: beside the recording)")
    transcribe.add_argument(
        "--jobs", type=_number(int, 1, 100, "1 to 100"), default=1, help="utterances at once (default: %(default)s)"
    )
    transcribe.add_argument("--json", action="store_true", help="captions as lines of JSON, as they come")
    transcribe.set_defaults(run=_transcribe)


def _add_monitor(commands: _Commands) -> None:
    monitor = commands.add_parser(
        "monitor",
        help="watch the voice connections of a running bot",
        description="Watches a bot of the same user that has called isocord.monitor(), until it goes or a Ctrl-C.",
    )
    monitor.add_argument("--pid", type=int, help="which process, if there are several")
    monitor.add_argument("--json", action="store_true", help="one line of JSON a second")
    monitor.set_defaults(run=_monitor)


def _add_cluster(commands: _Commands) -> None:
    cluster = commands.add_parser("cluster", help="the media nodes of a Ray cluster")
    subjects = cluster.add_subparsers(dest="subject", required=True)
    status = subjects.add_parser(
        "status",
        help="show what each has to do",
        description="Becomes a part of the cluster for as long as it looks; starts no node.",
    )
    status.add_argument("--address", metavar="HOST:PORT", help="of Ray's head (default: this machine's cluster)")
    status.add_argument("--namespace", default="isocord", help="of Ray (default: %(default)s)")
    status.add_argument("--json", action="store_true", help="one list on one line")
    status.set_defaults(run=_cluster_status)


def _add_demo(commands: _Commands) -> None:
    demo = commands.add_parser(
        "demo",
        help="play a song to a listener through the embedded fake Discord, under load",
        description="Starts a fake Discord on 127.0.0.1, runs a real py-cord bot with isocord.VoiceClient in it, plays "
        "FILE while two CPU-bound threads and a blocked event loop do their worst, and shows what the listener heard; "
        "then records three participants to a file each.",
    )
    demo.add_argument("file", nargs="?", type=Path, help="an audio file; without one, a clip is synthesised")
    demo.add_argument(
        "--seconds",
        type=_number(float, 1, 3600, "1 to 3600 seconds"),
        default=12.0,
        help="play at most so long (default: %(default)s)",
    )
    demo.add_argument("--out", type=Path, default=Path("demo-out"), help="where WAV and PNG go (default: %(default)s)")
    demo.add_argument(
        "--assistant",
        action="store_true",
        help="show a conversation of two users with a voice assistant instead, one of whom speaks over it",
    )
    demo.add_argument(
        "--cluster",
        action="store_true",
        help="show several channels at three media nodes of a local Ray instead, one of which is killed",
    )
    demo.add_argument("--idle", action="store_true", help="leave the bot in peace")
    demo.add_argument("--json", action="store_true", help="what was found, as one object on one line")
    demo.set_defaults(run=_demo)


def _number(kind: type[float], least: float, most: float, words: str) -> Callable[[str], float]:
    """What takes a number of that kind between these; ``words`` say so of any other, and of what is no number."""

    def parse(text: str) -> float:
        with contextlib.suppress(ValueError):
            if least <= (number := kind(text)) <= most:
                return number
        raise argparse.ArgumentTypeError(f"{words}, not {text!r}")

    return parse


def _split(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _doctor(options: argparse.Namespace) -> int:
    from .doctor.run import run

    return run(seconds=options.seconds, endpoint=options.endpoint, as_json=options.json)


def _play(options: argparse.Namespace) -> int:
    from .play import run

    return run(
        options.source,
        guild_id=options.guild,
        channel_id=options.channel,
        allow_private=options.allow_private,
        as_json=options.json,
    )


def _record(options: argparse.Namespace) -> int:
    from .record import run

    return run(
        guild_id=options.guild,
        channel_id=options.channel,
        to=options.to,
        form=options.format,
        mixdown=options.mixdown,
        split=options.split,
        linger=options.linger,
        as_json=options.json,
    )


def _transcribe(options: argparse.Namespace) -> int:
    from .transcribe import run

    return run(options.recording, function=options.function, out=options.out, jobs=options.jobs, as_json=options.json)


def _monitor(options: argparse.Namespace) -> int:
    from .monitor import run

    return run(options.pid, as_json=options.json)


def _cluster_status(options: argparse.Namespace) -> int:
    from .cluster import status

    return status(options.address, options.namespace, as_json=options.json)


def _demo(options: argparse.Namespace) -> int:
    try:
        demonstrate = _demonstration(options)
    except ImportError as error:
        extras = "demo,ray,cli" if options.cluster else "demo"
        print(f"The demo needs more than isocord itself ({error}): pip install 'isocord[{extras}]'", file=sys.stderr)
        return 2
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        # Found out before anything is begun.
        tempfile.TemporaryFile(dir=options.out).close()
    except OSError as error:
        complain("demo", f"cannot write into {str(options.out)!r}: {error.strerror}")
        return 2
    from ..errors import AudioFileError

    # What it says on its way is for people.
    aside = contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext()
    try:
        with aside:
            told = demonstrate()
            for fault in told["faults"]:
                print(f"\n  {fault}", file=sys.stderr)
    except AudioFileError as error:
        complain("demo", error)
        return 2
    if options.json:
        print(json.dumps(told))
    return 1 if told["faults"] else 0


def _demonstration(options: argparse.Namespace) -> Callable[[], dict[str, Any]]:
    if options.assistant:
        from .demo.assistant import run as talk

        return partial(talk, options.out, busy=not options.idle)
    if options.cluster:
        # Found out before anything is begun.
        import ray  # noqa: F401
        import rich  # noqa: F401

        from .demo.cluster import run as lose_a_node

        return partial(lose_a_node, options.file, seconds=options.seconds, out=options.out)
    from .demo.run import run

    return partial(run, options.file, seconds=options.seconds, out=options.out, busy=not options.idle)


if __name__ == "__main__":
    sys.exit(main())
