"""Writes roles and their rules. The seed roles cannot be changed or removed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from engine import record_values
from engine.context import RequestContext
from engine.database import Transaction, UniqueViolation
from engine.database_errors import IntegrityError
from engine.errors import Conflict, Detail, ValidationFailed
from engine.platform import role_rules
from engine.platform.escalation import lifted
from engine.platform.role_rules import RuleInput
from engine.platform.steps import Steps, Values, changes_of, check_version, log, taken
from engine.policy_rules import SUPER_ADMIN, TENANT_ADMIN, Rule
from engine.record_session import Session
from engine.record_steps import Written
from metadata.compiled import CompiledEntity

_NAME_TAKEN = "Another role already has this name."


class RoleWriter:
    """Creates, changes and deletes the roles of the request's tenant."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def create(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        payload: Values,
        *,
        session: Session | None = None,
    ) -> Written:
        """Create a role; its rules give nothing the caller does not have."""
        grant = await self._steps.grant(ctx, entity, "create", session)
        values = record_values.for_create(ctx, entity, payload, grant)
        _refuse_reserved(values["name"])
        rules = role_rules.read(values.get("rules"))
        role_id = uuid7()
        try:
            async with self._steps.transaction(session) as connection:
                rows = _rows(rules)
                wanted = role_rules.rules_of(rows, values["name"])
                await self._steps.refuse_escalation(connection, ctx, wanted, "rules")
                await connection.execute(
                    "INSERT INTO rangka.roles (tenant_id, id, name, label, "
                    "description, created_by, updated_by) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    (
                        ctx.tenant_id,
                        role_id,
                        values["name"],
                        values["label"],
                        values.get("description") or "",
                        ctx.user_id,
                        ctx.user_id,
                    ),
                )
                await _put_rules(connection, ctx.tenant_id, role_id, rows)
                changes = changes_of({}, _for_log(values, rules))
                await log(
                    connection, ctx, entity, "create", role_id, changes, version=1
                )
        except UniqueViolation as error:
            raise taken("name", _NAME_TAKEN) from error
        return await self._steps.written(ctx, entity, role_id, session)

    async def update(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        payload: Values,
        *,
        expected_version: int | None = None,
        whole: bool = False,
        session: Session | None = None,
    ) -> Written:
        """Change a role; `rules` replaces all of its rules."""
        grant = await self._steps.grant(ctx, entity, "update", session)
        old = await self._steps.old(ctx, entity, record_id, grant)
        _refuse_system(old)
        check = record_values.for_replace if whole else record_values.for_update
        values = check(ctx, entity, payload, grant, old)
        rules = role_rules.read(values["rules"]) if "rules" in values else None
        async with self._steps.database.system() as connection:
            version = await _lock(connection, ctx, record_id, expected_version)
            if rules is not None:
                rows = _rows(rules)
                held = await _rules(connection, ctx.tenant_id, record_id, old["name"])
                wanted = _widening(held, role_rules.rules_of(rows, old["name"]))
                await self._steps.refuse_escalation(connection, ctx, wanted, "rules")
                await connection.execute(
                    "DELETE FROM rangka.role_rules "
                    "WHERE tenant_id = %s AND role_id = %s",
                    (ctx.tenant_id, record_id),
                )
                await _put_rules(connection, ctx.tenant_id, record_id, rows)
            await connection.execute(
                "UPDATE rangka.roles SET label = coalesce(%s, label), "
                "description = coalesce(%s, description), version = version + 1, "
                "updated_at = now(), updated_by = %s WHERE tenant_id = %s AND id = %s",
                (
                    values.get("label"),
                    values.get("description"),
                    ctx.user_id,
                    ctx.tenant_id,
                    record_id,
                ),
            )
            changes = changes_of(old, _for_log(values, rules))
            await log(
                connection,
                ctx,
                entity,
                "update",
                record_id,
                changes,
                version=version + 1,
            )
        return await self._steps.written(ctx, entity, record_id)

    async def delete(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        *,
        expected_version: int | None = None,
        session: Session | None = None,
    ) -> None:
        """Delete a role that no user has."""
        grant = await self._steps.grant(ctx, entity, "delete", session)
        old = await self._steps.old(ctx, entity, record_id, grant)
        _refuse_system(old)
        try:
            async with self._steps.database.system() as connection:
                await _lock(connection, ctx, record_id, expected_version)
                # A role that inherits its denies gains when they go.
                held = await _rules(connection, ctx.tenant_id, record_id, old["name"])
                await self._steps.refuse_escalation(
                    connection, ctx, _widening(held, []), "rules"
                )
                await connection.execute(
                    "DELETE FROM rangka.roles WHERE tenant_id = %s AND id = %s",
                    (ctx.tenant_id, record_id),
                )
                names = ("label", "name", "description", "rules")
                changes = {name: (old.get(name), None) for name in names}
                await log(connection, ctx, entity, "delete", record_id, changes)
        except IntegrityError as error:
            # Restricted deletes have a SQLSTATE of their own from PostgreSQL 18 on.
            raise Conflict(
                "Some users have this role. Take it from them first.", code="IN_USE"
            ) from error


