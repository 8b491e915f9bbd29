"""Forms, lists and menus as different users see them."""

from typing import Any

import jsonschema_rs
import pytest

from metadata.compiled import CompiledEntity, CompiledService
from metadata.compiler import compile_service
from metadata.definitions import Overlay, Service
from metadata.forms import entity_form
from metadata.lists import entity_list
from metadata.menus import build

SHOP: dict[str, Any] = {
    "id": "shop",
    "name": "shop",
    "entities": [
        {
            "id": "order",
            "name": "orders",
            "label": {"en": "Order", "id": "Pesanan"},
            "title_field": "code",
            "fields": [
                {"id": "c", "name": "code", "type": "text", "required": True,
                 "label": {"en": "Code", "id": "Kode"}},
                {"id": "s", "name": "status", "type": "choice",
                 "options": ["open", "paid"], "default": "open"},
                {"id": "m", "name": "margin", "type": "integer"},
                {"id": "n", "name": "notes", "type": "long_text"},
            ],
            "rules": [
                {"if": {"status": {"_eq": "paid"}}, "then": {"required": ["notes"]},
                 "message": "Say how it was paid."},
                {"if": {"margin": {"_eq": 5}}, "then": {"required": ["notes"]}},
            ],
            "forms": {
                "short": {
                    "fields": ["notes", "code", "margin"],
                    "ui": {
                        "type": "Group",
                        "elements": [
                            {"type": "Control", "scope": "#/properties/margin"},
                            {"type": "Control", "scope": "#/properties/code", "rule": {
                                "effect": "SHOW",
                                "condition": {"scope": "#/properties/margin",
                                              "schema": {"const": 5}}}},
                        ],
                    },
                }
            },
            "list": {
                "columns": ["code", {"field": "margin", "width": 90}, "created_at"],
                "sort": ["-margin", "code"],
                "filters": ["margin", "status"],
                "views": [
                    {"name": "rich", "filter": {"_or": [{"margin": {"_gt": 9}}]}},
                    {"name": "open", "filter": {"status": {"_eq": "open"}},
                     "sort": ["-margin", "-created_at"], "columns": ["margin", "code"]},
                ],
            },
        },
        {"id": "bill", "name": "bills",
         "fields": [{"id": "x", "name": "number", "type": "text"}]},
    ],
    "menu": {
        "items": [
            {"id": "g", "name": "group", "sort_order": 30, "children": [
                {"id": "b", "name": "bills", "entity": "bills", "sort_order": 9},
                {"id": "o", "name": "orders", "entity": "orders", "sort_order": 2},
            ]},
            {"id": "new", "name": "new", "entity": "orders", "form": "short",
             "sort_order": 10},
            {"id": "open", "name": "open", "entity": "orders", "view": "open",
             "sort_order": 20},
        ]
    },
}  # fmt: skip


def compiled(overlay: dict[str, Any] | None = None) -> CompiledService:
    laid = Overlay.model_validate(overlay) if overlay else None
    return compile_service(Service.model_validate(SHOP), 1, overlay=laid)


def orders() -> CompiledEntity:
    return compiled().entities["orders"]


def everything(_name: str) -> bool:
    return True


def no_margin(name: str) -> bool:
    return name != "margin"


def names(element: dict[str, Any]) -> list[str]:
    """Return the fields of every control in order."""
    if element["type"] == "Control":
        return [element["scope"].rsplit("/", 1)[-1]]
    return [name for child in element.get("elements", []) for name in names(child)]


def test_a_form_shows_every_field_in_the_authors_order() -> None:
    form = entity_form(orders(), readable=everything, writable=everything)
    assert list(form["schema"]["properties"]) == ["code", "status", "margin", "notes"]
    assert names(form["ui"]) == ["code", "status", "margin", "notes"]
    assert form["schema"]["required"] == ["code"]
    assert form["schema"]["properties"]["status"]["default"] == "open"


def test_what_is_required_under_a_condition_belongs_to_the_schema() -> None:
    form = entity_form(orders(), readable=everything, writable=everything)
    validator = jsonschema_rs.Draft202012Validator(form["schema"])
    assert validator.is_valid({"code": "a", "status": "open"})
    assert not validator.is_valid({"code": "a", "status": "paid"})
    assert validator.is_valid({"code": "a", "status": "paid", "notes": "x"})


def test_a_hidden_field_is_in_no_part_of_a_form() -> None:
    for name in ("default", "short"):
        form = entity_form(orders(), form=name, readable=no_margin, writable=everything)
        assert "margin" not in str(form), name


def rules_of(**options: Any) -> list[dict[str, Any]]:
    given = {"readable": everything, "writable": everything, **options}
    return list(entity_form(orders(), **given)["rules"])


def test_a_form_carries_the_rules_with_their_words() -> None:
    form = entity_form(orders(), readable=everything, writable=everything)
    assert form["rules"][0] == {
        "if": {"status": {"_eq": "paid"}},
        "then": {"required": ["notes"]},
        "message": {"en": "Say how it was paid."},
    }
    assert form["rule_fields"] == {
        "status": {"type": "choice", "options": ["open", "paid"]},
        "margin": {"type": "integer"},
        "notes": {"type": "long_text"},
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, ["status", "margin"]),
        ({"readable": no_margin}, ["status"]),
        ({"readable": lambda name: name != "notes"}, []),
        ({"writable": lambda name: name != "notes"}, []),
        ({"writable": lambda name: name != "status"}, ["status", "margin"]),
        ({"preset": {"status"}}, ["margin"]),
        ({"preset": {"notes"}}, []),
        ({"form": "short"}, ["margin"]),
    ],
)
def test_a_form_leaves_out_rules_that_its_reader_cannot_keep_or_know(
    options: Any, said: list[str]
) -> None:
    assert [next(iter(rule["if"])) for rule in rules_of(**options)] == said
    form = entity_form(
        orders(), **{"readable": everything, "writable": everything, **options}
    )
    assert len(form["schema"].get("allOf", ())) == len(said)


