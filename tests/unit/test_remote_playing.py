"""What a node does with tracks that a bot makes, also where the bot says what it should not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from isocord.remote import messages as said
from isocord.remote.beside.shared import SharedPlayer
from isocord.remote.line import Line
from isocord.remote.playing import RelayedPlayer


class Native:
    """A connection of which only is asked what plays."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.asked.append(name)


@pytest.mark.parametrize("kind", [RelayedPlayer, SharedPlayer])
async def test_a_track_that_never_begins_leaves_no_trace(kind: type[RelayedPlayer]) -> None:
    told: list[Any] = []
    player = kind(Native(), Line(1, told.append))  # type: ignore[arg-type]
    # There is no session, so none is applied.
    for number in range(1, 201):
        player.begin(said.Track(1, number, True, None, 65))
        player.play(number, None, held=False)
        if number % 2:
            player.stop()
    assert told == []
    player.close()


async def test_what_a_bot_sends_too_much_of_is_left_out() -> None:
    told: list[Any] = []
    player = RelayedPlayer(Native(), Line(1, told.append))  # type: ignore[arg-type]
    player.begin(said.Track(1, 1, True, None, 10))
    for _ in range(3):
        player.write(said.Made(1, 1, 0, (b"x",) * 500_000, False, False))
        player.write(said.Frames(1, 1, (b"y",) * 1000))
    relayed = player._tracks[1]
    assert (relayed.track.waiting, relayed._come) == (10, 10)
    assert not relayed._waiting
    player.close()
    await asyncio.sleep(0)
