"""The way to a router: its address, TCP, TLS and the certificate that is pinned.

A name is resolved, checked and connected in one step, so that what it resolves to later
does not matter. Nothing secret is sent before the certificate is checked. What went
wrong is told in few words, or a router's record would scan networks for its tenant.
Called by the transport, and by the form that shows an administrator the fingerprint.
"""

import asyncio
import hashlib
import hmac
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from connectors.mikrotik.errors import (
    AddressRefused,
    CertificateChanged,
    TlsFailed,
    Unreachable,
)
from connectors.mikrotik.guard import USUAL, Guard
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
    address: str,
    *,
    port: int | None,
    tls: Tls | Plaintext,
    seconds: float,
    guard: Guard,
) -> Wire:
    """Return a connection whose certificate is checked.

    Raises:
        AddressRefused: the guard allows none of the addresses.
        Unreachable: refused, no route, no such name, or nothing within the time.
        TlsFailed: no TLS there, or none that can be trusted.
        CertificateChanged: not the pinned one.
    """
    if isinstance(tls, Plaintext):
        reader, writer = await _open(address, port or PLAIN_PORT, None, seconds, guard)
        return Wire(reader, writer)
    context = ssl.create_default_context() if tls.pin is None else _unchecked()
    reader, writer = await _open(address, port or TLS_PORT, context, seconds, guard)
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
    address: str,
    *,
    port: int | None = None,
    seconds: float = CONNECT_SECONDS,
    guard: Guard = USUAL,
) -> str:
    """Return the SHA-256 of the certificate the router shows, 64 hex digits.

    For trust on first use: an administrator compares it, then it is pinned. Sends
    nothing.
    """
    _, writer = await _open(address, port or TLS_PORT, _unchecked(), seconds, guard)
    try:
        return _presented(writer)
    finally:
        writer.transport.abort()


async def _open(
    address: str,
    port: int,
    context: ssl.SSLContext | None,
    seconds: float,
    guard: Guard,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    where = f"{address} port {port}"
    name = address if context else None
    try:
        async with asyncio.timeout(seconds):
            sock = await _connected(address, port, guard)
            reader, writer = await asyncio.open_connection(
                sock=sock, ssl=context, server_hostname=name
            )
    except ssl.SSLCertVerificationError:
        raise TlsFailed(
            f"{where}: the certificate is of no known authority, or names another host"
        ) from None
    except ssl.SSLError:
        raise TlsFailed(
            f"{where}: no TLS that can be used; is a certificate set for api-ssl on "
            "the router?"
        ) from None
    except OSError:
        raise Unreachable(
            f"{where} cannot be reached; does the router answer there, and allow this "
            "server's address?"
        ) from None
    except ValueError:
        # Such as `a..b`: Python refuses what it cannot encode before it looks it up.
        raise Unreachable(f"{where}: this is no name of a host") from None
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return reader, writer


async def _connected(address: str, port: int, guard: Guard) -> socket.socket:
    """Return a connection to the first address that is allowed and answers."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    allowed = [info for info in found if guard.allows(str(info[4][0]), port)]
    if not allowed:
        raise AddressRefused(
            f"{address} port {port}: no router is sought at such an address or port; "
            "RANGKA_ROUTER_NETWORKS of this server says in which networks"
        )
    failure = OSError("no address")
    for family, kind, protocol, _, target in allowed:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, target)
        except OSError as error:
            sock.close()
            failure = error
        except asyncio.CancelledError:
            sock.close()
            raise
        else:
            return sock
    raise failure


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
