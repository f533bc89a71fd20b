"""Frames between isocord, davey and libdave: sizes, silence, order, replay, forgery."""

from __future__ import annotations

import os
import random

import pytest

from .dave_call import call_of
from .dave_members import SILENCE
from .dave_witnesses import KINDS

WITNESSES = ["davey", "libdave"]


@pytest.mark.parametrize("witness", WITNESSES)
def test_every_size_of_an_opus_packet(witness: str) -> None:
    call = call_of(["ours", witness])
    ours, other = call.members[1], call.members[2]
    content = os.urandom(1275)
    for size in range(1, 1276):
        frame = content[:size]
        sealed = ours.sealed(frame)
        assert sealed != frame
        assert other.open(1, sealed) == frame, size
        assert ours.open(2, other.sealed(frame)) == frame, size


@pytest.mark.parametrize("witness", WITNESSES)
@pytest.mark.parametrize(
    "frame", [b"\xfa\xfa", b"\x00" * 12 + b"\x0c\xfa\xfa", b"\xfa" * 40, bytes(3), SILENCE + b"\x00"]
)
def test_frames_that_look_like_something_else(witness: str, frame: bytes) -> None:
    call = call_of(["ours", witness])
    for one, other in ((1, 2), (2, 1)):
        assert call.members[other].open(one, call.members[one].sealed(frame)) == frame


@pytest.mark.parametrize("witness", WITNESSES)
def test_silence_is_sealed_and_passes_in_the_clear_too(witness: str) -> None:
    """As in libdave, whose encryptor knows no exception; a voice server may put plain silence in."""
    call = call_of(["ours", witness])
    sealed = call.members[1].sealed(SILENCE)
    assert sealed != SILENCE
    assert call.members[2].open(1, sealed) == SILENCE
    for receiver in (1, 2):
        assert call.members[receiver].open(3 - receiver, SILENCE) == SILENCE
    assert call.members[1].open(2, call.members[2].sealed(SILENCE)) == SILENCE


@pytest.mark.parametrize("witness", WITNESSES)
def test_nonces_of_every_length(witness: str) -> None:
    """The nonce takes one byte up to 127, two up to 16,383 and three from there."""
    call = call_of(["ours", witness])
    for one, other in ((1, 2), (2, 1)):
        sender, receiver = call.members[one], call.members[other]
        lengths = set()
        for count in range(16_600):
            sealed = sender.sealed(b"x")
            lengths.add(len(sealed))
            if count % 1000 == 0 or 126 <= count <= 130 or count >= 16_380:
                assert receiver.open(one, sealed) == b"x", count
        assert lengths == {13, 14, 15}


@pytest.mark.parametrize("witness", KINDS)
def test_a_frame_is_opened_once(witness: str) -> None:
    call = call_of(["ours", witness])
    sealed = [call.members[2].sealed(b"once %d" % count) for count in range(50)]
    random.Random(1).shuffle(sealed)
    ours = call.members[1]
    assert all(ours.open(2, frame) is not None for frame in sealed)
    assert all(ours.open(2, frame) is None for frame in sealed)
    # Nor in the next epoch, in which the old keys are still known.
    call.join(3, "ours")
    call.settle()
    assert all(ours.open(2, frame) is None for frame in sealed)


@pytest.mark.parametrize("witness", WITNESSES)
def test_a_changed_frame_is_refused(witness: str) -> None:
    call = call_of(["ours", witness])
    for one, other in ((1, 2), (2, 1)):
        sealed = call.members[one].sealed(b"to be changed")
        for bit in range(8 * len(sealed)):
            changed = bytearray(sealed)
            changed[bit // 8] ^= 1 << bit % 8
            assert call.members[other].open(one, bytes(changed)) is None, bit
        assert call.members[other].open(one, sealed) == b"to be changed"


@pytest.mark.parametrize("witness", WITNESSES)
def test_a_frame_belongs_to_its_sender(witness: str) -> None:
    call = call_of(["ours", witness, "ours"])
    sealed = call.members[2].sealed(b"mine")
    assert call.members[1].open(3, sealed) is None
    assert call.members[1].open(2, sealed) == b"mine"


@pytest.mark.parametrize("witness", WITNESSES)
def test_plain_frames_are_refused_in_an_encrypted_call(witness: str) -> None:
    call = call_of(["ours", witness])
    for receiver in (1, 2):
        assert call.members[receiver].open(3 - receiver, b"plain opus") is None
