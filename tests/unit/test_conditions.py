"""Reading conditions: their limits, and what a wrong one is answered."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest

from engine.context import Allowance, Grant, RequestContext
from engine.errors import ValidationFailed
from engine.record_values import for_create
from metadata.compiler import compile_service
from metadata.condition_python import evaluate
from metadata.condition_schema import to_schema
from metadata.conditions import (
    MAX_COMPARISONS,
    MAX_DEPTH,
    MAX_LIST,
    ConditionError,
    Variable,
    parse,
)
from metadata.definitions import Service


def nested(levels: int) -> dict[str, Any]:
    condition: dict[str, Any] = {}
    for _ in range(levels):
        condition = {"_not": condition}
    return condition


@pytest.mark.parametrize(
    ("at_most", "too_much", "path", "word"),
    [
        (nested(MAX_DEPTH), nested(MAX_DEPTH + 1), "/_not" * 13, "deeper than 12"),
        (nested(0), nested(500), "/_not" * 13, "deeper than 12"),
        (
            {"_or": [{"a": {"_eq": n}} for n in range(MAX_COMPARISONS)]},
            {"_or": [{"a": {"_eq": n}} for n in range(MAX_COMPARISONS + 1)]},
            "/_or/100/a/_eq",
            "more than 100 comparisons",
        ),
        (
            {"a": {"_in": list(range(MAX_LIST))}},
            {"a": {"_in": list(range(MAX_LIST + 1))}},
            "/a/_in",
            "at most 1000 values",
        ),
    ],
)
def test_limits(at_most: Any, too_much: Any, path: str, word: str) -> None:
    parse(at_most)
    with pytest.raises(ConditionError) as caught:
        parse(too_much)
    assert caught.value.path == path
    assert word in caught.value.message


@pytest.mark.parametrize(
    ("raw", "path", "sentence"),
    [
        ([], "", "a condition is an object"),
        ("x", "", "a condition is an object"),
        ({"a": 1}, "/a", "takes an object with an operator"),
        ({"a": {"_like": 1}}, "/a/_like", "unknown operator _like; there are: _and"),
        ({"_eq": 1}, "/_eq", "_eq stands below the name of a field"),
        ({"_some": {}}, "/_some", "_some stands below the name of a field"),
        ({"_and": {}}, "/_and", "_and takes a list of conditions"),
        ({"_or": "ab"}, "/_or", "_or takes a list of conditions"),
        ({"_or": [{}, 1]}, "/_or/1", "a condition is an object"),
        ({"_not": []}, "/_not", "a condition is an object"),
        ({"a": {"_null": "yes"}}, "/a/_null", "_null takes true or false"),
        ({"a": {"_in": "x"}}, "/a/_in", "_in takes a list"),
        ({"a": {"_in": [None]}}, "/a/_in", "_in takes no null; use _null"),
        ({"a": {"_between": [1]}}, "/a/_between", "takes two values: [low, high]"),
        ({"a": {"_lt": None}}, "/a/_lt", "_lt takes no null; use _null"),
        ({"a": {"_eq": "$me"}}, "/a/_eq", "unknown variable $me; there are $now"),
        ({"a": {"_eq": "$now(7)"}}, "/a/_eq", "$$ for a text that starts with $"),
    ],
)
def test_a_wrong_condition_is_told_where_and_why(
    raw: Any, path: str, sentence: str
) -> None:
    with pytest.raises(ConditionError) as caught:
        parse(raw)
    assert caught.value.path == path
    assert sentence in caught.value.message


def nothing(_variable: Variable) -> None:
    return None


def plain(name: str, kind: str, **options: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "type": kind, **options}


TYPED = compile_service(
    Service.model_validate(
        {
            "id": "t",
            "name": "t",
            "entities": [
                {
                    "id": "e",
                    "name": "e",
                    "title_field": "text",
                    "fields": [
                        plain("n", "integer"),
                        plain("s", "choice", options=["active", "new"]),
                        plain("paid", "boolean"),
                        plain("day", "date"),
                        plain("fee", "money", currency="USD"),
                        plain("price", "decimal"),
                        plain("text", "text"),
                        plain("notes", "long_text"),
                        plain("body", "rich_text"),
                        plain("phone", "phone"),
                        plain("mail", "email"),
                        plain("at", "datetime"),
                        plain("opens", "time"),
                        plain("ref", "uuid"),
                        plain("tags", "tags"),
                        plain("lines", "lines", fields=[plain("n", "integer")]),
                        plain("five", "integer", default=5),
                        plain("today", "date", default="$today"),
                        plain("locked", "integer", readonly=True),
                    ],
                }
            ],
        }
    ),
    1,
).entities["e"]
RECORDS: tuple[dict[str, Any], ...] = (
    {},
    {"n": None, "s": None, "five": None, "paid": None, "tags": None},
    {"n": 5, "s": "active", "paid": True, "day": "2026-03-31", "fee": 950},
    {"n": 10, "s": "new", "paid": False, "five": 9, "tags": [], "price": "9.50"},
    {"n": -1, "day": "2026-04-01", "fee": 0, "five": 5, "price": 9.5, "tags": ["a"]},
    {"n": 5.0, "mail": "a@b.de", "phone": "0812 3456 789", "opens": "08:30"},
)


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"_or": []},
        {"_and": []},
        {"n": {"_eq": 5}},
        {"n": {"_neq": 5}},
        {"n": {"_eq": None}},
        {"n": {"_neq": None}},
        {"n": {"_null": True}},
        {"n": {"_null": False}},
        {"n": {"_gt": 5}},
        {"n": {"_gte": 5}},
        {"n": {"_lt": 5}},
        {"n": {"_lte": 5}},
        {"n": {"_between": [0, 5]}},
        {"n": {"_in": [5, 6]}},
        {"n": {"_nin": [5, 5]}},
        {"s": {"_in": ["active", "new"]}},
        {"s": {"_in": []}},
        {"s": {"_nin": ["active"]}},
        {"s": {"_nin": []}},
        {"s": {"_eq": "no longer an option"}},
        {"paid": {"_eq": True}},
        {"paid": {"_neq": True}},
        {"paid": {"_not": {"_eq": False}}},
        {"day": {"_eq": "2026-03-31"}},
        {"day": {"_nin": ["2026-03-31"]}},
        {"fee": {"_gt": 100}},
        {"price": {"_null": True}},
        {"tags": {"_null": False}},
        {"mail": {"_null": False}},
        {"_not": {"phone": {"_null": True}}},
        {"five": {"_eq": 5}},
        {"five": {"_neq": 5}},
        {"five": {"_null": True}},
        {"five": {"_gt": 4}},
        {"_not": {"five": {"_in": [5, 9]}}},
        {"_not": {"n": {"_lt": 6}}},
        {"_or": [{"n": {"_lt": 0}}, {"s": {"_eq": "new"}}]},
        {"s": {"_eq": ""}, "n": {"_lt": 0}},
    ],
)
def test_a_schema_is_met_exactly_when_the_condition_is(raw: Any, record: Any) -> None:
    condition = parse(raw)
    schema = to_schema(condition, TYPED.fields)
    assert schema is not None
    assert TYPED.create_validator.is_valid(record)
    met = jsonschema_rs.Draft202012Validator(schema).is_valid(record)
    whole = {"five": 5, **record}
    assert met is evaluate(condition, whole, nothing, TYPED.fields)


@pytest.mark.parametrize(
    "raw",
    [
        {"n": {"_eq": "$user.id"}},
        {"n": {"_in": ["$user.id"]}},
        {"n": {"_lt": "5"}},
        {"n": {"_eq": "5"}},
        {"n": {"_eq": True}},
        {"n": {"_in": [1, "2"]}},
        {"n": {"_eq": 2**60}},
        {"n": {"_eq": 5.5}},
        {"fee": {"_eq": "9.50"}},
        {"paid": {"_eq": "yes"}},
        {"day": {"_gt": "2026-03-31"}},
        {"day": {"_eq": " 2026-03-31"}},
        {"s": {"_gt": "a"}},
        {"price": {"_eq": 9.5}},
        {"price": {"_neq": 9.5}},
        {"price": {"_nin": [9.5]}},
        {"price": {"_not": {"_gt": 9}}},
        {"price": {"_gt": 9}},
        {"price": {"_between": [9, 10]}},
        {"text": {"_eq": "VIP"}},
        {"text": {"_neq": "VIP"}},
        {"text": {"_null": True}},
        {"notes": {"_eq": None}},
        {"body": {"_null": False}},
        {"mail": {"_eq": "a@b.de"}},
        {"at": {"_eq": "2026-03-31T00:00:00Z"}},
        {"opens": {"_in": ["08:30"]}},
        {"ref": {"_eq": "00000000-0000-4000-8000-00000000000a"}},
        {"tags": {"_contains": "a"}},
        {"tags": {"_in": ["a"]}},
        {"text": {"_contains": "a"}},
        {"today": {"_null": True}},
        {"locked": {"_null": True}},
        {"lines": {"_null": True}},
        {"lines": {"_some": {"n": {"_eq": 1}}}},
        {"plan": {"n": {"_eq": 1}}},
        {"created_at": {"_null": True}},
        {"_not": {"text": {"_starts": "a"}}},
        {"_and": [{"n": {"_eq": 5}}, {"text": {"_eq": "a"}}]},
        {"_or": [{"n": {"_eq": 5}}, {"text": {"_eq": "a"}}]},
    ],
)
def test_what_a_schema_cannot_say_is_left_to_the_server(raw: Any) -> None:
    assert to_schema(parse(raw), TYPED.fields) is None


def test_a_new_record_starts_at_the_initial_state() -> None:
    status = {
        "id": "s",
        "name": "status",
        "type": "choice",
        "options": ["new", "done"],
        "initial": "new",
    }
    entity = compile_service(
        Service.model_validate(
            {
                "id": "t",
                "name": "t",
                "entities": [
                    {
                        "id": "e",
                        "name": "e",
                        "title_field": "status",
                        "fields": [status],
                    }
                ],
            }
        ),
        1,
    ).entities["e"]
    someone = UUID(int=1)
    ctx = RequestContext(
        "r", someone, someone, None, frozenset(), True, "en", "UTC", datetime.now(UTC)
    )
    grant = Grant("t", "create", allowed=True, allowances=(Allowance(),))
    with pytest.raises(ValidationFailed) as caught:
        for_create(ctx, entity, {"status": "done"}, grant)
    (detail,) = caught.value.details
    assert (detail.field, detail.code) == ("status", "transition")
    assert 'starts as "new"' in detail.message
    assert for_create(ctx, entity, {"status": "new"}, grant) == {"status": "new"}
