"""Transport encryption of voice packets, in every mode that Discord has had.

An implementation of its own, on ``cryptography`` and PyNaCl, so that it is an independent witness for isocord's core.
Sources: Discord API documentation, "Transport Encryption Modes"; draft-irtf-cfrg-xchacha-03 (HChaCha20).
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from importlib.util import find_spec

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from ..errors import MissingDependencyError
from .rtp import HEADER_SIZE, RtpHeader

NEWER_MODES = ("aead_aes256_gcm_rtpsize", "aead_xchacha20_poly1305_rtpsize")
LEGACY_MODES = (
    "xsalsa20_poly1305_lite_rtpsize",
    "xsalsa20_poly1305_lite",
    "xsalsa20_poly1305_suffix",
    "xsalsa20_poly1305",
)
MODES = NEWER_MODES + LEGACY_MODES
"""Every mode by name, preferred first; the legacy ones need PyNaCl."""

_COUNTER_LIMIT = 1 << 32
_TAG_SIZE = 16


class OpenError(Exception):
    """A packet did not authenticate, or is too short for its mode."""


class TransportCipher(ABC):
    """Seals and opens the packets of one direction of one connection.

    Args:
        key: 32 bytes, the ``secret_key`` of the Session Description.

    Attributes:
        clear_extension: whether the header extension's preamble stays in clear (rtpsize modes) or the whole
            extension is encrypted with the payload.
    """

    nonce_size = 4
    rtpsize = True

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a transport key has 32 bytes")
        self._counter = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def clear_size(self, header: RtpHeader) -> int:
        """How many bytes at the start of a packet this mode leaves in clear."""
        return header.clear_size if self.rtpsize else HEADER_SIZE

    def next_nonce(self) -> bytes:
        """The wire form of the next packet's nonce.

        Raises:
            OverflowError: all nonces of this key are used up.
        """
        if self._counter >= _COUNTER_LIMIT:
            raise OverflowError("the transport nonces of this key are used up")
        nonce = struct.pack(">I", self._counter)
        self._counter += 1
        return nonce

    def nonce_of(self, packet: bytes) -> bytes:
        """The nonce that a packet carries, in wire form."""
        return packet[len(packet) - self.nonce_size :]

    def seal(self, clear: bytes, plain: bytes) -> bytes:
        """A whole packet from its clear part and its plaintext."""
        nonce = self.next_nonce()
        return clear + self._seal(nonce, plain, clear) + nonce

    def open(self, header: RtpHeader, packet: bytes) -> bytes:
        """The plaintext of a packet, with extension body and padding still in it.

        Raises:
            OpenError: it does not authenticate.
        """
        clear = self.clear_size(header)
        if len(packet) < clear + _TAG_SIZE + self.nonce_size:
            raise OpenError("too short")
        body = packet[clear : len(packet) - self.nonce_size]
        return self._open(self.nonce_of(packet), body, packet[:clear])

    @abstractmethod
    def _seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes: ...

    @abstractmethod
    def _open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes: ...


class AesGcm(TransportCipher):
    """aead_aes256_gcm_rtpsize."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._aead = AESGCM(key)

    def _seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        return self._aead.encrypt(nonce.ljust(12, b"\0"), plain, aad)

    def _open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        try:
            return self._aead.decrypt(nonce.ljust(12, b"\0"), sealed, aad)
        except InvalidTag:
            raise OpenError("authentication failed") from None


_CONSTANTS = struct.unpack("<4I", b"expand 32-byte k")


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """HChaCha20: a subkey from a 32-byte key and a 16-byte nonce.

    A ChaCha20 block is the permuted state plus the initial state. Taking the initial state away again leaves
    the permutation's output, of which HChaCha20 is the first and the last row.
    """
    block = Cipher(algorithms.ChaCha20(key, nonce), mode=None).encryptor().update(bytes(64))
    words = struct.unpack("<16I", block)
    initial = _CONSTANTS + struct.unpack("<4I", nonce)
    permuted = [(word - start) & 0xFFFFFFFF for word, start in zip(words[:4] + words[12:], initial, strict=True)]
    return struct.pack("<8I", *permuted)


