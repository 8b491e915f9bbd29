"""Every route of the API, called by one tenant with the ids of another.

The routes are read from the application itself, so that a new one is tried without
being written down here. After each call the other tenant's rows are the same as before
and nothing of them was shown.
"""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.api import data
from engine.identity.passwords import Passwords
from engine.platform import ensure_user
from engine.settings import Settings
from metadata import bundle
from metadata.definitions import as_json
from registry import builtin
from tests.fixtures.api import PASSWORD, Client, World, log_in, open_world
from tests.fixtures.database import own_database

MARK = f"canary{uuid4().hex[:12]}"
ENTITIES = (
    "customers/customers",
    "plans/plans",
    "lab/samples",
    "platform/users",
    "platform/roles",
    "platform/teams",
    "platform/tenants",
    "platform/audit",
)
ROLES = ("TENANT_ADMIN", "operator", "viewer")


@dataclass
class Victim:
    """The other tenant: what is known of it, and how its rows are compared."""

    known: dict[str, str]
    secrets: list[str]
    database: str
    tables: list[str]

    def fingerprint(self) -> dict[str, str]:
        """Return a digest of the tenant's rows in every table that has tenants."""
        found = {}
        with psycopg.connect(self.database) as connection:
            connection.execute(
                "select set_config('rangka.tenant', %s, true)", (self.known["tenant"],)
            )
            for table in self.tables:
                query = (
                    f"select md5(coalesce(string_agg(t::text, '|' order by t::text), ''"
                    f")) from {table} t where tenant_id = %s"
                )
                row = connection.execute(
                    query.encode(), (self.known["tenant"],)
                ).fetchone()
                assert row is not None
                found[table] = row[0]
        return found

    def changed_since(self, before: dict[str, str]) -> set[str]:
        """Return the tables where the tenant's rows are not what they were."""
        after = self.fingerprint()
        return {table for table in before if before[table] != after[table]}


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    """Tenants for whom the platform does nothing by itself.

    Events that are passed on, schedules that fall due and a log-in in time change a
    tenant's rows too, so their application ends its jobs and has a database that no
    other one serves, and the user whose token is used once is not logged in again.
    """
    with own_database(settings) as own:
        async with open_world(own) as opened:
            await opened.app._app.state.parts.jobs.stop()
            opened.stranger._logged_in = None
            yield opened


@pytest.fixture(scope="module")
async def victim(world: World) -> Victim:
    """Fill the other tenant with records whose every text holds the marker."""
    theirs = world.stranger
    phone = "0899" + str(uuid4().int)[:8]
    body = {"name": MARK, "phone": phone, "notes": MARK}
    customer = (await theirs.post("/api/v1/customers", body)).data
    sample = (
        await theirs.post(
            "/api/v1/data/lab/samples", {"name": MARK, "parts": [{"quantity": 4711}]}
        )
    ).data
    plan = {
        "name": MARK,
        "download_rate": 1_000_000,
        "upload_rate": 1_000_000,
        "monthly_price": 1,
    }
    plan = (await theirs.post("/api/v1/plans", plan)).data
    session = (await theirs.get("/api/v1/auth/sessions")).data[0]
    me = (await theirs.get("/api/v1/auth/me")).data
    query = """
    select format('%I.%I', n.nspname, c.relname) from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
    where c.relkind = 'r' and (n.nspname = 'rangka' or n.nspname like 'svc\\_%')
    """
    database = world.app._app.state.parts.settings.owner_database_url
    with psycopg.connect(database) as connection:
        tables = [row[0] for row in connection.execute(query).fetchall()]
    known = {
        "tenant": str(world.theirs),
        "customer": customer["id"],
        "sample": sample["id"],
        "line": sample["parts"][0]["id"],
        "plan": plan["id"],
        "session": session["id"],
        "user": me["user"]["id"] if "user" in me else me["id"],
    }
    email = me["user"]["email"] if "user" in me else me["email"]
    assert len(tables) > 10
    return Victim(known, [MARK, phone, email], database, sorted(tables))


@pytest.fixture(scope="module")
async def attackers(world: World) -> dict[str, Client]:
    """Users of our tenant who may log out or be deleted without harm to other tests."""
    made = {}
    for role in ROLES:
        made |= await _fresh(world, role)
    return made


def routes(world: World) -> list[tuple[str, str]]:
    """Return (method, path with placeholders) of every route there is."""
    found = set()
    for route in world.app._app.routes:
        for handler in route.route_handlers:
            for method in handler.http_methods:
                # Logging in as somebody needs his password, which nobody here has.
                if route.path.startswith("/api/") and not route.path.endswith("/login"):
                    found.add(
                        (method, re.sub(r"\{(\w+)(:\w+)?\}", r"{\1}", route.path))
                    )
    below = [
        *(("", method) for method in data._COLLECTION),
        *(("/{id}", method) for method in data._RECORD),
        *(
            (f"/{word}", method)
            for word, methods in data._BELOW_COLLECTION.items()
            for method in methods
        ),
        *(
            (f"/{{id}}/{word}", method)
            for word, methods in data._BELOW_RECORD.items()
            for method in methods
        ),
        ("/actions/{action}", "POST"),
        ("/{id}/actions/{action}", "POST"),
        ("/imports/{id}/errors", "GET"),
    ]
    found |= {
        (method, f"/api/v1/data/{entity}{tail}")
        for entity in ENTITIES
        for tail, method in below
    }
    return sorted(found)


