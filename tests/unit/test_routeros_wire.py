"""The byte format of the RouterOS API."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from librouteros import protocol

from connectors.mikrotik.simulator.wire import (
    WireError,
    decode_length,
    encode_length,
    encode_sentence,
    encode_word,
    extra_bytes,
    read_sentence,
    read_word,
    to_bytes,
    to_text,
)

LENGTHS = [
    (0x00, "00"),
    (0x7F, "7f"),
    (0x80, "8080"),
    (0x100, "8100"),
    (0x3FFF, "bfff"),
    (0x4000, "c04000"),
    (0x1FFFFF, "dfffff"),
    (0x200000, "e0200000"),
    (0xFFFFFFF, "efffffff"),
    (0x10000000, "f010000000"),
    (0xFFFFFFFF, "f0ffffffff"),
]
WORDS = st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=12)


def stream(data: bytes) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    return reader


@pytest.mark.parametrize(("length", "said"), LENGTHS)
def test_a_length_has_the_bytes_of_the_manual(length: int, said: str) -> None:
    assert encode_length(length).hex() == said
    assert decode_length(bytes.fromhex(said)) == length


@given(st.integers(min_value=0, max_value=0xFFFFFFFF))
def test_every_length_reads_back(length: int) -> None:
    encoded = encode_length(length)
    assert decode_length(encoded) == length
    assert len(encoded) == extra_bytes(encoded[0]) + 1


@pytest.mark.parametrize("length", [-1, 0x100000000])
def test_a_length_out_of_range_is_refused(length: int) -> None:
    with pytest.raises(WireError, match="cannot be announced"):
        encode_length(length)


@pytest.mark.parametrize("first", range(0xF1, 0x100))
def test_a_control_byte_is_refused(first: int) -> None:
    with pytest.raises(WireError, match="control byte"):
        extra_bytes(first)


@pytest.mark.parametrize("said", ["", "80", "7f00", "f0000000"])
def test_a_length_of_the_wrong_size_is_refused(said: str) -> None:
    with pytest.raises(WireError, match="not one length"):
        decode_length(bytes.fromhex(said))


@given(WORDS)
async def test_a_sentence_reads_back(words: list[bytes]) -> None:
    assert await read_sentence(stream(encode_sentence(words))) == words


@given(WORDS, st.integers(min_value=1, max_value=7))
async def test_a_sentence_split_anywhere_reads_back(
    words: list[bytes], piece: int
) -> None:
    data = encode_sentence(words)
    reader = asyncio.StreamReader()
    reading = asyncio.ensure_future(read_sentence(reader))
    for at in range(0, len(data), piece):
        reader.feed_data(data[at : at + piece])
        await asyncio.sleep(0)
    assert await reading == words


async def test_a_word_whose_length_holds_a_zero_byte_ends_no_sentence() -> None:
    long = b"x" * 256
    assert encode_word(long)[:2] == b"\x81\x00"
    reader = stream(encode_sentence([b"/a", long]) + encode_sentence([b"/b"]))
    assert await read_sentence(reader) == [b"/a", long]
    assert await read_sentence(reader) == [b"/b"]


async def test_empty_sentences_are_skipped() -> None:
    assert await read_sentence(stream(b"\x00\x00" + encode_sentence([b"/a"]))) == [
        b"/a"
    ]


def test_an_empty_word_cannot_be_sent() -> None:
    with pytest.raises(WireError, match="would end it"):
        encode_sentence([b"/a", b""])


async def test_a_word_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(WireError, match="longer than 16"):
        await read_word(stream(encode_length(17)), longest=16)


@pytest.mark.parametrize("kept", [1, 2, 3, 5])
async def test_a_stream_that_ends_early_is_told(kept: int) -> None:
    data = encode_sentence([b"/a", b"=b=c"])[:kept]
    with pytest.raises(asyncio.IncompleteReadError) as ended:
        await read_sentence(stream(data))
    assert ended.value.partial


async def test_a_stream_that_ends_between_sentences_leaves_nothing() -> None:
    with pytest.raises(asyncio.IncompleteReadError) as ended:
        await read_sentence(stream(b""))
    assert not ended.value.partial


@given(st.binary(max_size=100))
def test_bytes_that_are_no_utf8_survive_as_text(word: bytes) -> None:
    assert to_bytes(to_text(word)) == word


@given(WORDS)
def test_librouteros_writes_the_same_bytes(words: list[bytes]) -> None:
    texts = [word.decode("latin-1") for word in words]
    theirs = protocol.encode_sentence(*texts, encoding="latin-1")
    assert encode_sentence(words) == theirs
