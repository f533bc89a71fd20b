"""What a connection calls its client by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .session.encryption import EncryptionState
from .states import ChannelEvent, ConnectionState


class Link(Protocol):
    """The client's end of a connection; each method only hands over to the bot's loop."""

    def send_voice_state(self, channel_id: int | None, sent: Callable[[], object]) -> None:
        """Send opcode 4 on the bot's gateway, and call ``sent`` when it was written or could not be."""

    def state_changed(self, state: ConnectionState) -> None:
        """The connection has another state."""

    def channel_event(self, event: ChannelEvent) -> None:
        """Something happened to others in the channel."""

    def encryption_changed(self, state: EncryptionState) -> None:
        """The end-to-end encryption has another version or privacy code."""

    def check(self) -> None:
        """See that the bot's registry still holds this connection."""
