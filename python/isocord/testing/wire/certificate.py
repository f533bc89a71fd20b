"""A certificate authority and a server certificate for 127.0.0.1, made anew at every start."""

from __future__ import annotations

import ssl

import trustme

HOSTS = ("127.0.0.1", "localhost")
AUTHORITY = "isocord.testing"
"""The organization that the authority's certificate names."""


class Certificate:
    """A fresh authority and the server certificate it signed.

    The private keys never leave this process, except for a file that only its user can read and that is deleted as
    soon as OpenSSL has read it.
    """

    def __init__(self) -> None:
        authority = trustme.CA(organization_name=AUTHORITY)
        self._certificate = authority.issue_cert(*HOSTS)
        self.ca_pem: str = authority.cert_pem.bytes().decode("ascii")

    def server_context(self) -> ssl.SSLContext:
        """A server-side TLS context with the certificate loaded."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._certificate.configure_cert(context)
        return context
