"""Addresses on their way through Ray: sealed for the one process that asked.

What passes between Ray's processes is in the clear unless Ray is told otherwise, may be kept in its object store and
shown by its tools. A bot therefore asks with a public key of its own (X25519), and only it can open the answer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import IsocordError
from ..remote import NodeAddress

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

_ABOUT = b"isocord node address"
_KEY = 32


class SealError(IsocordError):
    """What came was not sealed for this process."""


class Lock:
    """A process's own key pair."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        self._private = X25519PrivateKey.generate()
        self.public: bytes = self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes) -> NodeAddress:
        """The address that :func:`seal` made it of.

        Raises:
            SealError: it was sealed for another process, or is damaged.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        theirs, body = sealed[:_KEY], sealed[_KEY:]
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(theirs))
            told = json.loads(_cipher(shared, theirs, self.public).decrypt(bytes(12), body, None))
        except (InvalidTag, ValueError):
            raise SealError("the address of a media node was not sealed for this process") from None
        return NodeAddress(told["host"], told["port"], told["certificate"], bytes.fromhex(told["key"]))


def seal(address: NodeAddress, public: bytes) -> bytes:
    """Make it such that only whoever has the private part of ``public`` reads it. Each time with a new key, so that
    the nonce may always be the same.

    Raises:
        SealError: ``public`` is no public key.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    private = X25519PrivateKey.generate()
    ours = private.public_key().public_bytes_raw()
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:
        raise SealError("a bot asked for the address of a media node with what is no public key") from None
    told = {"host": address.host, "port": address.port, "certificate": address.certificate, "key": address.key.hex()}
    return ours + _cipher(shared, ours, public).encrypt(bytes(12), json.dumps(told).encode(), None)


def _cipher(shared: bytes, sender: bytes, receiver: bytes) -> ChaCha20Poly1305:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(hashes.SHA256(), 32, None, _ABOUT + sender + receiver).derive(shared)
    return ChaCha20Poly1305(derived)
