"""The connection to a router, against a peer that follows a script."""

import asyncio
import contextlib
import hashlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from mikrotik_world import LOOPBACK

from connectors.mikrotik import errors
from connectors.mikrotik.transport import PLAINTEXT, Deadlines, Session, connect
from tests.fixtures.scripted_router import Peer, scripted, sentence, tag, word

PASSWORD = "s3cret-Pa55"
Script = Callable[[Peer], Awaitable[None]]


@contextlib.asynccontextmanager
async def talking(script: Script) -> AsyncIterator[tuple[Session, list[Peer]]]:
    """Log in to a peer that then follows the script."""

    async def whole(peer: Peer) -> None:
        await peer.welcome()
        await script(peer)

    async with scripted(whole) as (port, peers), dialled(port) as session:
        yield session, peers


def dialled(
    port: int, seconds: float = 5, password: str = PASSWORD, user: str = "rangka"
) -> contextlib.AbstractAsyncContextManager[Session]:
    return connect(
        "127.0.0.1",
        port=port,
        user=user,
        password=password,
        tls=PLAINTEXT,
        deadlines=Deadlines(connect=seconds, command=seconds),
        guard=LOOPBACK,
    )


def answering(*replies: tuple[bytes | str, ...]) -> Script:
    """Answer one command with the sentences, tags added."""

    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        for reply in replies:
            await peer.say(*reply, mark)
        await peer.ended()

    return script


async def test_values_stay_text() -> None:
    words = ("!re", "=a=123", "=b=true", "=c=0812", "=d=", "=e=x=y", "=flag", "=g=yes")
    async with talking(answering(words, ("!done",))) as (session, _):
        [row] = await session.call("/x/print")
    assert row == {
        "a": "123",
        "b": "true",
        "c": "0812",
        "d": "",
        "e": "x=y",
        "flag": "",
        "g": "yes",
    }


async def test_the_id_of_an_add_is_the_last_row() -> None:
    async with talking(answering(("!done", "=ret=*7"))) as (session, _):
        assert await session.call("/x/add") == [{"ret": "*7"}]


async def test_a_print_without_rows() -> None:
    async with talking(answering(("!empty",), ("!done",))) as (session, _):
        assert await session.call("/x/print") == []


async def test_a_trap_with_more_than_a_message() -> None:
    trap = ("!trap", "=category=0", "=message=no such item (4)", "=what=else")
    async with talking(answering(trap, ("!done",))) as (session, _):
        with pytest.raises(errors.Missing, match="no such item"):
            await session.call("/x/set")
        assert session.alive


async def test_two_traps_in_one_reply() -> None:
    replies = (("!trap", "=message=one"), ("!trap", "=message=two"), ("!done",))
    async with talking(answering(*replies)) as (session, _):
        with pytest.raises(errors.Refused, match="one; two"):
            await session.call("/x/set")


async def test_the_next_command_works_after_a_trap() -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        await peer.say("!trap", "=message=no such item", mark)
        await peer.say("!done", mark)
        await peer.say("!done", "=ret=ok", tag(await peer.hear()))

    async with talking(script) as (session, _):
        with pytest.raises(errors.Missing):
            await session.call("/x/set")
        assert await session.call("/x/get") == [{"ret": "ok"}]


@pytest.mark.parametrize("words", [("!fatal",), ("!fatal", "not logged in")])
async def test_a_fatal_word_ends_the_connection(words: tuple[str, ...]) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.say(*words)

    async with talking(script) as (session, _):
        with pytest.raises(errors.ConnectionLost, match="the router ended"):
            await session.call("/x/print")
        assert not session.alive
        with pytest.raises(errors.ConnectionLost):
            await session.call("/x/print")


async def test_empty_sentences_mean_nothing() -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        await peer.send(b"\x00\x00" + sentence("!done", mark) + b"\x00")
        await peer.ended()

    async with talking(script) as (session, _):
        assert await session.call("/x/print") == []


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 16383, 16384, 70_000])
async def test_words_of_every_length_both_ways(size: int) -> None:
    async def script(peer: Peer) -> None:
        heard = await peer.hear()
        await peer.say("!re", heard[1], tag(heard))
        await peer.say("!done", tag(heard))

    text = "x" * size
    async with talking(script) as (session, peers):
        assert await session.call("/x/print", f"=v={text}") == [{"v": text}]
        assert peers[0].heard[1][1] == f"=v={text}"