def test_the_routes_are_those_of_the_application(world: World) -> None:
    known = routes(world)
    assert len(known) > 100
    for expected in (
        ("GET", "/api/v1/menus/user"),
        ("PUT", "/api/v1/core/tenants/{tenant_id}/services/{name}"),
        ("POST", "/api/v1/data/customers/customers/{id}/actions/{action}"),
        ("DELETE", "/api/v1/data/platform/users/{id}"),
    ):
        assert expected in known


async def test_the_tenant_itself_sees_its_rows_and_changes_show(
    world: World, victim: Victim
) -> None:
    before = victim.fingerprint()
    mine = json.dumps({"id": {"_eq": victim.known["customer"]}})
    reply = await world.stranger.get(f"/api/v1/customers?filter={quote(mine)}")
    for secret in victim.secrets[:2]:
        assert secret in reply.body.decode()

    path = f"/api/v1/customers/{victim.known['customer']}"
    assert (await world.stranger.patch(path, {"notes": MARK + "!"})).status == 200
    assert {"svc_customers.customers", "rangka.log"} <= victim.changed_since(before)


PRYING = json.dumps(
    as_json(
        bundle.load(builtin.folder("customers")).model_copy(
            update={"description": "to be planned"}
        )
    )
).replace('"type": "phone"', '"type": "integer"')
"""Customers with phones as numbers: a plan would show those that are none."""

QUERIES = (
    "",
    "?limit=200&deleted=with",
    "?limit=200&expand=plan&count=exact",
    "?user_id={user}&resource=customers&action=read",
    "?tenant_id={tenant}",
    "?dry_run=true",
    "?format=jsonl",
    '?filter={{"id":{{"_eq":"{customer}"}}}}',
    '?filter={{"created_by":{{"_eq":"{user}"}}}}',
)
BODIES: tuple[Any, ...] = (
    None,
    {},
    {"name": "taken", "phone": "081200000000", "plan": "{plan}"},
    {"name": "taken", "parts": [{"id": "{line}", "quantity": 1}]},
    {"tenant_id": "{tenant}"},
    {"refresh_token": "{session}"},
    {"operations": [{"op": "delete", "id": "{customer}"}]},
    {
        "atomic": False,
        "operations": [
            {"op": "update", "id": "{customer}", "values": {"notes": "taken"}},
            {"op": "update", "id": "{sample}", "values": {"name": "taken"}},
            {"op": "delete", "id": "{plan}"},
        ],
    },
    {"definition": "{definition}", "draft_revision": 1, "accept_loss": []},
    {"version": 1},
    {"id": "{customer}", "tenant_id": "{tenant}", "name": "x", "phone": "0812"},
    {"email": "{user}", "name": "x", "role_names": ["SUPER_ADMIN"]},
    {"settings": {}, "status": "active"},
    {"overlay": {"labels": {}}, "revision": 0},
    {"old_password": "{user}", "new_password": "a-long-new-password"},
)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(choice=st.data())
async def test_no_call_shows_or_changes_another_tenants_rows(
    world: World, victim: Victim, attackers: dict[str, Client], choice: st.DataObject
) -> None:
    role = choice.draw(st.sampled_from(ROLES))
    method, template = choice.draw(st.sampled_from(routes(world)))
    values = {
        name: choice.draw(st.sampled_from(_candidates(name, victim)), label=name)
        for name in re.findall(r"\{(\w+)\}", template)
    }
    query = choice.draw(st.sampled_from(QUERIES)).format(**victim.known)
    body = choice.draw(st.sampled_from(BODIES))
    sent = json.dumps(body).replace('"{definition}"', PRYING)
    for name, value in victim.known.items():
        sent = sent.replace(f'"{{{name}}}"', f'"{value}"')
    client = attackers[role]
    before = victim.fingerprint()

    path = template.format(**values)
    reply = await client.request(
        method, f"{path}{query}", None if body is None else sent.encode()
    )

    assert reply.status < 500, (method, path, reply.body)
    shown = reply.body.decode(errors="replace")
    for secret in victim.secrets:
        assert secret not in shown, (method, path, shown)
    assert victim.changed_since(before) == set(), (method, path)
    if (await client.get("/api/v1/auth/me")).status != 200:
        # It logged itself out, or locked itself out: the next one takes its place.
        attackers.update(await _fresh(world, role))


def _candidates(name: str, victim: Victim) -> list[str]:
    """Return what may stand in a placeholder of a path."""
    if name == "action":
        return ["suspend", "terminate", "activate", "nothing"]
    if name in {"tenant_id", "session_id"}:
        return [victim.known[name.removesuffix("_id")], str(uuid4())]
    if name == "id":
        return [*victim.known.values(), str(uuid4())]
    return ["customers", "plans", "lab", "platform", "nothing"]


async def _fresh(world: World, role: str) -> dict[str, Client]:
    email = f"{role.lower()}-{uuid4().hex[:8]}@example.com"
    await ensure_user(
        world.app._app.state.parts.database,
        Passwords(),
        world.ours,
        email=email,
        password=PASSWORD,
        name=role,
        roles=(role,),
    )
    return {role: await log_in(world.app, email)}
