"""The fake's REST API and main gateway, spoken to directly."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from isocord.testing import FakeDiscord, GatewayClose, GatewayOp, Mishap, MishapKind, NotFoundError

from .raw_client import close_code

pytestmark = pytest.mark.asyncio
EVERYTHING = (1 << 26) - 1


class RawBot:
    """A bot in its plainest form."""

    def __init__(self, discord: FakeDiscord, stack: AsyncExitStack) -> None:
        self.discord = discord
        self.stack = stack
        self.seq: int | None = None
        self.ready: dict[str, Any] = {}

    async def open(self, query: str = "?v=10&encoding=json") -> RawBot:
        self.http = await self.stack.enter_async_context(aiohttp.ClientSession())
        url = self.discord.addresses.gateway + query
        self.ws = await self.stack.enter_async_context(self.http.ws_connect(url, max_msg_size=0))
        self._inflate = zlib.decompressobj()
        hello = await self.receive()
        assert hello["op"] == GatewayOp.HELLO
        return self

    async def receive(self) -> dict[str, Any]:
        message = await asyncio.wait_for(self.ws.receive(), 15)
        if message.type is aiohttp.WSMsgType.BINARY:
            parsed: dict[str, Any] = json.loads(self._inflate.decompress(message.data))
        else:
            assert message.type is aiohttp.WSMsgType.TEXT, message
            parsed = message.json()
        self.seq = parsed["s"] or self.seq
        return parsed

    async def until(self, event: str) -> dict[str, Any]:
        while (message := await self.receive())["t"] != event:
            pass
        data: dict[str, Any] = message["d"]
        return data

    async def send(self, op: int, data: Any) -> None:
        await self.ws.send_json({"op": op, "d": data})

    async def identify(self, **extra: Any) -> RawBot:
        await self.send(2, {"token": self.discord.token, "properties": {}, "intents": EVERYTHING, **extra})
        self.ready = await self.until("READY")
        return self

    async def close_code(self) -> int | None:
        return await close_code(self.ws)

    async def rest(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bot {token or self.discord.token}"}
        url = f"{self.discord.addresses.api}/v10{path}"
        async with self.http.request(method, url, json=body, headers=headers) as response:
            if response.status == 204:
                return 204, None
            assert response.headers["Content-Type"] == "application/json"
            return response.status, await response.json()


Opener = Callable[..., Any]


@pytest_asyncio.fixture
async def discord() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(2, patch=False) as discord:
        yield discord


@pytest_asyncio.fixture
async def open_bot(discord: FakeDiscord) -> AsyncIterator[Opener]:
    async with AsyncExitStack() as stack:

        async def open_one(query: str = "?v=10&encoding=json") -> RawBot:
            return await RawBot(discord, stack).open(query)

        yield open_one


@pytest.mark.parametrize("query", ["", "?v=10&encoding=json", "?v=10&encoding=json&compress=zlib-stream"])
async def test_identify_ready_and_guilds(discord: FakeDiscord, open_bot: Opener, query: str) -> None:
    bot = await (await open_bot(query)).identify()
    assert bot.ready["user"]["id"] == str(discord.bot.id)
    assert [g["id"] for g in bot.ready["guilds"]] == [str(g.id) for g in discord.guilds]
    guild = await bot.until("GUILD_CREATE")
    assert {c["name"]: c["type"] for c in guild["channels"]} == {"general": 0, "General": 2, "Music": 2, "Stage": 13}
    assert bot.seq == 2


async def test_shards_see_their_own_guilds(discord: FakeDiscord, open_bot: Opener) -> None:
    seen = []
    for shard in range(2):
        bot = await (await open_bot()).identify(shard=[shard, 2])
        seen += bot.ready["guilds"]
        assert all((int(g["id"]) >> 22) % 2 == shard for g in bot.ready["guilds"])
    assert len(seen) == len(discord.guilds)


async def test_joining_gives_both_updates_and_leaving_one(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    channel = discord.channel("General")
    join = {"guild_id": str(channel.guild_id), "channel_id": str(channel.id), "self_mute": False, "self_deaf": True}
    await bot.send(4, join)
    state = await bot.until("VOICE_STATE_UPDATE")
    assert (state["channel_id"], state["self_deaf"]) == (str(channel.id), True)
    assert state["session_id"] == bot.ready["session_id"]
    server = await bot.until("VOICE_SERVER_UPDATE")
    assert server["endpoint"] == discord.addresses.voice
    # Nothing changed and no voice session is there: the bot wants a new token.
    await bot.send(4, join)
    assert (await bot.until("VOICE_SERVER_UPDATE"))["token"] != server["token"]
    await bot.send(4, {**join, "channel_id": None})
    assert (await bot.until("VOICE_STATE_UPDATE"))["channel_id"] is None
    assert discord.bot_voice_state() is None


async def test_the_endpoint_can_be_withheld(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    channel = discord.channel("General")
    discord.withhold_endpoint()
    await bot.send(4, {"guild_id": str(channel.guild_id), "channel_id": str(channel.id)})
    assert (await bot.until("VOICE_SERVER_UPDATE"))["endpoint"] is None
    endpoint = discord.server_update()
    assert (await bot.until("VOICE_SERVER_UPDATE"))["endpoint"] == endpoint
    discord.endpoint_gone()
    assert (await bot.until("VOICE_SERVER_UPDATE"))["endpoint"] is None


@pytest.mark.parametrize("body", [{}, {"guild_id": "x"}, {"guild_id": [], "channel_id": 1}])
async def test_senseless_joins_are_ignored(discord: FakeDiscord, open_bot: Opener, body: dict[str, Any]) -> None:
    bot = await (await open_bot()).identify()
    await bot.send(4, body)
    await discord.wait_for(lambda: discord.counters["voice_request_malformed"])
    text = discord.channel("general")
    await bot.send(4, {"guild_id": str(text.guild_id), "channel_id": str(text.id)})
    await discord.wait_for(lambda: discord.counters["voice_request_bad_channel"])
    assert discord.gateway.is_connected


async def test_resume_brings_what_was_missed(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    await bot.until("GUILD_CREATE")
    discord.gateway.cut()
    assert await bot.close_code() is None
    discord.say("missed")
    again = await open_bot()
    await again.send(6, {"token": discord.token, "session_id": bot.ready["session_id"], "seq": bot.seq})
    assert (await again.until("MESSAGE_CREATE"))["content"] == "missed"
    await again.until("RESUMED")
    assert discord.gateway.resumes == 1


async def test_a_session_of_nobody_is_invalid(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await open_bot()
    await bot.send(6, {"token": discord.token, "session_id": "nobody", "seq": 1})
    assert await bot.receive() == {"op": 9, "d": False, "s": None, "t": None}
    await bot.identify()


async def test_an_invalidated_session_loses_its_voice_state(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    channel = discord.channel("General")
    await bot.send(4, {"guild_id": str(channel.guild_id), "channel_id": str(channel.id)})
    await bot.until("VOICE_SERVER_UPDATE")
    discord.gateway.invalidate()
    assert discord.bot_voice_state() is None
    while (message := await bot.receive())["op"] != GatewayOp.INVALID_SESSION:
        pass
    assert message["d"] is False


async def test_a_clean_close_ends_the_session(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    channel = discord.channel("General")
    await bot.send(4, {"guild_id": str(channel.guild_id), "channel_id": str(channel.id)})
    await bot.until("VOICE_SERVER_UPDATE")
    await bot.ws.close(code=1000)
    await discord.wait_for(lambda: not discord.gateway.session_ids)
    assert discord.bot_voice_state() is None


async def test_members_on_request(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    guild = discord.guild
    await bot.send(8, {"guild_id": str(guild.id), "query": "al", "limit": 0, "nonce": "n"})
    chunk = await bot.until("GUILD_MEMBERS_CHUNK")
    assert [m["user"]["username"] for m in chunk["members"]] == ["alice"]
    assert chunk["nonce"] == "n"
    await bot.send(8, {"guild_id": str(guild.id), "user_ids": [str(guild.member("bob").id), "5"]})
    chunk = await bot.until("GUILD_MEMBERS_CHUNK")
    assert [m["user"]["username"] for m in chunk["members"]] == ["bob"]
    assert chunk["not_found"] == ["5"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("{", GatewayClose.DECODE_ERROR),
        ("3", GatewayClose.DECODE_ERROR),
        ('{"op": 77, "d": {}}', GatewayClose.UNKNOWN_OPCODE),
        ('{"op": 4, "d": {}}', GatewayClose.NOT_AUTHENTICATED),
        ('{"op": 2, "d": {"token": "wrong"}}', GatewayClose.AUTHENTICATION_FAILED),
        ('{"op": 2, "d": 5}', GatewayClose.AUTHENTICATION_FAILED),
    ],
)
async def test_wrong_messages(open_bot: Opener, message: str, code: GatewayClose) -> None:
    bot = await open_bot()
    await bot.ws.send_str(message)
    assert await bot.close_code() == code


async def test_wrong_shards(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await open_bot()
    await bot.send(2, {"token": discord.token, "shard": [2, 2]})
    assert await bot.close_code() == GatewayClose.INVALID_SHARD


async def test_unknown_compression_is_refused(discord: FakeDiscord) -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(discord.addresses.gateway + "?compress=magic")


async def test_rest_knows_its_token_and_its_routes(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await open_bot()
    assert await bot.rest("GET", "/users/@me", token="wrong") == (401, {"message": "401: Unauthorized", "code": 0})
    assert await bot.rest("GET", "/nothing/here") == (404, {"message": "404: Not Found", "code": 0})
    assert await bot.rest("GET", "/channels/1") == (404, {"message": "Unknown Channel", "code": 10003})
    assert await bot.rest("GET", "/guilds/x") == (404, {"message": "Unknown Guild", "code": 10004})
    status, gateway = await bot.rest("GET", "/gateway/bot")
    assert (status, gateway["url"], gateway["shards"]) == (200, discord.addresses.gateway, 1)
    assert discord.counters["rest_unknown_routes"] == 1


async def test_messages(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    path = f"/channels/{discord.channel('general').id}/messages"
    assert (await bot.rest("POST", path, {}))[0] == 400
    _, message = await bot.rest("POST", path, {"content": "one"})
    assert (await bot.until("MESSAGE_CREATE"))["content"] == "one"
    assert (await bot.rest("PATCH", f"{path}/{message['id']}", {"content": "two"}))[1]["content"] == "two"
    assert [m["content"] for m in (await bot.rest("GET", path))[1]] == ["two"]
    assert (await bot.rest("DELETE", f"{path}/{message['id']}"))[0] == 204
    assert (await bot.rest("GET", f"{path}/{message['id']}"))[1]["code"] == 10008


async def test_commands(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    path = f"/applications/{discord.bot.id}/commands"
    status, command = await bot.rest("POST", path, {"name": "play", "description": "Plays."})
    assert (status, command["type"]) == (201, 1)
    options = [{"name": "query", "type": 3, "required": True}, {"name": "times", "type": 4}]
    _, commands = await bot.rest("PUT", path, [{"name": "play", "options": options}, {"name": "stop"}])
    assert [c["name"] for c in commands] == ["play", "stop"]
    assert commands[0]["id"] == command["id"]
    with pytest.raises(NotFoundError):
        discord.call("pause")
    answer = discord.call("play", query="song", times=2)
    interaction = await bot.until("INTERACTION_CREATE")
    assert interaction["data"]["options"] == [
        {"name": "query", "type": 3, "value": "song"},
        {"name": "times", "type": 4, "value": 2},
    ]
    callback = f"/interactions/{interaction['id']}/{interaction['token']}/callback"
    assert (await bot.rest("POST", callback, {"type": 4, "data": {"content": "ok"}}))[0] == 204
    assert answer.raw == [{"type": 4, "data": {"content": "ok"}}]
    assert (await answer).content == "ok"
    assert (await bot.rest("POST", callback, {"type": 4, "data": {"content": "ok"}}))[1]["code"] == 40060
    assert answer.content == "ok"
    assert (await bot.rest("DELETE", f"{path}/{command['id']}"))[0] == 204
    assert [c["name"] for c in discord.commands()] == ["stop"]


@pytest.mark.parametrize("wrong", [None, "all", -1])
async def test_intents_are_required(open_bot: Opener, wrong: Any) -> None:
    bot = await open_bot()
    await bot.send(2, {"token": bot.discord.token, "properties": {}, "intents": wrong})
    assert await bot.close_code() == GatewayClose.INVALID_INTENTS


async def test_a_bot_is_sent_what_its_intents_are_for(discord: FakeDiscord, open_bot: Opener) -> None:
    discord.listen("General", user="alice")
    guilds, voice, messages, content = 1 << 0, 1 << 7, 1 << 9, 1 << 15
    few = await (await open_bot()).identify(intents=guilds | messages)
    guild = await few.until("GUILD_CREATE")
    # Whoever is in a voice channel, and the bot itself.
    assert {member["user"]["username"] for member in guild["members"]} == {discord.bot.name, "alice"}
    assert guild["voice_states"] == []
    many = await (await open_bot()).identify(intents=guilds | voice | messages | content)
    assert len((await many.until("GUILD_CREATE"))["voice_states"]) == 1
    discord.listen("Music", user="bob")
    discord.say("one")
    discord.say(f"<@{discord.bot.id}> two")
    assert (await many.until("VOICE_STATE_UPDATE"))["user_id"] == str(discord.user("bob").id)
    assert (await many.until("MESSAGE_CREATE"))["content"] == "one"
    # One that mentions the bot is for its eyes in any case.
    assert (await few.until("MESSAGE_CREATE"))["content"] == ""
    assert (await few.until("MESSAGE_CREATE"))["content"].endswith("two")
    sent = [entry for entry in discord.events if entry.direction == "sent" and entry.name == "VOICE_STATE_UPDATE"]
    assert len({entry.connection for entry in sent}) == 1


async def test_requests_beyond_the_limit_are_answered_as_by_discord(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    assert discord.stage(Mishap(MishapKind.API_RATE_LIMITED, lasting=30.0))
    headers = {"Authorization": f"Bot {discord.token}"}
    async with bot.http.get(f"{discord.addresses.api}/v10/users/@me", headers=headers) as response:
        assert response.status == 429
        told = await response.json()
        assert 0 < told["retry_after"] <= 30 >= int(response.headers["Retry-After"]) >= told["retry_after"]
        assert not told["global"]
        assert response.headers["X-RateLimit-Remaining"] == "0"


async def test_joins_that_discord_forbids_are_not_answered(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    general, music = discord.channel("General"), discord.channel("Music")
    discord.deny(general, connect=True)
    discord.limit_users(music, 1)
    discord.listen(music, user="alice")
    for channel in (general, music):
        await bot.send(4, {"guild_id": str(channel.guild_id), "channel_id": str(channel.id)})
    await discord.wait_for(lambda: discord.counters["voice_request_forbidden"] == 1)
    await discord.wait_for(lambda: discord.counters["voice_request_full"] == 1)
    assert discord.bot_voice_state() is None
    discord.allow(music, move_members=True)
    await bot.send(4, {"guild_id": str(music.guild_id), "channel_id": str(music.id)})
    await discord.wait_for(discord.bot_voice_state)
    for limit in (-1, 100):
        with pytest.raises(ValueError, match="0 to 99"):
            discord.limit_users(music, limit)


async def test_secrets_stay_out_of_the_log(discord: FakeDiscord, open_bot: Opener) -> None:
    bot = await (await open_bot()).identify()
    channel = discord.channel("General")
    await bot.send(4, {"guild_id": str(channel.guild_id), "channel_id": str(channel.id)})
    token = (await bot.until("VOICE_SERVER_UPDATE"))["token"]
    log = repr(discord.events)
    assert discord.token not in log
    assert token not in log
    assert discord.token not in repr(discord)
