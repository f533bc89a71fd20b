"""The programs of docs/assistants.md for each framework, as they stand there: a user speaks, and the bot answers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from .. import pages
from ..hosts.world import logged_in, until
from .speech import RATE, spells, users_voice

PAGE = "docs/assistants.md"
BLOCKS = {
    name: next(code for code in pages.python(PAGE) if f"adapters.{name} " in code) for name in ("pipecat", "livekit")
}


async def test_a_pipeline_of_pipecat_answers_and_ends(tmp_path: Path) -> None:
    pytest.importorskip("pipecat")
    from pipecat.frames.frames import EndFrame
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.worker import PipelineParams, PipelineWorker
    from pipecat.workers.runner import WorkerRunner

    from . import pipecat_parts as parts

    async with logged_in(dave_version=1) as call:
        bob = call.discord.speak("General", user="bob")
        context = parts.LLMContext([])
        made: dict[str, Any] = {"voice": await call.connect(), "Pipeline": Pipeline, "EndFrame": EndFrame}
        made.update(stt=parts.Recogniser(), llm=parts.Model(5), tts=parts.Synthesiser(), pair=parts.pair_of(context))
        await pages.run(BLOCKS["pipecat"], PAGE, made)
        rates = PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=RATE)
        made["worker"] = PipelineWorker(made["pipeline"], params=rates, cancel_on_idle_timeout=False)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(made["worker"])
        done = asyncio.create_task(runner.run())
        bob.play(users_voice(1.4, tmp_path))
        await until(lambda: bob.arrivals() and spells(bob), 20)
        await until(lambda: parts.said(context, "assistant"), 20)
        bob.leave()
        await asyncio.wait_for(done, 20)


async def test_a_session_of_livekit_answers(tmp_path: Path) -> None:
    pytest.importorskip("livekit.agents")
    from livekit.agents import Agent, AgentSession

    from . import livekit_parts as parts

    async with logged_in(dave_version=1) as call:
        bob = call.discord.speak("General", user="bob")
        made: dict[str, Any] = {"voice": await call.connect(), "AgentSession": AgentSession}
        made.update(
            stt=parts.Recogniser(), llm=parts.Model(5), tts=parts.Synthesiser(), agent=Agent(instructions="Answer.")
        )
        await pages.run(BLOCKS["livekit"], PAGE, made)
        bob.play(users_voice(1.4, tmp_path))
        await until(lambda: bob.arrivals() and spells(bob), 20)
        await made["session"].aclose()
