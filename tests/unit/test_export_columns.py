"""Exported tables: each column holds what its heading says, and is read back."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.context import Grant, full_grant
from engine.query import ListQuery
from engine.transfer import rows as files
from engine.transfer.columns import Column, columns_of
from engine.transfer.exports import csv_file
from engine.transfer.sheet_cells import Reader, locale_of
from metadata.compiled import CompiledEntity
from metadata.compiler import compile_service
from metadata.definitions import Service

PEOPLE = Reader("en", ZoneInfo("Asia/Jakarta"))

SHOP = compile_service(
    Service.model_validate(
        {
            "id": "shop",
            "name": "shop",
            "entities": [
                {
                    "id": "cat",
                    "name": "cats",
                    "fields": [
                        {"id": "n", "name": "name", "type": "text"},
                        {"id": "t", "name": "tags", "type": "tags"},
                        {
                            "id": "u",
                            "name": "up",
                            "type": "relation",
                            "to": "shop.cats",
                        },
                    ],
                },
                {
                    "id": "item",
                    "name": "items",
                    "fields": [
                        {"id": "n", "name": "name", "type": "long_text"},
                        {"id": "a", "name": "amount", "type": "decimal"},
                        {
                            "id": "c",
                            "name": "cat",
                            "type": "relation",
                            "to": "shop.cats",
                            "inverse": "items",
                        },
                        {
                            "id": "l",
                            "name": "parts",
                            "type": "lines",
                            "fields": [
                                {"id": "q", "name": "quantity", "type": "integer"}
                            ],
                        },
                    ],
                },
            ],
        }
    ),
    1,
)
CATS, ITEMS = SHOP.entities["cats"], SHOP.entities["items"]


class Pointer:
    entity = "shop.items"
    field = "cat"


class Everything:
    """A directory whose user may read all."""

    def entity(self, key: str) -> CompiledEntity | None:
        return SHOP.entities.get(key.removeprefix("shop."))

    def inverses(self, key: str) -> Mapping[str, Pointer]:
        return {"items": Pointer()} if key == CATS.key else {}

    def grant(self, entity: CompiledEntity, action: str) -> Grant:
        return full_grant(entity.resource, action)


def columns(entity: CompiledEntity, *fields: str) -> list[Column]:
    grant = full_grant(entity.resource, "read")
    return columns_of(Everything(), entity, grant, ListQuery(fields=fields))


def test_columns_are_in_the_entitys_order_whatever_was_asked_first() -> None:
    asked = columns(ITEMS, "version", "cat.up.name", "amount", "cat", "id", "cat.name")
    assert [column.heading for column in asked] == [
        "id",
        "amount",
        "cat.up.name",
        "cat",
        "cat.name",
        "version",
    ]
    assert [column.heading for column in columns(ITEMS)][:5] == [
        "id",
        "name",
        "amount",
        "cat",
        "parts",
    ]


CAT = {"id": "7", "name": "=big", "tags": ["a", "b"], "up": {"id": "9", "name": "top"}}
RECORD = {
    "id": "1",
    "name": "x",
    "amount": "-5.00",
    "cat": CAT,
    "parts": [{"quantity": 2}, {"quantity": None}],
    "version": 3,
}
TEXTS = {
    "cat": "7",
    "cat.name": "=big",
    "cat.tags": "a; b",
    "cat.up": "9",
    "cat.up.name": "top",
    "parts.quantity": '["2", null]',
    "amount": "-5.00",
    "version": "3",
}


@pytest.mark.parametrize("path", TEXTS)
def test_a_cell_holds_what_stands_at_its_path(path: str) -> None:
    (column,) = columns(ITEMS, path)
    assert column.text(RECORD) == TEXTS[path]


def test_a_list_of_pointing_records_is_one_cell() -> None:
    (column,) = columns(CATS, "items.cat")
    record = {"items": [{"cat": "7"}, {"cat": {"id": "8"}}]}
    assert column.text(record) == '["7", "8"]'
    assert column.text({"items": []}) == ""


@pytest.mark.parametrize("path", ["cat.name", "cat.up.name", "cat.tags"])
@pytest.mark.parametrize("cat", [None, "7"], ids=["none", "one that is hidden"])
def test_what_is_not_there_to_see_is_an_empty_cell(path: str, cat: Any) -> None:
    (column,) = columns(ITEMS, path)
    assert column.text({"cat": cat}) == ""
    assert PEOPLE.cell(column, {"cat": cat}) is None


def test_numbers_stay_numbers_in_a_workbook() -> None:
    version, amount = columns(ITEMS, "version", "amount")[::-1]
    assert PEOPLE.cell(version, RECORD) == 3
    assert PEOPLE.cell(amount, RECORD) == -5


STORED = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.sampled_from("'=+-@\t\r\n\",; 1.")
)


@given(st.lists(st.tuples(STORED, STORED), min_size=1, max_size=5))
async def test_texts_that_are_exported_are_imported_as_they_were(
    texts: list[tuple[str, str]],
) -> None:
    item = ITEMS.fields["name"]
    stored = [
        tuple(item.type.to_parameter(item.definition, text) for text in pair)
        for pair in texts
    ]

    async def records() -> AsyncIterator[str]:
        for number, (own, of_cat) in enumerate(stored):
            cat = {"id": "7", "name": of_cat}
            yield json.dumps({"id": str(number), "name": own, "cat": cat})

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in csv_file(
            ITEMS, columns(ITEMS, "id", "name", "cat.name"), records()
        ):
            yield piece

    read = [row async for _, row in files.csv_rows(files.lines(pieces()))]
    assert [set(row) for row in read] == [{"id", "name", "cat.name"}] * len(stored)
    found = [
        tuple(
            item.type.to_parameter(item.definition, row[name]) if row[name] else None
            for name in ("name", "cat.name")
        )
        for row in read
    ]
    assert found == stored


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "id"),
        ("", "id"),
        ("en", "en"),
        ("EN-us", "en"),
        ("en-GB,en;q=0.9,id;q=0.8", "en"),
        ("en;q=0.4, id;q=0.8", "id"),
        ("fr, en;q=0.3", "en"),
        ("fr", "id"),
        ("*", "id"),
        ("en;q=0", "id"),
        ("en;q=loud", "id"),
        ("english", "id"),
    ],
)
def test_a_workbook_takes_the_language_that_a_header_prefers(
    header: str | None, locale: str
) -> None:
    assert locale_of(header, "id") == locale
