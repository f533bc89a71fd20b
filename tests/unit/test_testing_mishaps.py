"""Mishaps that are none are refused where they are written down, with a word on what to give."""

from __future__ import annotations

from typing import Any

import pytest

from isocord.testing import FakeDiscord, Mishap, MishapKind

KICKED = Mishap(MishapKind.KICKED)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("kick", {}),
        ("KICKED", {}),
        (None, {}),
        (MishapKind.KICKED, {"lasting": "1"}),
        (MishapKind.WEBSOCKET_CLOSED, {"code": "4006"}),
    ],
)
def test_what_is_no_mishap_cannot_be_made(kind: Any, options: Any) -> None:
    with pytest.raises(TypeError, match="must be"):
        Mishap(kind, **options)


async def test_what_is_no_mishap_is_not_staged() -> None:
    discord: Any = FakeDiscord(patch=False)
    for wrong in (MishapKind.KICKED, "kick", None):
        for stage in (discord.stage, discord.stage_everywhere):
            with pytest.raises(TypeError, match=r"must be a Mishap, .*Mishap\(MishapKind\.KICKED\)"):
                stage(wrong)


@pytest.mark.parametrize(
    "script", [[KICKED], [(KICKED, 1.0)], [(1.0, MishapKind.KICKED)], [(0.5, KICKED), ("1", KICKED)]]
)
async def test_what_is_no_script_is_not_rehearsed(script: Any) -> None:
    with pytest.raises(TypeError, match=r"pairs, e\.g\. \(1\.5, Mishap\(MishapKind\.KICKED\)\)"):
        FakeDiscord(patch=False).rehearse(script)
