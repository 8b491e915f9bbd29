"""What an operator may do to a job: let it run again, or cancel it.

Both change the ledger in a transaction of the system role and leave an entry in the
log. A running job that is cancelled is stopped by its worker within seconds, since its
claim does not hold any more.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine import record_values
from engine.context import RequestContext
from engine.database import UniqueViolation
from engine.errors import Conflict, NotFound
from engine.platform.steps import Steps, Values, check_version, log
from engine.record_session import Session
from engine.record_steps import Written
from metadata.compiled import CompiledEntity

_LOCK = """
SELECT version, state FROM rangka.jobs WHERE tenant_id = %s AND id = %s FOR UPDATE
"""
_CHANGES = {
    "retry": """
UPDATE rangka.jobs SET state = 'waiting', attempts = 0, run_at = now(),
    announced_at = NULL, finished_at = NULL, error = NULL, error_code = NULL,
    version = version + 1, updated_at = now(), updated_by = %s
WHERE tenant_id = %s AND id = %s AND state IN ('failed', 'cancelled')
RETURNING state, version
""",
    "cancel": """
UPDATE rangka.jobs SET state = 'cancelled', claim = NULL, heartbeat_at = NULL,
    finished_at = now(), version = version + 1, updated_at = now(), updated_by = %s
WHERE tenant_id = %s AND id = %s AND state IN ('waiting', 'running')
RETURNING state, version
""",
}


class JobActions:
    """Runs the actions of `/core/jobs`."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    async def act(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        name: str,
        record_id: UUID | None,
        payload: Values,
        *,
        expected_version: int | None = None,
        session: Session | None = None,
    ) -> tuple[Mapping[str, Any] | None, Written | None]:
        """Retry or cancel a job; answers as `Records.act`.

        Raises NotFound, Forbidden, PreconditionFailed, and Conflict when the job's
        state does not allow it or another with its key waits.
        """
        action = entity.actions.get(name)
        if action is None or record_id is None:
            raise NotFound(f"{entity.name} have no action {name} here.")
        grant = await self._steps.grant(ctx, entity, action.permission, None)
        old = await self._steps.old(ctx, entity, record_id, grant)
        record_values.for_action(action, payload)
        record_values.check_action(ctx, entity, action, old)
        try:
            async with self._steps.transaction(session) as connection:
                found = await connection.execute(_LOCK, (ctx.tenant_id, record_id))
                row = await found.fetchone()
                check_version(row, expected_version)
                changed = await connection.execute(
                    _CHANGES[name], (ctx.user_id, ctx.tenant_id, record_id)
                )
                now = await changed.fetchone()
                if row is None or now is None:
                    raise Conflict(
                        "The job went on meanwhile; look at its state again."
                    )
                changes = {"state": (row["state"], now["state"])}
                await log(
                    connection,
                    ctx,
                    entity,
                    name,
                    record_id,
                    changes,
                    version=now["version"],
                )
        except UniqueViolation as error:
            raise Conflict(
                "Another job for the same thing waits already; it will do this one's "
                "work."
            ) from error
        return None, await self._steps.written(ctx, entity, record_id, session)
