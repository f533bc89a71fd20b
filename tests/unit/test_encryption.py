"""The encryption of one voice session: what it makes of a group that it cannot join."""

from __future__ import annotations

import json
import logging

from isocord import _native
from isocord.connection.session.encryption import Encryption
from isocord.gateway.protocol.messages import MlsMessage, SessionDescription
from isocord.runtime.log import GuildLog

BOT, OTHER, CHANNEL = 10, 11, 100
EXTERNAL_SENDER, PROPOSALS, WELCOME = 25, 27, 30


class Call:
    """A bot, another member, and the delivery service between them."""

    def __init__(self, channel_of_the_call: int) -> None:
        self.sent: list[str | bytes] = []
        self.failures = 0
        self.bot = Encryption(
            None,  # type: ignore[arg-type]
            user_id=BOT,
            channel_id=CHANNEL,
            send=self.sent.append,
            changed=lambda: None,
            failed=self.fail,
            log=GuildLog(logging.getLogger("isocord.connection"), 1),
        )
        self.channel = channel_of_the_call
        self.bot.start(1)
        self.bot.users_connected((OTHER,))

    def fail(self) -> None:
        self.failures += 1

    def welcome(self) -> None:
        """A new group of the call, whose first member welcomes the bot."""
        service = _native.DeliveryService(self.channel)
        other = _native.DaveSession(None, OTHER, self.channel)
        packages = [out for out in other.session_description(1) if isinstance(out, bytes)]
        packages += [out for out in other.binary(EXTERNAL_SENDER, service.external_sender()) if isinstance(out, bytes)]
        other.clients_connect([BOT])
        self.bot.take(MlsMessage(EXTERNAL_SENDER, service.external_sender()))
        mine = [message for message in self.sent if isinstance(message, bytes) and message[0] == 26]
        service.add(OTHER, packages[-1][1:])
        proposals = service.add(BOT, mine[-1][1:])
        outputs = [out for payload, _ in proposals for out in other.binary(PROPOSALS, payload)]
        commit = next(out for out in outputs if isinstance(out, bytes) and out[0] == 28)
        for user_id, payload in service.commit(OTHER, commit[1:]).welcomes(0):
            if user_id == BOT:
                self.bot.take(MlsMessage(WELCOME, payload))

    def refusals(self) -> int:
        return sum(json.loads(message)["op"] == 31 for message in self.sent if isinstance(message, str))


def test_a_welcome_to_the_group_of_another_channel_is_refused_and_at_the_fifth_the_session_is_given_up() -> None:
    call = Call(CHANNEL + 1)
    for count in range(1, 5):
        call.welcome()
        assert (call.refusals(), call.failures) == (count, 0)
    call.welcome()
    assert (call.refusals(), call.failures) == (5, 1)


def test_a_welcome_to_the_group_of_the_channel_is_taken() -> None:
    call = Call(CHANNEL)
    call.welcome()
    assert (call.refusals(), call.failures) == (0, 0)
    assert call.bot.state.privacy_code is not None


def test_each_session_description_brings_a_key_package_and_a_welcome_back() -> None:
    call = Call(CHANNEL)
    call.welcome()
    code = call.bot.state.privacy_code
    assert code is not None
    before = [message for message in call.sent if message[:1] == b"\x1a"]
    call.bot.take(SessionDescription("aead_aes256_gcm_rtpsize", bytes(32), 1))
    packages = [message for message in call.sent if message[:1] == b"\x1a"]
    assert len(packages) == len(before) + 1
    assert packages[-1] not in before
    call.welcome()
    assert call.bot.state.privacy_code not in (None, code)
