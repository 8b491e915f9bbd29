"""docs/field-types.md tells the truth about the registry."""

import re
from pathlib import Path
from typing import Any

import pytest

from metadata.expressions import OPERATORS, SPECIAL
from metadata.fields import FIELD_TYPES

TEXT = (Path(__file__).parents[2] / "docs" / "field-types.md").read_text()
COMMON = {"id", "name", "type", "label", "help", "required", "unique", "index"} | {
    *("search", "readonly", "immutable", "default"),
}
ROWS = {
    cells[0].strip("`"): cells
    for line in TEXT.splitlines()
    if line.startswith("| `")
    for cells in [[cell.strip() for cell in line.strip("|").split(" | ")]]
    if len(cells) == 6
}


def words(cell: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+)`", cell))


def test_every_type_has_a_row_and_every_row_a_type() -> None:
    assert set(ROWS) == set(FIELD_TYPES)


@pytest.mark.parametrize("name", FIELD_TYPES)
def test_row_names_the_options(name: str) -> None:
    fields: dict[str, Any] = FIELD_TYPES[name].definition.model_fields
    options = {item.alias or key for key, item in fields.items()} - COMMON
    assert words(ROWS[name][1]) == options


@pytest.mark.parametrize("name", FIELD_TYPES)
def test_row_names_the_operators(name: str) -> None:
    groups = {
        "equality": {"_eq", "_neq", "_in", "_nin", "_null"},
        "order": {"_lt", "_lte", "_gt", "_gte", "_between"},
        "text": {"_contains", "_icontains", "_starts", "_ends"},
    }
    cell = ROWS[name][4]
    said = {operator for operator in words(cell) if operator.startswith("_")}
    for group, operators in groups.items():
        if re.search(rf"\b{group}\b", cell):
            said |= operators
    assert said == FIELD_TYPES[name].operators


@pytest.mark.parametrize("name", FIELD_TYPES)
def test_row_names_widget_and_renderer(name: str) -> None:
    kind = FIELD_TYPES[name]
    assert ROWS[name][5] == f"`{kind.widget}` / `{kind.renderer}`"


def test_every_expression_operator_is_described() -> None:
    section = TEXT.split("## Expressions")[1]
    assert {*OPERATORS, *SPECIAL} <= words(section)
