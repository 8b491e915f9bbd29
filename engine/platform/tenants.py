"""Writes tenants. Made by super admins only: no role of a tenant reaches `create`.

A tenant's own administrator changes its name, language and time zone; what it pays for
and its status are the platform's (`policy_rules.ceiling`).
"""

from uuid import UUID

from psycopg import sql

from engine import record_values
from engine.context import RequestContext
from engine.database import UniqueViolation
from engine.errors import Conflict, RangkaError
from engine.platform.core_tenant import TENANT_COLUMNS, add_tenant
from engine.platform.steps import Steps, Values, changes_of, check_version, log, taken
from engine.policy_seeds import seed_roles
from engine.record_session import Session
from engine.record_steps import Written
from metadata.compiled import CompiledEntity


class TenantWriter:
    """Creates and changes tenants; they are suspended, never deleted."""

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
        """Create a tenant with the seed roles."""
        grant = await self._steps.grant(ctx, entity, "create", session)
        values = record_values.for_create(ctx, entity, payload, grant)
        try:
            async with self._steps.transaction(session) as connection:
                tenant_id = await add_tenant(connection, values, created_by=ctx.user_id)
                await seed_roles(connection, tenant_id, core=False)
                changes = changes_of({}, values)
                await log(connection, ctx, entity, "create", tenant_id, changes)
        except UniqueViolation as error:
            raise _taken(error) from error
        return await self._steps.written(ctx, entity, tenant_id, session)

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
        """Change a tenant; its own log shows it, too."""
        grant = await self._steps.grant(ctx, entity, "update", session)
        old = await self._steps.old(ctx, entity, record_id, grant)
        check = record_values.for_replace if whole else record_values.for_update
        values = check(ctx, entity, payload, grant, old)
        changes = {
            name: pair
            for name, pair in changes_of(old, values).items()
            if name in TENANT_COLUMNS
        }
        if old["type"] == "core" and "status" in changes:
            raise Conflict(
                "The core tenant stays active: its super admins run the platform.",
                code="CORE_TENANT",
            )
        try:
            async with self._steps.database.system() as connection:
                found = await connection.execute(
                    "SELECT version FROM rangka.tenants WHERE id = %s FOR UPDATE",
                    (record_id,),
                )
                version = check_version(await found.fetchone(), expected_version)
                sets = [
                    sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(new))
                    for name, (_, new) in changes.items()
                ]
                if sets:
                    await connection.execute(
                        sql.SQL(
                            "UPDATE rangka.tenants SET {}, version = version + 1, "
                            "updated_at = now(), updated_by = %s WHERE id = %s"
                        ).format(sql.SQL(", ").join(sets)),
                        (ctx.user_id, record_id),
                    )
                    for log_of in {ctx.tenant_id, record_id}:
                        await log(
                            connection,
                            ctx,
                            entity,
                            "update",
                            record_id,
                            changes,
                            version=version + 1,
                            tenant_id=log_of,
                        )
        except UniqueViolation as error:
            raise _taken(error) from error
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
        """Refuse: a tenant's data would go with it."""
        await self._steps.grant(ctx, entity, "delete", session)
        raise Conflict(
            'Tenants are not deleted. Set the status to "inactive" instead.',
            code="NOT_DELETABLE",
        )


def _taken(error: UniqueViolation) -> RangkaError:
    field = "domain" if "domain" in error.constraint else "slug"
    return taken(field, f"Another tenant already has this {field}.")
