"""TLS to a router: the pinned certificate, and nothing sent before it is checked."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from mikrotik_world import LOOPBACK

from connectors.mikrotik import errors
from connectors.mikrotik.dialing import Plaintext, Tls, fingerprint
from connectors.mikrotik.simulator import anonymous_tls
from connectors.mikrotik.transport import connect
from tests.fixtures.scripted_router import Peer, scripted


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A self-signed certificate as routers have them, and its SHA-256."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "router")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "router.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context, made.fingerprint(hashes.SHA256()).hex()


async def welcome(peer: Peer) -> None:
    await peer.welcome()
    await peer.ended()


async def log_in(port: int, tls: Tls | Plaintext) -> None:
    async with connect(
        "127.0.0.1", port=port, user="u", password="p", tls=tls, guard=LOOPBACK
    ) as session:
        assert session.tagged


async def test_the_pinned_certificate_is_trusted(
    certificate: tuple[ssl.SSLContext, str],
) -> None:
    context, pin = certificate
    colons = ":".join(pin[at : at + 2] for at in range(0, 64, 2)).upper()
    async with scripted(welcome, context) as (port, _):
        assert await fingerprint("127.0.0.1", port=port, guard=LOOPBACK) == pin
        await log_in(port, Tls(pin))
        await log_in(port, Tls(colons))


@pytest.mark.parametrize("pin", ["0" * 64, None])
async def test_another_certificate_gets_nothing(
    certificate: tuple[ssl.SSLContext, str], pin: str | None
) -> None:
    made = errors.TlsFailed if pin is None else errors.CertificateChanged
    async with scripted(welcome, certificate[0]) as (port, peers):
        with pytest.raises(made) as caught:
            await log_in(port, Tls(pin))
    assert caught.value.advice is errors.Advice.ALERT
    assert not [peer for peer in peers if peer.heard]


async def test_tls_to_a_plain_port_fails_and_never_falls_back() -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"\x00\x05hello")
        await peer.ended()

    async with scripted(script) as (port, peers):
        with pytest.raises(errors.TlsFailed, match="api-ssl"):
            await log_in(port, Tls("0" * 64))
    assert not peers[0].heard


@pytest.mark.parametrize("pin", ["", "abc", "g" * 64, "0" * 63])
def test_what_is_no_fingerprint_is_refused(pin: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        Tls(pin)


async def test_anonymous_tls_is_no_tls_to_trust() -> None:
    async with scripted(welcome, anonymous_tls()) as (port, peers):
        with pytest.raises((errors.TlsFailed, errors.Unreachable)):
            await log_in(port, Tls("0" * 64))
    assert not [peer for peer in peers if peer.heard]
