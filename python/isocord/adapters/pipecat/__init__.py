"""Pipecat on Discord: a transport for ``pipecat-ai``. ``pip install 'isocord[pipecat]'``.

voice = await channel.connect(cls=isocord.VoiceClient)
transport = DiscordTransport(voice)
pipeline = Pipeline([transport.input(), stt, context.user(), llm, tts, transport.output(), context.assistant()])
"""

from __future__ import annotations

from .params import DiscordMetrics as DiscordMetrics
from .params import DiscordParams as DiscordParams
from .transport import DiscordTransport as DiscordTransport
