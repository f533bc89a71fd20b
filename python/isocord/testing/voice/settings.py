"""How a voice gateway behaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from .sfu import Wrapping


@dataclass(slots=True)
class VoiceSettings:
    """How the voice gateway behaves.

    Attributes:
        modes: transport modes that Ready offers.
        heartbeat_interval: seconds, told in Hello; a client silent for one and a half of it is closed with 4009.
        resume_window: seconds that a session without websocket waits for a Resume.
    """

    modes: tuple[str, ...]
    heartbeat_interval: float = 13.75
    resume_window: float = 30.0
    wrapping: Wrapping = field(default_factory=Wrapping)
