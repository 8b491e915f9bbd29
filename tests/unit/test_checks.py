"""Everything that can be wrong with a definition, and that each is found."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metadata.checks import check_service, read_service
from metadata.definitions import Service

PLANS = Service.model_validate(
    {
        "id": "plans",
        "name": "plans",
        "entities": [
            {
                "id": "plan",
                "name": "plans",
                "fields": [
                    {"id": "n", "name": "name", "type": "text"},
                    {"id": "p", "name": "price", "type": "integer"},
                ],
            }
        ],
    }
)
GOOD: dict[str, Any] = {
    "id": "shop",
    "name": "shop",
    "requires": ["plans"],
    "primary_entity": "orders",
    "entities": [
        {
            "id": "order",
            "name": "orders",
            "title_field": "code",
            "fields": [
                {"id": "c", "name": "code", "type": "text", "unique": True},
                {"id": "s", "name": "status", "type": "choice",
                 "options": ["open", "paid"]},
                {"id": "q", "name": "quantity", "type": "integer", "default": 1},
                {"id": "w", "name": "when", "type": "date"},
                {"id": "p", "name": "plan", "type": "relation", "to": "plans.plans"},
                {"id": "k", "name": "key", "type": "secret"},
                {"id": "l", "name": "parts", "type": "lines",
                 "fields": [{"id": "a", "name": "amount", "type": "integer"},
                            {"id": "b", "name": "part", "type": "relation",
                             "to": "plans.plans"}]},
                {"id": "t", "name": "total", "type": "computed",
                 "result": {"type": "integer"},
                 "expression": {"_mul": [{"field": "quantity"}, 2]}},
            ],
            "unique": [["code", "when"]],
            "indexes": [["status", "created_at"]],
            "rules": [
                {"if": {"status": {"_eq": "paid"}}, "then": {"required": ["when"]}},
                {"if": {"parts": {"_some": {"amount": {"_gt": 5}}}},
                 "then": {"check": {"quantity": {"_gte": 1}}}},
            ],
            "forms": {"short": {"fields": ["code"], "ui": {
                "type": "VerticalLayout", "elements": [
                    {"type": "Control", "scope": "#/properties/code", "rule": {
                        "effect": "SHOW", "condition": {
                            "scope": "#/properties/status",
                            "schema": {"const": "open"}}}}]}}},
            "list": {"columns": ["code", "plan.name", "created_at"],
                     "sort": ["-created_at", "plan.price"], "filters": ["status"],
                     "views": [{"name": "late", "filter":
                         {"when": {"_lt": "$today(-7 days)"},
                          "plan": {"price": {"_gt": 5}}}, "columns": ["code"]}]},
            "actions": {"pay": {"when": {"status": {"_eq": "open"}},
                                "set": {"status": "paid"}}},
        },
        {
            "id": "bill",
            "name": "bills",
            "fields": [
                {"id": "o", "name": "order", "type": "relation", "to": "shop.orders",
                 "inverse": "bills"},
                {"id": "s", "name": "sum", "type": "integer"},
            ],
        },
    ],
    "menu": {"items": [{"id": "m", "name": "orders", "entity": "orders",
                        "view": "late", "form": "short"}]},
    "roles": [{"name": "clerk", "rules": [
        {"permission": "shop:read", "filter": {"parts": {"_some":
            {"amount": {"_gt": 0}}}}, "fields": ["code", "created_at"],
         "presets": {"status": "open"}}]}],
    "endpoints": [{"id": "e", "name": "send", "path": "/send",
                   "request_schema": {"type": "object"}}],
}  # fmt: skip


def findings(document: dict[str, Any]) -> set[tuple[str, str]]:
    definition, found = read_service(document)
    if definition is not None:
        found = check_service(definition, others={"plans": PLANS})
    for each in found:
        assert each.message
        assert each.remedy.strip()
    return {(each.path, each.code) for each in found}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the good definition with one place changed; `+` adds to a list."""
    document = copy.deepcopy(GOOD)
    *way, last = path.strip("/").split("/")
    place: Any = document
    for part in way:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if last == "+":
        place.append(value)
    elif isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value
    return document


def test_a_good_definition_has_no_finding() -> None:
    assert findings(GOOD) == set()