async def test_a_reply_in_single_bytes_and_one_in_a_lump() -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        for byte in sentence("!re", "=name=" + "n" * 300, mark):
            await peer.send(bytes([byte]))
        await peer.send(sentence("!re", "=name=b", mark) + sentence("!done", mark))
        await peer.ended()

    async with talking(script) as (session, _):
        rows = await session.call("/x/print")
    assert [len(row["name"]) for row in rows] == [300, 1]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Jalan Merdeka – ✓".encode(), "Jalan Merdeka – ✓"),
        ("Müller".encode("cp1252"), "Müller"),
        (b"\x81\xfe", "\ufffdþ"),
    ],
)
async def test_comments_of_any_charset_are_read(raw: bytes, text: str) -> None:
    async with talking(answering(("!re", b"=comment=" + raw), ("!done",))) as (s, _):
        assert await s.call("/x/print") == [{"comment": text}]


async def test_only_ascii_is_written_and_the_refusal_does_not_repeat_it() -> None:
    async with talking(answering(("!done",))) as (session, peers):
        with pytest.raises(errors.BadValue, match="password") as caught:
            await session.call("/x/set", "=password=пароль-123")
        assert "123" not in str(caught.value)
        await session.call("/x/print")
    assert [words[0] for words in peers[0].heard] == ["/login", "/x/print"]


