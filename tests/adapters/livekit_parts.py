"""A recogniser, a language model and a synthesiser of LiveKit's that need nobody, and an agent of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from .speech import RATE, assistants_voice, is_voice

WORD = 0.4
"""Seconds that a word takes."""
_PAUSE = 10
"""Silent frames after which somebody has ended: it needs frames of silence to come."""


class Recogniser(stt.STT):
    """Notes what it is given to recognise; all that is said to it is "weather"."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))
        self.heard: list[tuple[Any, float]] = []

    def stream(self, **options: Any) -> stt.RecognizeStream:
        return _Recognition(stt=self, conn_options=options.get("conn_options", DEFAULT_API_CONNECT_OPTIONS))

    async def _recognize_impl(self, buffer: Any, **options: Any) -> stt.SpeechEvent:
        raise NotImplementedError


class _Recognition(stt.RecognizeStream):
    async def _run(self) -> None:
        frames, pause = list[rtc.AudioFrame](), 0
        async for frame in self._input_ch:
            if not isinstance(frame, rtc.AudioFrame):
                continue
            if is_voice(bytes(frame.data)):
                frames.append(frame)
                pause = 0
                if len(frames) == 5:
                    self._tell(stt.SpeechEventType.START_OF_SPEECH)
                    self._tell(stt.SpeechEventType.INTERIM_TRANSCRIPT, "weather")
            elif len(frames) >= 5 and (pause := pause + 1) == _PAUSE:
                self._stt.heard.append((frames[0].userdata.get("user_id"), sum(frame.duration for frame in frames)))
                self._tell(stt.SpeechEventType.FINAL_TRANSCRIPT, "weather")
                self._tell(stt.SpeechEventType.END_OF_SPEECH)
                frames.clear()

    def _tell(self, kind: stt.SpeechEventType, text: str = "") -> None:
        found = [stt.SpeechData(language="en", text=text)] if text else []
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, alternatives=found))


class Model(llm.LLM):
    """Answers with some numbered words."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.words = words

    def chat(self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = None, **_: Any) -> llm.LLMStream:
        options = conn_options or DEFAULT_API_CONNECT_OPTIONS
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=options)


class _Answer(llm.LLMStream):
    async def _run(self) -> None:
        for number in range(self._llm.words):
            delta = llm.ChoiceDelta(role="assistant", content=f"w{number} ")
            self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))


class Synthesiser(tts.TTS):
    """Gives a tone, far faster than it sounds."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1)

    def synthesize(self, text: str, *, conn_options: Any = DEFAULT_API_CONNECT_OPTIONS) -> tts.ChunkedStream:
        return _Sound(tts=self, input_text=text, conn_options=conn_options)


class _Sound(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id="1", sample_rate=RATE, num_channels=1, mime_type="audio/pcm")
        sound = assistants_voice(len(self._input_text.split()) * WORD)
        for at in range(0, len(sound), 5_000):
            output_emitter.push(sound[at : at + 5_000])
            await asyncio.sleep(0.001)
        output_emitter.flush()


class Assistant:
    """All of it, on ears and a mouth."""

    def __init__(self, ears: Any, mouth: Any, words: int) -> None:
        self.recogniser, self.model = Recogniser(), Model(words)
        self.session: AgentSession[None] = AgentSession(
            stt=self.recogniser,
            llm=self.model,
            tts=Synthesiser(),
            vad=None,
            turn_handling={
                "turn_detection": "stt",
                "endpointing": {"min_delay": 0.1, "max_delay": 0.3},
                "preemptive_generation": {"enabled": False},
            },
            aec_warmup_duration=None,
        )
        self.session.input.audio, self.session.output.audio = ears, mouth
        self.finished: list[Any] = []
        self.began: list[Any] = []
        mouth.on("playback_finished", self.finished.append)
        mouth.on("playback_started", self.began.append)

    def said(self) -> list[tuple[str, bool]]:
        """What the agent has said, as it stands in the history, and whether it was interrupted."""
        messages = [item for item in self.session.history.items if item.type == "message"]
        return [
            (" ".join((item.text_content or "").split()), item.interrupted)
            for item in messages
            if item.role == "assistant"
        ]


@asynccontextmanager
async def running(ears: Any, mouth: Any, words: int = 5) -> AsyncIterator[Assistant]:
    """An assistant that runs."""
    assistant = Assistant(ears, mouth, words)
    await assistant.session.start(Agent(instructions="Answer."), record=False)
    try:
        yield assistant
    finally:
        await assistant.session.aclose()
