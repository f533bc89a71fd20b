"""What only hikari has: a component that joins by itself, a cache that may be off, events that are objects."""

from __future__ import annotations

import asyncio
import re
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import isocord
from isocord import Phase, Reason
from isocord.hosts.base import EventNames
from isocord.ray import Cluster
from isocord.remote import MediaNode
from isocord.sinks import WaveSink

from .world import LIBRARY, Tone, testing, until

if LIBRARY != "hikari":
    pytest.skip("this is for hikari alone", allow_module_level=True)
hikari: Any = pytest.importorskip("hikari")
own: Any = pytest.importorskip("isocord.hikari")
hikari_events: Any = pytest.importorskip("isocord.hosts.hikari_events")


class Stage:
    """A bot that is logged in."""

    def __init__(self, discord: Any, bot: Any) -> None:
        self.discord, self.bot = discord, bot
        self.guild_id = discord.guild.id

    async def connect(self, cls: type = isocord.VoiceClient, name: str = "General", **options: Any) -> Any:
        return await self.bot.voice.connect_to(self.guild_id, self.discord.channel(name).id, cls, **options)

    @property
    def state(self) -> Any:
        return self.discord.bot_voice_state()


def bot_with(token: str, **options: Any) -> Any:
    return hikari.GatewayBot(token, banner=None, logs=None, suppress_optimization_warning=True, **options)


@asynccontextmanager
async def stage(**options: Any) -> AsyncIterator[Stage]:
    async with testing.FakeDiscord() as discord:
        bot = bot_with(discord.token, **options)
        await bot.start(check_for_updates=False)
        if bot.cache.settings.components:
            await until(lambda: bot.cache.get_available_guild(discord.guild.id))
        try:
            yield Stage(discord, bot)
        finally:
            await bot.close()


UNCACHED = hikari.impl.CacheSettings(components=hikari.api.CacheComponents.NONE)


