"""Where a media node is, and how the two ends know each other."""

from __future__ import annotations

import datetime
import ipaddress
import secrets
import ssl
import tempfile
from pathlib import Path

from ..runtime.values import Record, secret

_NAME = "isocord-media-node"
_DAYS = 3650


class NodeAddress(Record):
    """Where a media node takes links. It pickles; keep it as you keep a password.

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
        self.key: bytes = secrets.token_bytes(32)
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


def is_private(host: str) -> bool:
    """Whether an address is of no public network."""
    address = ipaddress.ip_address(host)
    return address.is_private or address.is_loopback
