"""JSON from outside: what cannot be kept or answered is refused with its place."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine import payload
from engine.api.envelope import encode, failure
from engine.errors import BadRequest, Detail, ValidationFailed

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(-(10**99) + 1, 10**99) | st.floats(
    allow_nan=False, allow_infinity=False
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_can_be_kept_is_read_as_it_was_written(value: Any, ascii_: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_).encode()
    assert payload.decode(body) == value


COMPACT = (",", ":")
ODD_JSON = st.text(
    st.sampled_from('{}[]:,"\\u0a1-+.eE \t\ntrufalsn\x00\x7fé€😀'), max_size=24
)


def told(read: Any, given: Any) -> tuple[str, str]:
    """Return what comes of reading: the value or the error, in its own words."""
    try:
        return "value", repr(read(given))
    except (BadRequest, ValidationFailed) as error:
        return "error", f"{error.code} {error} {error.details}"


@given(VALUES)
def test_what_browsers_write_is_read_as_everything_else_is(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, separators=COMPACT)
    assert told(payload.decode, text.encode()) == told(payload.parse, text)


@given(ODD_JSON | VALUES.map(lambda value: json.dumps(value, separators=COMPACT)))
@example('{"a":1,"a":1}')
@example('{"a":1,"a":2}')
@example("-0")
@example("[-0.0,1E5,1e5,1.0,1e999,18446744073709551616,-9223372036854775809]")
@example('["\x00"]')
@example('["\\u0000"]')
@example("NaN")
@example("[" * 64 + "]" * 64)
@example("[" * 65 + "]" * 65)
@example("[" * 5000 + "]" * 5000)
def test_there_is_one_way_to_read_a_body_though_two_readers(text: str) -> None:
    if text.strip():
        assert told(payload.decode, text.encode()) == told(payload.parse, text)


def test_bytes_that_are_no_utf_8_are_refused() -> None:
    for raw in (b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'{"\x80":1}'):
        with pytest.raises(BadRequest, match="not UTF-8"):
            payload.decode(raw)


UNFIT = {
    "NUL in a text": ('{"a":"x\\u0000"}', "a", "characters"),
    "half a pair in a text": ('{"a":{"b":["","\\ud800"]}}', "a.b.1", "characters"),
    "the other half": ('["\\udfff"]', "0", "characters"),
    "two halves in the wrong order": ('["\\ude00\\ud83d"]', "0", "characters"),
    "NUL in a name": ('{"a":{"\\u0000":1}}', "a.\ufffd", "characters"),
    "half a pair in a name": ('{"\\ud800":1}', "\ufffd", "characters"),
    "5,001 digits": ('{"a":[' + "1" * 5001 + "]}", "a.0", "range"),
    "101 digits": ("[" + "1" * 101 + "]", "0", "range"),
    "100 digits below zero": ("[-" + "1" * 100 + "]", "0", "range"),
    "an exponent too large": ('{"a":1e999}', "a", "range"),
    "400 digits and a fraction": ("[-" + "9" * 400 + ".5]", "0", "range"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_kept_is_refused_with_its_path(name: str) -> None:
    text, path, code = UNFIT[name]
    with pytest.raises(ValidationFailed) as caught:
        payload.decode(text.encode())
    assert [(d.field, d.code) for d in caught.value.details] == [(path, code)]


def test_a_whole_pair_is_a_character() -> None:
    assert payload.decode(b'["\\ud83d\\ude00"]') == ["\U0001f600"]


def test_a_name_that_stands_twice_can_be_answered() -> None:
    with pytest.raises(BadRequest) as caught:
        payload.decode(b'{"\\ud800":1,"\\ud800":2}')
    body = json.loads(failure(caught.value, "req_1"))
    assert body["error"]["details"][0]["field"] == "\ufffd"


def test_findings_of_a_large_body_are_only_the_first() -> None:
    with pytest.raises(ValidationFailed) as caught:
        payload.decode(json.dumps(["\0"] * 10_000).encode())
    assert len(caught.value.details) == 20


@given(st.text(), st.text(), st.text())
def test_every_error_has_a_body(message: str, field: str, value: str) -> None:
    details = [
        Detail(field, "odd", value, {value: [value]}),
        Detail(field, "odder", value, {"value": object()}),
    ]
    for count in range(3):
        error = ValidationFailed(message, details=details[:count])
        body = json.loads(failure(error, "req_1"))["error"]
        assert (body["code"], body["request_id"]) == ("VALIDATION_ERROR", "req_1")
        assert body["message"] == payload.readable(message)
        assert len(body["details"]) == (count if count < 2 else 0)


@given(st.text())
def test_what_is_quoted_is_answered_as_far_as_it_is_text(text: str) -> None:
    answered = json.loads(encode({text: [text]}))
    assert answered == {payload.readable(text): [payload.readable(text)]}
    assert payload.readable(text).count("\ufffd") >= text.count("\ufffd")


@pytest.mark.parametrize("before", range(25))
@pytest.mark.parametrize("digits", [98, 99, 100, 101, 110, 5001])
def test_a_long_number_is_seen_wherever_it_stands(before: int, digits: int) -> None:
    body = b'["%b",%b]' % (b"x" * before, b"1" * digits)
    if digits <= payload.MAX_DIGITS:
        assert payload.decode(body) == ["x" * before, int("1" * digits)]
        return
    with pytest.raises(ValidationFailed) as refused:
        payload.decode(body)
    assert [each.field for each in refused.value.details] == ["1"]
