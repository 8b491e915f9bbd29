"""What field types say of their options, without a database."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from metadata.fields import FIELD_TYPES, AnyField, field_type
from metadata.fields.base import FieldDefinition, InvalidValue
from metadata.fields.choices import Choice, ChoiceField
from metadata.fields.sequences import counter_period, render

READER: TypeAdapter[Any] = TypeAdapter(AnyField)


def make(kind: str, **options: Any) -> FieldDefinition:
    field: FieldDefinition = READER.validate_python(
        {"id": "f1", "name": "value", "type": kind, **options}
    )
    return field


def test_type_is_found_by_its_word() -> None:
    assert field_type("money") is FIELD_TYPES["money"]
    with pytest.raises(KeyError):
        field_type("file")


def test_union_reads_every_registered_type() -> None:
    needed: dict[str, dict[str, Any]] = {
        "choice": {"options": ["a"]},
        "multi_choice": {"options": ["a"]},
        "relation": {"to": "plans.plans"},
        "lines": {"fields": [{"id": "q", "name": "q", "type": "integer"}]},
        "computed": {"result": {"type": "integer"}, "expression": 1},
    }
    for name, kind in FIELD_TYPES.items():
        assert type(make(name, **needed.get(name, {}))) is kind.definition


@pytest.mark.parametrize(
    "raw",
    [
        {"id": "a", "name": "a", "type": "file"},
        {"id": "a", "name": "a"},
        {"id": "a", "name": "a", "type": "text", "currency": "IDR"},
        {"id": "a", "name": "A b", "type": "text"},
        {"id": "a", "name": "a", "type": "lines", "fields": [{"type": "text"}]},
        {"id": "a", "name": "a", "type": "money", "currency": "rupiah"},
        {"id": "a", "name": "a", "type": "relation", "to": "plans"},
        {"id": "a", "name": "a", "type": "choice", "options": []},
        {"id": "a", "name": "a", "type": "integer", "format": "parsecs"},
        {"id": "a", "name": "a", "type": "text", "format": "seconds"},
    ],
)
def test_definition_refuses(raw: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        READER.validate_python(raw)


@pytest.mark.parametrize(
    ("kind", "options", "found"),
    [
        ("text", {"min_length": 9, "max_length": 5}, ["min_length"]),
        ("text", {"pattern": "^[a-z"}, ["pattern"]),
        ("text", {"pattern": "^[a-z]+$"}, []),
        ("integer", {"min": 2, "max": 1}, ["min"]),
        ("decimal", {"precision": 2, "scale": 3}, ["scale"]),
        ("decimal", {"min": "2", "max": 1}, ["min"]),
        ("choice", {"options": ["a", "a"]}, ["options"]),
        ("choice", {"options": [" a"]}, ["options"]),
        ("choice", {"options": ["a"], "initial": "b"}, ["initial"]),
        ("choice", {"options": ["a"], "transitions": {"a": ["b"]}}, ["transitions"]),
        ("multi_choice", {"options": ["a;b"]}, ["options"]),
        ("multi_choice", {"options": ["a"], "min": 2}, ["min"]),
        (
            "relation",
            {"to": "a.b", "required": True, "on_delete": "set_null"},
            ["on_delete"],
        ),
        (
            "lines",
            {"fields": [{"id": "a", "name": "a", "type": "text"}] * 2},
            ["fields", "fields"],
        ),
        ("json", {"schema": {"$ref": "https://x.de/s"}}, ["schema"]),
        ("json", {"schema": {"type": "wrong"}}, ["schema"]),
        ("json", {"schema": {"$dynamicRef": "#a"}}, ["schema"]),
        ("json", {"schema": {"type": "object"}}, []),
        ("sequence", {"pattern": "CUST"}, ["pattern"]),
        ("sequence", {"pattern": "{n}{n}"}, ["pattern"]),
        ("sequence", {"pattern": "{n}{week}"}, ["pattern"]),
        ("sequence", {"pattern": "{n}{month}"}, ["pattern"]),
        ("sequence", {"pattern": "{year}{day}{n}"}, ["pattern"]),
        ("sequence", {"pattern": "{n}", "unique": False}, ["unique"]),
        ("sequence", {"pattern": "INV-{year}-{n:04}"}, []),
        ("secret", {"unique": True, "default": "x"}, ["unique", "default"]),
        ("computed", {"result": {"type": "lines"}, "expression": 1}, ["result"]),
        ("computed", {"result": {}, "expression": 1}, ["result"]),
        (
            "computed",
            {"result": {"type": "money", "currency": 1}, "expression": 1},
            ["result.currency"],
        ),
    ],
)
def test_findings_name_the_option(
    kind: str, options: dict[str, Any], found: list[str]
) -> None:
    field = make(kind, **options)
    findings = FIELD_TYPES[kind].findings(field)
    assert [option for option, _ in findings] == found


@pytest.mark.parametrize("kind", ["text", "long_text", "rich_text"])
def test_blank_text_is_no_value(kind: str) -> None:
    assert FIELD_TYPES[kind].to_parameter(make(kind), " \t ") is None
    with pytest.raises(InvalidValue) as caught:
        FIELD_TYPES[kind].to_parameter(make(kind, required=True), " \t ")
    assert caught.value.code == "required"


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        '<img src="x" onerror="alert(1)">ok',
        '<a href="javascript:alert(1)">ok</a>',
        '<a href="data:text/html,x">ok</a>',
        '<p style="position:fixed">ok</p>',
        "<iframe src='//x'></iframe>ok",
        "<svg><style><img src=x onerror=alert(1)></style></svg>ok",
    ],
)
def test_rich_text_keeps_nothing_that_runs(html: str) -> None:
    clean = FIELD_TYPES["rich_text"].to_parameter(make("rich_text"), html) or ""
    for word in (
        "script",
        "onerror",
        "javascript",
        "data:",
        "style",
        "<iframe",
        "<svg",
    ):
        assert word not in clean


@pytest.mark.parametrize(
    ("pattern", "n", "text", "period"),
    [
        ("CUST{n:05}", 7, "CUST00007", ""),
        ("CUST{n:03}", 12345, "CUST12345", ""),
        ("INV-{year}-{n:04}", 1, "INV-2026-0001", "2026"),
        ("{year}{month}{n:02}", 9, "20260309", "2026-03"),
        ("{n}/{day}/{month}/{year}", 1, "1/07/03/2026", "2026-03-07"),
    ],
)
def test_sequence_renders_number_and_period(
    pattern: str, n: int, text: str, period: str
) -> None:
    when = datetime(2026, 3, 7, tzinfo=UTC)
    assert render(pattern, n, when) == text
    assert counter_period(pattern, when) == period


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        (None, "new", True),
        (None, "done", False),
        ("new", "open", True),
        ("new", "new", True),
        ("new", "done", False),
        ("done", "new", False),
    ],
)
def test_choice_is_a_state_machine(old: str | None, new: str, allowed: bool) -> None:
    field = make(
        "choice",
        options=["new", "open", "done"],
        initial="new",
        transitions={"new": ["open"], "open": ["done", "new"]},
    )
    assert isinstance(field, ChoiceField)
    assert Choice().allows(field, old, new) is allowed


def test_choice_shows_labels_and_colours() -> None:
    field = make("choice", options=["a", {"value": "b", "label": "B", "color": "red"}])
    assert FIELD_TYPES["choice"].options(field)["choices"] == [
        {"value": "a", "label": {"en": "a"}},
        {"value": "b", "label": {"en": "B"}, "color": "red"},
    ]


@pytest.mark.parametrize(("currency", "digits"), [("IDR", 0), ("USD", 2), ("KWD", 3)])
def test_money_tells_the_widget_its_decimals(currency: str, digits: int) -> None:
    options = FIELD_TYPES["money"].options(make("money", currency=currency))
    assert options == {"currency": currency, "digits": digits}


@pytest.mark.parametrize(
    ("kind", "said"), [("integer", "seconds"), ("text", "sentence")]
)
def test_a_format_is_told_in_the_schema_and_changes_no_column(
    kind: str, said: str
) -> None:
    plain, field = make(kind), make(kind, format=said)
    type_ = FIELD_TYPES[kind]
    assert "format" not in type_.json_schema(plain)
    assert type_.json_schema(field) == {**type_.json_schema(plain), "format": said}
    assert type_.check(field, "x") == type_.check(plain, "x")


def test_secret_never_leaves_through_csv() -> None:
    assert FIELD_TYPES["secret"].text_out(make("secret"), {"set": True}) == ""
    assert FIELD_TYPES["secret"].operators == {"_null"}


@pytest.mark.parametrize(
    ("kind", "value", "operator"),
    [
        ("ip", "fe80::1%eth0", None),
        ("ip", "fe80::1%eth0", "_eq"),
        ("ip", "fe80::1%eth0", "_contains"),
        ("ip", " fe80::1%25 ", None),
        ("cidr", "fe80::1%eth0/128", None),
        ("cidr", "fe80::1%eth0/128", "_eq"),
        ("cidr", "fe80::1%eth0/128", "_contains"),
    ],
)
def test_a_zone_of_an_address_is_refused_with_what_to_enter(
    kind: str, value: str, operator: str | None
) -> None:
    field, type_ = make(kind), FIELD_TYPES[kind]

    def read(text: str) -> str | None:
        if operator is None:
            return type_.to_parameter(field, text)
        return type_.operand_parameter(field, operator, text)

    with pytest.raises(InvalidValue) as caught:
        read(value)
    entered = "fe80::1/128" if "/" in value else "fe80::1"
    assert caught.value.code == ("cidr" if operator == "_contains" else kind)
    assert f"{entered}." in caught.value.message
    assert "%eth0" not in caught.value.message
    assert read(entered) is not None
