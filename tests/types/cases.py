"""What type checkers must say of a bot's code: nothing, but for an error on each line that is marked so.

Written for the package ``discord``; ``check.py`` puts the other libraries' names in its place.
"""

from __future__ import annotations

from typing import Any

import discord
from typing_extensions import assert_type

import isocord


async def plays(channel: discord.VoiceChannel, stage: discord.StageChannel) -> None:
    voice = await channel.connect(cls=isocord.VoiceClient)
    assert_type(voice.channel, discord.VoiceChannel | discord.StageChannel)
    assert_type(voice.guild, discord.Guild)
    assert_type(voice.client, discord.Client)
    assert_type(voice.user, discord.ClientUser)
    assert_type(voice.is_playing(), bool)
    assert_type(voice.state, isocord.ConnectionState)
    protocol: discord.VoiceProtocol = voice  # type: ignore[type-arg,unused-ignore]
    voice.play(isocord.AudioFile("song.ogg", volume=0.5), after=print)
    voice.play(discord.FFmpegPCMAudio("song.ogg"))
    voice.source = isocord.AudioFile("next.ogg")
    await voice.move_to(stage)
    await protocol.disconnect(force=True)
    voice.plya(isocord.AudioFile("song.ogg"))  # error
    voice.play()  # error
    print(voice.channel.nmae)  # error
    isocord.AudioFile("song.ogg", volum=0.5)  # error
    await stage.connect(cls=isocord.VoiceCleint)  # error


async def mixes(channel: discord.VoiceChannel) -> None:
    voice = await channel.connect(cls=isocord.VoiceClient)
    mixer = isocord.Mixer(endless=True)
    voice.play(mixer)
    layer = mixer.play(discord.FFmpegPCMAudio("song.ogg"), volume=0.5, fade_in=1.0, loop=False)
    assert_type(layer, isocord.Layer)
    await mixer.play("hello.ogg", duck=0.25)
    await layer.fade(0.0, 2.0)
    await layer
    mixer.play(3)  # error
    mixer.play("hello.ogg", 0.5)  # error
    mixer.play("hello.ogg", ducks=0.5)  # error


async def hears(channel: discord.VoiceChannel) -> None:
    voice = await channel.connect(cls=isocord.VoiceClient)
    async for frame in voice.listen(sample_rate=16_000, channels=1):
        assert_type(frame, isocord.HeardFrame)
    async for item in voice.listen(speaking=True):
        assert_type(item, isocord.HeardFrame | isocord.SpeakingChanged)

    def heard(frame: isocord.HeardFrame) -> None:
        print(frame.user_id)

    async for utterance in voice.utterances():
        assert_type(utterance, isocord.Utterance)
    async for partial in voice.utterances(8_000, silence=0.4, partial=True):
        assert_type(partial, isocord.PartialUtterance)
        async for pcm in partial:
            assert_type(pcm, bytes)
        assert_type(await partial, isocord.Utterance)
    voice.utterances(vad="yes")  # error
    voice.listen_with(heard).close()
    voice.listen_with(heard, speaking=True)  # error
    voice.listen(sample_rat=16_000)  # error


async def records(channel: discord.VoiceChannel) -> None:
    voice = await channel.connect(cls=isocord.VoiceClient)

    async def done(sink: Any) -> None:
        print(sink.audio_data)

    voice.start_recording(isocord.sinks.OGGSink("call"), done)
    voice.start_recording(isocord.sinks.MKASink("call.mka", tracks=True, max_size=8_000_000), done)
    voice.stop_recording()
    isocord.sinks.MKASink("call.mka", mixdwon=True)  # error
    isocord.sinks.MP3Sink("call", bitrate="high")  # error
    voice.start_recording("call.ogg")  # error


def finds(guild: discord.Guild) -> None:
    voice = isocord.get(guild)
    assert_type(voice, isocord.VoiceClient | None)
    voice.stop()  # error
    if voice is not None:
        voice.stop()
        voice.stpo()  # error


def watches() -> None:
    for voice, stats in isocord.stats().items():
        assert_type(voice, isocord.VoiceClient)
        assert_type(stats, isocord.VoiceStats)
        print(stats.packets_sent, stats.packets_snet)  # error
    with isocord.monitor() as monitor:
        assert_type(monitor, isocord.Monitor)
    isocord.metrics.opentelemetry()
    isocord.metrics.prometeus()  # error
