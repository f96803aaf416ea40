"""TLS for servers that leave out their intermediate certificate; verification is never turned off.

CNBV's servers send only their own certificate. OpenSSL completes the chain from the context's store, so the
intermediate that signed them is put there: the one in this package, otherwise the one that the server's certificate
names (AIA, RFC 5280 4.2.2.1). An intermediate in the store is only a link of the chain, which still has to end in a
root that this machine trusts.
"""

from __future__ import annotations

import http.client
import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SHIPPED = Path(__file__).with_name("globalsign-rsa-ov-ssl-ca-2018.pem")
"""GlobalSign RSA OV SSL CA 2018, by GlobalSign Root CA - R3, valid to 2028-11-21; SHA-256 B676FFA3...2893764A."""

NO_ISSUER = frozenset({2, 20, 21})
"""OpenSSL's error codes for a chain that lacks an issuer's certificate."""

MAX_CERTIFICATE = 64 * 1024
_CA_ISSUERS = bytes.fromhex("06082b06010505073002")  # the object identifier 1.3.6.1.5.5.7.48.2
_URI = 0x86  # the context tag of GeneralName's uniformResourceIdentifier
_SHORT_LENGTH = 0x80


class IssuerError(Exception):
    """Raised when the issuer that a certificate names cannot be fetched, or is not an intermediate certificate."""


def make_context(intermediate: Path = SHIPPED) -> ssl.SSLContext:
    """A verifying context: the roots of the system or of ``SSL_CERT_FILE``, and an intermediate to build chains with.

    Python 3.13 sets ``VERIFY_X509_PARTIAL_CHAIN``, which makes any certificate in the store an anchor: an intermediate
    would be trusted even if its root is not. It is cleared.
    """
    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_PARTIAL_CHAIN
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As cadata: a file could mark its certificate as trusted (BEGIN TRUSTED CERTIFICATE).
    context.load_verify_locations(cadata=assert_link(intermediate.read_bytes()))
    return context


def add_issuer(context: ssl.SSLContext, host: str, port: int, timeout: float) -> str:
    """Fetch the issuer that a server's certificate names and add it to the store; return its address.

    The certificate is read in a separate, unverified handshake without a request: it only provides an address. The
    chain is fully verified afterwards, by ``context``, on the connection that is used.

    Raises:
        IssuerError: the certificate names none, or the address does not have an intermediate certificate.
    """
    try:
        # getpeercert() returns nothing after a failed handshake; this is the standard library's way to get it.
        leaf = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((host, port), timeout=timeout))
        address = issuer_address(leaf)
        context.load_verify_locations(cadata=assert_link(_download(address, timeout)))
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise IssuerError(f"the issuer of its certificate cannot be fetched: {error}") from error
    return address


def issuer_address(certificate: bytes) -> str:
    """The http address of the issuer's certificate that a certificate (DER) names.

    Raises:
        IssuerError: it names none.
    """
    start = 0
    while (found := certificate.find(_CA_ISSUERS, start)) >= 0:
        start = found + len(_CA_ISSUERS)
        tag, length = certificate[start : start + 2].ljust(2, b"\0")
        text = certificate[start + 2 : start + 2 + length]
        # CAs publish over plain http (the certificate is verified by its signature), and such addresses are short.
        if tag == _URI and length < _SHORT_LENGTH and re.fullmatch(rb"http://[!-~]+", text):
            return text.decode("ascii")
    raise IssuerError("its certificate does not name its issuer's address")


def assert_link(certificate: bytes) -> bytes:
    """The DER form of a single intermediate certificate, given as DER or PEM.

    A self-signed certificate in the store would be an anchor, so it is refused, as is more than one certificate.

    Raises:
        IssuerError: it is not exactly one CA certificate, or it is self-signed.
    """
    try:
        if b"-----BEGIN" in certificate:
            certificate = ssl.PEM_cert_to_DER_cert(certificate.decode("ascii").strip())
        store = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        store.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError) as error:
        raise IssuerError(f"its issuer's address does not return a certificate: {error}") from error
    authorities: list[Any] = store.get_ca_certs()
    if store.cert_store_stats()["x509"] != 1 or len(authorities) != 1:
        raise IssuerError("its issuer's address does not return exactly one CA certificate")
    if _folded(authorities[0]["subject"]) == _folded(authorities[0]["issuer"]):
        raise IssuerError("its issuer's address returns a self-signed certificate")
    return certificate


def _folded(name: Any) -> list[tuple[str, str]]:
    # At least as coarse as OpenSSL's comparison of names, which ignores case and repeated spaces.
    return sorted((key, "".join(value.casefold().split())) for part in name for key, value in part)


def _download(address: str, timeout: float) -> bytes:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", parts.path or "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        content = answer.read(MAX_CERTIFICATE + 1)
    finally:
        connection.close()
    if answer.status != http.client.OK or len(content) > MAX_CERTIFICATE:
        raise IssuerError(f"{address} answers {answer.status} with {len(content)} bytes")
    return content
