"""How one gets into the simulated router, and how not."""

import asyncio
import hashlib
import ssl
from pathlib import Path

import pytest
from router_words import Words, attributes, connected, logged_in, reached

from connectors.mikrotik.simulator import (
    PROFILES,
    Simulator,
    User,
    anonymous_tls,
    certificate_tls,
)

MODERN = [name for name in PROFILES if name != "6.42"]
USERS = {"admin": "s3cret"}


async def challenge(words: Words, *more: str) -> bytes:
    [done] = await words.ask("/login", *more)
    assert done[0] == "!done"
    return bytes.fromhex(attributes(done)["ret"])


def answer(password: str, asked: bytes) -> str:
    digest = hashlib.md5(b"\x00" + password.encode() + asked)  # noqa: S324
    return f"=response=00{digest.hexdigest()}"


@pytest.mark.parametrize("profile", MODERN)
async def test_name_and_password_are_enough_since_6_43(profile: str) -> None:
    async with reached(Simulator(profile, USERS)) as words:
        said = await words.ask("/login", "=name=admin", "=password=s3cret")
        assert said == [["!done"]]
        assert await words.rows("/system/identity/print") == [{"name": "MikroTik"}]


@pytest.mark.parametrize("more", [(), ("=name=admin", "=password=s3cret")])
async def test_before_6_43_every_login_without_answer_gets_a_challenge(
    more: tuple[str, ...],
) -> None:
    async with reached(Simulator("6.42", USERS)) as words:
        asked = await challenge(words, *more)
        assert len(asked) == 16
        said = await words.ask("/login", "=name=admin", answer("s3cret", asked))
        assert said == [["!done"]]
        assert await words.rows("/system/identity/print")


async def test_a_challenge_counts_once() -> None:
    async with reached(Simulator("6.42", USERS)) as words:
        asked = await challenge(words)
        wrong = await words.refused("/login", "=name=admin", answer("no", asked))
        assert wrong == "cannot log in"
        right = answer("s3cret", asked)
        again = await words.refused("/login", "=name=admin", right)
        assert again == "cannot log in"


@pytest.mark.parametrize(
    "said",
    [
        ("=name=admin", "=password=wrong"),
        ("=name=nobody", "=password=s3cret"),
        ("=name=admin",),
        (),
    ],
)
@pytest.mark.parametrize("profile", MODERN)
async def test_a_wrong_login_is_refused_and_logged(
    profile: str, said: tuple[str, ...]
) -> None:
    simulator = Simulator(profile, USERS)
    async with simulator.serve() as address, connected(address) as words:
        refusal = await words.refused("/login", *said)
        assert refusal == "invalid user name or password (6)"
        [line] = simulator.tables["/log"]
        assert line.live["topics"] == "system,error,critical"
        assert await words.ask("/system/identity/print") == [
            ["!fatal", "not logged in"]
        ]
        assert await words.ended()


async def test_a_command_before_login_ends_the_connection() -> None:
    async with reached(Simulator(users=USERS)) as words:
        said = await words.ask("/ppp/secret/print")
        assert said == [["!fatal", "not logged in"]]
        assert await words.ended()


async def test_too_many_tries_end_the_connection() -> None:
    async with reached(Simulator(users=USERS)) as words:
        for _ in range(10):
            await words.refused("/login", "=name=admin", "=password=no")
        said = await words.ask("/login", "=name=admin", "=password=s3cret")
        assert said == [["!fatal", "too many commands before login"]]


async def test_quit_ends_the_connection() -> None:
    async with logged_in(Simulator()) as words:
        assert await words.ask("/quit") == [["!fatal", "session terminated on request"]]
        assert await words.ended()


async def test_a_user_may_be_bound_to_networks() -> None:
    users = {
        "far": User("x", networks="10.0.0.0/8"),
        "near": User("x", networks="127.0.0.0/8"),
    }
    async with reached(Simulator(users=users)) as words:
        refusal = await words.refused("/login", "=name=far", "=password=x")
        assert refusal == "invalid user name or password (6)"
        said = await words.ask("/login", "=name=near", "=password=x")
        assert said == [["!done"]]


async def test_the_service_may_be_bound_to_networks() -> None:
    simulator = Simulator()
    simulator.networks = ["10.0.0.0/8"]
    async with simulator.serve() as address, connected(address) as words:
        assert await words.ended()


async def test_a_user_without_the_api_policy_is_refused() -> None:
    users = {"reader": User("x", policies=["read", "winbox"])}
    async with reached(Simulator(users=users)) as words:
        refusal = await words.refused("/login", "=name=reader", "=password=x")
        assert refusal == "invalid user name or password (6)"


async def test_the_21st_session_is_closed_until_one_ends() -> None:
    simulator = Simulator()
    login = ("/login", "=name=admin", "=password=")
    async with simulator.serve() as address:
        open_ones = [connected(address) for _ in range(20)]
        clients = [await one.__aenter__() for one in open_ones]
        for client in clients:
            assert await client.ask(*login) == [["!done"]]
        async with connected(address) as late:
            assert await late.ended()
        assert len(await clients[0].rows("/user/active/print")) == 20
        await clients[5].ask("/quit")
        await clients[5].ended()
        async with asyncio.timeout(5):
            while simulator.connections == 20:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
        async with connected(address) as later:
            assert await later.ask(*login) == [["!done"]]
        for one in open_ones:
            await one.__aexit__(None, None, None)


async def test_no_password_reaches_the_trace() -> None:
    simulator = Simulator(users=USERS)
    async with logged_in(simulator, password="s3cret") as words:
        await words.add("/ppp/secret", name="c1", password="t0psecret")
        await words.rows("/ppp/secret/print", "?password=t0psecret")
    told = "\n".join(map(str, simulator.trace))
    assert "=name=c1" in told
    assert "=password=***" in told
    assert "s3cret" not in told
    assert "t0psecret" not in told


async def test_tls_with_a_certificate(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    client = ssl.create_default_context(cafile=certificate)
    client.check_hostname = False
    serve = Simulator(users=USERS).serve(tls=certificate_tls(certificate, key))
    async with serve as address, connected(address, client) as words:
        assert words.writer.get_extra_info("peercert")
        said = await words.ask("/login", "=name=admin", "=password=s3cret")
        assert said == [["!done"]]
        assert await words.rows("/system/resource/print")


async def test_tls_without_certificate_is_anonymous() -> None:
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    strict = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ADH:@SECLEVEL=0")
    async with Simulator(users=USERS).serve(tls=anonymous_tls()) as address:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await asyncio.open_connection(*address, ssl=strict, server_hostname="r")
        async with connected(address, client) as words:
            assert not words.writer.get_extra_info("peercert")
            said = await words.ask("/login", "=name=admin", "=password=s3cret")
            assert said == [["!done"]]


async def test_plain_bytes_on_the_tls_port_are_dropped(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    serve = Simulator(users=USERS).serve(tls=certificate_tls(certificate, key))
    async with serve as address, connected(address) as words:
        await words.say("/login", "=name=admin", "=password=s3cret")
        heard = await asyncio.wait_for(words.reader.read(), 5)
        assert b"!done" not in heard


def self_signed(folder: Path) -> tuple[Path, Path]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "router")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "router.pem", folder / "router.key"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file
