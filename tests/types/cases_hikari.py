"""The same of a hikari bot's code, whose channels are joined in another way. What differs stands here."""

from __future__ import annotations

import hikari
from typing_extensions import assert_type

import isocord
import isocord.hikari


async def plays(bot: hikari.GatewayBot, guild: hikari.Guild, channel: hikari.GuildVoiceChannel) -> None:
    voice = await bot.voice.connect_to(guild, channel, isocord.hikari.VoiceClient, deaf=True)
    assert_type(voice.channel, hikari.GuildVoiceChannel | hikari.GuildStageChannel)
    assert_type(voice.guild, hikari.GatewayGuild | None)
    assert_type(voice.user, hikari.OwnUser | None)
    assert_type(voice.channel_id, hikari.Snowflake)
    assert_type(voice.is_playing(), bool)
    assert_type(voice.state, isocord.ConnectionState)
    protocol: hikari.api.VoiceConnection = voice
    voice.play(isocord.AudioFile("song.ogg", volume=0.5), after=print)
    voice.source = isocord.AudioFile("next.ogg")
    await voice.move_to(channel)
    await voice.join()
    await protocol.disconnect()
    voice.plya(isocord.AudioFile("song.ogg"))  # error
    voice.play()  # error
    print(voice.channel.nmae)  # error
    await bot.voice.connect_to(guild, channel, isocord.hikari.VoiceCleint)  # error


class Noise(isocord.hikari.AudioSource):
    def read(self) -> bytes:
        return bytes(3840)


async def hears(voice: isocord.hikari.VoiceClient) -> None:
    voice.play(Noise())
    async for frame in voice.listen(sample_rate=16_000, channels=1):
        assert_type(frame, isocord.HeardFrame)
    async for utterance in voice.utterances():
        assert_type(utterance, isocord.Utterance)
    recording = voice.start_recording(isocord.sinks.OGGSink("call"))
    assert_type(recording, isocord.Recording)
    voice.start_recording("call.ogg")  # error


def finds(guild: hikari.Guild) -> None:
    assert_type(isocord.get(guild), isocord.VoiceClient | None)


def listens(bot: hikari.GatewayBot) -> None:
    @bot.listen()
    async def speaks(event: isocord.hikari.SpeakingStartEvent) -> None:
        assert_type(event.user_id, hikari.Snowflake)
        assert_type(event.member, hikari.Member | None)
        print(event.guild_id, event.usre_id)  # error

    @bot.listen(isocord.hikari.ConnectionStateEvent)
    async def changes(event: isocord.hikari.ConnectionStateEvent) -> None:
        assert_type(event.state, isocord.ConnectionState)
