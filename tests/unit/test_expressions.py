"""What is found wrong with an expression, and what kind of value it gives."""

from typing import Any

import pytest

from metadata.expressions import check
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition


def make(name: str, kind: str, **options: Any) -> FieldDefinition:
    return FIELD_TYPES[kind].definition.model_validate(
        {"id": name, "name": name, "type": kind, **options}
    )


FIELDS = {
    "quantity": make("quantity", "integer"),
    "price": make("price", "decimal"),
    "name": make("name", "text"),
    "paid": make("paid", "boolean"),
    "due": make("due", "date"),
    "tags": make("tags", "tags"),
}
QUANTITY, PRICE = {"field": "quantity"}, {"field": "price"}


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (1, "integer"),
        (1.5, "number"),
        ("$quantity", "text"),
        (None, "null"),
        ({"_mul": [QUANTITY, 2]}, "integer"),
        ({"_mul": [QUANTITY, PRICE]}, "number"),
        ({"_div": [QUANTITY, 2]}, "number"),
        ({"_round": [PRICE, 0]}, "integer"),
        ({"_concat": [{"field": "name"}, QUANTITY]}, "text"),
        ({"_max": [{"field": "due"}, None]}, "date"),
        ({"_if": {"if": {"field": "paid"}, "then": 1, "else": None}}, "integer"),
        ({"_gt": [PRICE, 0]}, "boolean"),
    ],
)
def test_kind(expression: Any, kind: str) -> None:
    checked = check(expression, FIELDS)
    assert (checked.findings, checked.kind) == ((), kind)


@pytest.mark.parametrize(
    ("expression", "places"),
    [
        ({"field": "missing"}, [""]),
        ({"field": "tags"}, [""]),
        ({"field": ["x"]}, [""]),
        ({"_pow": [1, 2]}, [""]),
        ({}, [""]),
        ({"_add": [1, 2], "_sub": [1, 2]}, [""]),
        ([1], [""]),
        (float("inf"), [""]),
        (10**16, [""]),
        ("a\x00", [""]),
        ({"_add": [1]}, ["/_add"]),
        ({"_sub": [1, 2, 3]}, ["/_sub"]),
        ({"_add": ["1", {"field": "due"}]}, ["/_add/0", "/_add/1"]),
        ({"_concat": [PRICE]}, ["/_concat/0"]),
        ({"_round": [1, 2.5]}, ["/_round"]),
        ({"_round": ["x", 11]}, ["/_round"]),
        ({"_round": ["x", 1]}, ["/_round/0"]),
        ({"_coalesce": [1, "x"]}, ["/_coalesce"]),
        ({"_if": {"if": 1, "then": 1, "else": "x"}}, ["/_if/if", "/_if"]),
        ({"_if": {"if": True, "then": 1}}, ["/_if"]),
        ({"_lt": [{"field": "name"}, "a"]}, ["/_lt/0", "/_lt/1"]),
        ({"_add": [1] * 101}, [""]),
    ],
)
def test_finding_points_at_the_fault(expression: Any, places: list[str]) -> None:
    checked = check(expression, FIELDS)
    assert [place for place, _ in checked.findings] == places
    assert checked.kind is None


def test_depth_is_bounded() -> None:
    expression: Any = 1
    for _ in range(50):
        expression = {"_not": [expression]}
    assert any("deeper" in message for _, message in check(expression, {}).findings)


@pytest.mark.parametrize(
    ("result", "expression", "found"),
    [
        ({"type": "decimal"}, {"_div": [QUANTITY, 2]}, []),
        ({"type": "integer"}, {"_div": [QUANTITY, 2]}, ["expression"]),
        ({"type": "text"}, PRICE, ["expression"]),
        ({"type": "money"}, {"_add": [{"field": "gone"}, 1]}, ["expression/_add/0"]),
    ],
)
def test_computed_field_checks_its_expression(
    result: dict[str, Any], expression: Any, found: list[str]
) -> None:
    field = make("total", "computed", result=result, expression=expression)
    kind: Any = FIELD_TYPES["computed"]
    assert [at for at, _ in kind.findings_among(field, FIELDS)] == found
