"""Options of slash commands: what a user picks, as Discord sends it to the bot.

Source: Discord API documentation, "Application Commands" and "Receiving and Responding to Interactions".
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import Any

from ..errors import NotFoundError
from ..ground import payloads
from ..ground.payloads import Json
from ..ground.permissions import ALL
from ..ground.world import Guild, World


class CommandType(IntEnum):
    """Types of application commands: slash commands, and those of the menus of users and messages."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3


class OptionType(IntEnum):
    """Types of application command options."""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


_ACCEPTED: dict[int, tuple[type, ...]] = {
    OptionType.STRING: (str,),
    OptionType.INTEGER: (int,),
    OptionType.BOOLEAN: (bool,),
    OptionType.NUMBER: (int, float),
}


def interaction_data(command: Json, path: list[str], given: dict[str, Any], world: World, guild: Guild) -> Json:
    """The ``data`` of an INTERACTION_CREATE.

    Args:
        command: as the bot registered it.
        path: names of the subcommand group and subcommand, if the command has them.
        given: option name to value; a choice by its name, a user or channel by object, id or name.

    A command of a menu has no options but a ``target``: a user by object, id or name, or a message as Discord gives it.

    Raises:
        NotFoundError: no such subcommand, option, choice, user or channel.
        TypeError: a value that an option of its type cannot have.
        ValueError: a required option is missing.
    """
    if command["type"] != CommandType.CHAT_INPUT:
        return _menu_data(command, given, world, guild)
    declared: list[Json] = command["options"]
    groups: list[Json] = []
    kinds = (OptionType.SUB_COMMAND, OptionType.SUB_COMMAND_GROUP)
    for word in path:
        groups.append(_named([option for option in declared if option["type"] in kinds], word, "subcommand"))
        declared = groups[-1].get("options") or []
    branches = [option["name"] for option in declared if option["type"] in kinds]
    if branches:
        raise NotFoundError(f"the command {command['name']!r} has subcommands, name one: {', '.join(branches)}")
    missing = [option["name"] for option in declared if option.get("required") and option["name"] not in given]
    if missing:
        raise ValueError(f"the command {command['name']!r} requires the option {missing[0]!r}")
    resolved: dict[str, Json] = {}
    values: list[Json] = []
    for name, value in given.items():
        option = _named(declared, name, "option")
        values.append({"name": name, "type": option["type"], "value": _value(option, value, world, guild, resolved)})
    for group in reversed(groups):
        values = [{"name": group["name"], "type": group["type"], "options": values}]
    data = {**_head(command), "options": values}
    return {**data, "resolved": resolved} if resolved else data


def _head(command: Json) -> Json:
    head = {name: command[name] for name in ("id", "name", "type")}
    if "guild_id" in command:
        # Where it is registered, not where it is used; disnake takes a command that bears one for a guild's own.
        head["guild_id"] = command["guild_id"]
    return head


def _menu_data(command: Json, given: dict[str, Any], world: World, guild: Guild) -> Json:
    if set(given) != {"target"}:
        raise ValueError(f"the command {command['name']!r} is one of a menu: it takes a target, and nothing else")
    if command["type"] == CommandType.USER:
        resolved: dict[str, Json] = {}
        target = _user(given["target"], world, guild, resolved)
    else:
        message: Json = given["target"]
        target, resolved = message["id"], {"messages": {message["id"]: message}}
    return {**_head(command), "target_id": target, "resolved": resolved}


def _value(option: Json, given: Any, world: World, guild: Guild, resolved: dict[str, Json]) -> Any:
    kind = option["type"]
    if option.get("choices"):
        # The names of a choice are what a user sees, the values what the bot gets.
        picked = given.name if isinstance(given, Enum) else given
        return _named(option["choices"], picked, f"choice for {option['name']!r}")["value"]
    if kind in (OptionType.USER, OptionType.MENTIONABLE):
        return _user(given, world, guild, resolved)
    if kind == OptionType.CHANNEL:
        channel = world.channel(given)
        payload = {**payloads.channel(channel), "permissions": str(int(ALL))}
        resolved.setdefault("channels", {})[str(channel.id)] = payload
        return str(channel.id)
    accepted = _ACCEPTED.get(kind)
    if accepted is None:
        raise TypeError(f"the option {option['name']!r} is of a type that cannot be given: {OptionType(kind).name}")
    if not isinstance(given, accepted) or isinstance(given, bool) != (kind == OptionType.BOOLEAN):
        raise TypeError(f"the option {option['name']!r} takes {accepted[0].__name__}, not {given!r}")
    return given


def _user(given: Any, world: World, guild: Guild, resolved: dict[str, Json]) -> str:
    user = world.user(given)
    resolved.setdefault("users", {})[str(user.id)] = payloads.user(user)
    if user.id in guild.members:
        member = payloads.member(guild.members[user.id])
        del member["user"]
        resolved.setdefault("members", {})[str(user.id)] = member
    return str(user.id)


def _named(items: list[Json], name: Any, what: str) -> Json:
    for item in items:
        if item["name"] == name:
            return item
    there = ", ".join(repr(item["name"]) for item in items) or "none"
    raise NotFoundError(f"no {what} {name!r}; there are: {there}")
