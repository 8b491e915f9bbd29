"""What an import cannot keep is said by row, and then nothing is kept."""

import asyncio
import csv
import io
import json
from typing import Any
from uuid import uuid4

import pytest

from engine.parts import open_parts
from engine.settings import Settings
from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import Client, Reply, World

SAMPLES = "/api/v1/data/lab/samples"
NAME = f"dock{uuid4().hex[:8]}"
BOATS = f"/api/v1/data/{NAME}/boats"
DOCK = Service.model_validate(
    {
        "id": NAME,
        "name": NAME,
        "entities": [
            {
                "id": "boat",
                "name": "boats",
                "fields": [
                    {"id": "n", "name": "name", "type": "text", "required": True},
                    {
                        "id": "o",
                        "name": "owner",
                        "type": "relation",
                        "to": "platform.users",
                    },
                ],
            }
        ],
    }
)


@pytest.fixture(scope="module", autouse=True)
async def dock(world: World, settings: Settings) -> None:
    """A service whose records belong to users."""
    async with open_parts(settings) as parts:
        async with parts.database.owner() as connection:
            await parts.publisher.publish(connection, DOCK)
        async with parts.database.system() as connection:
            await assignments.assign(connection, world.ours, NAME)


async def send(user: Client, path: str, lines: list[Any]) -> Reply:
    content = "\n".join(json.dumps(line) for line in lines).encode()
    headers = {"content-type": "application/x-ndjson"}
    return await user.post(f"{path}/import", content, headers=headers)


def findings(reply: Reply) -> list[tuple[int, str, str]]:
    return [(e["row"], e["field"], e["code"]) for e in reply.data["errors"]]


async def number_of(user: Client, path: str) -> int:
    reply = await user.get(f"{path}?count=exact&limit=1")
    return int(reply.json["meta"]["page"]["count"])


async def test_a_user_of_another_tenant_is_not_found(world: World) -> None:
    theirs = (await world.stranger.get("/api/v1/auth/me")).data["user"]["id"]
    ours = (await world.operator.get("/api/v1/auth/me")).data["user"]["id"]
    mine, other = {"name": "a", "owner": ours}, {"name": "b", "owner": theirs}
    reply = await send(world.admin, BOATS, [mine, other])
    assert findings(reply) == [(2, "owner", "not_found")]
    assert await number_of(world.admin, BOATS) == 0
    reply = await send(world.admin, BOATS, [mine])
    assert reply.data["imported"] == 1


async def test_lines_are_refused_not_dropped(world: World) -> None:
    before = await number_of(world.admin, SAMPLES)
    line = {"name": "a", "parts": [{"quantity": 1}]}
    reply = await send(world.admin, SAMPLES, [line, {"name": "b", "parts": []}])
    assert findings(reply) == [(1, "parts", "not_imported")]
    assert await number_of(world.admin, SAMPLES) == before


@pytest.mark.parametrize("text", ["\x00", "\ud800", "a\x00b"])
async def test_characters_that_are_none_stand_in_the_report(
    world: World, text: str
) -> None:
    reply = await send(world.admin, SAMPLES, [{"name": text}, {"name": "a", text: 1}])
    assert [(row, code) for row, _, code in findings(reply)] == [
        (1, "characters"),
        (2, "unknown_field"),
    ]
    errors = await world.admin.get(reply.data["errors_url"])
    assert errors.status == 200
    assert b"\x00" not in errors.body


async def test_no_formula_of_the_file_runs_in_the_list_of_errors(world: World) -> None:
    formula = '=HYPERLINK("x")'
    line = {"name": "a", "amount": formula, formula: 1}
    reply = await send(world.admin, SAMPLES, [line, {"name": "b", "amount": "-x"}])
    assert reply.data["failed"] == 2
    errors = (await world.admin.get(reply.data["errors_url"])).body.decode()
    rows = list(csv.reader(io.StringIO(errors, newline="")))
    assert rows[0] == ["row", "field", "code", "message", "value"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "-"))]
    assert {row[4] for row in rows[1:]} >= {f"'{formula}", "'-x"}
    assert {row[1] for row in rows[1:]} == {"amount", f"'{formula}"}


async def test_the_same_file_sent_twice_at_once_is_imported_once(world: World) -> None:
    before = await number_of(world.admin, BOATS)
    lines = [{"name": f"same {number}"} for number in range(500)]
    replies = await asyncio.gather(*(send(world.admin, BOATS, lines) for _ in range(4)))
    fresh = [r for r in replies if r.status == 200 and "repeated" not in r.data]
    assert len(fresh) == 1
    busy = [reply for reply in replies if reply.status != 200]
    assert {reply.error["code"] for reply in busy} <= {"BUSY"}
    assert await number_of(world.admin, BOATS) == before + 500
    again = await send(world.admin, BOATS, lines)
    assert again.data["repeated"] is True
    assert again.data["id"] == fresh[0].data["id"]
