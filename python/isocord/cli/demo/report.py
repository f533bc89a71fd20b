"""What the demo found: as plain values for machines, and in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import desk, recording
from .compare import Likeness

if TYPE_CHECKING:
    from ...testing.people.listener import Arrival
    from .run import Result

LOAD = "two CPU-bound threads, and the event loop blocked for 250 ms twice a second"
_LATE = 40.0
_KINDS = {"heard": "what was heard", "picture": "the picture", "desk": "the desk", "tracks": "the tracks"}


def figures(
    result: Result, sound: Sequence[Arrival], gaps: Sequence[float], alike: Likeness, *, busy: bool
) -> dict[str, Any]:
    """What a run gave. Times are seconds, shares and levels 1.0 at most.

    Args:
        result: the run.
        sound: what came to the listener, without silence.
        gaps: milliseconds between neighbours in it.
        alike: what was heard, held against what was played.
        busy: whether the machine was under load.
    """
    stats, tracks = result.stats, result.tracks
    sent = stats.packets_sent - stats.silence_sent
    faults = []
    if len(sound) != sent or alike.correlation <= 0.9:
        faults.append("The listener did not hear all of it.")
    if not result.desk.well:
        faults.append("The crossfade or the ducking is not what was asked for.")
    if len(tracks) != len(recording.VOICES) or not all(_is_well(track) for track in tracks):
        faults.append("The recording is not what was said.")
    return {
        "load": LOAD if busy else None,
        "blocked": result.blocked,
        "encrypted": result.encrypted,
        "connect": result.connect_seconds,
        "first_packet": result.first_packet_seconds if math.isfinite(result.first_packet_seconds) else None,
        "frames_played": sent,
        "frames_heard": len(sound),
        "packets_a_second": (len(sound) - 1) / (sum(gaps) / 1e3) if gaps else None,
        "lateness_p50": stats.lateness_p50,
        "lateness_p99": stats.lateness_p99,
        "lateness_max": stats.lateness_max,
        "late_gaps": sum(gap > _LATE for gap in gaps),
        "underruns": stats.underruns,
        "send_errors": stats.send_errors,
        "seconds_played": alike.played,
        "seconds_heard": alike.heard,
        "likeness": alike.correlation,
        "crossfade_db": result.desk.crossfade,
        "ducked": result.desk.ducked,
        "tracks": [
            {
                "name": track.name,
                "seconds": len(track.sound) / recording.RATE,
                "own": track.own,
                "foreign": track.foreign,
                "begin": track.begin,
                "offset": track.offset / 1e3,
            }
            for track in tracks
        ],
        "faults": faults,
    }


def _is_well(track: recording.Track) -> bool:
    return track.own > 0.9 and track.foreign < 0.01 and track.offset < 20


def show(told: Mapping[str, Any]) -> None:
    """Print it, a row for each thing."""
    rows = [*_played(told), *_recorded(told["tracks"])]
    width = max(len(label) for label, _ in rows)
    print()
    for label, value in rows:
        print(f"  {label:<{width}}  {value}")


def show_end(files: Mapping[str, Path]) -> None:
    """Print where what was heard and drawn lies."""
    print()
    for kind, words in _KINDS.items():
        if kind in files:
            more = f", {files['recording']}" if kind == "tracks" else ""
            print(f"  {words + ':':<15} {files[kind]}{more}")


def _played(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    first, rate = told["first_packet"], told["packets_a_second"]
    late = " / ".join(f"{told[name] * 1e3:.2f}" for name in ("lateness_p50", "lateness_p99", "lateness_max"))
    heard = f"{told['seconds_heard']:.2f} s of {told['seconds_played']:.2f} s, likeness {told['likeness']:.4f}"
    return [
        ("load on the bot", "none" if told["load"] is None else f"{told['load']} ({told['blocked']} times)"),
        ("end-to-end encrypted (DAVE)", "yes" if told["encrypted"] else "no"),
        ("connect", f"{told['connect'] * 1e3:.1f} ms"),
        ("connect to first packet", "-" if first is None else f"{first * 1e3:.1f} ms"),
        ("frames played / heard", f"{told['frames_played']} / {told['frames_heard']}"),
        ("packets a second", "-" if rate is None else f"{rate:.2f}"),
        ("lateness p50 / p99 / max", f"{late} ms"),
        ("gaps over 40 ms", str(told["late_gaps"])),
        ("underruns, send errors", f"{told['underruns']}, {told['send_errors']}"),
        ("heard against played", heard),
        ("both tunes in the crossfade", f"{told['crossfade_db']:+.2f} dB at most beside one of them"),
        ("the tune under the voice", f"at {told['ducked']:.3f} where {desk.DUCK:g} was asked for"),
    ]


def _recorded(tracks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    if not tracks:
        return []
    own, foreign = min(track["own"] for track in tracks), max(track["foreign"] for track in tracks)
    offset, last = max(track["offset"] for track in tracks), tracks[-1]
    return [
        ("tracks recorded", f"{len(tracks)} of {len(recording.VOICES)}, each {last['seconds']:.2f} s"),
        ("own voice in each track", f"{own:.1%} at least; of another's {foreign:.3%} at most"),
        ("tracks beside one another", f"{offset * 1e3:.1f} ms off; {last['name']} comes in at {last['begin']:.2f} s"),
    ]
