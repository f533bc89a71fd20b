"""A slash command with choices, under whichever bot library this interpreter has, invoked as a user does."""

from __future__ import annotations

import enum
import importlib
from typing import Any

import pytest

from .world import LIBRARY, library, testing

pytestmark = pytest.mark.skipif(LIBRARY == "hikari", reason="hikari leaves commands to others")


class Colour(enum.Enum):
    red = "rot"
    green = "grün"


class Volume(int, enum.Enum):
    soft = 3
    loud = 11


def painter(got: list[Any]) -> Any:
    """A bot with ``/paint colour volume``, written as its library's documentation writes one."""
    intents = library.Intents.default()
    if hasattr(getattr(library, "app_commands", None), "CommandTree"):

        class Bot(library.Client):  # type: ignore[misc, name-defined]
            async def setup_hook(self) -> None:
                await tree.sync()

        bot = Bot(intents=intents)
        tree = library.app_commands.CommandTree(bot)

        @tree.command(description="Paints.")
        async def paint(interaction: library.Interaction, colour: Colour, volume: Volume) -> None:
            got.append((colour, volume))
            await interaction.response.send_message("painted")

        return bot
    if library.__name__ == "discord":
        bot = library.Bot(intents=intents)

        @bot.slash_command(description="Paints.")
        @library.option("colour", Colour, description="which")
        @library.option("volume", Volume, description="how")
        async def paint(ctx: Any, colour: Colour, volume: Volume) -> None:
            got.append((colour, volume))
            await ctx.respond("painted")

        return bot
    if library.__name__ == "nextcord":
        bot = library.Client(intents=intents)

        @bot.slash_command(description="Paints.")
        async def paint(
            interaction: library.Interaction,
            colour: str = library.SlashOption(choices={each.name: each.value for each in Colour}),
            volume: int = library.SlashOption(choices={each.name: each.value for each in Volume}),
        ) -> None:
            got.append((Colour(colour), Volume(volume)))
            await interaction.response.send_message("painted")

        return bot
    bot = importlib.import_module("disnake.ext.commands").InteractionBot(intents=intents)

    @bot.slash_command(description="Paints.")
    async def paint(interaction: library.ApplicationCommandInteraction, colour: Colour, volume: Volume) -> None:
        got.append((Colour(colour), Volume(volume)))
        await interaction.response.send_message("painted")

    return bot


async def test_a_user_picks_choices_by_their_names() -> None:
    got: list[Any] = []
    async with testing.FakeDiscord() as discord:
        async with discord.running(painter(got)):
            answer = await discord.call("paint", colour="green", volume="loud")
        assert answer.content == "painted"
        assert got == [(Colour.green, Volume.loud)]
