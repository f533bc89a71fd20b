"""Whole bots of the documentation, as they stand there; all of them are py-cord's."""

from __future__ import annotations

import sys
import types
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from .world import library, testing

if not hasattr(library, "Bot") or not hasattr(library, "ApplicationContext"):
    pytest.skip("the bots are py-cord's", allow_module_level=True)


@asynccontextmanager
async def running(
    page: str, code: str, monkeypatch: pytest.MonkeyPatch, mybot: dict[str, Any] | None = None, **names: Any
) -> AsyncIterator[Any]:
    """A fake Discord, and the page's bot that is logged in to it.

    The bot is given these names, and may import what the module ``mybot`` of its author has.
    """
    mine = types.ModuleType("mybot")
    vars(mine).update(mybot or {})
    monkeypatch.setitem(sys.modules, "mybot", mine)
    monkeypatch.setattr(library.Bot, "run", lambda self, token: None)
    async with testing.FakeDiscord() as discord:
        # The annotations of a bot are what they say, and no text as in this file.
        exec(compile(code, page, "exec", dont_inherit=True), names)
        async with discord.running(names["bot"]) as bot:
            yield discord, bot
