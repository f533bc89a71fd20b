"""What a test of a bot is written with: running it, calling its commands, and being told what went wrong."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from .bots import everything, library, talker
from .world import testing

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def lasting() -> Iterator[Any]:
    """A bot that was made where no loop runs, as one that lives in a module."""
    loop = asyncio.new_event_loop()
    # py-cord 2.6 and disnake take the loop of the main thread, nextcord makes one.
    asyncio.set_event_loop(loop)
    bot = talker()
    made_for = getattr(bot, "loop", None)
    yield bot
    asyncio.set_event_loop(None)
    loop.close()
    if isinstance(made_for, asyncio.AbstractEventLoop):
        made_for.close()


async def test_a_command_is_called_and_answers() -> None:
    async with testing.FakeDiscord() as discord, discord.running(talker()) as bot:
        assert bot.is_ready()
        assert [guild.name for guild in bot.guilds] == ["Test guild"]
        answer = await discord.call("hello", name="Bob")
        assert (answer.content, answer.files, answer.is_ephemeral) == ("Hello, Bob.", [], False)
        slow = await discord.call("slow", user="bob")
        assert (slow.content, slow.is_ephemeral, slow.is_deferred) == ("done", True, True)
        assert [(file.name, file.data) for file in slow.files] == [("log.txt", b"all of it")]
        said = await discord.say("!hello Carol")
        assert said.content == "Hello, Carol."


async def test_what_a_command_raises_is_told_at_once() -> None:
    async with testing.FakeDiscord() as discord, discord.running(talker()):
        for answer in (discord.call("broken"), discord.say("!broken")):
            with pytest.raises(testing.BotError, match=r"broken.* failed: RuntimeError: nothing there") as caught:
                await answer
            assert isinstance(caught.value.__cause__, RuntimeError)
        with pytest.raises(testing.BotError, match="CommandNotFound"):
            await discord.say("!helo Carol")
        with pytest.raises(testing.NotFoundError, match="no command 'helo'; there are: 'broken', 'hello', 'slow'"):
            discord.call("helo")


async def test_one_bot_runs_again_and_again() -> None:
    bot = talker()
    for name in ("Alice", "Bob", "Carol"):
        async with testing.FakeDiscord() as discord, discord.running(bot):
            assert (await discord.call("hello", name=name)).content == f"Hello, {name}."
            assert (await discord.say(f"!hello {name}")).content == f"Hello, {name}."
        assert bot.is_closed()


def test_one_bot_runs_on_one_loop_after_the_other(lasting: Any) -> None:
    async def use(name: str) -> str:
        async with testing.FakeDiscord() as discord, discord.running(lasting):
            return str((await discord.call("hello", name=name)).content)

    for name in ("Alice", "Bob"):
        assert asyncio.run(use(name)) == f"Hello, {name}."


def test_without_a_loop(lasting: Any) -> None:
    for name in ("Alice", "Bob"):
        with testing.FakeDiscord() as discord, discord.running(lasting):
            assert discord.call("hello", name=name).wait().content == f"Hello, {name}."
            assert discord.say(f"!hello {name}").wait().content == f"Hello, {name}."
            with pytest.raises(testing.BotError, match="nothing there"):
                discord.call("broken").wait()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("isocord-testing")]


class Greeter(library.ext.commands.Cog if hasattr(library, "ext") else object):  # type: ignore[misc, name-defined]
    @library.ext.commands.command()  # type: ignore[misc, attr-defined]
    async def greet(self, ctx: Any) -> None:
        await ctx.send("Good day.")


async def test_what_is_loaded_into_a_bot_stays() -> None:
    bot = talker()
    made = bot.add_cog(Greeter())
    if made is not None and asyncio.iscoroutine(made):
        await made
    for _ in range(2):
        async with testing.FakeDiscord() as discord, discord.running(bot):
            assert (await discord.say("!greet")).content == "Good day."


async def test_a_bot_that_cannot_read_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isocord.testing.fake.answers._TIMEOUT", 0.5)
    intents = everything()
    intents.message_content = False
    async with testing.FakeDiscord() as discord, discord.running(talker(intents)):
        with pytest.raises(testing.BotError, match="its intents lack message_content"):
            await discord.say("!hello Carol")
        assert (await discord.call("hello", name="Bob")).content == "Hello, Bob."


async def test_a_login_that_fails_raises_what_the_bot_raises() -> None:
    async with testing.FakeDiscord() as discord:
        bot = talker()
        start = bot.start
        bot.start = lambda token: start("wrong")
        with pytest.raises(library.LoginFailure):
            async with discord.running(bot):
                pass


async def test_a_handler_that_fails_is_told_at_the_end() -> None:
    bot = library.Client(intents=everything())
    called = asyncio.Event()

    @bot.event
    async def on_voice_state_update(*_: Any) -> None:
        called.set()
        raise RuntimeError("nothing there")

    async def use(discord: Any, user: str, error: Exception | None = None) -> None:
        called.clear()
        async with discord.running(bot):
            discord.listen("General", user=user)
            await asyncio.wait_for(called.wait(), 15)
            if error is not None:
                raise error

    async with testing.FakeDiscord() as discord:
        with pytest.raises(testing.BotError, match="on_voice_state_update of the bot failed: RuntimeError") as caught:
            await use(discord, "alice")
        assert isinstance(caught.value.__cause__, RuntimeError)
        # What the test itself fails with is told before that.
        with pytest.raises(KeyError):
            await use(discord, "bob", KeyError())


async def test_a_bot_that_forgets_to_defer_is_told() -> None:
    async with testing.FakeDiscord(answer_within=0.0) as discord, discord.running(talker()):
        with pytest.raises(testing.BotError, match=r"^/hello failed: .* \(it answered after .* to defer\)$"):
            await discord.call("hello", name="Bob")


async def test_who_would_block_the_bot_is_told() -> None:
    async with testing.FakeDiscord() as discord, discord.running(talker()):
        answer = discord.call("hello", name="Bob")
        for blocking in (answer.wait, lambda: discord.wait_until(lambda: answer.content)):
            with pytest.raises(testing.BotError, match="block the loop that the bot runs on"):
                blocking()
        assert (await answer).content == "Hello, Bob."


async def test_a_bot_never_talks_to_discord_itself() -> None:
    bot = talker()
    discord = testing.FakeDiscord(patch=False)
    with pytest.raises(testing.NotRunningError):
        async with discord.running(bot):
            pass
    async with discord, testing.FakeDiscord(), discord.running(bot):
        # The libraries pointed elsewhere, and point there again.
        assert (await discord.call("hello", name="Bob")).content == "Hello, Bob."
    with testing.FakeDiscord():
        pass


async def test_what_is_no_bot_is_told() -> None:
    async with testing.FakeDiscord() as discord:
        for wrong in (type(talker()), "bot", None):
            with pytest.raises(TypeError, match="must be a bot or client of a bot library, made already"):
                async with discord.running(wrong):
                    pass
    with testing.FakeDiscord():
        # Nothing holds the libraries.
        pass


async def test_in_a_process_of_its_own() -> None:
    async with testing.FakeDiscordProcess() as discord, discord.running(talker()):
        assert (await discord.call("hello", name="Bob")).content == "Hello, Bob."
        assert (await discord.call("slow")).files[0].data == b"all of it"
        with pytest.raises(testing.BotError, match="nothing there"):
            await discord.say("!broken")


async def test_who_asks_from_no_voice_channel_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = talker()

    @bot.command()
    async def join(ctx: Any) -> None:
        await ctx.send(f"You are in {ctx.author.voice.channel.name}.")

    async with testing.FakeDiscord() as discord, discord.running(bot):
        with pytest.raises(testing.BotError, match=r"AttributeError.*alice is in no voice channel.*discord\.listen"):
            await discord.say("!join")
        discord.listen("General", user="alice")
        await discord.wait_for(lambda: any(bot.guilds[0].voice_channels[0].voice_states))
        assert (await discord.say("!join")).content == "You are in General."


async def test_a_tree_that_is_never_synced_is_told() -> None:
    if not hasattr(getattr(library, "app_commands", None), "CommandTree"):
        pytest.skip("the other libraries register commands by themselves")
    bot = library.ext.commands.Bot("!", intents=everything())

    @bot.tree.command(description="Plays.")
    async def play(interaction: library.Interaction) -> None: ...

    async with testing.FakeDiscord() as discord, discord.running(bot):
        with pytest.raises(testing.NotFoundError, match=r"nothing has called `await tree\.sync\(\)`"):
            discord.call("play")


async def test_a_fake_that_would_take_the_libraries_from_a_bot_does_not_begin() -> None:
    async with testing.FakeDiscord() as discord, discord.running(talker()) as bot:
        with pytest.raises(testing.BotError, match="patch=False"):
            testing.FakeDiscord().__enter__()
        await bot.guilds[0].text_channels[0].send("Still here.")
        assert [message["content"] for message in discord.messages] == ["Still here."]
    with testing.FakeDiscord():
        pass
