"""A fake Discord whose voice server only notes when packets come: it keeps up with hundreds of streams.

It speaks the whole handshake, but neither opens nor relays what it hears. ``python -m timing.sink GUILDS FILE`` prints
addresses as a JSON line; each line on its standard input makes it write what came into the file. :class:`Sink` is the
other end.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from array import array
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from isocord.testing import Addresses, FakeDiscord, GuildSpec
from isocord.testing.voice.sfu import UdpLeg

from . import lab

if TYPE_CHECKING:
    from typing_extensions import Self

Streams = dict[int, list[tuple[int, int]]]
"""By SSRC: arrival in nanoseconds since 1970 and RTP sequence number, in order of arrival."""


class Sink:
    """The process, as a context.

    Args:
        guilds: how many, each with one voice channel.
        scratch: a folder for what it heard.
        core: the one core that it may use, or None.
    """

    def __init__(self, guilds: int, scratch: Path, core: int | None) -> None:
        self._file = scratch / "arrivals"
        with lab.on_core(core):
            self._process = subprocess.Popen(
                [sys.executable, "-m", "timing.sink", str(guilds), str(self._file)],
                env=lab.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        greeting = self._answer()
        self.token: str = greeting["token"]
        self.addresses = Addresses(**greeting["addresses"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)

    def heard(self) -> Streams:
        """Everything that came so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("write\n")
        self._process.stdin.flush()
        self._answer()
        numbers = array("q", self._file.read_bytes())
        streams: Streams = {}
        for time_ns, ssrc, seq in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
            streams.setdefault(ssrc, []).append((time_ns, seq))
        return streams

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise lab.JobError("the sink has ended")
        return json.loads(line)


def main() -> None:
    guilds, file = int(sys.argv[1]), Path(sys.argv[2])
    arrivals = array("q")

    def note(leg: UdpLeg, data: bytes, time_ns: int) -> None:
        arrivals.extend((time_ns, leg.ssrc, int.from_bytes(data[2:4], "big")))

    UdpLeg.receive = note  # type: ignore[method-assign]
    specs = [GuildSpec(f"Guild {n}", text=(), voice=("General",), stage=(), members=()) for n in range(guilds)]
    with FakeDiscord(specs, patch=False, dave_version=0) as fake:
        # A collection of everything that lives would cost packets.
        gc.freeze()
        addresses = {name: getattr(fake.addresses, name) for name in ("api", "gateway", "voice", "ca_pem")}
        print(json.dumps({"token": fake.token, "addresses": addresses}), flush=True)
        for _ in sys.stdin:
            file.write_bytes(arrivals[: len(arrivals) // 3 * 3].tobytes())
            print("true", flush=True)


if __name__ == "__main__":
    main()
