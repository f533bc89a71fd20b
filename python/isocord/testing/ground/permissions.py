"""Permissions: what everyone may do, and what a channel grants or denies to one user.

Source: Discord API documentation, "Permissions".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag


class Permission(IntFlag):
    """Permissions by their bits; a test names them in lower case."""

    CREATE_INSTANT_INVITE = 1 << 0
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    ADD_REACTIONS = 1 << 6
    PRIORITY_SPEAKER = 1 << 8
    STREAM = 1 << 9
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    DEAFEN_MEMBERS = 1 << 23
    MOVE_MEMBERS = 1 << 24
    USE_VOICE_ACTIVATION = 1 << 25
    CHANGE_NICKNAME = 1 << 26
    USE_APPLICATION_COMMANDS = 1 << 31
    REQUEST_TO_SPEAK = 1 << 32
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    USE_EXTERNAL_STICKERS = 1 << 37
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_SOUNDBOARD = 1 << 42
    USE_EXTERNAL_SOUNDS = 1 << 45
    SEND_VOICE_MESSAGES = 1 << 46


NONE = Permission(0)
ALL = Permission((1 << 53) - 1)
"""Those of the guild's owner."""
_OF_MODERATORS = (
    Permission.ADMINISTRATOR
    | Permission.MANAGE_CHANNELS
    | Permission.PRIORITY_SPEAKER
    | Permission.MANAGE_MESSAGES
    | Permission.MUTE_MEMBERS
    | Permission.DEAFEN_MEMBERS
    | Permission.MOVE_MEMBERS
)
EVERYONE = Permission(sum(Permission)) & ~_OF_MODERATORS
"""Those of everyone else, and of the bot: what Discord gives everyone in a new guild, and nothing of moderators."""


@dataclass(frozen=True, slots=True)
class Overwrite:
    """What a channel grants and denies to one user."""

    allow: Permission = NONE
    deny: Permission = NONE

    def denying(self, changes: Mapping[str, bool]) -> Overwrite:
        """The same with permissions denied, or not denied any more."""
        taken, left = _sorted(changes)
        return Overwrite(self.allow & ~taken, (self.deny | taken) & ~left)

    def allowing(self, changes: Mapping[str, bool]) -> Overwrite:
        """The same with permissions granted, or not granted any more."""
        given, left = _sorted(changes)
        return Overwrite((self.allow | given) & ~left, self.deny & ~given)


def _sorted(changes: Mapping[str, bool]) -> tuple[Permission, Permission]:
    chosen = {True: NONE, False: NONE}
    for name, wanted in changes.items():
        if name.upper() not in Permission.__members__ or name != name.lower():
            there = ", ".join(each.lower() for each in Permission.__members__)
            raise TypeError(f"no permission {name!r}; there are: {there}")
        chosen[bool(wanted)] |= Permission[name.upper()]
    return chosen[True], chosen[False]
