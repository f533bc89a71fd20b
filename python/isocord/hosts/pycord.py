"""py-cord 2.6 to 2.8. Since 2.8 voice has a package of its own, ``discord.voice``, and other manners."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

from ..playing.manners import Manners
from .base import Host


def load() -> Host:
    """Describe the installed py-cord."""
    discord = importlib.import_module("discord")
    enums = importlib.import_module("discord.enums")
    modern = importlib.util.find_spec("discord.voice") is not None
    # discord.VoiceProtocol warns in versions that have the package.
    voice = importlib.import_module("discord.voice") if modern else discord
    homes = ("discord.voice", "discord.voice.client") if modern else ("discord", "discord.voice_client")
    sinks = importlib.import_module("discord.sinks")
    return Host(
        name="py-cord",
        voice_protocol=voice.VoiceProtocol,
        voice_client=_own_client(voice),
        client_homes=tuple(sys.modules[name] for name in homes if name in sys.modules),
        connect=discord.abc.Connectable.connect,
        audio_source=discord.AudioSource,
        ffmpeg_audio=discord.FFmpegAudio,
        volume_transformer=discord.PCMVolumeTransformer,
        client_exception=discord.ClientException,
        opus_error=discord.opus.OpusError,
        speaking_state=lambda flags: enums.try_enum(enums.SpeakingState, flags),
        manners=Manners(after_first=modern, resolve_on_stop=modern),
        sinks=(sinks.Sink,),
        wave_sink=sinks.WaveSink,
        # Versions differ in which of the two they raise.
        recording_exceptions=(sinks.RecordingException, discord.ClientException),
        recording_callback_takes_error=modern,
    )


def _own_client(voice: ModuleType) -> type | None:
    """py-cord's voice client; None where 2.8 refuses to give it without its extras."""
    try:
        found: type = voice.VoiceClient
    except Exception:
        return None
    return found