@pytest.mark.parametrize("drip", [b"", b"\x03!r", b"\x85"])
async def test_a_reply_that_stops_is_given_up(drip: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.send(drip)
        assert await peer.ended()

    async with talking(script) as (session, _):
        with pytest.raises(errors.TimedOut, match=r"/x/print.*0.1 s"):
            await session.call("/x/print", timeout_seconds=0.1)
        assert not session.alive


async def test_a_reply_that_never_ends_is_given_up_though_it_keeps_coming() -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        while True:
            await peer.say("!re", "=.id=*1", mark)
            await asyncio.sleep(0.01)

    async with talking(script) as (session, _):
        with pytest.raises(errors.TimedOut):
            await session.call("/x/print", timeout_seconds=0.2)


async def test_after_a_time_out_no_late_reply_reaches_the_next_command() -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        await asyncio.sleep(0.15)
        await peer.say("!re", "=name=late", mark)
        await peer.say("!done", mark)

    async with talking(script) as (session, peers):
        with pytest.raises(errors.TimedOut):
            await session.call("/x/print", timeout_seconds=0.05)
        with pytest.raises(errors.ConnectionLost):
            await session.call("/y/print")
    assert [words[0] for words in peers[0].heard] == ["/login", "/x/print"]


async def test_a_reply_to_nothing_ends_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.say("!re", "=name=stale", ".tag=999")
        await peer.ended()

    async with talking(script) as (session, _):
        with pytest.raises(errors.ProtocolBroken):
            await session.call("/x/print")


async def test_commands_overlap_and_each_gets_its_own_rows() -> None:
    async def script(peer: Peer) -> None:
        heard = [await peer.hear() for _ in range(5)]
        for words in reversed(heard):
            await peer.say("!re", f"=name={words[1]}", tag(words))
        for words in heard:
            await peer.say("!done", tag(words))
        await peer.ended()

    async with talking(script) as (session, _):
        answers = await asyncio.gather(
            *(session.call("/x/print", f"?name={n}") for n in range(5))
        )
    assert [rows[0]["name"] for rows in answers] == [f"?name={n}" for n in range(5)]


async def test_a_router_without_tags_gets_one_command_at_a_time() -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.say("!done")
        for _ in range(3):
            words = await peer.hear()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(peer.hear(), 0.05)
            await peer.say("!re", f"=name={words[1]}")
            await peer.say("!done")
        await peer.ended()

    async with scripted(script) as (port, _), dialled(port) as session:
        answers = await asyncio.gather(
            *(session.call("/x/print", f"?name={n}") for n in range(3))
        )
        assert (session.tagged, session.window) == (False, 1)
    assert [rows[0]["name"] for rows in answers] == [f"?name={n}" for n in range(3)]


async def test_a_cancelled_command_ends_the_connection() -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        assert await peer.ended()

    async with talking(script) as (session, _):
        task = asyncio.create_task(session.call("/x/print"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not session.alive


async def test_all_commands_under_way_hear_of_a_lost_connection() -> None:
    async def script(peer: Peer) -> None:
        for _ in range(3):
            await peer.hear()

    async with talking(script) as (session, _):
        results = await asyncio.gather(
            *(session.call("/x/print") for _ in range(4)), return_exceptions=True
        )
    assert {type(result) for result in results} == {errors.ConnectionLost}


async def test_the_challenge_of_an_old_router_is_answered() -> None:
    salt = bytes(range(16))

    async def script(peer: Peer) -> None:
        await peer.say("!done", f"=ret={salt.hex()}", tag(await peer.hear()))
        words = await peer.hear()
        digest = hashlib.md5(  # noqa: S324  # what old routers ask for
            b"\x00" + PASSWORD.encode() + salt
        ).hexdigest()
        assert words[1:3] == ["=name=rangka", f"=response=00{digest}"]
        await peer.say("!done", tag(words))
        await peer.ended()

    async with scripted(script) as (port, _), dialled(port) as session:
        assert session.alive


@pytest.mark.parametrize(
    "message", ["invalid user name or password (6)", "cannot log in", "busy"]
)
async def test_a_refused_log_in_is_never_a_reason_to_retry(message: str) -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        await peer.say("!trap", f"=message={message}", mark)
        await peer.say("!done", mark)
        await peer.ended()

    async with scripted(script) as (port, peers):
        with pytest.raises(errors.LoginRefused) as caught:
            async with dialled(port):
                pass
    assert caught.value.advice is errors.Advice.ALERT
    assert len(peers) == 1
    assert len(peers[0].heard) == 1


async def test_a_connection_that_ends_before_the_log_in() -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()

    async with scripted(script) as (port, _):
        with pytest.raises(errors.TooManySessions, match="no session left"):
            async with dialled(port):
                pass


async def test_a_peer_that_accepts_and_says_nothing() -> None:
    async def script(peer: Peer) -> None:
        await asyncio.Event().wait()

    async with scripted(script) as (port, _):
        with pytest.raises(errors.TimedOut):
            async with dialled(port, seconds=0.1):
                pass


@pytest.mark.parametrize(
    "noise",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9,
        b"\xff" * 64,
        b"\xef\xff\xff\xff",
        sentence("+OK", "hello"),
    ],
)
async def test_a_peer_that_speaks_something_else(noise: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.send(noise)
        await peer.ended()

    async with scripted(script) as (port, _):
        with pytest.raises((errors.ProtocolBroken, errors.TimedOut)):
            async with dialled(port, seconds=0.3):
                pass


async def test_a_sentence_without_end_does_not_fill_the_memory() -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        while True:
            await peer.send(word("=a=b") * 1000)

    async with talking(script) as (session, _):
        with pytest.raises(errors.ProtocolBroken, match="words"):
            await session.call("/x/print")


async def test_a_closed_port_is_unreachable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(errors.Unreachable, match=f"port {port}"):
        async with dialled(port):
            pass


async def test_no_password_in_any_log_or_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    echo = f"=message=invalid value {PASSWORD} for argument password"
    logging.getLogger("librouteros").setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        async with talking(answering(("!trap", echo), ("!done",))) as (session, _):
            with pytest.raises(errors.BadValue) as caught:
                await session.call("/x/add", f"=password={PASSWORD}")
    logging.getLogger("librouteros").setLevel(logging.INFO)
    assert PASSWORD not in caplog.text
    chain: BaseException | None = caught.value
    while chain is not None:
        assert PASSWORD not in repr(chain)
        chain = chain.__cause__ or chain.__context__
