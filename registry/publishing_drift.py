"""Does the database still have what was published, and what to do if not.

The expected tables are made from the published version in a schema of their own, read
like the real ones, and rolled back: nothing is guessed of how PostgreSQL writes an
expression down. Foreign keys are compared by their parts, since making one would lock
its target. Changes nothing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal
from uuid import uuid4

from metadata import ddl, identifiers, store, store_follow_ups
from metadata.changes import tables_of
from metadata.changes_rules import targets_of
from metadata.compiled import CompiledEntity, CompiledService
from metadata.compiler import compile_service
from metadata.definitions import Service
from metadata.store_related import related
from registry.publishing import has_trigrams
from registry.publishing_facts import Fact, Thing, facts_of
from registry.publishing_plan import Connection
from registry.publishing_repairs import repair

_ON_DELETE = {"restrict": "a", "cascade": "c", "set_null": "n"}


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between what was published and what there is.

    `pending` is none: the publish left it for after its commit, and it is still to do.
    """

    kind: Literal["missing", "extra", "different", "pending"]
    service: str
    thing: str
    expected: str
    found: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """Return the difference as the API shows it."""
        return asdict(self)

    def __str__(self) -> str:
        """Return the difference in one sentence, with its remedy."""
        what = {
            "missing": "is missing",
            "extra": "is not in the published version",
            "different": f"is {self.found!r}, published as {self.expected!r}",
            "pending": "is still to be finished",
        }[self.kind]
        return f"{self.service}: the {self.thing} {what}. {self.remedy}"


async def all_drift(connection: Connection) -> list[Drift]:
    """Return the differences of every service, and schemas that no service has."""
    services = await store.services(connection)
    found = [
        item for service in services for item in await drift(connection, service.name)
    ]
    known = {identifiers.schema_name(service.name) for service in services}
    rows = await connection.execute(
        "SELECT nspname::text FROM pg_namespace WHERE starts_with(nspname, 'svc_') "
        "ORDER BY 1"
    )
    for row in await rows.fetchall():
        if row["nspname"] not in known:
            name = row["nspname"]
            remedy = f"If nobody needs it: DROP SCHEMA {ddl.quote(name)} CASCADE"
            found.append(Drift("extra", name, "schema", "", "", remedy))
    return found


async def drift(connection: Connection, service: str) -> list[Drift]:
    """Return how the tables of a service differ from its published version.

    Needs the owner role. A service that was never published should have none.
    """
    published = await store.definition_of(connection, service)
    found = await facts_of(connection, identifiers.schema_name(service))
    if published is None:
        return [_extra(service, thing) for thing in sorted(found)]
    _, definition = published
    compiled = compile_service(definition, 1)
    others = await related(connection, definition, definition)
    expected = await _expected(connection, compiled, others)
    waiting = await store_follow_ups.follow_ups(connection, service=service)
    pending = {item.name: item.error or "" for item in waiting}
    differences = []
    for thing in sorted({*expected, *found}):
        difference = _compare(
            compiled, others, thing, expected.get(thing), found.get(thing), pending
        )
        if difference is not None:
            differences.append(difference)
    return differences


async def _expected(
    connection: Connection, service: CompiledService, others: Mapping[str, Service]
) -> dict[Thing, Fact]:
    """Return the facts of the tables as a first publish of the version makes them."""
    tables = tables_of(service)
    if not tables:
        return {}
    shadow = f"shadow-{uuid4().hex[:12]}"
    definition = service.definition.model_copy(update={"name": shadow})
    schema = identifiers.schema_name(shadow)
    steps = ddl.create_schema(schema)
    trigrams = await has_trigrams(connection)
    for entity in compile_service(definition, 1).entities.values():
        steps.extend(ddl.create_table(entity, trigrams=trigrams))
    async with connection.transaction(force_rollback=True):
        await connection.execute(";\n".join(step.sql for step in steps).encode())
        made = await facts_of(connection, schema)
    expected = {
        thing: fact for thing, fact in made.items() if thing.kind != "foreign_key"
    }
    for entity in tables.values():
        expected.update(_foreign_keys(entity, service, others))
    return expected


def _foreign_keys(
    entity: CompiledEntity, service: CompiledService, others: Mapping[str, Service]
) -> dict[Thing, Fact]:
    table, found = entity.table.name, {}
    targets = targets_of(service, others)
    for field in entity.stored.values():
        target = targets(field.target) if field.target else None
        if target is None:
            continue
        name, _ = ddl.foreign_key_sql(entity, field, target.place)
        place, key = (part.replace('"', "") for part in target.place)
        action = _ON_DELETE[field.on_delete or "restrict"]
        nulled = field.column if action == "n" else ""
        found[Thing(table, "foreign_key", name)] = Fact(
            f"tenant_id,{field.column} to {place} tenant_id,{key} "
            f"on delete {action} {nulled}"
        )
    if entity.parent is not None:
        parent = identifiers.table_name(entity.parent.partition(".")[2])
        name = ddl.parent_key_name(entity)
        found[Thing(table, "foreign_key", name)] = Fact(
            f"tenant_id,parent_id to {entity.table.schema}.{parent} tenant_id,id "
            "on delete c "
        )
    return found


def _compare(
    service: CompiledService,
    others: Mapping[str, Service],
    thing: Thing,
    expected: Fact | None,
    found: Fact | None,
    pending: Mapping[str, str],
) -> Drift | None:
    name = service.name
    later = _pending_name(service, thing)
    if later in pending:
        if thing.kind == "column" and (
            expected == found
            or (expected and found and expected.text == f"{found.text} not null")
        ):
            return None
        why = pending[later] or "It is done in the background"
        return Drift("pending", name, str(thing), "", "", f"{why}.")
    if expected is None:
        return _extra(name, thing)
    if found is None:
        remedy = repair(service, others, thing, expected.text, missing=True)
        return Drift("missing", name, str(thing), expected.text, "", remedy)
    if expected.text == found.text and found.proved:
        return None
    text = found.text if found.proved else f"{found.text}, not proved"
    remedy = repair(service, others, thing, expected.text, missing=False)
    return Drift("different", name, str(thing), expected.text, text, remedy)


def _pending_name(service: CompiledService, thing: Thing) -> str:
    """Return under which name the thing would wait to be finished."""
    if thing.kind != "column":
        return thing.name
    for entity in tables_of(service).values():
        if entity.table.name != thing.table:
            continue
        for field in entity.stored.values():
            if field.column == thing.name:
                return ddl.not_null_name(entity, field)
    return ""


def _extra(service: str, thing: Thing) -> Drift:
    schema = identifiers.schema_name(service)
    place = f"{ddl.quote(schema)}.{ddl.quote(thing.table)}"
    name = thing.name if thing.name == "PUBLIC" else ddl.quote(thing.name)
    drop = {
        "schema": f"REVOKE ALL ON SCHEMA {ddl.quote(schema)} FROM {name}",
        "table": f"DROP TABLE {place}",
        "index": f"DROP INDEX {ddl.quote(schema)}.{name}",
        "column": f"ALTER TABLE {place} DROP COLUMN {name}",
        "policy": f"DROP POLICY {name} ON {place}",
        "grant": f"REVOKE ALL ON {place} FROM {name}",
        "trigger": f"DROP TRIGGER {name} ON {place}",
    }.get(thing.kind, f"ALTER TABLE {place} DROP CONSTRAINT {name}")
    remedy = f"Nothing uses it; if nobody else does either: {drop}"
    return Drift("extra", service, str(thing), "", "", remedy)
