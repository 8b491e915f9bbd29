"""Which writer belongs to which entity of the platform."""

from collections.abc import Mapping
from typing import Any

from engine.context import RequestContext
from engine.database import Database
from engine.identity import Identity
from engine.platform.roles import RoleWriter
from engine.platform.steps import PlatformWriter, ReadOnly, Steps
from engine.platform.teams import TeamWriter
from engine.platform.tenants import TenantWriter
from engine.platform.user_form import PASSWORD, completed
from engine.platform.users import UserWriter
from engine.policy import Policy
from engine.record_reads import RecordReader
from metadata.compiled import CompiledEntity


class Platform:
    """The writers of one process."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        reader: RecordReader,
        identity: Identity,
    ) -> None:
        self._database = database
        self._policy = policy
        steps = Steps(database, policy, reader)
        self._read_only = ReadOnly()
        self._writers: dict[str, PlatformWriter] = {
            "tenants": TenantWriter(steps),
            "users": UserWriter(steps, identity.passwords),
            "roles": RoleWriter(steps),
            "teams": TeamWriter(steps),
        }

    def writer(self, entity: CompiledEntity) -> PlatformWriter:
        """Return the writer of an entity; the audit log and others are only read."""
        return self._writers.get(entity.name, self._read_only)

    async def form(
        self, ctx: RequestContext, entity: CompiledEntity, form: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the form of an entity with what its definition cannot say."""
        if not entity.is_platform or entity.name != "users":
            return form
        create = await self._policy.authorize(ctx, entity.resource, "create")
        update = await self._policy.authorize(ctx, entity.resource, "update")
        async with self._database.transaction(ctx.tenant_id) as connection:
            found = await connection.execute(
                "SELECT name, label FROM rangka.roles WHERE tenant_id = %s "
                "ORDER BY is_system DESC, name",
                (ctx.tenant_id,),
            )
            roles = await found.fetchall()
        return completed(
            form,
            roles,
            sets_password=create.reaches_field(PASSWORD)
            or update.reaches_field(PASSWORD),
        )
