"""The fake's transport ciphers against PyNaCl and published vectors."""

from __future__ import annotations

import struct

import pytest
from nacl import bindings
from nacl.secret import SecretBox

from isocord.testing.wire.ciphers import MODES, OpenError, XChaCha, check_modes, hchacha20, make_cipher
from isocord.testing.wire.rtp import RtpHeader, parse_header

KEY = bytes(range(32))
HEADER = RtpHeader(seq=1, timestamp=960, ssrc=0xDEADBEEF)
CLEAR = HEADER.build()


def test_hchacha20_matches_the_draft() -> None:
    # draft-irtf-cfrg-xchacha-03, section 2.2.1.
    nonce = bytes.fromhex("000000090000004a0000000031415927")
    expected = "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    assert hchacha20(KEY, nonce).hex() == expected


def test_xchacha_is_opened_by_pynacl() -> None:
    cipher = XChaCha(KEY)
    for counter in range(3):
        packet = cipher.seal(CLEAR, b"sound")
        assert packet[-4:] == struct.pack(">I", counter)
        nonce = packet[-4:] + bytes(20)
        opened = bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(packet[12:-4], CLEAR, nonce, KEY)
        assert opened == b"sound"


@pytest.mark.parametrize(
    ("mode", "nonce", "tail"),
    [
        ("xsalsa20_poly1305", lambda packet: CLEAR + bytes(12), 0),
        ("xsalsa20_poly1305_suffix", lambda packet: packet[-24:], 24),
        ("xsalsa20_poly1305_lite", lambda packet: packet[-4:] + bytes(20), 4),
        ("xsalsa20_poly1305_lite_rtpsize", lambda packet: packet[-4:] + bytes(20), 4),
    ],
)
def test_legacy_modes_are_opened_by_pynacl(mode: str, nonce: object, tail: int) -> None:
    packet = make_cipher(mode, KEY).seal(CLEAR, b"sound")
    assert callable(nonce)
    assert SecretBox(KEY).decrypt(packet[12 : len(packet) - tail], nonce(packet)) == b"sound"


@pytest.mark.parametrize("mode", MODES)
def test_what_is_changed_or_cut_does_not_open(mode: str) -> None:
    packet = make_cipher(mode, KEY).seal(CLEAR, b"sound")
    opener = make_cipher(mode, KEY)
    assert opener.open(parse_header(packet), packet) == b"sound"
    for place in range(12, len(packet)):
        broken = bytearray(packet)
        broken[place] ^= 1
        with pytest.raises(OpenError):
            opener.open(parse_header(packet), bytes(broken))
    for size in range(12, len(packet)):
        with pytest.raises(OpenError):
            opener.open(HEADER, packet[:size])


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode.startswith("aead")])
def test_the_header_is_authenticated(mode: str) -> None:
    packet = bytearray(make_cipher(mode, KEY).seal(CLEAR, b"sound"))
    packet[3] ^= 1
    with pytest.raises(OpenError):
        make_cipher(mode, KEY).open(parse_header(bytes(packet)), bytes(packet))


def test_a_nonce_is_never_used_twice() -> None:
    cipher = make_cipher("aead_aes256_gcm_rtpsize", KEY)
    cipher._counter = (1 << 32) - 1
    assert cipher.next_nonce() == b"\xff\xff\xff\xff"
    with pytest.raises(OverflowError):
        cipher.seal(CLEAR, b"sound")


def test_keys_and_modes_are_checked() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        make_cipher("aead_aes256_gcm_rtpsize", b"short")
    with pytest.raises(ValueError, match="unknown transport modes"):
        check_modes(("plain",))
    with pytest.raises(ValueError, match="unknown transport modes"):
        check_modes(())
    assert KEY.hex() not in repr(make_cipher("aead_xchacha20_poly1305_rtpsize", KEY))
