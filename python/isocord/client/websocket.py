"""What bots know as ``voice_client.ws``: a view of the voice gateway."""

from __future__ import annotations

import asyncio

from ..connection.connection import VoiceConnection


class VoiceWebSocket:
    """The voice gateway of one connection."""

    def __init__(self, connection: VoiceConnection, ssrc_map: dict[int, dict[str, int]]) -> None:
        self._connection = connection
        self.ssrc_map = ssrc_map
        """For each SSRC that Discord has told of: ``{"user_id": ..., "speaking": flags}``; to be read only."""

    @property
    def latency(self) -> float:
        """The last heartbeat's round trip in seconds; infinite before the first."""
        return self._connection.latencies.last

    @property
    def average_latency(self) -> float:
        """The mean of the last 20 heartbeats in seconds; infinite before the first."""
        return self._connection.latencies.average

    @property
    def secret_key(self) -> list[int] | None:
        """The transport key, 32 numbers, or None before there is one. Keep it to yourself."""
        return list(info.secret_key) if (info := self._connection.info) is not None else None

    @property
    def _close_code(self) -> int | None:
        return self._connection.state.code

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
