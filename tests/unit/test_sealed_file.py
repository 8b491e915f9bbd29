"""A sealed backup opens whole and unchanged, or not at all."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.backup.sealed_file import PIECE_BYTES, Sealer, UnsealError, unseal

KEY = b"k" * 32


def sealed(content: bytes, key: bytes = KEY) -> bytes:
    file = io.BytesIO()
    sealer = Sealer(file, key)
    for start in range(0, len(content), 700_001):
        sealer.write(content[start : start + 700_001])
    sealer.finish()
    return file.getvalue()


def opened(raw: bytes, key: bytes = KEY) -> bytes:
    return b"".join(unseal(io.BytesIO(raw), key))


@pytest.mark.parametrize(
    "size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES]
)
def test_what_was_sealed_comes_back(size: int) -> None:
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    raw = sealed(content)
    assert opened(raw) == content
    if size > 100:
        assert content[:100] not in raw


def test_two_files_of_the_same_content_have_nothing_in_common() -> None:
    first, second = sealed(b"same"), sealed(b"same")
    assert first[-20:] != second[-20:]


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_is_found(place: int, flip: int) -> None:
    raw = bytearray(sealed(b"some content"))
    raw[place % len(raw)] ^= flip
    with pytest.raises(UnsealError):
        opened(bytes(raw))


@pytest.mark.parametrize("missing", [1, 16, PIECE_BYTES + 16, PIECE_BYTES + 17])
def test_a_file_cut_short_is_found(missing: int) -> None:
    raw = sealed(b"y" * (2 * PIECE_BYTES + PIECE_BYTES))
    with pytest.raises(UnsealError):
        opened(raw[:-missing])


def test_pieces_cannot_change_places() -> None:
    raw = sealed(b"a" * PIECE_BYTES + b"b" * PIECE_BYTES + b"c")
    head, piece = len(raw) - 2 * (PIECE_BYTES + 16) - 17, PIECE_BYTES + 16
    first, second = raw[head : head + piece], raw[head + piece : head + 2 * piece]
    with pytest.raises(UnsealError):
        opened(raw[:head] + second + first + raw[head + 2 * piece :])


def test_another_key_opens_nothing_and_the_message_says_which_key() -> None:
    with pytest.raises(UnsealError, match=r"secret\.key"):
        opened(sealed(b"content"), b"o" * 32)


@pytest.mark.parametrize("raw", [b"", b"PGDMP", b"RANGKA-BACKUP-1\nshort"])
def test_what_is_no_backup_is_said_so(raw: bytes) -> None:
    with pytest.raises(UnsealError, match="no backup"):
        opened(raw)