def test_the_clauses_of_a_form_are_not_in_the_servers_own_schema() -> None:
    assert "allOf" not in orders().create_schema
    assert orders().create_validator.is_valid({"code": "a", "status": "paid"})


def test_a_computed_column_of_lines_is_shown_read_only() -> None:
    count = {"id": "c", "name": "count", "type": "integer"}
    twice = {
        "id": "t",
        "name": "twice",
        "type": "computed",
        "result": {"type": "integer"},
        "expression": {"_mul": [{"field": "count"}, 2]},
    }
    lines = {"id": "l", "name": "rows", "type": "lines", "fields": [count, twice]}
    bills = {"id": "b", "name": "bills", "fields": [lines]}
    service = {"id": "x", "name": "x", "entities": [bills]}
    entity = compile_service(Service.model_validate(service), 1).entities["bills"]
    form = entity_form(entity, readable=everything, writable=everything)
    (shown,) = form["ui"]["elements"]
    readonly = {
        c["scope"]: c["options"]["readonly"] for c in shown["options"]["columns"]
    }
    assert readonly == {"#/properties/count": False, "#/properties/twice": True}


def test_a_field_that_may_not_be_written_is_read_only_and_not_demanded() -> None:
    form = entity_form(
        orders(), readable=everything, writable=lambda name: name != "code"
    )
    assert form["schema"]["properties"]["code"]["readOnly"] is True
    assert form["schema"]["required"] == []
    assert "readOnly" not in form["schema"]["properties"]["notes"]


def test_a_form_of_ones_own_has_its_fields_and_layout() -> None:
    form = entity_form(orders(), form="short", readable=everything, writable=everything)
    assert list(form["schema"]["properties"]) == ["notes", "code", "margin"]
    assert form["ui"]["type"] == "Group"
    assert names(form["ui"]) == ["margin", "code"]


def test_labels_are_there_in_both_languages() -> None:
    form = entity_form(orders(), readable=everything, writable=everything)
    labels = {
        row["scope"].rsplit("/", 1)[-1]: row["label"]
        for part in form["ui"]["elements"]
        for row in part.get("elements", [part])
    }
    assert labels["code"] == {"en": "Code", "id": "Kode"}
    assert labels["margin"]["en"] == "Margin"


def test_a_list_has_its_columns_views_and_filters() -> None:
    shown = entity_list(orders(), readable=everything)
    assert [c["field"] for c in shown["columns"]] == ["code", "margin", "created_at"]
    assert shown["columns"][1]["width"] == 90
    assert shown["sort"] == ["-margin", "code"]
    assert shown["filters"] == ["margin", "status"]
    assert [view["name"] for view in shown["views"]] == ["rich", "open"]


def test_a_hidden_field_is_in_no_part_of_a_list() -> None:
    shown = entity_list(orders(), readable=no_margin)
    assert "margin" not in str(shown)
    assert [view["name"] for view in shown["views"]] == ["open"]
    assert shown["sort"] == ["code"]
    assert shown["views"][0]["sort"] == ["-created_at"]


def paths(items: list[dict[str, Any]]) -> list[str]:
    return [
        path
        for item in items
        if item["category"] == "SERVICES"
        for path in ([item["path"]] if item["path"] else paths_of(item))
    ]


def paths_of(item: dict[str, Any]) -> list[str]:
    return [child["path"] for child in item["children"]]


def test_a_menu_is_in_order_at_every_level() -> None:
    menu = build([compiled()], lambda *_: True)
    assert paths(menu) == [
        "/s/shop/orders/new",
        "/s/shop/orders?view=open",
        "/s/shop/orders",
        "/s/shop/bills",
    ]


def test_a_menu_holds_what_the_user_may_open() -> None:
    def reads_orders(resource: str, action: str) -> bool:
        return (resource, action) in {("shop.orders", "read"), ("shop", "read")}

    menu = build([compiled()], reads_orders)
    assert paths(menu) == ["/s/shop/orders?view=open", "/s/shop/orders"]
    assert {item["category"] for item in menu} == {"MAIN", "SERVICES"}


def test_a_group_of_nothing_is_not_shown() -> None:
    menu = build([compiled()], lambda resource, _: resource == "shop")
    assert paths(menu) == []


def test_a_tenant_hides_items() -> None:
    menu = build([compiled({"hidden_menu": ["new", "b"]})], lambda *_: True)
    assert paths(menu) == ["/s/shop/orders?view=open", "/s/shop/orders"]


def test_a_service_without_a_menu_gets_one_item_an_entity() -> None:
    document = {**SHOP, "menu": {}}
    service = compile_service(Service.model_validate(document), 1)
    assert paths(build([service], lambda *_: True)) == [
        "/s/shop/orders",
        "/s/shop/bills",
    ]
