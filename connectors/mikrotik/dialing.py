"""The way to a router: TCP, TLS and the certificate that is pinned.

Nothing secret is sent before the certificate is checked. Called by the transport, and
by the form that shows an administrator the fingerprint to confirm.
"""

import asyncio
import hashlib
import hmac
import os
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from connectors.mikrotik.errors import CertificateChanged, TlsFailed, Unreachable
from connectors.mikrotik.wire import Wire

TLS_PORT = 8729
PLAIN_PORT = 8728
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS 1.2 or later.

    Attributes:
        pin: SHA-256 of the router's (self-signed) certificate, 64 hex digits, colons
            allowed; None: the certificate must be of a known authority and name the
            address.
    """

    pin: str | None

    def __post_init__(self) -> None:
        if self.pin is not None and not re.fullmatch(r"[0-9a-f]{64}", _plain(self.pin)):
            raise ValueError("a pin is 64 hexadecimal digits (SHA-256)")


class Plaintext:
    """No TLS: the password crosses the network in clear. A choice, never a fallback."""


PLAINTEXT: Final = Plaintext()


async def dial(
    address: str, *, port: int | None, tls: Tls | Plaintext, seconds: float
) -> Wire:
    """Return a connection whose certificate is checked.

    Raises:
        Unreachable: refused, no route, no such name, or nothing within the time.
        TlsFailed: no TLS there, or none that can be trusted.
        CertificateChanged: not the pinned one.
    """
    if isinstance(tls, Plaintext):
        reader, writer = await _open(address, port or PLAIN_PORT, None, seconds)
        return Wire(reader, writer)
    context = ssl.create_default_context() if tls.pin is None else _unchecked()
    reader, writer = await _open(address, port or TLS_PORT, context, seconds)
    if tls.pin is not None and not hmac.compare_digest(
        _plain(tls.pin), _presented(writer)
    ):
        writer.transport.abort()
        raise CertificateChanged(
            f"{address}: the certificate is not the pinned one; compare the "
            "fingerprint on the router before you confirm the new one"
        )
    return Wire(reader, writer)


async def fingerprint(
    address: str, *, port: int | None = None, seconds: float = CONNECT_SECONDS
) -> str:
    """Return the SHA-256 of the certificate the router shows, 64 hex digits.

    For trust on first use: an administrator compares it, then it is pinned. Sends
    nothing.
    """
    _, writer = await _open(address, port or TLS_PORT, _unchecked(), seconds)
    try:
        return _presented(writer)
    finally:
        writer.transport.abort()


async def _open(
    address: str, port: int, context: ssl.SSLContext | None, seconds: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = f"{address} port {port}"
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(address, port, ssl=context)
    except TimeoutError:
        raise Unreachable(f"{where}: no connection within {seconds:g} s") from None
    except ssl.SSLError as error:
        raise TlsFailed(
            f"{where}: {error.reason or 'TLS failed'}; is a certificate set for "
            "api-ssl on the router?"
        ) from None
    except OSError as error:
        raise Unreachable(f"{where}: {_reason(error)}") from None
    except ValueError:
        # Such as `a..b`: Python refuses what it cannot encode before it looks it up.
        raise Unreachable(f"{where}: this is no name of a host") from None
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return reader, writer


def _reason(error: OSError) -> str:
    """Return the system's words; asyncio's own repeat the address instead."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error)


def _unchecked() -> ssl.SSLContext:
    """Take any certificate: it is compared with the pin after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _presented(writer: asyncio.StreamWriter) -> str:
    secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = secured.getpeercert(binary_form=True)
    if not certificate:
        writer.transport.abort()
        raise TlsFailed("the router shows no certificate (anonymous TLS)")
    return hashlib.sha256(certificate).hexdigest()


def _plain(pin: str) -> str:
    return pin.replace(":", "").strip().lower()
