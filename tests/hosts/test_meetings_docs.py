"""The whole meeting recorder of docs/meetings.md, as it stands there: consent, refusal, a transcript with names."""

from __future__ import annotations

from pathlib import Path

import pytest

from .. import pages
from .page_bots import running
from .speech import said, silence, stereo
from .world import until

PAGE = "docs/meetings.md"
(BOT,) = pages.python(PAGE)


def test_it_is_short() -> None:
    assert sum(bool(line.strip()) for line in BOT.splitlines()) <= 40


async def test_a_meeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mybot = {"words": lambda utterance: f"said by {utterance.user_id}"}
    async with running(PAGE, BOT, monkeypatch, mybot) as (discord, _):
        alice, bob, carol = (discord.speak("General", user=name) for name in ("alice", "bob", "carol"))

        def files() -> set[str]:
            return {path.stem for path in tmp_path.rglob("*.ogg")}

        async def all_speak() -> None:
            for speaker in (alice, bob, carol):
                speaker.play(stereo(said(0.8), silence(0.8)))
            await until(lambda: not any(speaker.is_playing for speaker in (alice, bob, carol)))

        answer = await discord.call("meeting", user="alice")
        assert "/agree" in answer.content
        await all_speak()
        await until(lambda: len(files()) == 1)
        await discord.call("agree", user="bob")
        await discord.call("agree", user="carol")
        await all_speak()
        await until(lambda: len(files()) == 3)
        await discord.call("refuse", user="carol")
        await until(lambda: len(files()) == 2)
        await all_speak()
        await discord.call("finish", user="alice")
        await until((tmp_path / "meeting.vtt").exists)
        assert discord.bot_voice_state() is None
    assert len(files()) == 2
    vtt = (tmp_path / "meeting.vtt").read_text("utf-8")
    spoken = [line for line in vtt.splitlines() if line.startswith("<v ")]
    names = {line.split(">said by ")[0] for line in spoken}
    assert names == {"<v Alice", "<v Bob"}
    assert str(carol.user_id) not in vtt
    # Bob agreed later.
    assert spoken[0].startswith("<v Alice>")
