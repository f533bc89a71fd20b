"""nextcord 2.6 and newer."""

from __future__ import annotations

import importlib

from .base import Host


def load() -> Host:
    """Describe the installed nextcord."""
    nextcord = importlib.import_module("nextcord")
    enums = importlib.import_module("nextcord.enums")
    return Host(
        name="nextcord",
        voice_protocol=nextcord.VoiceProtocol,
        voice_client=nextcord.VoiceClient,
        client_homes=(nextcord, importlib.import_module("nextcord.voice_client")),
        connect=nextcord.abc.Connectable.connect,
        audio_source=nextcord.AudioSource,
        ffmpeg_audio=importlib.import_module("nextcord.player").FFmpegAudio,
        volume_transformer=nextcord.PCMVolumeTransformer,
        client_exception=nextcord.ClientException,
        opus_error=importlib.import_module("nextcord.opus").OpusError,
        speaking_state=lambda flags: enums.try_enum(enums.SpeakingState, flags),
    )