def _widening(held: Sequence[Rule], rules: Sequence[Rule]) -> list[Rule]:
    """Return what a role gains by a change of its rules: new allows, denies gone."""
    gone = [
        rule
        for rule in held
        if not any(role_rules.is_same(rule, each) for each in rules)
    ]
    new = [
        rule
        for rule in rules
        if not any(role_rules.is_same(rule, each) for each in held)
    ]
    return [*new, *lifted(gone)]


def _rows(rules: Sequence[RuleInput]) -> list[dict[str, Any]]:
    return [role_rules.row_of(rule, position) for position, rule in enumerate(rules)]


def _for_log(values: Values, rules: Sequence[RuleInput] | None) -> Values:
    if rules is None:
        return values
    return {**values, "rules": [role_rules.as_json(rule) for rule in rules]}


async def _lock(
    connection: Transaction, ctx: RequestContext, role_id: UUID, expected: int | None
) -> int:
    found = await connection.execute(
        "SELECT version FROM rangka.roles WHERE tenant_id = %s AND id = %s "
        "AND NOT is_system FOR UPDATE",
        (ctx.tenant_id, role_id),
    )
    return check_version(await found.fetchone(), expected)


async def _rules(
    connection: Transaction, tenant_id: UUID, role_id: UUID, name: str
) -> list[Rule]:
    found = await connection.execute(
        "SELECT * FROM rangka.role_rules WHERE tenant_id = %s AND role_id = %s",
        (tenant_id, role_id),
    )
    return role_rules.rules_of(await found.fetchall(), name)


async def _put_rules(
    connection: Transaction,
    tenant_id: UUID,
    role_id: UUID,
    rows: Sequence[dict[str, Any]],
) -> None:
    for row in rows:
        await connection.execute(
            "INSERT INTO rangka.role_rules (tenant_id, id, role_id, resource, action, "
            "effect, scope, filter, fields, presets, expires_at, position) VALUES "
            "(%(tenant)s, %(id)s, %(role)s, %(resource)s, %(action)s, %(effect)s, "
            "%(scope)s, %(filter)s, %(fields)s, %(presets)s, %(expires_at)s, "
            "%(position)s)",
            {
                **row,
                "tenant": tenant_id,
                "role": role_id,
                "filter": Jsonb(row["filter"]),
                "presets": Jsonb(row["presets"]),
            },
        )


def _refuse_reserved(name: str) -> None:
    if name.upper() in {SUPER_ADMIN, TENANT_ADMIN}:
        detail = Detail("name", "reserved", "The platform keeps this name to itself.")
        raise ValidationFailed("1 field does not fit.", details=[detail])


def _refuse_system(old: Values) -> None:
    if old["is_system"]:
        raise Conflict(
            "This role is built in and stays as it is. Make a role of your own.",
            code="SYSTEM_ROLE",
        )
