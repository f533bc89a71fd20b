"""What bots know as ``voice_client.ws``: a view of the voice gateway."""

from __future__ import annotations

import asyncio

from ..connection.connection import VoiceConnection


class VoiceWebSocket:
    """The voice gateway of one connection."""

    def __init__(self, connection: VoiceConnection) -> None:
        self._connection = connection

    @property
    def latency(self) -> float:
        """The last heartbeat's round trip in seconds; infinite before the first."""
        return self._connection.latencies.last

    @property
    def average_latency(self) -> float:
        """The mean of the last 20 heartbeats in seconds; infinite before the first."""
        return self._connection.latencies.average

    @property
    def seq_ack(self) -> int:
        """Number of the last numbered message of the server, -1 if none."""
        return self._connection.seq_ack

    async def speak(self, state: object = 1) -> None:
        """Set the speaking flags that hold while nothing plays: 1 voice, 2 soundshare, 4 priority.

        While something plays, voice is added. A ``SpeakingState`` or a bool serve as well.

        Raises:
            ValueError: ``state`` is nothing of the kind.
        """
        flags = getattr(state, "value", state)
        if not isinstance(flags, int) or not 0 <= flags <= 0xFF:
            raise ValueError("speaking flags are a number of up to 8 bits")
        await asyncio.wrap_future(self._connection.speak(int(flags)))
