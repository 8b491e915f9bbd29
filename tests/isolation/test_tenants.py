"""Two tenants, any call, no leak."""

import json
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.settings import Settings
from tests.fixtures.api import Client, World

MARK = f"canary{uuid4().hex[:12]}"
CUSTOMERS = "/api/v1/data/customers/customers"
SAMPLES = "/api/v1/data/lab/samples"


@pytest.fixture(scope="session")
async def theirs(world: World) -> dict[str, Any]:
    """What the other tenant has: every text of it holds the marker."""
    body = {"name": MARK, "phone": "0899" + str(uuid4().int)[:8], "notes": MARK}
    customer = (await world.stranger.post(CUSTOMERS, body)).data
    sample = {"name": MARK, "parts": [{"quantity": 4711}]}
    return {
        "customer": customer,
        "sample": (await world.stranger.post(SAMPLES, sample)).data,
    }


def clients(world: World) -> list[Client]:
    return [world.admin, world.operator, world.viewer]


METHODS = (
    ("GET", "", None),
    ("PATCH", "", {"notes": "taken"}),
    ("PUT", "", {"name": "taken", "phone": "081200000000", "status": "prospect"}),
    ("DELETE", "", None),
    ("GET", "/history", None),
    ("POST", "/restore", None),
    ("POST", "/actions/terminate", None),
)


@pytest.mark.parametrize(("method", "below", "body"), METHODS)
async def test_another_tenants_record_is_not_there(
    world: World, theirs: dict[str, Any], method: str, below: str, body: Any
) -> None:
    record_id = theirs["customer"]["id"]
    for client in clients(world):
        for base in (CUSTOMERS, "/api/v1/customers"):
            reply = await client.request(method, f"{base}/{record_id}{below}", body)
            assert reply.status in {403, 404}, (method, below, reply.body)
            assert MARK.encode() not in reply.body
    kept = await world.stranger.get(f"{CUSTOMERS}/{record_id}")
    assert kept.data == theirs["customer"]


async def test_no_relation_reaches_into_another_tenant(
    world: World, theirs: dict[str, Any]
) -> None:
    plan = {
        "name": MARK,
        "download_rate": 1_000_000,
        "upload_rate": 1_000_000,
        "monthly_price": 1,
    }
    root_plan = await world.stranger.post("/api/v1/plans", plan)
    body = {
        "name": "x",
        "phone": "0877" + str(uuid4().int)[:8],
        "plan": root_plan.data["id"],
    }
    reply = await world.operator.post(CUSTOMERS, body)
    assert reply.details() == {("plan", "not_found")}


async def test_a_line_of_another_tenant_is_not_taken_over(
    world: World, theirs: dict[str, Any]
) -> None:
    line = theirs["sample"]["parts"][0]["id"]
    body = {"name": "x", "parts": [{"id": line, "quantity": 1}]}
    # Keys hold the tenant, so the id is free here; what matters is theirs.
    await world.operator.post(SAMPLES, body)
    kept = await world.stranger.get(f"{SAMPLES}/{theirs['sample']['id']}")
    assert kept.data["parts"][0]["quantity"] == 4711


async def test_a_unique_value_of_another_tenant_is_free(
    world: World, theirs: dict[str, Any]
) -> None:
    body = {"name": "same phone", "phone": theirs["customer"]["phone"]}
    assert (await world.operator.post(CUSTOMERS, body)).status == 201


QUERIES = st.one_of(
    st.sampled_from(
        [
            "",
            "?limit=200",
            "?deleted=with",
            "?count=exact",
            f"?search={MARK}",
            "?sort=name&expand=plan",
            f"?filter[name][_eq]={MARK}",
            "?group=name",
            "?aggregate=" + quote('{"m":{"_max":"name"}}'),
            "/export?format=csv",
            "/export?format=jsonl",
            "/import",
            "/bulk",
        ]
    ),
    st.builds(
        lambda op, text: "?filter=" + quote(json.dumps({"name": {op: text}})),
        st.sampled_from(["_neq", "_icontains", "_starts", "_gte", "_lte"]),
        st.sampled_from(["", "c", MARK[:4], MARK, "%", "_"]),
    ),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    tail=QUERIES,
    base=st.sampled_from([CUSTOMERS, SAMPLES, "/api/v1/customers", "/api/v1/plans"]),
    who=st.integers(0, 2),
)
async def test_no_list_export_or_aggregate_shows_the_marker(
    world: World, theirs: dict[str, Any], tail: str, base: str, who: int
) -> None:
    reply = await clients(world)[who].get(f"{base}{tail}")
    assert reply.status < 500, reply.body
    echoed = tail.encode() if reply.status < 300 else b""
    body = reply.body.replace(echoed, b"")
    if MARK not in tail:
        assert MARK.encode() not in body
    elif reply.status == 200 and body.startswith(b'{"data":'):
        assert MARK not in json.dumps(reply.json["data"])
    assert MARK not in json.dumps(dict(reply.headers))


def test_every_table_with_a_tenant_forces_row_security(settings: Settings) -> None:
    query = """
    SELECT n.nspname || '.' || c.relname, c.relrowsecurity AND c.relforcerowsecurity,
           (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid
            AND p.polname = 'tenant' AND p.polqual IS NOT NULL
            AND p.polwithcheck IS NOT NULL)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    WHERE c.relkind IN ('r', 'p')
      AND (n.nspname = 'rangka' OR n.nspname LIKE 'svc\\_%')
    """
    with psycopg.connect(settings.owner_database_url) as connection:
        tables = connection.execute(query).fetchall()
    assert len(tables) > 10
    assert [
        name for name, forced, policies in tables if not forced or not policies
    ] == []


@pytest.mark.parametrize("setting", [None, "", str(UUID(int=0))])
def test_without_its_tenant_the_app_role_sees_no_row(
    settings: Settings, world: World, theirs: dict[str, Any], setting: str | None
) -> None:
    with psycopg.connect(settings.app_database_url) as connection:
        if setting is not None:
            connection.execute(
                "SELECT set_config('rangka.tenant', %s, true)", (setting,)
            )
        for table in ("svc_customers.customers", "svc_lab.samples", "rangka.log"):
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert row == (0,), table
