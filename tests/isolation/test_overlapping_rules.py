"""Rules that overlap: each row shows the fields of the rules that reach it, no other.

Every way to read is asked, and compared with what the rules say in Python.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from tests.fixtures.api import Client, World
from tests.integration.own_services import fresh_name, give, user_with

NAME = fresh_name("overlap")
FIELDS = ("name", "amount", "city", "status", "key", "depot", "parts")
Row = dict[str, Any]
HOSTILE = (
    "O'Brien",
    "' OR true --",
    "%(tenant)s %(p0)s",
    "$1 $user.id",
    "\\",
    "é \u2019",
    'a "b" {c}',
    "1",
    "true",
)


@dataclass(frozen=True)
class Rule:
    """An allowing rule as the API takes it, and the same in Python."""

    reaches: Callable[[Row], bool] = lambda row: True
    filter: Mapping[str, Any] | None = None
    fields: tuple[str, ...] | None = None
    scope: str = "tenant"

    def gives(self, name: str) -> bool:
        return self.fields is None or name in self.fields

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = {"permission": f"{NAME}.things:read"}
        if self.filter is not None:
            found["filter"] = self.filter
        if self.fields is not None:
            found["fields"] = list(self.fields)
        return {**found, "scope": self.scope}


def from_20(fields: tuple[str, ...] | None, scope: str = "tenant") -> Rule:
    return Rule(
        lambda row: row["amount"] >= 20 and (scope == "tenant" or row["is_own"]),
        {"amount": {"_gte": 20}},
        fields,
        scope,
    )


def of_status(*names: str, fields: tuple[str, ...] | None) -> Rule:
    return Rule(
        lambda row: row["status"] in names, {"status": {"_in": list(names)}}, fields
    )


def own(fields: tuple[str, ...] | None) -> Rule:
    return Rule(lambda row: row["is_own"], None, fields, "own")


SETS: dict[str, tuple[Rule, ...]] = {
    "one of some rows and fields": (from_20(("name", "amount")),),
    "two of the same rows": (
        from_20(("name", "amount", "key")),
        from_20(("name", "city", "status")),
    ),
    "own rows whole, all rows by name": (own(None), Rule(fields=("name",))),
    "own rows, and fewer fields of more rows": (
        from_20(("name", "city", "parts"), "own"),
        from_20(("name", "amount", "depot"), "tenant"),
    ),
    "two that meet on some rows": (
        from_20(("name", "amount", "depot", "key")),
        of_status("new", "open", fields=("name", "status", "city", "parts")),
    ),
    "three, one of a team": (
        Rule(lambda row: row["is_own"], None, ("name", "amount"), "team"),
        of_status("new", fields=("city", "status", "depot")),
        from_20(("status", "parts", "key"), "own"),
    ),
    "behind a relation": (
        Rule(
            lambda row: row["depot_name"] == "North",
            {"depot": {"name": {"_eq": "North"}}},
            ("name", "city", "amount"),
        ),
        from_20(("status", "parts", "depot")),
    ),
}


@pytest.fixture(scope="module")
async def path(world: World) -> str:
    """Publish things that point at depots; returns the path of the service."""
    options = ["new", "open", "shut"]
    lines = [{"id": "q", "name": "quantity", "type": "integer"}]
    things = [
        {"id": "n", "name": "name", "type": "text", "required": True},
        {"id": "a", "name": "amount", "type": "integer"},
        {"id": "c", "name": "city", "type": "text", "search": True},
        {"id": "s", "name": "status", "type": "choice", "options": options},
        {"id": "k", "name": "key", "type": "secret"},
        {"id": "d", "name": "depot", "type": "relation", "to": f"{NAME}.depots"},
        {"id": "l", "name": "parts", "type": "lines", "fields": lines},
    ]
    text = {"id": "n", "name": "name", "type": "text"}
    document = {
        "id": NAME,
        "name": NAME,
        "entities": [
            {"id": "depot", "name": "depots", "fields": [text]},
            {"id": "thing", "name": "things", "fields": things},
        ],
    }
    return await give(world, document)


class Sight:
    """What a user of some rules should see of the rows that stand there."""

    def __init__(self, rows: Sequence[Row], rules: Sequence[Rule]) -> None:
        self.rules = rules
        self.rows = [r for r in rows if any(rule.reaches(r) for rule in rules)]
        self.hidden = [r for r in rows if r not in self.rows]
        self.names = [n for n in FIELDS if any(rule.gives(n) for rule in rules)]

    def value(self, row: Row, name: str) -> Any:
        for rule in self.rules:
            if rule.reaches(row) and rule.gives(name):
                return row[name]
        return None

    def record(self, row: Row) -> Row:
        return {n: self.value(row, n) for n in self.names} | {"id": row["id"]}

    def records(self) -> list[Row]:
        return sorted((self.record(r) for r in self.rows), key=_id)

    def words_hidden(self) -> set[str]:
        """Return the words that no answer may hold."""
        unread = {r["city"] for r in self.rows if self.value(r, "city") is None}
        return unread | {r["city"] for r in self.hidden}


def _id(row: Row) -> str:
    return str(row["id"])


def told(row: Row) -> Row:
    """Return a record of an answer as the test writes it."""
    found = {n: row[n] for n in ("id", *FIELDS) if n in row}
    if found.get("parts") is not None:
        found["parts"] = [line["quantity"] for line in found["parts"]]
    return found


async def seen(world: World, path: str, rules: Sequence[Rule]) -> tuple[Client, Sight]:
    """Make a user of the rules and rows of his own and of others."""
    mark = fresh_name("city")
    more = [
        {"permission": f"{NAME}.things:create"},
        {"permission": f"{NAME}.things:export"},
        {"permission": f"{NAME}.depots:read"},
    ]
    user = await user_with(world, *(rule.body() for rule in rules), *more)
    rows: list[Row] = []
    old = (await world.admin.get(f"{path}/things?limit=200")).data
    for each in old:
        await world.admin.request("DELETE", f"{path}/things/{each['id']}")
    depots = {}
    for name in ("North", "South"):
        made = await world.admin.post(f"{path}/depots", {"name": name})
        depots[name] = made.data["id"]
    for number in range(12):
        is_own, depot = number % 2 == 0, ("North", "South")[number // 2 % 2]
        values: Row = {
            "name": f"thing {number:02}",
            "amount": 10 + 10 * (number // 3 % 2) + number,
            "city": f"{mark}{number:02}",
            "status": ("new", "open", "shut")[number % 3],
            "depot": depots[depot],
            "parts": [{"quantity": 1000 + number}],
        }
        maker = world.admin
        made = await maker.post(f"{path}/things", {**values, "key": "k"})
        assert made.status == 201, made.body
        rows.append(
            {
                **values,
                "id": made.data["id"],
                "key": {"set": True},
                "parts": [1000 + number],
                "depot_name": depot,
                "is_own": is_own,
            }
        )
    await _hand_over(world, user, [r["id"] for r in rows if r["is_own"]])
    return user, Sight(rows, rules)


async def _hand_over(world: World, user: Client, ids: Sequence[str]) -> None:
    """Let the user have made these rows."""
    parts = world.app._app.state.parts
    user_id = (await user.get("/api/v1/auth/me")).data["user"]["id"]
    entity = await parts.catalog.entity(world.ours, NAME, "things")
    table = f'"{entity.table.schema}"."{entity.table.name}"'
    async with parts.database.transaction(world.ours) as connection:
        await connection.execute(
            f"update {table} set created_by = %s where id = any(%s::uuid[])",
            (user_id, list(ids)),
        )


@pytest.mark.parametrize("name", SETS)
async def test_every_way_to_read_shows_what_the_rules_give(
    world: World, path: str, name: str
) -> None:
    user, sight = await seen(world, path, SETS[name])
    answers: list[bytes] = []

    async def ask(query: str) -> Any:
        reply = await user.get(f"{path}/things{query}")
        assert reply.status == 200, reply.body
        answers.append(reply.body)
        return reply

    # Pages.
    found: list[Row] = []
    cursor = ""
    while True:
        reply = await ask(f"?limit=3{cursor}")
        found += reply.data
        if not reply.json["meta"]["page"]["has_more"]:
            break
        cursor = f"&cursor={reply.json['meta']['page']['next_cursor']}"
    assert sorted(map(told, found), key=_id) == sight.records()
    assert (await ask("?count=exact")).json["meta"]["page"]["count"] == len(sight.rows)
    # Each alone, those that are not there for the user among them.
    for row in sight.rows:
        reply = await ask(f"/{row['id']}")
        assert told(reply.data) == sight.record(row)
    for row in sight.hidden:
        assert (await user.get(f"{path}/things/{row['id']}")).status == 404
    # Exports.
    reply = await ask("/export?format=jsonl")
    lines = [json.loads(line) for line in reply.body.splitlines()]
    plain = [n for n in sight.names if n not in ("key", "parts")]
    assert sorted(_id(line) for line in lines) == [_id(r) for r in sight.records()]
    for line in lines:
        expected = next(r for r in sight.records() if r["id"] == line["id"])
        assert {n: line[n] for n in plain} == {n: expected[n] for n in plain}
    # What is expanded.
    if "depot" in sight.names:
        for each in (await ask("?expand=depot")).data:
            expected = next(r for r in sight.records() if r["id"] == each["id"])
            shown = each["depot"] and each["depot"]["id"]
            assert shown == expected["depot"]
    for word in sight.words_hidden():
        assert all(word.encode() not in body for body in answers)


@pytest.mark.parametrize("name", SETS)
async def test_nothing_is_learnt_of_a_field_from_the_rows_that_hide_it(
    world: World, path: str, name: str
) -> None:
    user, sight = await seen(world, path, SETS[name])
    for field in ("amount", "city", "status", "depot"):
        if field not in sight.names:
            for query in (
                f"filter={quote(json.dumps({field: {'_null': False}}))}",
                f"sort={field}",
                f"group={field}&aggregate=",
            ):
                reply = await user.get(f"{path}/things?{query}")
                assert reply.status == 400, (field, query)
            continue
        values = {r["id"]: sight.value(r, field) for r in sight.rows}
        for wanted in {r[field] for r in (*sight.rows, *sight.hidden)}:
            query = quote(json.dumps({field: {"_eq": wanted}}))
            reply = await user.get(f"{path}/things?filter={query}")
            expected = {key for key, value in values.items() if value == wanted}
            assert {each["id"] for each in reply.data} == expected
        query = quote(json.dumps({field: {"_null": True}}))
        reply = await user.get(f"{path}/things?filter={query}")
        expected = {key for key, value in values.items() if value is None}
        assert {each["id"] for each in reply.data} == expected
        reply = await user.get(f"{path}/things?group={field}")
        counts = {each[field]: each["count"] for each in reply.data}
        held = list(values.values())
        assert counts == {value: held.count(value) for value in held}
    if "amount" in sight.names:
        reply = await user.get(f"{path}/things?sort=amount")
        order = [sight.value(r, "amount") for r in sight.rows]
        expected_order = sorted(v for v in order if v is not None)
        shown = [each["amount"] for each in reply.data]
        assert shown == expected_order + [None] * order.count(None)
        total = quote(json.dumps({"total": {"_sum": "amount"}}))
        reply = await user.get(f"{path}/things?aggregate={total}")
        assert int(float(reply.data[0]["total"] or 0)) == sum(expected_order)
    for row in (*sight.rows, *sight.hidden):
        reply = await user.get(f"{path}/things?search={row['city']}")
        is_shown = row in sight.rows and sight.value(row, "city") is not None
        assert [each["id"] for each in reply.data] == [row["id"]] * is_shown


@pytest.mark.parametrize("operator", ["_eq", "_in"])
async def test_a_text_in_a_rule_means_itself(
    world: World, path: str, operator: str
) -> None:
    ids = {}
    for text in HOSTILE:
        made = await world.admin.post(f"{path}/depots", {"name": text})
        ids[text] = made.data["id"]
    for text in HOSTILE:
        literal = f"${text}" if text.startswith("$") else text
        value = literal if operator == "_eq" else [literal, "nobody"]
        user = await user_with(
            world,
            {
                "permission": f"{NAME}.depots:read",
                "filter": {"name": {operator: value}},
            },
        )
        found = (await user.get(f"{path}/depots?limit=200")).data
        assert ids[text] in {each["id"] for each in found}
        assert {each["name"] for each in found} == {text}
