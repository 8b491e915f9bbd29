"""Writes teams: the groups whose members reach each other's records (scope `team`)."""

from uuid import UUID

from uuid_utils.compat import uuid7

from engine import record_values
from engine.context import RequestContext
from engine.database import Transaction, UniqueViolation
from engine.platform.steps import Steps, Values, changes_of, check_version, log, taken
from engine.record_session import Session
from engine.record_steps import Written
from metadata.compiled import CompiledEntity

_NAME_TAKEN = "Another team already has this name."


class TeamWriter:
    """Creates, renames and deletes the teams of the request's tenant."""

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
        """Create a team."""
        grant = await self._steps.grant(ctx, entity, "create", session)
        values = record_values.for_create(ctx, entity, payload, grant)
        team_id = uuid7()
        try:
            async with self._steps.transaction(session) as connection:
                await connection.execute(
                    "INSERT INTO rangka.teams (tenant_id, id, name, created_by, "
                    "updated_by) VALUES (%s, %s, %s, %s, %s)",
                    (ctx.tenant_id, team_id, values["name"], ctx.user_id, ctx.user_id),
                )
                changes = changes_of({}, values)
                await log(
                    connection, ctx, entity, "create", team_id, changes, version=1
                )
        except UniqueViolation as error:
            raise taken("name", _NAME_TAKEN) from error
        return await self._steps.written(ctx, entity, team_id, session)

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
        """Rename a team."""
        grant = await self._steps.grant(ctx, entity, "update", session)
        old = await self._steps.old(ctx, entity, record_id, grant)
        check = record_values.for_replace if whole else record_values.for_update
        changes = changes_of(old, check(ctx, entity, payload, grant, old))
        try:
            async with self._steps.database.system() as connection:
                version = await _lock(connection, ctx, record_id, expected_version)
                if changes:
                    await connection.execute(
                        "UPDATE rangka.teams SET name = %s, version = version + 1, "
                        "updated_at = now(), updated_by = %s "
                        "WHERE tenant_id = %s AND id = %s",
                        (changes["name"][1], ctx.user_id, ctx.tenant_id, record_id),
                    )
                    await log(
                        connection,
                        ctx,
                        entity,
                        "update",
                        record_id,
                        changes,
                        version=version + 1,
                    )
        except UniqueViolation as error:
            raise taken("name", _NAME_TAKEN) from error
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
        """Delete a team; its members stay, without a team."""
        grant = await self._steps.grant(ctx, entity, "delete", session)
        old = await self._steps.old(ctx, entity, record_id, grant)
        async with self._steps.database.system() as connection:
            await _lock(connection, ctx, record_id, expected_version)
            await connection.execute(
                "DELETE FROM rangka.teams WHERE tenant_id = %s AND id = %s",
                (ctx.tenant_id, record_id),
            )
            changes = {"name": (old["name"], None)}
            await log(connection, ctx, entity, "delete", record_id, changes)


async def _lock(
    connection: Transaction, ctx: RequestContext, team_id: UUID, expected: int | None
) -> int:
    found = await connection.execute(
        "SELECT version FROM rangka.teams WHERE tenant_id = %s AND id = %s FOR UPDATE",
        (ctx.tenant_id, team_id),
    )
    return check_version(await found.fetchone(), expected)
