"""End-to-end encrypted calls of isocord.VoiceClient in a py-cord bot, and of py-cord's own client in the same calls."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import Any

import discord as pycord
import pytest

import isocord
from isocord.connection import media
from isocord.testing import NativeMember, VoiceOp

from .calls import loudest_frequency, running, song
from .witnesses import DaveyMember, LibdaveMember

MEMBERS = [NativeMember, DaveyMember, LibdaveMember]
FRAME = 3840


class Tap(NativeMember):
    """Notes what the server sees of each packet, and what was in it."""

    def __init__(self, user_id: int, channel_id: int) -> None:
        super().__init__(user_id, channel_id)
        self.seen: list[tuple[bytes, bytes | None]] = []

    def open(self, user_id: int, frame: bytes) -> bytes | None:
        opus = super().open(user_id, frame)
        self.seen.append((frame, opus))
        return opus


async def test_a_song_in_an_encrypted_call() -> None:
    async with running() as call:
        alice = call.discord.listen("General", user="alice", make_member=Tap)
        voice = await call.join()
        assert voice.is_dave_connection()
        await asyncio.wait_for(voice.play(song(1000, 1.0), wait_finish=True), 15)
        await call.discord.wait_for(lambda: len(alice.arrivals()) >= 55)
        # A busy machine that has no time for the sound adds silence.
        assert len(alice.arrivals()) == 55 or voice.stats.underruns
        assert abs(loudest_frequency(alice.pcm()[: 50 * FRAME]) - 1000) < 2
        statistics = alice.gaps()
        assert (statistics.lost, statistics.unopened, alice.early) == (0, 0, 0)
        # Every frame is sealed, those of silence too, and what is inside is not to be found in it.
        assert all(arrival.encrypted for arrival in alice.arrivals())
        assert isinstance(alice.member, Tap)
        for frame, opus in alice.member.seen:
            assert opus is not None
            assert opus not in frame
            assert frame.endswith(b"\xfa\xfa")
        await call.agreed(voice, alice)
        await call.discord.wait_for(lambda: call.codes)
        assert call.codes == [voice.privacy_code]
        code = await voice.verification_code(alice.id)
        assert code == alice.member.session.verification_code(call.discord.bot.id)
        assert await voice.verification_code(1) is None


@pytest.mark.parametrize("make_member", MEMBERS)
async def test_members_come_and_go_in_mid_song(make_member: Any) -> None:
    async with running() as call:
        discord = call.discord
        alice = discord.listen("General", user="alice")
        dora = discord.listen("General", user="dora", make_member=make_member)
        voice = await call.join()
        voice.play(song(440, 60.0))
        await call.heard(alice, 10)
        codes = [voice.privacy_code]
        for user in ("bob", "carol", "bob"):
            guest = discord.listen("General", user=user, make_member=make_member)
            await call.settled()
            await call.heard(guest, 25)
            await discord.wait_for(lambda: voice.privacy_code not in codes)
            codes.append(voice.privacy_code)
            await call.agreed(voice, alice, dora, guest)
            statistics = guest.gaps()
            assert (statistics.lost, statistics.unopened) == (0, 0)
            guest.leave()
            await call.settled()
            await call.heard(alice, 10)
            await discord.wait_for(lambda: voice.privacy_code not in codes)
            codes.append(voice.privacy_code)
        voice.stop()
        # Five frames of silence are the end of every song.
        await discord.wait_for(lambda: [a.is_silence for a in alice.arrivals()[-5:]] == [True] * 5)
        for listener in (alice, dora):
            statistics = listener.gaps()
            assert statistics.packets == voice.stats.packets_sent
            assert (statistics.lost, statistics.duplicates, statistics.unopened, listener.early) == (0, 0, 0, 0)
        # A busy machine may leave gaps in time, so the tone is looked for with some tolerance.
        assert abs(loudest_frequency(dora.pcm()[: 50 * FRAME]) - 440) < 5
        assert discord.counters["dave_transitions_not_ready"] == discord.counters["dave_commits_missing"] == 0
        await discord.wait_for(lambda: len(call.codes) >= len(codes))
        assert call.codes == codes


async def test_a_group_made_anew_in_mid_song() -> None:
    async with running() as call:
        alice = call.discord.listen("General", user="alice")
        bob = call.discord.listen("General", user="bob", make_member=DaveyMember)
        voice = await call.join()
        voice.play(song(440, 60.0))
        await call.heard(alice, 10)
        encryption = call.discord.encryption("General")
        assert encryption is not None
        before = voice.privacy_code
        encryption.recreate()
        await call.settled()
        await call.heard(alice, 25)
        await call.discord.wait_for(lambda: voice.privacy_code not in (None, before))
        await call.agreed(voice, alice, bob)
        # davey raises when it gets the external sender once more.
        bob.leave()
        await call.settled()
        await call.agreed(voice, alice)
        after = voice.privacy_code
        encryption.repeat_external_sender()
        await call.heard(alice, 25)
        assert voice.privacy_code == after == alice.privacy_code
        assert (alice.gaps().lost, alice.gaps().unopened) == (0, 0)


async def test_down_to_transport_encryption_and_up_again() -> None:
    async with running() as call:
        discord = call.discord
        alice = discord.listen("General", user="alice")
        voice = await call.join()
        voice.play(song(440, 60.0))
        await call.heard(alice, 10)
        carol = discord.listen("General", user="carol", max_dave_version=0)
        await discord.wait_for(lambda: not voice.is_dave_connection())
        await call.settled()
        await call.heard(carol, 10)
        await discord.wait_for(lambda: voice.privacy_code is None)
        assert not alice.arrivals()[-1].encrypted
        carol.leave()
        await call.settled()
        await discord.wait_for(voice.is_dave_connection)
        await discord.wait_for(lambda: alice.arrivals()[-1].encrypted)
        await call.agreed(voice, alice)
        assert (alice.gaps().lost, alice.gaps().unopened, alice.early) == (0, 0, 0)


async def test_one_who_is_alone_plays_on_and_is_heard_later() -> None:
    async with running() as call:
        voice = await call.join()
        assert voice.is_dave_connection()
        voice.play(song(440, 60.0))
        await call.discord.wait_for(lambda: call.discord.counters["rtp_received"] >= 10)
        assert voice.privacy_code is None
        for _ in range(2):
            alice = call.discord.listen("General", user="alice")
            await call.heard(alice, 10)
            await call.agreed(voice, alice)
            assert (alice.gaps().lost, alice.gaps().unopened) == (0, 0)
            alice.leave()
            await call.discord.wait_for(lambda: voice.privacy_code is None)
            sent = call.discord.counters["rtp_received"]
            await call.discord.wait_for(lambda: call.discord.counters["rtp_received"] >= sent + 10)  # noqa: B023


async def test_a_cut_websocket_in_mid_song() -> None:
    async with running() as call:
        discord = call.discord
        alice = discord.listen("General", user="alice")
        voice = await call.join()
        voice.play(song(440, 60.0))
        await call.heard(alice, 10)
        session = discord.voice_session()
        assert session is not None
        session.cut()
        bob = discord.listen("General", user="bob")
        await discord.wait_for(lambda: session.resumes == 1, timeout=15)
        await call.settled()
        await call.heard(bob, 10)
        await call.agreed(voice, alice, bob)
        assert (alice.gaps().lost, alice.gaps().unopened) == (0, 0)


async def test_a_lost_session_is_made_anew_and_encrypted() -> None:
    async with running() as call:
        alice = call.discord.listen("General", user="alice")
        voice = await call.join()
        voice.play(song(440, 60.0))
        await call.heard(alice, 10)
        session = call.discord.voice_session()
        assert session is not None
        session.forget()
        await call.discord.wait_for(lambda: len({a.ssrc for a in alice.arrivals()}) == 2, timeout=15)
        await call.settled()
        assert voice.is_dave_connection()
        await call.agreed(voice, alice)
        assert alice.gaps().unopened == 0


async def test_a_lost_announcement_is_healed() -> None:
    async with running() as call:
        discord = call.discord
        alice = discord.listen("General", user="alice")
        voice = await call.join()
        voice.play(song(440, 60.0))
        await call.heard(alice, 10)
        lost: list[int] = []

        def lose_one(direction: str, op: int, body: Any) -> bool:
            if op == VoiceOp.DAVE_ANNOUNCE_COMMIT and not lost:
                lost.append(op)
                return False
            return True

        discord.set_voice_filter(lose_one)
        bob = discord.listen("General", user="bob")
        await discord.wait_for(lambda: lost)
        carol = discord.listen("General", user="carol")
        await call.settled()
        await call.heard(carol, 10)
        await call.agreed(voice, alice, bob, carol)
        assert (alice.gaps().lost, alice.gaps().unopened) == (0, 0)


async def test_moved_to_another_encrypted_call() -> None:
    async with running() as call:
        alice = call.discord.listen("General", user="alice")
        bob = call.discord.listen("Music", user="bob")
        voice = await call.join()
        voice.play(song(440, 60.0))
        await call.heard(alice, 10)
        call.discord.move_bot("Music")
        await call.heard(bob, 25)
        await call.settled("Music")
        await call.agreed(voice, bob)
        assert (bob.gaps().lost, bob.gaps().unopened) == (0, 0)


async def test_a_call_without_end_to_end_encryption() -> None:
    async with running(dave_version=0) as call:
        alice = call.discord.listen("General", user="alice")
        voice = await call.join()
        await asyncio.wait_for(voice.play(song(700, 0.5), wait_finish=True), 15)
        await call.discord.wait_for(lambda: len(alice.arrivals()) >= 30)
        assert not voice.is_dave_connection()
        assert voice.privacy_code is alice.privacy_code is None
        assert not any(arrival.encrypted for arrival in alice.arrivals())
        assert abs(loudest_frequency(alice.pcm()[: 25 * FRAME]) - 700) < 4
        assert call.discord.encryption("General") is None


async def test_where_encryption_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(dave_version="required") as call:
        with pytest.raises(ValueError, match="requires end-to-end encryption"):
            call.discord.listen("General", max_dave_version=0)
        voice = await call.join()
        assert voice.is_dave_connection()
        await voice.disconnect()
        monkeypatch.setattr(media, "MAX_DAVE_VERSION", 0)
        with pytest.raises(isocord.ConnectError, match=r"requires end-to-end encryption \(DAVE\)") as caught:
            await call.join()
        assert caught.value.code == 4017
        assert isinstance(caught.value, pycord.ClientException)


# It encodes with the system's libopus, and isocord has brought its own.
@pytest.mark.skipif(
    not (pycord.opus.is_loaded() or pycord.opus._load_default()), reason="py-cord finds no libopus in the system"
)
async def test_py_cords_own_client_is_understood() -> None:
    async with running() as call:
        discord = call.discord
        alice = discord.listen("General", user="alice")
        voice = await call.join(cls=pycord.VoiceClient)
        await call.settled()
        # py-cord encrypts from the moment that its group is there.
        await discord.wait_for(lambda: voice._connection.dave_session.ready)
        voice.play(song(1000, 2.0))
        await call.heard(alice, 25)
        bob = discord.listen("General", user="bob")
        await call.settled()
        await call.heard(bob, 25)
        assert {alice.privacy_code, bob.privacy_code} == {grouped(voice)}
        bob.leave()
        await discord.wait_for(lambda: len(alice.arrivals()) >= 100, timeout=15)
        assert (alice.gaps().lost, alice.gaps().unopened) == (0, 0)
        assert all(arrival.encrypted for arrival in alice.arrivals()[:100])
        assert abs(loudest_frequency(alice.pcm()[: 100 * FRAME]) - 1000) < 2
        await voice.disconnect()


def grouped(voice: Any) -> str:
    digits = "".join(str(voice._connection.dave_session.voice_privacy_code).split())
    return " ".join(digits[at : at + 5] for at in range(0, 30, 5))


async def test_the_log_of_a_whole_call_holds_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    keys: list[bytes] = []
    tokens: set[str] = set()
    async with running() as call:
        discord = call.discord
        alice = discord.listen("General", user="alice")
        voice = await call.join()

        def note() -> None:
            keys.append(bytes(voice.secret_key))
            tokens.update({voice.token, discord.token})

        note()
        voice.play(song(440, 60.0))
        await call.heard(alice, 10)
        discord.listen("General", user="bob").leave()
        session = discord.voice_session()
        assert session is not None
        session.cut()
        await discord.wait_for(lambda: session.resumes == 1, timeout=15)
        session.forget()
        await discord.wait_for(lambda: len({a.ssrc for a in alice.arrivals()}) == 2, timeout=15)
        note()
        shown = [
            repr(part)
            for part in (voice, voice._connection, voice._connection._driver.media.session, voice._connection.info)
        ]
        shown += [repr(voice._connection._driver.media.encryption), repr(voice.stats)]
        encryption = voice._connection._driver.media.encryption
        shown += [repr(part) for part in vars(encryption).values()]
        await voice.disconnect()
    assert len(set(keys)) == 2
    # What py-cord itself logs of Discord's messages at DEBUG is not isocord's to say.
    records = [record for record in caplog.records if record.name.split(".")[0] != "discord"]
    assert any(record.name.startswith("isocord.") for record in records)
    text = "\n".join([*shown, *(logging.Formatter("%(message)s").format(record) for record in records)])
    for secret in [form for key in keys for form in forms(key)] + sorted(tokens):
        assert secret not in text


def forms(key: bytes) -> list[str]:
    """A key as it usually gets into a log."""
    numbers = list(key)
    return [
        key.hex(),
        key.hex().upper(),
        key.hex(" "),
        base64.b64encode(key).decode().rstrip("="),
        base64.urlsafe_b64encode(key).decode().rstrip("="),
        repr(key)[2:-1],
        repr(bytearray(key))[12:-2],
        str(numbers)[1:-1],
        json.dumps(numbers, separators=(",", ":"))[1:-1],
        " ".join(map(str, numbers)),
    ]
