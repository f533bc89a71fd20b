"""A bot with commands of every kind, of whichever library this interpreter has, written as its users write one."""

# Some libraries read annotations as they are: they must be no text here.
import importlib
import io
import warnings
from typing import Any

import pytest

from .world import LIBRARY, library

if LIBRARY == "hikari":
    pytest.skip("hikari leaves commands to others", allow_module_level=True)
commands = importlib.import_module(f"{library.__name__}.ext.commands")


def everything() -> Any:
    """The default intents and that for the text of messages."""
    intents = library.Intents.default()
    intents.message_content = True
    return intents


def talker(intents: Any = None) -> Any:
    """A bot with ``/hello name``, ``/slow``, ``/broken`` and ``!hello name``, ``!broken``."""
    with warnings.catch_warnings():
        # Of the libraries, about commands without the intent for the text of messages, and loops that do not run yet.
        warnings.simplefilter("ignore")
        bot = _bot(intents if intents is not None else everything())

    @bot.command(name="hello")
    async def prefix_hello(ctx: Any, name: str) -> None:
        await ctx.send(f"Hello, {name}.")

    @bot.command(name="broken")
    async def prefix_broken(ctx: Any) -> None:
        raise RuntimeError("nothing there")

    return bot


def log() -> Any:
    return library.File(io.BytesIO(b"all of it"), filename="log.txt")


def _bot(intents: Any) -> Any:
    if hasattr(getattr(library, "app_commands", None), "CommandTree"):
        return _discordpy(intents)
    return {"discord": _pycord, "disnake": _disnake, "nextcord": _nextcord}[library.__name__](intents)


def _discordpy(intents: Any) -> Any:
    class Bot(commands.Bot):  # type: ignore[misc, name-defined]
        async def setup_hook(self) -> None:
            await self.tree.sync()

    bot = Bot("!", intents=intents)
    return _interactions(bot, bot.tree.command, library.Interaction, _by_followup)


def _disnake(intents: Any) -> Any:
    bot = commands.Bot("!", intents=intents)

    async def by_edit(inter: Any, text: str, **options: Any) -> None:
        await inter.edit_original_response(text, **options)

    return _interactions(bot, bot.slash_command, library.ApplicationCommandInteraction, by_edit)


def _nextcord(intents: Any) -> Any:
    bot = commands.Bot("!", intents=intents)
    return _interactions(bot, bot.slash_command, library.Interaction, _by_followup)


async def _by_followup(interaction: Any, text: str, **options: Any) -> None:
    await interaction.followup.send(text, **options)


def _interactions(bot: Any, command: Any, kind: Any, after_deferral: Any) -> Any:
    """Commands that are given an interaction of that class."""

    @command(description="Greets.")
    async def hello(interaction: kind, name: str) -> None:
        await interaction.response.send_message(f"Hello, {name}.")

    @command(description="Takes its time.")
    async def slow(interaction: kind) -> None:
        await interaction.response.defer(ephemeral=True)
        await after_deferral(interaction, "done", file=log())

    @command(description="Fails.")
    async def broken(interaction: kind) -> None:
        raise RuntimeError("nothing there")

    return bot


def _pycord(intents: Any) -> Any:
    bot = commands.Bot("!", intents=intents)

    @bot.slash_command(description="Greets.")
    async def hello(ctx: library.ApplicationContext, name: str) -> None:
        await ctx.respond(f"Hello, {name}.")

    @bot.slash_command(description="Takes its time.")
    async def slow(ctx: library.ApplicationContext) -> None:
        await ctx.defer(ephemeral=True)
        await ctx.respond("done", file=log())

    @bot.slash_command(description="Fails.")
    async def broken(ctx: library.ApplicationContext) -> None:
        raise RuntimeError("nothing there")

    return bot
