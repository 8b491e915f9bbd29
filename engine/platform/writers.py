"""Which writer belongs to which entity of the platform."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.context import RequestContext
from engine.database import Database
from engine.errors import NotFound
from engine.identity import Identity
from engine.platform import forms
from engine.platform.jobs import JobActions
from engine.platform.roles import RoleWriter
from engine.platform.steps import PlatformWriter, ReadOnly, Steps
from engine.platform.teams import TeamWriter
from engine.platform.tenants import TenantWriter
from engine.platform.users import UserWriter
from engine.policy import Policy
from engine.record_reads import RecordReader
from metadata.compiled import CompiledEntity
from registry.catalog import Catalog


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
        self._jobs = JobActions(steps)
        self._writers: dict[str, PlatformWriter] = {
            "tenants": TenantWriter(steps),
            "users": UserWriter(steps, identity.passwords),
            "roles": RoleWriter(steps),
            "teams": TeamWriter(steps),
        }

    def writer(self, entity: CompiledEntity) -> PlatformWriter:
        """Return the writer of an entity; the audit log and others are only read."""
        return self._writers.get(entity.name, self._read_only)

    def actions(self, entity: CompiledEntity) -> JobActions:
        """Return who runs the actions of an entity; raises NotFound without any."""
        if entity.name != "jobs":
            raise NotFound(f"{entity.name} have no actions.")
        return self._jobs

    async def form(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        form: Mapping[str, Any],
        catalog: Catalog,
    ) -> Mapping[str, Any]:
        """Return the form of an entity with what its definition cannot say."""
        if not entity.is_platform:
            return form
        if entity.name == "roles":
            services = await catalog.services(ctx.tenant_id)

            def platform(name: str) -> CompiledEntity | None:
                return catalog.peek_entity(ctx.tenant_id, entity.service, name)

            return forms.of_roles(form, services, platform)
        if entity.name == "users":
            return forms.of_users(
                form,
                await self._roles(ctx),
                sets_password=await self._sets_password(ctx, entity),
            )
        return form

    async def _roles(self, ctx: RequestContext) -> Sequence[Mapping[str, Any]]:
        async with self._database.transaction(ctx.tenant_id) as connection:
            found = await connection.execute(
                "SELECT name, label FROM rangka.roles WHERE tenant_id = %s "
                "ORDER BY is_system DESC, name",
                (ctx.tenant_id,),
            )
            return await found.fetchall()

    async def _sets_password(self, ctx: RequestContext, entity: CompiledEntity) -> bool:
        for action in ("create", "update"):
            grant = await self._policy.authorize(ctx, entity.resource, action)
            if grant.reaches_field(forms.PASSWORD):
                return True
        return False