ORDER, FIELDS = "/entities/0", "/entities/0/fields"
BAD: tuple[tuple[str, Any, str, str], ...] = (
    ("/name", "core", "/name", "reserved"),
    ("/name", "Shop; drop table x", "/name", "string_pattern_mismatch"),
    ("/name", "x" * 41, "/name", "string_pattern_mismatch"),
    ("/primary_entity", "sales", "/primary_entity", "unknown_entity"),
    ("/requires", ["plans", "stock"], "/requires", "unknown_service"),
    ("/requires", [], "/requires", "not_required"),
    ("/entities/+", GOOD["entities"][0], "/entities", "duplicate"),
    (f"{FIELDS}/+", {"id": "z", "name": "code", "type": "text"}, FIELDS, "duplicate"),
    (f"{FIELDS}/+", {"id": "c", "name": "z", "type": "text"}, FIELDS, "duplicate"),
    (f"{FIELDS}/+", {"id": "z", "name": "tenant_id", "type": "text"},
     f"{FIELDS}/8/name", "reserved"),
    (f"{FIELDS}/+", {"id": "z", "name": "a\" or 1=1", "type": "text"},
     f"{FIELDS}/8/name", "string_pattern_mismatch"),
    (f"{FIELDS}/+", {"id": "z", "name": "z", "type": "txt"}, f"{FIELDS}/8",
     "union_tag_invalid"),
    (f"{FIELDS}/+", {"id": "z", "name": "z", "type": "text", "pattern": "^(a+)+$"},
     f"{FIELDS}/8/pattern", "option"),
    (f"{FIELDS}/+", {"id": "z", "name": "z", "type": "text", "min_length": 9,
                     "max_length": 3}, f"{FIELDS}/8/min_length", "option"),
    (f"{FIELDS}/+", {"id": "z", "name": "z", "type": "relation", "to": "plans.x"},
     f"{FIELDS}/8/to", "unknown_entity"),
    (f"{FIELDS}/+", {"id": "z", "name": "z", "type": "computed",
                     "result": {"type": "integer"},
                     "expression": {"_add": [{"field": "nothing"}, 1]}},
     f"{FIELDS}/8/expression/_add/0",
     "expression"),
    (f"{FIELDS}/2/default", "many", f"{FIELDS}/2/default", "default"),
    (f"{FIELDS}/6/unique", True, f"{FIELDS}/6/unique", "not_stored"),
    (f"{ORDER}/title_field", "nothing", f"{ORDER}/title_field", "unknown_field"),
    (f"{ORDER}/unique", [["nothing"]], f"{ORDER}/unique/0", "unknown_field"),
    (f"{ORDER}/unique", [["created_at"]], f"{ORDER}/unique/0", "unknown_field"),
    (f"{ORDER}/indexes", [["parts"]], f"{ORDER}/indexes/0", "not_stored"),
    (f"{ORDER}/rules/0/if", {"nothing": {"_eq": 1}}, f"{ORDER}/rules/0/if",
     "unknown_field"),
    (f"{ORDER}/rules/0/if", {"quantity": {"_eq": "many"}}, f"{ORDER}/rules/0/if",
     "operand"),
    (f"{ORDER}/rules/0/if", {"plan": {"price": {"_gt": 5}}}, f"{ORDER}/rules/0/if",
     "beyond_record"),
    (f"{ORDER}/rules/0/if", {"_or": [{"_not": {"plan": {"price": {"_gt": 5}}}}]},
     f"{ORDER}/rules/0/if", "beyond_record"),
    (f"{ORDER}/rules/0/if", {"parts": {"amount": {"_gt": 5}}},
     f"{ORDER}/rules/0/if", "beyond_record"),
    (f"{ORDER}/rules/0/if", {"bills": {"_some": {"sum": {"_gt": 5}}}},
     f"{ORDER}/rules/0/if", "beyond_record"),
    (f"{ORDER}/rules/0/then/check", {"plan": {"name": {"_null": False}}},
     f"{ORDER}/rules/0/then/check", "beyond_record"),
    (f"{ORDER}/actions/pay/when", {"plan": {"price": {"_gt": 5}}},
     f"{ORDER}/actions/pay/when", "beyond_record"),
    (f"{ORDER}/actions/pay/when",
     {"parts": {"_none": {"part": {"name": {"_eq": "x"}}}}},
     f"{ORDER}/actions/pay/when", "beyond_record"),
    (f"{ORDER}/rules/0/if", {"key": {"_eq": "x"}}, f"{ORDER}/rules/0/if", "operator"),
    (f"{ORDER}/rules/0/if", {"quantity": {"_contains": "1"}}, f"{ORDER}/rules/0/if",
     "operator"),
    (f"{ORDER}/rules/0/if", {"quantity": {"below": {"_eq": 1}}},
     f"{ORDER}/rules/0/if", "condition"),
    (f"{ORDER}/rules/0/if", {"status": {"_is": 1}}, f"{ORDER}/rules/0/if/status/_is",
     "condition"),
    (f"{ORDER}/rules/0/then/required", ["nothing"], f"{ORDER}/rules/0/then",
     "unknown_field"),
    (f"{ORDER}/actions/pay/set", {"nothing": 1}, f"{ORDER}/actions/pay/set",
     "unknown_field"),
    (f"{ORDER}/actions/pay/when", {"parts": {"_some": {"x": {"_eq": 1}}}},
     f"{ORDER}/actions/pay/when", "unknown_field"),
    (f"{ORDER}/forms/short/fields", ["x"], f"{ORDER}/forms/short/fields",
     "unknown_field"),
    (f"{ORDER}/forms/short/ui/type", "Grid", f"{ORDER}/forms/short/ui/type",
     "ui_element"),
    (f"{ORDER}/forms/short/ui/elements/0/scope", "#/properties/x",
     f"{ORDER}/forms/short/ui/elements/0/scope", "ui_scope"),
    (f"{ORDER}/forms/short/ui/elements/0/rule", {"effect": "BLINK"},
     f"{ORDER}/forms/short/ui/elements/0/rule", "ui_rule"),
    (f"{ORDER}/forms/short/ui/elements/0/rule/condition/scope", "status",
     f"{ORDER}/forms/short/ui/elements/0/rule/condition/scope", "ui_scope"),
    (f"{ORDER}/forms/short/ui/elements/0/rule/condition/schema",
     {"$ref": "http://x/y"},
     f"{ORDER}/forms/short/ui/elements/0/rule/condition/schema/$ref", "remote_ref"),
    (f"{ORDER}/forms/short/ui/elements/+", 5,
     f"{ORDER}/forms/short/ui/elements/1", "ui_element"),
    (f"{ORDER}/list/columns", ["plan.nothing"], f"{ORDER}/list/columns",
     "unknown_field"),
    (f"{ORDER}/list/sort", ["-nothing"], f"{ORDER}/list/sort", "unknown_field"),
    (f"{ORDER}/list/sort", ["parts"], f"{ORDER}/list/sort", "not_sortable"),
    (f"{ORDER}/list/filters", ["nothing"], f"{ORDER}/list/filters", "unknown_field"),
    (f"{ORDER}/list/views/0/filter", {"when": {"_lt": "soon"}},
     f"{ORDER}/list/views/0/filter", "operand"),
    (f"{ORDER}/list/views/0/filter", {"plan": {"nothing": {"_eq": 1}}},
     f"{ORDER}/list/views/0/filter", "unknown_field"),
    (f"{ORDER}/list/views/0/filter", {"plan": {"price": {"_in": [1, "dear"]}}},
     f"{ORDER}/list/views/0/filter", "operand"),
    (f"{ORDER}/list/views/+", {"name": "late"}, f"{ORDER}/list/views", "duplicate"),
    ("/menu/items/0/entity", "sales", "/menu/items/0/entity", "unknown_entity"),
    ("/menu/items/0/view", "early", "/menu/items/0/view", "unknown_view"),
    ("/menu/items/0/form", "long", "/menu/items/0/form", "unknown_form"),
    ("/menu/items/0/endpoint", "call", "/menu/items/0/endpoint", "unknown_endpoint"),
    ("/menu/items/+", GOOD["menu"]["items"][0], "/menu/items", "duplicate"),
    ("/roles/0/rules/0/filter", {"x": {"_eq": 1}}, "/roles/0/rules/0/filter",
     "unknown_field"),
    ("/roles/0/rules/0/fields", ["x"], "/roles/0/rules/0/fields", "unknown_field"),
    ("/roles/0/rules/0/presets", {"x": 1}, "/roles/0/rules/0/presets",
     "unknown_field"),
    ("/endpoints/0/request_schema", {"$ref": "https://example.com/s.json"},
     "/endpoints/0/request_schema/$ref", "remote_ref"),
    ("/endpoints/0/response_schema", {"$defs": {"a": {"$ref": "#/$defs/a"}}},
     "/endpoints/0/response_schema/$defs/a", "circular_ref"),
    ("/type", "external", "/base_url", "required"),
)  # fmt: skip


