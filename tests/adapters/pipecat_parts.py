"""A recogniser, a language model and a synthesiser of Pipecat's that need nobody, and a pipeline of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams
from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from .speech import RATE, assistants_voice, is_voice

WORD = 0.4
"""Seconds that a word takes."""


class ByLevel(VADAnalyzer):
    """Finds speech where there is sound, in 20 ms at a time: silence has to come for it to find an end."""

    def num_frames_required(self) -> int:
        return self.sample_rate // 50

    def voice_confidence(self, buffer: bytes) -> float:
        return float(is_voice(buffer))


class Recogniser(SegmentedSTTService):
    """Notes what it is given to recognise; all that is said to it is "weather"."""

    wants_wav_segments = False

    def __init__(self) -> None:
        super().__init__(ttfs_p99_latency=0.3, settings=STTSettings(model="none", language=None))
        self.heard: list[tuple[str, float]] = []

    async def run_stt(self, audio: bytes) -> AsyncIterator[Frame | None]:
        voiced = sum(is_voice(audio[at : at + 640]) for at in range(0, len(audio), 640))
        self.heard.append((self._user_id, voiced * 0.02))
        yield TranscriptionFrame("weather", self._user_id, "2026-01-01T00:00:00", finalized=True)


class Model(LLMService):
    """Answers with some numbered words."""

    def __init__(self, words: int) -> None:
        names = ("model", "temperature", "max_tokens", "top_p", "top_k", "frequency_penalty", "presence_penalty")
        names += ("seed", "system_instruction", "filter_incomplete_user_turns", "user_turn_completion_config")
        super().__init__(settings=LLMSettings(**dict.fromkeys(names)))
        self.words = words

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        await self.push_frame(LLMFullResponseStartFrame())
        await self.push_frame(LLMTextFrame(" ".join(f"w{number}" for number in range(self.words)) + "."))
        await self.push_frame(LLMFullResponseEndFrame())


class Synthesiser(TTSService):
    """Streams a tone in chunks, far faster than it sounds, and tells when which word begins."""

    def __init__(self) -> None:
        settings = TTSSettings(model="none", voice="none", language=None)
        pushes = {"push_text_frames": False, "push_start_frame": True, "push_stop_frames": True}
        super().__init__(**pushes, stop_frame_timeout_s=0.2, settings=settings)

    def can_generate_metrics(self) -> bool:
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncIterator[Frame | None]:
        words = text.split()
        times = [(word, number * WORD) for number, word in enumerate(words)]
        await self.add_word_timestamps(times, context_id)
        sound = assistants_voice(len(words) * WORD)
        for at in range(0, len(sound), 5_000):
            yield TTSAudioRawFrame(sound[at : at + 5_000], RATE, 1, context_id=context_id)
            await asyncio.sleep(0.002)


class Notes(FrameProcessor):
    """Notes which frames pass."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Frame] = []
        self.silent = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        if isinstance(frame, UserAudioRawFrame) and not any(frame.audio):
            self.silent += 1
        await self.push_frame(frame, direction)

    def of(self, kind: type[Frame]) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


def pair_of(context: LLMContext) -> LLMContextAggregatorPair:
    """Who collects what users and the assistant say."""
    ears = ByLevel(params=VADParams(confidence=0.5, start_secs=0.1, stop_secs=0.2, min_volume=0.0))
    strategies = UserTurnStrategies(stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.2)])
    params = LLMUserAggregatorParams(vad_analyzer=ears, user_turn_strategies=strategies)
    return LLMContextAggregatorPair(context, user_params=params)


def said(context: LLMContext, role: str) -> list[str]:
    """What stands in the context."""
    return [message["content"] for message in context.messages if message["role"] == role]


class Assistant:
    """All of it, on a transport."""

    def __init__(self, transport: Any, words: int) -> None:
        self.transport = transport
        self.recogniser, self.model, self.synthesiser = Recogniser(), Model(words), Synthesiser()
        self.context = LLMContext([])
        pair = pair_of(self.context)
        self.above, self.below = Notes(), Notes()
        parts = [transport.input(), self.above, self.recogniser, pair.user(), self.model, self.synthesiser]
        self.pipeline = Pipeline([*parts, transport.output(), self.below, pair.assistant()])
        rates = PipelineParams(audio_in_sample_rate=16_000, audio_out_sample_rate=RATE, enable_metrics=True)
        self.worker = PipelineWorker(self.pipeline, params=rates, cancel_on_idle_timeout=False)

    def said(self, role: str) -> list[str]:
        return said(self.context, role)


@asynccontextmanager
async def running(transport: Any, words: int = 5) -> AsyncIterator[Assistant]:
    """An assistant that runs."""
    assistant = Assistant(transport, words)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(assistant.worker)
    done = asyncio.create_task(runner.run())
    try:
        yield assistant
    finally:
        await assistant.worker.cancel()
        await asyncio.wait_for(done, 20)
