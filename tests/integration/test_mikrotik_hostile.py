"""A peer that means harm: what it can make us hold, store, show or give away."""

import pytest
from test_mikrotik_transport import answering, dialled, talking

from connectors.mikrotik import errors
from connectors.mikrotik.dialing import PLAINTEXT, Plaintext, Tls, fingerprint
from connectors.mikrotik.transport import connect
from connectors.mikrotik.wire import KNOWN, STRANGER
from tests.fixtures.scripted_router import Peer, scripted, tag, word


async def test_a_sentence_of_long_words_does_not_fill_the_memory() -> None:
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.hear()
        while sent < 64 * KNOWN.sentence_bytes:
            await peer.send(word(f"=n{sent}=" + "x" * 60_000))
            sent += 60_000
        assert await peer.ended()

    async with talking(script) as (session, _):
        with pytest.raises(errors.ProtocolBroken, match="one sentence"):
            await session.call("/x/print")
    assert sent < 64 * KNOWN.sentence_bytes


async def test_a_word_longer_than_a_sentence_may_be_is_not_waited_for() -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        size = KNOWN.sentence_bytes + 1
        await peer.send((size | 0xC00000).to_bytes(3, "big"))
        assert await peer.ended()

    async with talking(script) as (session, _):
        with pytest.raises(errors.ProtocolBroken, match="one sentence"):
            await session.call("/x/print")


async def test_a_reply_of_many_rows_does_not_fill_the_memory() -> None:
    rows = 0

    async def script(peer: Peer) -> None:
        nonlocal rows
        mark = tag(await peer.hear())
        row = ["!re", *(f"=n{n}=" + "x" * 60_000 for n in range(4)), mark]
        while rows < 2 * KNOWN.reply_bytes // 240_000:
            await peer.say(*row)
            rows += 1
        assert await peer.ended()

    async with talking(script) as (session, _):
        with pytest.raises(errors.ProtocolBroken, match="one reply"):
            await session.call("/x/print")
    assert rows < 2 * KNOWN.reply_bytes // 240_000


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["=n=" + "x" * (STRANGER.sentence_bytes + 1)], id="long"),
        pytest.param([f"=n{n}=" for n in range(STRANGER.words + 1)], id="many"),
    ],
)
async def test_before_the_log_in_a_peer_may_say_little(words: list[str]) -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        await peer.say("!done", *words, mark)
        await peer.ended()

    async with scripted(script) as (port, _):
        with pytest.raises(errors.ProtocolBroken):
            async with dialled(port):
                pass


async def test_rows_before_the_log_in_are_few() -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        for _ in range(10):
            await peer.say("!re", "=n=" + "x" * (STRANGER.reply_bytes // 8), mark)
        await peer.say("!done", mark)
        await peer.ended()

    async with scripted(script) as (port, _):
        with pytest.raises(errors.ProtocolBroken):
            async with dialled(port):
                pass


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a\x00b", "ab"),
        (b"a\x1b[2Jb", "a[2Jb"),
        (b"two\r\nlines\tand a tab", "two  lines and a tab"),
        ("a\x9bb\x7fc".encode(), "abc"),
        (b"\xed\xa0\x80", "í\xa0€"),
    ],
)
async def test_control_characters_of_a_router_are_not_passed_on(
    raw: bytes, text: str
) -> None:
    async with talking(answering(("!re", b"=comment=" + raw), ("!done",))) as (s, _):
        assert await s.call("/x/print") == [{"comment": text}]


async def test_control_characters_in_a_refusal_are_not_passed_on() -> None:
    trap = ("!trap", b'=message=no such item\x00\x1b[2J\r\n{"level":"forged"}')
    async with talking(answering(trap, ("!done",))) as (session, _):
        with pytest.raises(errors.Missing) as caught:
            await session.call("/x/set")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("password", ["p", "in", "invalid user name"])
@pytest.mark.parametrize(
    "words",
    [
        ("!trap", "=message=invalid user name or password (6)"),
        ("!trap", "=message=invalid value p for argument password"),
        ("!trap", "=message=not enough permissions (9)", "=category=2"),
        ("!fatal", "too many sessions, p"),
    ],
)
async def test_the_refusal_of_a_log_in_says_nothing_of_the_password(
    words: tuple[str, ...], password: str
) -> None:
    """Blotting a short password out of known words would tell what it is."""

    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        await peer.say(*words, mark)
        await peer.say("!done", mark)
        await peer.ended()

    said = set()
    for sent in (password, "another-0ne"):
        async with scripted(script) as (port, _):
            with pytest.raises(errors.RouterError) as caught:
                async with dialled(port, password=sent):
                    pass
        expected = errors.LoginRefused if words[0] == "!trap" else errors.ConnectionLost
        assert isinstance(caught.value, expected)
        said.add(str(caught.value))
    assert len(said) == 1
    assert "•" not in said.pop()


async def test_a_fatal_word_does_not_repeat_a_password() -> None:
    async def script(peer: Peer) -> None:
        words = await peer.hear()
        await peer.say("!fatal", words[1])

    async with talking(script) as (session, _):
        with pytest.raises(errors.ConnectionLost) as caught:
            await session.call("/x/set", "=password=sandi-rahasia")
    assert "sandi" not in str(caught.value)


@pytest.mark.parametrize("tls", [PLAINTEXT, Tls(None), Tls("0" * 64)])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "::1", "::"])
async def test_this_machine_holds_no_router_whatever_its_name(
    name: str, tls: Tls | Plaintext
) -> None:
    async with scripted(lambda peer: peer.welcome()) as (port, peers):
        said = set()
        for at in (port, 6379, 1):
            with pytest.raises(errors.AddressRefused) as caught:
                async with connect(name, port=at, user="u", password="p", tls=tls):
                    pass
            said.add(str(caught.value).replace(f"port {at}", "port"))
        with pytest.raises(errors.AddressRefused):
            await fingerprint(name, port=port)
    assert not peers
    assert len(said) == 1


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("u", "\r\nSET pwned by-operator\r\nDEL canary\r\n"),
        ("u\nQUIT", "p"),
        ("u", "tab\there"),
        ("u", "esc\x1b[2J"),
        ("u", "del\x7f"),
    ],
)
async def test_a_log_in_is_no_command_to_another_program(
    user: str, password: str
) -> None:
    async with scripted(lambda peer: peer.welcome()) as (port, peers):
        with pytest.raises(errors.BadValue, match="printable") as caught:
            async with dialled(port, password=password, user=user):
                pass
    assert not peers
    assert "pwned" not in str(caught.value)


async def test_a_value_with_a_line_end_is_not_sent() -> None:
    async with talking(answering(("!done",))) as (session, peers):
        with pytest.raises(errors.BadValue, match="comment"):
            await session.call("/x/set", "=comment=a\r\nb")
        await session.call("/x/print")
    assert [words[0] for words in peers[0].heard] == ["/login", "/x/print"]


@pytest.mark.parametrize(
    "noise",
    [b"SSH-2.0-OpenSSH_9.2\r\n" * 9, b"HTTP/1.1 400 Bad\r\n" * 9, b"\xff" * 64],
)
async def test_what_another_program_says_is_not_told(noise: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.send(noise)
        peer.end()

    async with scripted(script) as (port, _):
        with pytest.raises(errors.ConnectionLost) as caught:
            async with dialled(port):
                pass
    assert str(caught.value) in {
        "what answers there does not speak RouterOS",
        (
            "the connection ended before the log-in did: the router may have no "
            "session left, or does not allow this address"
        ),
    }
