"""How long it takes from what somebody does to what somebody else hears of it, in milliseconds."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from isocord import _native
from isocord.cli.demo.babble import babble
from isocord.testing import FakeDiscordProcess

from . import lab

PARTS = ("mouth", "turns", "barge-in")
_SPOKEN = 0.6
_OVER = 1.0
_PERIOD = {"turns": 1.6, "barge-in": 3.2}
_JOIN = 60.0
_SETTLE = 1.5
_SOUND = 100
"""Peak of a packet that is more than silence."""


@dataclass
class Figures:
    """What one client took under one load.

    Attributes:
        mouth: from write() to the first packet at the voice server's kernel.
        ear: from the user's first packet to its sound in Python.
        beyond: from a packet at the bot's kernel to its sound in Python, without what the jitter buffer holds it.
        turn: from the user's last packet with sound to the first packet of the answer.
        barge_in: from the user's first packet to the last packet of the bot.
        reaction: from the packet with which it was enough, as the bot itself knows.
        missed: how often nothing came at all.
        error: why there is nothing.
    """

    client: str
    load: str
    mouth: list[float] = field(default_factory=list)
    ear: list[float] = field(default_factory=list)
    beyond: list[float] = field(default_factory=list)
    turn: list[float] = field(default_factory=list)
    barge_in: list[float] = field(default_factory=list)
    reaction: list[float] = field(default_factory=list)
    missed: int = 0
    error: str = ""

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def run(client: str, load: str, threads: int, *, rounds: int, scratch: Path) -> Figures:
    """All of it, each part with a fake and a bot of its own."""
    figures = Figures(client, load)
    for part in PARTS:
        _try(figures, part, threads, rounds, scratch)
    return figures


def _try(figures: Figures, part: str, threads: int, rounds: int, scratch: Path) -> None:
    try:
        _run(figures, part, threads, rounds, scratch)
    except lab.JobError as error:
        figures.error += f"{part}: {error} "


def _run(figures: Figures, part: str, threads: int, rounds: int, scratch: Path) -> None:
    with FakeDiscordProcess(patch=False, dave_version=0) as fake, ThreadPoolExecutor(1) as other:
        alice = fake.listen("General", user="alice")
        seconds = rounds * _PERIOD.get(part, 0.5) + 2 * _SETTLE
        job = other.submit(
            lab.run_bot,
            "assist",
            addresses=fake.addresses,
            token=fake.token,
            tune=scratch,
            core=None,
            limit=seconds + 2 * _JOIN,
            part=part,
            client=figures.client,
            threads=threads,
            rounds=rounds,
            seconds=seconds + _SETTLE,
        )
        begun = [] if part == "mouth" else _speak(fake, alice, job, part, rounds)
        result = job.result()
        heard = _sounds(alice.arrivals())
    if part == "mouth":
        _between(figures, figures.mouth, result["written"], heard)
    elif part == "turns":
        length = round((_SPOKEN - 0.02) * 1e9)
        _between(figures, figures.ear, begun, np.array(result["first"]))
        _between(figures, figures.turn, [begin + length for begin in begun], heard)
        figures.beyond += result["beyond"]
    else:
        for begin in begun:
            # Until the bot would speak again.
            until = heard[(heard >= begin) & (heard < begin + 1.2e9)]
            if len(until) and until[-1] < begin + 1.0e9:
                figures.barge_in.append((until[-1] - begin) / 1e6)
            else:
                figures.missed += 1
        figures.reaction += result["reactions"]


def _speak(fake: FakeDiscordProcess, alice: Any, job: Any, part: str, rounds: int) -> list[int]:
    """A user speaks again and again; gives when each time began."""
    bob = fake.speak("General", user="bob")
    packets = _voice(_SPOKEN if part == "turns" else _OVER)
    limit = time.monotonic() + _JOIN
    while not len(_sounds(alice.arrivals())) and not job.done() and time.monotonic() < limit:
        time.sleep(0.2)
    time.sleep(_SETTLE)
    begun = []
    for _ in range(rounds):
        if job.done():
            break
        started = time.monotonic()
        bob.play_opus(packets)
        time.sleep(0.3)
        begun.append(bob.began_ns)
        time.sleep(max(0.0, started + _PERIOD[part] + random.uniform(0, 0.02) - time.monotonic()))
    return begun


def _between(figures: Figures, found: list[float], causes: list[int], effects: Any) -> None:
    """From each cause to the first effect before the next cause."""
    for number, cause in enumerate(causes):
        end = causes[number + 1] if number + 1 < len(causes) else cause + 10**9
        after = effects[(effects >= cause) & (effects < end)]
        if len(after):
            found.append((int(after[0]) - cause) / 1e6)
        else:
            figures.missed += 1


def _sounds(arrivals: list[Any]) -> Any:
    """When packets came that are more than silence."""
    decoder, times = _native.OpusDecoder(), []
    for arrival in arrivals:
        pcm = np.frombuffer(decoder.decode(arrival.opus), "<i2").astype(int)
        if not arrival.is_silence and np.abs(pcm).max() > _SOUND:
            times.append(arrival.time_ns)
    return np.array(times, dtype=np.int64)


def _voice(seconds: float) -> list[bytes]:
    """Babble, as Discord's clients send it."""
    pcm = babble(seconds)
    encoder = _native.OpusEncoder(_native.EncoderOptions(bitrate=64, application="voip"))
    return [encoder.encode(pcm[at : at + 3_840]) for at in range(0, len(pcm), 3_840)]