@pytest.mark.parametrize(("place", "value", "path", "code"), BAD)
def test_what_is_wrong_is_found_where_it_stands(
    place: str, value: Any, path: str, code: str
) -> None:
    assert (path, code) in findings(changed(place, value))


def test_everything_wrong_is_found_at_once() -> None:
    document = changed("/primary_entity", "sales")
    document["menu"]["items"][0]["view"] = "early"
    document["entities"][0]["list"]["sort"] = ["nothing"]
    assert {code for _, code in findings(document)} == {
        "unknown_entity",
        "unknown_view",
        "unknown_field",
    }


def _places(value: Any, path: str = "") -> list[str]:
    found = [path] if path else []
    children = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, child in children:
        found += _places(child, f"{path}/{name}")
    return found


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 10**20)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "code", "$now", "'; drop table x; --", "é" * 70, "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["_eq", "code", "type", "_and", "x"]), inner)
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(_places(GOOD)), value=ODD)
def test_any_mutation_is_judged_and_never_breaks_the_checks(
    place: str, value: Any
) -> None:
    findings(changed(place, value))


def test_a_definition_of_endless_depth_is_refused() -> None:
    deep: Any = {"_eq": 1}
    for _ in range(10_000):
        deep = {"_not": deep}
    document = changed(f"{ORDER}/rules/0/if", deep)
    assert findings(document) - set()
