"""What bots and media nodes say to each other, as bytes: what comes is a message of the vocabulary or nothing."""

from __future__ import annotations

import builtins
import inspect
import os
import pickle
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocord import _native
from isocord.connection.decisions.actions import Target
from isocord.connection.session.encryption import EncryptionState
from isocord.connection.session.session import SessionInfo
from isocord.connection.states import Reason, UserSpeaking
from isocord.errors import AudioFileError
from isocord.gateway.protocol.close_codes import CloseAction, CloseVerdict
from isocord.remote import messages
from isocord.remote.beside import messages as beside
from isocord.remote.codec import MAX_MESSAGE, Decoder, LinkError, encode
from isocord.remote.guest import is_sound

FRAME = _native.HeardFrame(7, 960, 960, "voice", bytes(3840), level=-20.0)
SAID: list[messages.Message] = [
    messages.Beat(),
    messages.Open(3, 1, Target("session", "token", "127.0.0.1:443", 5), True),
    messages.Frames(3, 1, (b"one", b"two")),
    messages.Play(3, 1, (0.2, frozenset({1, 2}), False), held=True),
    messages.Listen(3, 2, False, {"users": frozenset({7}), "form": "pcm"}),
    messages.IsEstablished(3, 1, False, SessionInfo(1, "127.0.0.1", 2, "mode", bytes(32), 1)),
    messages.IsLost(3, 1, CloseVerdict(CloseAction.REJOIN, 4006, "gone"), Reason.SESSION_INVALID, False),
    messages.Happened(3, UserSpeaking(7, 8, 1)),
    messages.EncryptionIs(3, EncryptionState(1, "0" * 30)),
    messages.TrackIsOver(3, 1, "failed", 10, 0, AudioFileError("broken"), (7, 5, 0.2, 0.01)),
    messages.Heard(3, 2, (FRAME, _native.SpeakingChanged(7, True, 5)), 0, 0),
    messages.Heard(3, 2, ((1, _native.Utterance(7, b"", 0, 960, 1.0, "silence")),), 0, 0),
    messages.Answer(3, 9, messages.Figures({"packets_sent": 3}, (0.1,), {"received": 2}, 4)),
    beside.Run(3, 1, 1, "Assistant", (3, 11), b"parcel"),
    beside.Returned(3, 1, 2, None, beside.Failure("KeyError", "none", "Traceback")),
]


@pytest.mark.parametrize("message", SAID, ids=lambda message: type(message).__name__)
def test_a_message_comes_as_it_went_however_it_is_cut(message: messages.Message) -> None:
    data, decoder = encode(message), Decoder()
    found = [one for at in range(len(data)) for one in decoder.feed(data[at : at + 1])]
    assert len(found) == 1
    assert repr(found[0]) == repr(message)
    assert [repr(one) for one in decoder.feed(data + data)] == [repr(message)] * 2


def test_every_kind_of_message_pickles() -> None:
    known = [kind for one in (messages, beside) for _, kind in inspect.getmembers(one, inspect.isclass)]
    kinds = {kind for kind in known if issubclass(kind, messages.Message)}
    assert len(kinds) > 30
    for kind in kinds:
        made = kind(**dict.fromkeys(kind.__match_args__, 1))
        assert [type(one) for one in Decoder().feed(encode(made))] == [kind]


def pickled(body: bytes) -> bytes:
    return struct.pack("!I", len(body)) + body


class Evil:
    def __init__(self, function: Any, *args: Any) -> None:
        self._does = (function, args)

    def __reduce__(self) -> Any:
        return self._does


@pytest.mark.parametrize(
    "thing",
    [
        Evil(os.system, "true"),
        Evil(builtins.eval, "1"),
        Evil(getattr, "text", "upper"),
        Evil(__import__, "os"),
        Evil(_native.Connection, print),
        [1, 2, 3],
        Target("session", "token", "endpoint", 5),
        messages.Answer(1, 1, Evil(os.getcwd)),
    ],
)
def test_nothing_is_made_that_is_not_of_the_vocabulary(thing: Any) -> None:
    with pytest.raises(LinkError, match="message"):
        list(Decoder().feed(pickled(pickle.dumps(thing))))


def test_what_is_too_long_is_refused_before_it_is_kept() -> None:
    with pytest.raises(LinkError, match="too long"):
        list(Decoder().feed(struct.pack("!I", MAX_MESSAGE + 1)))
    with pytest.raises(LinkError, match="too long"):
        encode(messages.Frames(1, 1, (bytes(MAX_MESSAGE),)))


@given(st.binary(max_size=400))
def test_rubbish_is_refused(data: bytes) -> None:
    try:
        found = list(Decoder().feed(pickled(data)))
    except LinkError:
        return
    assert found == []


@given(st.sampled_from(SAID), st.integers(0, 2000), st.integers(0, 255))
def test_a_damaged_message_is_refused_or_still_one(message: messages.Message, at: int, value: int) -> None:
    data = bytearray(encode(message)[4:])
    data[at % len(data)] = value
    try:
        found = list(Decoder().feed(pickled(bytes(data))))
    except LinkError:
        return
    assert all(isinstance(one, messages.Message) for one in found)


def test_secrets_are_in_no_text() -> None:
    shown = repr([SAID[1], SAID[5], beside.Run(3, 1, 1, "Assistant", (3, 11), b"hush")])
    assert "hush" not in shown
    assert "token" not in shown
    assert "session_id" not in shown
    assert "secret_key" not in shown


@pytest.mark.parametrize(
    "wrong",
    [{"keep": float("nan")}, {"keep": -1.0}, {"keep": 1e9}, {"keep": "x"}, {"generation": "x"}, {"seat": []}],
)
def test_a_seat_is_asked_for_with_numbers(wrong: dict[str, Any]) -> None:
    sound = {"seat": 1, "server_id": 2, "user_id": 3, "generation": 4, "keep": 60.0}
    assert is_sound(messages.Seat(**sound))
    assert not is_sound(messages.Seat(**{**sound, **wrong}))
