"""What the bot libraries' voice clients have and isocord's has not, with what to use instead."""

from __future__ import annotations

_NATIVE = "packets are made natively; voice.stats counts them, voice.elapsed() tells how much was played"
_SOCKET = "the native core has the socket; send with voice.send_audio_packet(packet, encode=False)"
_GATEWAY = "the voice gateway runs by itself; voice.state and voice.wait_for_state() tell where it stands"

ABSENT = {
    "sequence": _NATIVE,
    "timestamp": _NATIVE,
    "checked_add": _NATIVE,
    "socket": _SOCKET,
    "_get_voice_packet": _SOCKET,
    "_runner": _GATEWAY,
    "_handshaking": _GATEWAY,
    "_reader": "voice.is_recording() and voice.sink tell of recordings",
    "_state": "use voice.client",
    "get_ssrc": "voice.ws.ssrc_map tells whose stream is whose",
    "connect_websocket": _GATEWAY,
    "poll_voice_ws": _GATEWAY,
}
"""Names that bots of the libraries use, and advice."""


def advice(cls: type, name: str) -> str:
    """What an AttributeError for ``name`` says."""
    text = f"{cls.__name__!r} object has no attribute {name!r}"
    return f"{text}: {ABSENT[name]}" if name in ABSENT else text
