"""A peer that means harm: what it can make us hold, store, show or give away."""

import pytest
from test_mikrotik_transport import dialled, talking

from connectors.mikrotik import errors
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
