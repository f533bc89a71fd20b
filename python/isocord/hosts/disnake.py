"""disnake 2 and newer."""

from __future__ import annotations

import importlib

from .base import Host


def load() -> Host:
    """Describe the installed disnake."""
    disnake = importlib.import_module("disnake")
    enums = importlib.import_module("disnake.enums")
    return Host(
        name="disnake",
        voice_protocol=disnake.VoiceProtocol,
        voice_client=disnake.VoiceClient,
        client_homes=(disnake, importlib.import_module("disnake.voice_client")),
        connect=disnake.abc.Connectable.connect,
        audio_source=disnake.AudioSource,
        ffmpeg_audio=importlib.import_module("disnake.player").FFmpegAudio,
        volume_transformer=disnake.PCMVolumeTransformer,
        client_exception=disnake.ClientException,
        opus_error=importlib.import_module("disnake.opus").OpusError,
        speaking_state=lambda flags: enums.try_enum(enums.SpeakingState, flags),
    )
