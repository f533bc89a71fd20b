"""The recipe of docs/assistants.md for the realtime API, as it stands there, in an encrypted call."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from .. import pages
from .ears import Ear
from .realtime import serving
from .world import begin_speaking, logged_in, until

PAGE = "docs/assistants.md"
BLOCKS = [block for block in pages.python(PAGE) if "async def converse" in block]
ANSWER, LONG = 440.0, 700.0


async def test_a_model_hears_answers_and_is_interrupted() -> None:
    scope: dict[str, Any] = {}
    exec(compile(BLOCKS[0], PAGE, "exec", dont_inherit=True), scope)
    async with logged_in(dave_version=1) as world, serving((ANSWER, 1.0), (LONG, 30.0), (ANSWER, 1.0)) as model:
        voice = await world.connect()
        bob = world.discord.speak("General", user="bob")
        ear = Ear(bob)
        talk = asyncio.create_task(scope["converse"](voice, model.url, "secret"))
        await until(lambda: model.updates)
        assert model.keys == ["Bearer secret"]
        assert model.updates[0]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24_000}
        begin_speaking([bob], 1.0, ["bob"])
        await until(lambda: model.heard)
        # A busy machine brings some of it too late for a mix that waits for nobody.
        assert model.heard == [pytest.approx(1.0, abs=0.4)]
        await until(lambda: bob.arrivals() and ear.tone(ANSWER) > 0.2)
        await until(lambda: ear.seconds(ANSWER) > 0.95 and bob.arrivals()[-1].is_silence)
        assert ear.seconds(ANSWER) < 1.05

        begin_speaking([bob], 0.5, ["bob"])
        await until(lambda: ear.tone(LONG) > 0.2)
        begin_speaking([bob], 0.5, ["bob"])
        await until(lambda: model.truncated)
        (cut,) = model.truncated
        assert (cut["item_id"], cut["content_index"]) == ("item_2", 0)
        # The third answer comes afterwards, and nothing of the second one with it.
        await until(lambda: ear.tone(ANSWER) > 0.2 and ear.tone(LONG) < 0.02)
        await until(lambda: bob.arrivals()[-1].is_silence)
        assert 1000 * ear.seconds(LONG) == pytest.approx(cut["audio_end_ms"], abs=60)
        assert len(model.truncated) == 1
        talk.cancel()
        await asyncio.wait([talk], timeout=15)
        await until(lambda: not voice.is_playing())
