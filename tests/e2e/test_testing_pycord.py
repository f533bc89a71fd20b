"""The fake Discord, proved with an unmodified py-cord bot and py-cord's own VoiceClient."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import discord as pycord
import pytest
import pytest_asyncio

from isocord.testing import FakeDiscord, FakeDiscordProcess, tone

from .calls import loudest_frequency

pytestmark = pytest.mark.asyncio

# py-cord's own connect needs 5 seconds on an idle loop.
CONNECT = 60


class Running:
    """A bot that is logged in to a fake Discord."""

    def __init__(self, discord: FakeDiscord, bot: pycord.Bot) -> None:
        self.discord = discord
        self.bot = bot

    @property
    def guild(self) -> pycord.Guild:
        return self.bot.guilds[0]

    async def join(self, name: str = "General") -> pycord.VoiceClient:
        channel = pycord.utils.get(self.guild.channels, name=name)
        return await asyncio.wait_for(channel.connect(), CONNECT)


@pytest_asyncio.fixture
async def running() -> AsyncIterator[Running]:
    async with FakeDiscord() as discord:
        bot = pycord.Bot(intents=pycord.Intents.all())

        @bot.slash_command(description="Answers.")
        async def ping(ctx: pycord.ApplicationContext) -> None:
            await ctx.respond("pong")

        async with discord.running(bot):
            yield Running(discord, bot)


async def test_logs_in_and_sees_the_guild(running: Running) -> None:
    assert running.bot.user.id == running.discord.bot.id
    assert running.guild.name == "Test guild"
    assert {m.name for m in running.guild.members} >= {"alice", "bob", "isocord-bot"}
    assert [c.name for c in running.guild.voice_channels] == ["General", "Music"]
    assert [c.name for c in running.guild.stage_channels] == ["Stage"]


async def test_writes_and_reads_messages(running: Running) -> None:
    await running.guild.text_channels[0].send("hello")
    assert [m["content"] for m in running.discord.messages] == ["hello"]
    heard = asyncio.ensure_future(running.bot.wait_for("message", check=lambda m: m.author.name == "alice"))
    await asyncio.sleep(0)
    running.discord.say("!play")
    assert (await asyncio.wait_for(heard, 15)).content == "!play"


async def test_answers_a_slash_command(running: Running) -> None:
    assert (await running.discord.call("ping")).content == "pong"


async def test_unknown_things_are_404_in_discords_form(running: Running) -> None:
    with pytest.raises(pycord.NotFound) as caught:
        await running.bot.fetch_channel(1)
    assert caught.value.code == 10003


async def test_plays_a_tone_that_a_listener_hears(running: Running) -> None:
    discord = running.discord
    alice = discord.listen("General", user="alice")
    voice = await running.join()
    state = discord.bot_voice_state()
    assert state is not None
    assert state.channel_id == discord.channel("General").id
    assert {m.name for m in voice.channel.members} == {"alice", "isocord-bot"}

    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    source = pycord.PCMAudio(io.BytesIO(tone(1000, 1.0)))
    voice.play(source, after=lambda error: loop.call_soon_threadsafe(done.set))
    await asyncio.wait_for(done.wait(), 15)
    # The tone's 50 frames, then the five silence frames.
    await discord.wait_for(lambda: len(alice.arrivals()) >= 55)
    assert alice.arrivals()[-1].is_silence
    assert len(alice.pcm()) == 55 * 3840
    assert abs(loudest_frequency(alice.pcm()[: 50 * 3840]) - 1000) < 2
    assert alice.gaps().lost == 0
    session = discord.voice_session()
    assert session is not None
    assert session.packets_received == 55

    await voice.disconnect()
    await discord.wait_for(lambda: discord.bot_voice_state() is None)
    await discord.wait_for(lambda: discord.voice_session() is None)
    assert running.guild.voice_client is None
    assert discord.counters["rtp_open_failed"] == discord.counters["udp_garbage"] == 0


async def test_moderators_move_and_kick_the_bot(running: Running) -> None:
    discord = running.discord
    voice = await running.join()
    discord.move_bot("Music")
    await discord.wait_for(lambda: voice.channel is not None and voice.channel.name == "Music", timeout=15)
    discord.kick_bot()
    assert discord.bot_voice_state() is None
    await discord.wait_for(lambda: running.guild.me.voice is None)


async def test_the_bot_moderates(running: Running) -> None:
    discord = running.discord
    alice = discord.listen("General", user="alice")
    member = pycord.utils.get(running.guild.members, name="alice")
    with pytest.raises(pycord.Forbidden):
        await member.edit(mute=True)
    discord.allow("General", mute_members=True, move_members=True)
    await member.edit(mute=True)
    assert alice.voice_state is not None
    assert alice.voice_state.mute
    await member.move_to(pycord.utils.get(running.guild.voice_channels, name="Music"))
    assert alice.voice_state.channel_id == discord.channel("Music").id
    discord.allow("Music", move_members=True)
    await member.move_to(None)
    assert alice.voice_state is None


async def test_the_main_gateway_resumes_and_identifies_anew(running: Running) -> None:
    discord = running.discord
    discord.gateway.cut()
    await discord.wait_for(lambda: discord.gateway.resumes == 1, timeout=15)
    before = discord.gateway.session_ids
    ready = asyncio.ensure_future(running.bot.wait_for("ready"))
    await asyncio.sleep(0)
    discord.gateway.invalidate()
    await asyncio.wait_for(ready, 15)
    assert discord.gateway.session_ids != before


async def test_a_fake_in_a_process_of_its_own(tmp_path: Path) -> None:
    async with FakeDiscordProcess() as discord:
        alice = discord.listen("General", user="alice")
        async with discord.running(pycord.Bot(intents=pycord.Intents.all())) as bot:
            voice = await asyncio.wait_for(bot.get_channel(discord.channel("General").id).connect(), CONNECT)
            voice.play(pycord.PCMAudio(io.BytesIO(tone(700, 1.0))))
            # py-cord's own client may lose the first frames of an encrypted call.
            await discord.wait_for(lambda: len(alice.arrivals()) >= 30, timeout=15)
            alice.save_wav(tmp_path / "heard.wav")
            times = [arrival.time_ns for arrival in alice.arrivals()]
            assert times == sorted(times)
            assert abs(loudest_frequency(alice.pcm()[: 25 * 3840]) - 700) < 4
            frames, rest = divmod((tmp_path / "heard.wav").stat().st_size - 44, 3840)
            assert 30 <= frames <= 55
            assert rest == 0
            await voice.disconnect()
            await discord.wait_for(lambda: discord.bot_voice_state() is None)
