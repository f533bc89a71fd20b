"""A small server that speaks the protocol of OpenAI's realtime API: PCM of 24 kHz, as JSON over a websocket."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from .world import np

RATE = 24_000
_STEP = RATE // 50 * 2
_LOUD = 500.0
_ENOUGH, _PAUSE = 5, 40
"""Frames of 20 ms that are speech, and that end it."""


class Model:
    """Answers to each time that somebody speaks with a tone.

    Attributes:
        answers: for each answer its pitch in Hz and its seconds.
        heard: for each time that somebody spoke, seconds of sound.
        truncated: what it was told to forget.
        keys: what clients have authorised themselves with.
        updates: sessions as clients want them.
    """

    def __init__(self, *answers: tuple[float, float]) -> None:
        self.answers = list(answers)
        self.heard: list[float] = []
        self.truncated: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.updates: list[dict[str, Any]] = []
        self.url = ""
        self.gap = 0
        self._last = b""
        self._talking: asyncio.Task[None] | None = None

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.keys.append(request.headers.get("Authorization", ""))
        pending, loud, quiet = b"", 0, 0
        async for message in socket:
            event = message.json()
            match event.pop("type"):
                case "session.update":
                    self.updates.append(event["session"])
                    await socket.send_json({"type": "session.updated", "session": event["session"]})
                case "conversation.item.truncate":
                    self.truncated.append(event)
                    await socket.send_json({"type": "conversation.item.truncated", **event})
                case "input_audio_buffer.append":
                    pending += base64.b64decode(event["audio"])
                case other:
                    await socket.send_json({"type": "error", "error": {"message": f"no such event: {other}"}})
            while len(pending) >= _STEP:
                frame, pending = pending[:_STEP], pending[_STEP:]
                if np.sqrt(np.mean(np.frombuffer(frame, "<i2").astype(float) ** 2)) > _LOUD:
                    loud, quiet = loud + 1, 0
                    if loud == _ENOUGH:
                        await self._interrupted(socket)
                elif loud >= _ENOUGH and (quiet := quiet + 1) == _PAUSE:
                    self.heard.append(loud * 0.02)
                    loud = quiet = 0
                    await socket.send_json({"type": "input_audio_buffer.speech_stopped"})
                    self._talking = asyncio.create_task(self._answer(socket, len(self.heard)))
        if self._talking is not None:
            self._talking.cancel()
        return socket

    async def _interrupted(self, socket: web.WebSocketResponse) -> None:
        await socket.send_json({"type": "input_audio_buffer.speech_started"})
        if self._talking is not None and not self._talking.done():
            self._talking.cancel()
            # What had been on its way.
            await socket.send_json({"type": "response.output_audio.delta", **self._delta})

    async def _answer(self, socket: web.WebSocketResponse, number: int) -> None:
        pitch, length = self.answers.pop(0)
        at = np.arange(round(length * RATE)) / RATE
        sound = (8_000 * np.sin(2 * np.pi * pitch * at)).astype("<i2").tobytes()
        for begin in range(0, len(sound), 9_600):
            part = base64.b64encode(sound[begin : begin + 9_600]).decode()
            self._delta = {"item_id": f"item_{number}", "content_index": 0, "delta": part}
            await socket.send_json({"type": "response.output_audio.delta", **self._delta})
            # Twice as fast as it sounds.
            await asyncio.sleep(0.1)
        await socket.send_json({"type": "response.output_audio.done", "item_id": f"item_{number}"})


@asynccontextmanager
async def serving(*answers: tuple[float, float]) -> AsyncIterator[Model]:
    """The server, on 127.0.0.1."""
    model = Model(*answers)
    app = web.Application()
    app.router.add_get("/v1/realtime", model.serve)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    model.url = f"http://127.0.0.1:{port}/v1/realtime"
    try:
        yield model
    finally:
        await runner.cleanup()
