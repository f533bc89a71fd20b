"""What a user picks in a slash command, as Discord sends it."""

from __future__ import annotations

import enum
from typing import Any

import pytest

from isocord.testing import NotFoundError
from isocord.testing.bot.options import OptionType, interaction_data
from isocord.testing.ground.world import World

SOUNDS = [{"name": "Loud", "value": 11}, {"name": "Soft", "value": 3}]
COMMAND = {
    "id": "1",
    "name": "radio",
    "type": 1,
    "options": [
        {"name": "stop", "type": OptionType.SUB_COMMAND},
        {
            "name": "band",
            "type": OptionType.SUB_COMMAND_GROUP,
            "options": [
                {
                    "name": "play",
                    "type": OptionType.SUB_COMMAND,
                    "options": [
                        {"name": "song", "type": OptionType.STRING, "required": True},
                        {"name": "sound", "type": OptionType.INTEGER, "choices": SOUNDS},
                        {"name": "times", "type": OptionType.INTEGER},
                        {"name": "speed", "type": OptionType.NUMBER},
                        {"name": "again", "type": OptionType.BOOLEAN},
                        {"name": "who", "type": OptionType.USER},
                        {"name": "where", "type": OptionType.CHANNEL},
                        {"name": "cover", "type": OptionType.ATTACHMENT},
                    ],
                }
            ],
        },
    ],
}


class Sound(enum.Enum):
    Loud = 11


def test_only_the_command_of_one_guild_bears_that_guild() -> None:
    world = World()
    assert "guild_id" not in interaction_data(COMMAND, ["stop"], {}, world, world.guild())
    assert interaction_data({**COMMAND, "guild_id": "5"}, ["stop"], {}, world, world.guild())["guild_id"] == "5"


def picked(path: str, **given: Any) -> dict[str, Any]:
    world = World()
    return interaction_data(COMMAND, path.split(), given, world, world.guild())


def values(data: dict[str, Any]) -> dict[str, Any]:
    return {option["name"]: (option["type"], option["value"]) for option in data["options"][0]["options"][0]["options"]}


def test_a_subcommand_is_nested_as_it_was_registered() -> None:
    assert picked("stop")["options"] == [{"name": "stop", "type": 1, "options": []}]
    (group,) = picked("band play", song="x")["options"]
    assert (group["name"], group["type"]) == ("band", 2)
    assert group["options"] == [
        {"name": "play", "type": 1, "options": [{"name": "song", "type": 3, "value": "x"}]},
    ]


@pytest.mark.parametrize("choice", ["Loud", Sound.Loud])
def test_a_choice_is_picked_by_its_name_and_sent_as_its_value(choice: Any) -> None:
    assert values(picked("band play", song="x", sound=choice))["sound"] == (4, 11)


def test_values_have_the_type_that_was_registered() -> None:
    sent = values(picked("band play", song="x", times=2, speed=2, again=True))
    assert sent == {"song": (3, "x"), "times": (4, 2), "speed": (10, 2), "again": (5, True)}


def test_users_and_channels_come_along() -> None:
    data = picked("band play", song="x", who="alice", where="General")
    sent, resolved = values(data), data["resolved"]
    assert sent["who"][0] == 6
    assert resolved["users"][sent["who"][1]]["username"] == "alice"
    assert "user" not in resolved["members"][sent["who"][1]]
    assert resolved["channels"][sent["where"][1]]["name"] == "General"


@pytest.mark.parametrize(
    ("path", "given", "error", "words"),
    [
        ("band sing", {}, NotFoundError, "no subcommand 'sing'; there are: 'play'"),
        ("stop", {"song": "x"}, NotFoundError, "no option 'song'; there are: none"),
        ("band play", {"song": "x", "sound": "loud"}, NotFoundError, "there are: 'Loud', 'Soft'"),
        ("band play", {"song": "x", "sound": 11}, NotFoundError, "there are: 'Loud', 'Soft'"),
        ("band play", {"song": "x", "who": "nobody"}, NotFoundError, "nobody"),
        ("band play", {"song": "x", "where": "nowhere"}, NotFoundError, "nowhere"),
        ("band play", {}, ValueError, "requires the option 'song'"),
        ("band play", {"song": 5}, TypeError, "'song' takes str, not 5"),
        ("band play", {"song": "x", "times": True}, TypeError, "'times' takes int, not True"),
        ("band play", {"song": "x", "again": 1}, TypeError, "'again' takes bool, not 1"),
        ("band play", {"song": "x", "cover": b"..."}, TypeError, "cannot be given: ATTACHMENT"),
    ],
)
def test_what_a_user_cannot_pick_is_refused(path: str, given: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        picked(path, **given)