class TestConnecting:
    @pytest.mark.parametrize("cls", [isocord.VoiceClient, own.VoiceClient])
    async def test_it_is_what_hikari_asks_for(self, cls: type) -> None:
        async with stage() as here:
            voice = await here.connect(cls)
            assert isinstance(voice, hikari.api.VoiceConnection)
            assert isinstance(voice, own.VoiceClient)
            assert here.bot.voice.connections == {here.guild_id: voice}
            assert (voice.guild_id, voice.channel_id) == (here.guild_id, here.state.channel_id)
            assert (voice.owner, voice.shard_id) == (here.bot.voice, 0)
            assert voice.is_alive
            assert voice.guild == here.bot.cache.get_guild(here.guild_id)
            assert isocord.get(voice.guild) is voice
            assert voice.user == here.bot.get_me()

    async def test_the_channel_is_joined_once(self) -> None:
        async with stage() as here:
            await here.connect()
            asked = [entry for entry in here.discord.events if entry.direction == "received" and entry.op == 4]
            assert len(asked) == 1

    @pytest.mark.parametrize("cache", [{}, {"cache_settings": UNCACHED}], ids=["cached", "uncached"])
    async def test_deaf_and_mute_survive_a_move(self, cache: dict[str, Any]) -> None:
        async with stage(**cache) as here:
            voice = await here.connect(deaf=True, mute=True)
            await voice.move_to(here.discord.channel("Music").id)
            assert (here.state.self_deaf, here.state.self_mute) == (True, True)
            assert voice.channel_id == voice.channel.id == here.discord.channel("Music").id

    async def test_nothing_needs_to_be_cached(self) -> None:
        async with stage(cache_settings=UNCACHED) as here:
            told: list[Any] = []

            async def hear(event: Any) -> None:
                told.append(event)

            here.bot.event_manager.subscribe(own.MemberEvent, hear)
            voice = await here.connect()
            alice = here.discord.listen("General", user="alice")
            await until(lambda: told)
            assert (told[0].user_id, told[0].member) == (alice.user_id, None)
            assert (voice.guild, voice.user) == (None, None)
            voice.play(Tone())
            await until(lambda: len(alice.arrivals()) > 10)

    async def test_the_own_voice_is_recorded_where_the_own_user_is_not_cached(self, tmp_path: Path) -> None:
        async with stage(cache_settings=UNCACHED) as here:
            voice = await here.connect()
            recording = voice.start_recording(WaveSink(tmp_path, own_voice=True))
            voice.play(Tone())
            await until(lambda: here.discord.counters["rtp_received"] > 10)
            tracks = (await recording.stop()).tracks
            assert [(track.user_id, track.error) for track in tracks] == [(here.discord.bot.id, None)]

    async def test_what_happens_during_the_handshake_is_heard(self) -> None:
        async with stage() as here:
            identified = threading.Event()

            def hold(direction: str, op: int, body: Any) -> bool:
                if op == 0:
                    identified.set()
                return op != 0

            here.discord.set_voice_filter(hold)
            connecting = asyncio.create_task(here.connect())
            await until(identified.is_set)
            here.discord.set_voice_filter(None)
            here.discord.move_bot("Music")
            voice = await connecting
            assert voice.channel.name == "Music"
            assert voice.is_connected()

    async def test_one_that_is_called_off_leaves_and_the_next_joins(self) -> None:
        async with stage() as here:
            here.discord.set_voice_filter(lambda direction, op, body: op != 0)
            connecting = asyncio.create_task(here.connect())
            await until(lambda: here.bot.voice.connections)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
            assert not here.bot.voice.connections
            assert here.state is None
            here.discord.set_voice_filter(None)
            assert (await here.connect()).is_connected()

    async def test_an_option_that_there_is_not(self) -> None:
        async with stage() as here:
            with pytest.raises(TypeError, match="'recconect'"):
                await here.connect(recconect=False)
            await until(lambda: here.state is None)

    async def test_shards(self) -> None:
        async with testing.FakeDiscord(guilds=3) as discord:
            bot = bot_with(discord.token)
            await bot.start(check_for_updates=False, shard_count=2)
            for guild in discord.guilds:
                voice = await bot.voice.connect_to(guild.id, guild.channel("General").id, isocord.VoiceClient)
                assert voice.shard_id == (guild.id >> 22) % 2
                await voice.move_to(guild.channel("Music").id)
            assert len(bot.voice.connections) == 3
            await bot.close()

    async def test_a_second_one_is_refused(self) -> None:
        async with stage() as here:
            voice = await here.connect()
            with pytest.raises(hikari.VoiceError):
                await here.connect()
            assert voice.is_connected()

    async def test_a_certificate_that_is_not_trusted_is_refused(self) -> None:
        nobody = hikari.impl.HTTPSettings
        async with stage() as here:
            here.bot._http_settings = nobody(ssl=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
            with pytest.raises(isocord.ConnectError, match="certificate") as caught:
                await here.connect()
            assert isinstance(caught.value, hikari.VoiceError)
            assert not here.bot.voice.connections

    async def test_a_bot_that_was_made_before_the_fake(self) -> None:
        discord = testing.FakeDiscord()
        bot = bot_with(discord.token)
        async with discord:
            await bot.start(check_for_updates=False)
            voice = await Stage(discord, bot).connect()
            assert voice.is_connected()
            await bot.close()


class TestTheBotsOwnListeners:
    """What the bot's gateway has said is true for its own listeners at once."""

    async def test_a_kick(self) -> None:
        async with stage() as here:
            seen: list[Any] = []

            @here.bot.listen()
            async def hear(event: hikari.VoiceStateUpdateEvent) -> None:
                if event.state.channel_id is None:
                    seen.append((voice.is_connected(), dict(here.bot.voice.connections)))
                    # As a bot does that wants to come back.
                    seen.append(await here.connect())

            voice = await here.connect()
            here.discord.kick_bot()
            await until(lambda: len(seen) == 2)
            assert seen[0] == (False, {})
            assert seen[1].is_connected()
            assert voice.state.reason is Reason.KICKED

    async def test_a_move(self) -> None:
        async with stage() as here:
            seen: list[Any] = []

            @here.bot.listen()
            async def hear(event: hikari.VoiceStateUpdateEvent) -> None:
                seen.append(voice.channel_id == event.state.channel_id)

            voice = await here.connect()
            seen.clear()
            here.discord.move_bot("Music")
            await until(lambda: seen)
            assert seen == [True]


class TestEnding:
    async def test_a_kick(self) -> None:
        async with stage() as here:
            voice = await here.connect()
            here.discord.kick_bot()
            await asyncio.wait_for(voice.join(), 15)
            assert voice.state.reason is Reason.KICKED
            assert not voice.is_alive
            assert not here.bot.voice.connections
            assert (await here.connect()).is_connected()

    @pytest.mark.parametrize("way", ["voice", "component", "all"])
    async def test_leaving(self, way: str) -> None:
        async with stage() as here:
            voice = await here.connect()
            if way == "voice":
                await voice.disconnect()
            elif way == "component":
                await here.bot.voice.disconnect(here.guild_id)
            else:
                await here.bot.voice.disconnect_all()
            assert here.state is None
            assert not here.bot.voice.connections
            assert voice.state.phase is Phase.DISCONNECTED
            for event in (hikari.VoiceStateUpdateEvent, hikari.VoiceServerUpdateEvent, hikari.ShardReadyEvent):
                assert not here.bot.event_manager.get_listeners(event, polymorphic=False)

    async def test_the_bot_is_closed(self) -> None:
        async with stage() as here:
            voice = await here.connect()
            await here.bot.close()
            assert voice.state.phase is Phase.DISCONNECTED
            await here.bot.start(check_for_updates=False)
            assert (await here.connect()).is_connected()


class TestGoingOn:
    async def test_a_new_session_of_the_bots_gateway(self) -> None:
        async with stage() as here:
            alice = here.discord.listen("General", user="alice")
            voice = await here.connect()
            voice.play(Tone())
            await until(lambda: len(alice.arrivals()) > 10)
            session = voice.session_id
            here.discord.gateway.invalidate()
            await until(lambda: voice.is_connected() and voice.session_id != session)
            heard = len(alice.arrivals())
            await until(lambda: len(alice.arrivals()) > heard + 10)
            assert here.bot.voice.connections == {here.guild_id: voice}

    async def test_other_guilds_and_users_are_none_of_its_business(self) -> None:
        async with stage() as here:
            voice = await here.connect()
            here.discord.speak("General", user="bob").leave()
            state = here.bot.cache.get_voice_state(here.guild_id, here.bot.get_me())
            await voice._hear_server(
                hikari.VoiceServerUpdateEvent(
                    app=here.bot, shard=here.bot.shards[0], guild_id=hikari.Snowflake(1), token="t", raw_endpoint=None
                )
            )
            await asyncio.sleep(0)
            assert state is not None
            assert voice.is_connected()


class TestCarriedElsewhere:
    """By a media node."""

    async def test_it_plays_and_goes_on_at_the_next_node(self) -> None:
        with MediaNode() as first, MediaNode() as second:
            cls = own.voice_client([first.address, second.address])
            assert issubclass(cls, hikari.api.VoiceConnection)
            async with stage() as here:
                alice = here.discord.listen("General", user="alice")
                voice = await here.connect(cls, deaf=True)
                assert isinstance(voice, hikari.api.VoiceConnection) and isinstance(voice, isocord.VoiceClient)
                assert here.bot.voice.connections == {here.guild_id: voice}
                assert (first.connections, here.state.self_deaf) == (1, True)
                voice.play(Tone())
                await until(lambda: len(alice.arrivals()) > 10)
                first.close()
                await until(lambda: second.connections == 1)
                heard = len(alice.arrivals())
                await until(lambda: len(alice.arrivals()) > heard + 10)
                await voice.move_to(here.discord.channel("Music").id)
                assert voice.channel_id == here.discord.channel("Music").id
                await voice.disconnect()
                await until(lambda: second.connections == 0)
                assert here.bot.voice.connections == {}

    async def test_the_class_of_a_cluster_is_hikaris_as_well(self) -> None:
        async with Cluster("127.0.0.1:1", nodes=0) as cluster:
            assert issubclass(cluster.HikariVoiceClient, hikari.api.VoiceConnection)
            assert issubclass(cluster.HikariVoiceClient, cluster.VoiceClient)


class TestEvents:
    def test_each_that_others_dispatch_has_a_class(self) -> None:
        names = {getattr(EventNames(), field) for field in EventNames.__match_args__}
        for path in Path(isocord.__file__).parent.joinpath("client").glob("*.py"):
            names |= set(re.findall(r'_dispatch\("(\w+)"', path.read_text("utf-8")))
        assert names == set(hikari_events._CLASSES)

    async def test_each_kind(self) -> None:
        async with stage() as here:
            told: list[Any] = []

            async def hear(event: Any) -> None:
                told.append(event)

            here.bot.event_manager.subscribe(own.VoiceEvent, hear)

            def of(kind: type) -> list[Any]:
                return [event for event in told if isinstance(event, kind)]

            voice = await here.connect()
            voice.dispatch_speaking()
            bob = here.discord.speak("General", user="bob")
            # Sound may be there before the bot's own gateway has told who has come.
            await until(lambda: here.bot.cache.get_member(here.guild_id, bob.user_id))
            bob.play(testing.tone(440, 0.5))
            await until(lambda: of(own.SpeakingStopEvent))
            start = of(own.SpeakingStartEvent)[0]
            assert (start.user_id, start.guild_id, start.app) == (bob.user_id, here.guild_id, here.bot)
            assert start.member.username == "bob"
            assert of(own.SpeakingStateEvent)[0].ssrc == bob.ssrc
            assert of(own.MemberConnectEvent)[0].user_id == bob.user_id
            codes = [event.code for event in of(own.PrivacyCodeEvent)]
            assert codes[0] == voice.privacy_code
            assert [event.state.phase for event in of(own.ConnectionStateEvent)][-1] is Phase.CONNECTED
            assert of(own.ConnectionStateEvent)[0].voice is voice
            bob.leave()
            await until(lambda: of(own.MemberDisconnectEvent))
            assert of(own.MemberDisconnectEvent)[0].user_id == bob.user_id


class TestTheFake:
    """What isocord.testing has for bots is there for those of hikari."""

    @staticmethod
    def bot() -> Any:
        """A bot as it stands in a module, with a token of its own."""
        bot = bot_with("MTIzNDU2Nzg5MDEyMzQ1Njc4.a.b", intents=hikari.Intents.ALL)

        @bot.listen()
        async def begin(event: hikari.StartedEvent) -> None:
            command = bot.rest.slash_command_builder("play", "Plays.")
            command.add_option(hikari.CommandOption(type=hikari.OptionType.STRING, name="path", description="which"))
            await bot.rest.set_application_commands(await bot.rest.fetch_application(), [command])

        @bot.listen()
        async def play(event: hikari.InteractionCreateEvent) -> None:
            interaction = event.interaction
            state = bot.cache.get_voice_state(interaction.guild_id, interaction.user)
            if state is None:
                raise LookupError("nobody is there")
            voice = await bot.voice.connect_to(interaction.guild_id, state.channel_id, isocord.VoiceClient)
            voice.play(Tone())
            path = interaction.options[0].value
            await interaction.create_initial_response(hikari.ResponseType.MESSAGE_CREATE, f"Playing {path}")

        @bot.listen()
        async def answer(event: hikari.GuildMessageCreateEvent) -> None:
            if event.is_human:
                await event.message.respond(f"you said {event.content}", reply=True)

        return bot

    async def test_commands_are_called_and_messages_answered(self) -> None:
        async with testing.FakeDiscord() as discord, discord.running(self.bot()) as bot:
            assert bot.cache.get_available_guild(discord.guild.id)
            await until(discord.commands)
            alice = discord.listen("General", user="alice")
            answer = await discord.call("play", path="song.mp3")
            assert answer.content == "Playing song.mp3"
            await until(lambda: len(alice.arrivals()) > 10)
            reply = await discord.say("hello")
            assert reply.content == "you said hello"

    async def test_what_fails_in_the_bot_is_told(self) -> None:
        async with testing.FakeDiscord() as discord, discord.running(self.bot()):
            await until(discord.commands)
            with pytest.raises(testing.BotError, match="nobody is there"):
                await discord.call("play", path="song.mp3")

    def test_one_bot_runs_again_and_again(self) -> None:
        bot = self.bot()
        for _ in range(2):
            with testing.FakeDiscord() as discord, discord.running(bot):
                discord.wait_until(lambda discord=discord: discord.commands(), timeout=15)
                discord.listen("General", user="alice")
                assert discord.call("play", path="a").wait().content == "Playing a"
            assert not bot.is_alive

    def test_a_bot_that_cannot_run_holds_no_library(self) -> None:
        bot = self.bot()
        del bot._token
        for _ in range(2):
            with testing.FakeDiscord() as discord, pytest.raises(AttributeError, match="_token"), discord.running(bot):
                pass


def test_there_is_no_client_to_take_the_place_of() -> None:
    with pytest.raises(isocord.UnknownHostError, match="connect_to"):
        isocord.install()
