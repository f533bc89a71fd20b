"""discord.py 2. Its voice events are those of discord-ext-voice-recv."""

from __future__ import annotations

import importlib

from ..playing.manners import Manners
from .base import EventNames, Host


def load() -> Host:
    """Describe the installed discord.py."""
    discord = importlib.import_module("discord")
    enums = importlib.import_module("discord.enums")
    return Host(
        name="discord.py",
        voice_protocol=discord.VoiceProtocol,
        voice_client=discord.VoiceClient,
        client_homes=(discord, importlib.import_module("discord.voice_client")),
        connect=discord.abc.Connectable.connect,
        audio_source=discord.AudioSource,
        ffmpeg_audio=importlib.import_module("discord.player").FFmpegAudio,
        volume_transformer=discord.PCMVolumeTransformer,
        client_exception=discord.ClientException,
        opus_error=importlib.import_module("discord.opus").OpusError,
        speaking_state=lambda flags: enums.try_enum(enums.SpeakingState, flags),
        manners=Manners(keeps_encoder=False),
        events=EventNames("voice_member_speaking_state", "voice_member_connect", "voice_member_disconnect"),
    )
