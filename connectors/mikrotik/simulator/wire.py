"""The byte format of the RouterOS API: lengths, words and sentences, nothing above.

Never interprets a word. Called by the simulator's connections; a client may use it too.
Source: MikroTik manual, "API", sections "Protocol" and "API words".
"""

import asyncio
from collections.abc import Sequence

LONGEST_WORD = 16 * 1024 * 1024
MOST_WORDS = 100_000
LAST_LENGTHS = (0x7F, 0x3FFF, 0x1FFFFF, 0xFFFFFFF)
"""The greatest length that 1, 2, 3 and 4 bytes can say."""


class WireError(Exception):
    """The bytes are no sentence; the connection cannot be used any more."""


def encode_length(length: int) -> bytes:
    """Return the 1 to 5 bytes that announce a word of `length` bytes.

    Raises:
        WireError: `length` is negative or needs more than 32 bits.
    """
    if length < 0 or length > 0xFFFFFFFF:
        raise WireError(f"a word of {length} bytes cannot be announced (0..2^32-1)")
    for extra, last in enumerate(LAST_LENGTHS):
        if length <= last:
            mark = (0xFF00 >> extra) & 0xFF
            return (length | mark << 8 * extra).to_bytes(extra + 1, "big")
    return b"\xf0" + length.to_bytes(4, "big")


def extra_bytes(first: int) -> int:
    """Return how many bytes of the length follow its first byte (0..4).

    Raises:
        WireError: the byte is a reserved control byte (0xF8..0xFF) or unknown.
    """
    for extra, limit in enumerate((0x80, 0xC0, 0xE0, 0xF0)):
        if first < limit:
            return extra
    if first == 0xF0:
        return 4
    raise WireError(f"control byte 0x{first:02x} where a word's length should be")


def decode_length(data: bytes) -> int:
    """Return the length that exactly these 1 to 5 bytes say.

    Raises:
        WireError: too few or too many bytes, or a control byte.
    """
    if not data or len(data) != extra_bytes(data[0]) + 1:
        raise WireError(f"{data.hex() or 'nothing'} is not one length")
    if data[0] == 0xF0:
        return int.from_bytes(data[1:], "big")
    return int.from_bytes(data, "big") & LAST_LENGTHS[len(data) - 1]


def encode_word(word: bytes) -> bytes:
    """Return the word with its length before it; the length counts bytes."""
    return encode_length(len(word)) + word


def encode_sentence(words: Sequence[bytes]) -> bytes:
    """Return the words and the zero length that ends their sentence.

    Raises:
        WireError: a word is empty, which would end the sentence early.
    """
    if not all(words):
        raise WireError("an empty word inside a sentence would end it")
    return b"".join(map(encode_word, words)) + b"\x00"


async def read_word(reader: asyncio.StreamReader, longest: int = LONGEST_WORD) -> bytes:
    """Return the next word; an empty one ends a sentence.

    Raises:
        WireError: a control byte, or a word longer than `longest` bytes.
        asyncio.IncompleteReadError: the stream ended; `partial` is empty when that
            was before the word.
    """
    said = await reader.readexactly(1)
    try:
        said += await reader.readexactly(extra_bytes(said[0]))
        length = decode_length(said)
        if length > longest:
            raise WireError(f"a word of {length} bytes is longer than {longest}")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as ended:
        raise asyncio.IncompleteReadError(said + ended.partial, None) from ended


async def read_sentence(
    reader: asyncio.StreamReader, longest: int = LONGEST_WORD
) -> list[bytes]:
    """Return the words of the next sentence that has any; empty ones are skipped.

    Raises:
        WireError: as `read_word`, or more words than any sentence has.
        asyncio.IncompleteReadError: the stream ended; `partial` is empty when that
            was between two sentences.
    """
    words: list[bytes] = []
    while True:
        try:
            word = await read_word(reader, longest)
        except asyncio.IncompleteReadError as ended:
            if words and not ended.partial:
                raise asyncio.IncompleteReadError(words[-1], None) from ended
            raise
        if word:
            words.append(word)
            if len(words) > MOST_WORDS:
                raise WireError(f"a sentence of more than {MOST_WORDS} words")
        elif words:
            return words


def to_text(word: bytes) -> str:
    """Return the word as text; bytes that are no UTF-8 survive the way back."""
    return word.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Return the bytes of a word that `to_text` read or a caller wrote."""
    return text.encode("utf-8", "surrogateescape")
