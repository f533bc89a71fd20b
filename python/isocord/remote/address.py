"""Where a media node is, and how the two ends know each other."""

from __future__ import annotations

import datetime
import secrets
import ssl
import tempfile
from pathlib import Path

from ..runtime.values import Record, secret
from .greeting import KEY_SIZE

_NAME = "isocord-media-node"
_DAYS = 3650


class NodeAddress(Record):
    """Where a media node takes links. It pickles; keep it as you keep a password.

    Raises:
        TypeError: a field is of another type.
        ValueError: host or port are none, or the key has another length.

    Attributes:
        host: a name or an IP address.
        port: of TCP.
        certificate: the node's own, in PEM: a bot trusts this one and no other.
        key: 32 random bytes that a bot shows.
    """

    host: str
    port: int
    certificate: str = secret()
    key: bytes = secret()

    def __init__(self, host: str, port: int, certificate: str, key: bytes) -> None:
        check_place(host, port, 1)
        _check_types(("certificate", certificate, str), ("key", key, bytes))
        if len(key) != KEY_SIZE:
            raise ValueError(f"the key of a media node has {KEY_SIZE} bytes, not {len(key)}")
        super().__init__(host, port, certificate, key)

    def context(self) -> ssl.SSLContext:
        """What a bot's links are made with: TLS 1.3 to whoever has the key of this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(cadata=self.certificate)
        return context

    @property
    def name(self) -> str:
        """The name in the certificate."""
        return _NAME


def check_place(host: str, port: int, lowest: int) -> None:
    """Raise what is wrong with where a media node is, or is to be.

    Raises:
        TypeError: host or port are of another type.
        ValueError: they are none.
    """
    _check_types(("host", host, str), ("port", port, int))
    if not host:
        raise ValueError("the host of a media node is a name or an address that bots can reach")
    if not lowest <= port <= 65_535:
        raise ValueError(f"the port of a media node is {lowest} to 65,535")


def _check_types(*fields: tuple[str, object, type]) -> None:
    for name, value, kind in fields:
        if not isinstance(value, kind):
            raise TypeError(f"the {name} of a media node is {kind.__name__}, not {type(value).__name__}")


class Identity:
    """A node's certificate, made anew with each node, and the key that it lets bots in for."""

    def __init__(self) -> None:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
        now = datetime.datetime.now(datetime.timezone.utc)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=_DAYS))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(private, hashes.SHA256())
        )
        encoding = serialization.Encoding.PEM
        self.certificate: str = made.public_bytes(encoding).decode()
        self.key: bytes = secrets.token_bytes(KEY_SIZE)
        self._private = private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def context(self) -> ssl.SSLContext:
        """What the node's links are made with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # Python reads keys from files only.
        with tempfile.TemporaryDirectory(prefix="isocord-") as folder:
            path = Path(folder) / "node.pem"
            path.touch(0o600)
            path.write_bytes(self._private + self.certificate.encode())
            context.load_cert_chain(path)
        return context