class XChaCha(TransportCipher):
    """aead_xchacha20_poly1305_rtpsize."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._key = key

    def _aead(self, nonce: bytes) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(hchacha20(self._key, nonce.ljust(16, b"\0")))

    def _seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        return self._aead(nonce).encrypt(bytes(12), plain, aad)

    def _open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        try:
            return self._aead(nonce).decrypt(bytes(12), sealed, aad)
        except InvalidTag:
            raise OpenError("authentication failed") from None


class XSalsaLite(TransportCipher):
    """xsalsa20_poly1305_lite: a 4-byte counter is appended.

    Raises:
        MissingDependencyError: PyNaCl is not installed.
    """

    rtpsize = False

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        try:
            from nacl.exceptions import CryptoError
            from nacl.secret import SecretBox
        except ImportError as error:
            raise MissingDependencyError("the xsalsa20 modes need PyNaCl") from error
        self._box = SecretBox(key)
        self._error: type[Exception] = CryptoError

    def _nonce(self, nonce: bytes, aad: bytes) -> bytes:
        return nonce.ljust(24, b"\0")

    def _seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        return bytes(self._box.encrypt(plain, self._nonce(nonce, aad)).ciphertext)

    def _open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        try:
            return bytes(self._box.decrypt(sealed, self._nonce(nonce, aad)))
        except self._error:
            raise OpenError("authentication failed") from None


class XSalsaLiteRtpsize(XSalsaLite):
    """xsalsa20_poly1305_lite_rtpsize: as lite, with the extension's preamble in clear."""

    rtpsize = True


class XSalsaSuffix(XSalsaLite):
    """xsalsa20_poly1305_suffix: 24 random bytes are appended."""

    nonce_size = 24

    def next_nonce(self) -> bytes:
        from nacl.utils import random

        return bytes(random(24))


class XSalsa(XSalsaLite):
    """xsalsa20_poly1305: the RTP header is the nonce."""

    nonce_size = 0

    def next_nonce(self) -> bytes:
        return b""

    def nonce_of(self, packet: bytes) -> bytes:
        return b""

    def _nonce(self, nonce: bytes, aad: bytes) -> bytes:
        return aad[:HEADER_SIZE].ljust(24, b"\0")


_CIPHERS: dict[str, type[TransportCipher]] = {
    "aead_aes256_gcm_rtpsize": AesGcm,
    "aead_xchacha20_poly1305_rtpsize": XChaCha,
    "xsalsa20_poly1305_lite_rtpsize": XSalsaLiteRtpsize,
    "xsalsa20_poly1305_lite": XSalsaLite,
    "xsalsa20_poly1305_suffix": XSalsaSuffix,
    "xsalsa20_poly1305": XSalsa,
}


def make_cipher(mode: str, key: bytes) -> TransportCipher:
    """A cipher for one direction.

    Raises:
        KeyError: no such mode.
        MissingDependencyError: the mode needs PyNaCl, which is not installed.
        ValueError: the key has not 32 bytes.
    """
    return _CIPHERS[mode](key)


def check_modes(modes: tuple[str, ...]) -> None:
    """Refuse a list of modes that this server cannot offer.

    Raises:
        ValueError: unknown mode, or none at all.
        MissingDependencyError: a legacy mode without PyNaCl.
    """
    unknown = [mode for mode in modes if mode not in _CIPHERS]
    if unknown or not modes:
        raise ValueError(f"unknown transport modes {unknown}; known are {', '.join(MODES)}")
    if set(modes) & set(LEGACY_MODES) and find_spec("nacl") is None:
        raise MissingDependencyError("the xsalsa20 modes need PyNaCl")
