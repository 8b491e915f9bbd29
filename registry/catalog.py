"""What a tenant sees: services and entities, from snapshots held by one worker.

Reads metadata tables at start, when a service is first used, and when news of a
change arrives; never during a request whose service is known. A published service is
one immutable object; taking a newer version swaps one pointer, so a publish costs the
same however many services there are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from metadata import platform, store, store_catalog
from metadata.compiled import CompiledEntity, CompiledService
from metadata.compiler import compile_service
from metadata.definitions import Service
from metadata.inverses import Inverse, inverses_of
from metadata.store import StoredAssignment, StoredService
from registry.variants import Variants

REVISION_WINDOW = 50
MAX_TENANTS = 10_000
PLATFORM = "platform"

Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection[DictRow]]]
Listen = Callable[..., Awaitable[None]]


class Poll(Protocol):
    """A check that is repeated, so that lost news heals."""

    def start(self) -> None:
        """Begin to check now and then."""

    async def stop(self) -> None:
        """End."""


MakePoll = Callable[[str, Callable[[], Awaitable[None]], Callable[[], None]], Poll]
"""Takes a name, the check, and what forgets everything when checks keep failing."""


class ServiceUnavailable(Exception):
    """The service is under maintenance; try again later."""


@dataclass(slots=True)
class _Known:
    """A registered service as this worker knows it."""

    stored: StoredService
    compiled: CompiledService | None = None
    inverses: tuple[Inverse, ...] | None = None


@dataclass(slots=True)
class _Tenant:
    """What one tenant is assigned, at one revision."""

    id: UUID
    revision: int
    assignments: Mapping[str, StoredAssignment]


class Catalog:
    """Finds services and entities for tenants; one per worker.

    Attributes:
        generation: grows with every version that is taken, so that a request can tell
            whether what it began with is still what is served.
    """

    def __init__(
        self,
        connect: Connect,
        listen: Listen | None = None,
        make_poll: MakePoll | None = None,
    ) -> None:
        """Take `connect`, which opens a system connection, and two ways to news.

        `listen` subscribes to NOTIFY; `make_poll` repeats a check, since a
        notification may be lost.
        """
        self._connect = connect
        self._listen = listen
        self._poll = make_poll and make_poll("catalog", self.check, self.forget_all)
        self._known: dict[str, _Known] = {}
        # By number: the hash of a UUID itself takes a function of Python.
        self._tenants: dict[int, _Tenant] = {}
        self._variants = Variants()
        self._revision = 0
        self.generation = 0
        self._news = 0
        self._loading: dict[str, asyncio.Lock] = {}
        self._platform = compile_service(platform.load(), 1)

    async def start(self) -> None:
        """Read the index of services and begin to hear of changes."""
        await self._read_changes()
        if self._listen is not None:
            await self._listen(
                "rangka_services", self._on_service, self._on_reconnected
            )
            await self._listen("rangka_assignments", self._on_assignment)
        if self._poll is not None:
            self._poll.start()

    async def stop(self) -> None:
        """Stop hearing of changes."""
        if self._poll is not None:
            await self._poll.stop()

    def peek_entity(
        self, tenant_id: UUID, service: str, entity: str
    ) -> CompiledEntity | None:
        """Return an entity if this worker knows it without asking the database."""
        found = self.peek(tenant_id, service)
        return found.entities.get(entity) if found else None

    def peek(self, tenant_id: UUID, name: str) -> CompiledService | None:
        """Return a service if this worker knows it without asking the database."""
        if name == PLATFORM:
            return self._platform
        tenant = self._tenants.get(tenant_id.int)
        return self._present(tenant, name) if tenant is not None else None

    async def entity(
        self, tenant_id: UUID, service: str, entity: str
    ) -> CompiledEntity | None:
        """Return an entity of a service that the tenant has and that is active."""
        found = await self.service(tenant_id, service)
        return found.entities.get(entity) if found else None

    async def service(self, tenant_id: UUID, name: str) -> CompiledService | None:
        """Return a service the tenant has; None when unassigned, unknown or inactive.

        Raises ServiceUnavailable while the service is under maintenance.
        """
        if name == PLATFORM:
            return self._platform
        tenant = await self._tenant(tenant_id)
        if not self._is_assigned(tenant, name):
            return None
        known = self._known[name]
        if known.stored.status == "maintenance":
            raise ServiceUnavailable(name)
        if known.compiled is None:
            await self.reload(name)
        return self._present(tenant, name)

    async def services(self, tenant_id: UUID) -> Sequence[CompiledService]:
        """Return every service the tenant has and can use now, by name."""
        tenant = await self._tenant(tenant_id)
        found = []
        for name in sorted(tenant.assignments):
            if not self._is_assigned(tenant, name):
                continue
            if self._known[name].stored.status != "active":
                continue
            service = await self.service(tenant_id, name)
            if service is not None:
                found.append(service)
        return found

    async def settings(self, tenant_id: UUID, service: str) -> Mapping[str, Any]:
        """Return a tenant's settings of a service."""
        tenant = await self._tenant(tenant_id)
        assignment = tenant.assignments.get(service)
        return assignment.settings if assignment else {}

    def target(self, key: str) -> CompiledEntity | None:
        """Return the entity of a key `service.entity`, if its service is loaded."""
        service, _, entity = key.partition(".")
        if service == PLATFORM:
            return self._platform.entities.get(entity)
        known = self._known.get(service)
        if known is None or known.compiled is None:
            return None
        return known.compiled.entities.get(entity)

    def inverses(self, tenant_id: UUID, key: str) -> Mapping[str, Inverse] | None:
        """Return who points at an entity, in the services a tenant has, by name.

        None when this worker has to ask first: `load_inverses`. Of two with one name,
        which publishing and assigning refuse, the first service's counts.
        """
        tenant = self._tenants.get(tenant_id.int)
        if tenant is None:
            return None
        found: dict[str, Inverse] = {}
        for name in sorted(tenant.assignments):
            if not self._is_assigned(tenant, name):
                continue
            declared = self._known[name].inverses
            if declared is None:
                return None
            for each in declared:
                if each.target == key:
                    found.setdefault(each.name, each)
        return MappingProxyType(found)

    async def load_inverses(self, tenant_id: UUID) -> None:
        """Learn what the services of a tenant declare, without loading them."""
        tenant = await self._tenant(tenant_id)
        wanted = {
            name: known
            for name in tenant.assignments
            if (known := self._known.get(name)) is not None and known.inverses is None
        }
        if not wanted:
            return
        async with self._connect() as connection:
            found = await store_catalog.inverses(connection, list(wanted))
        for name, known in wanted.items():
            if self._known.get(name) is known:
                known.inverses = found[name]

    async def load_all(self, tenant_id: UUID) -> None:
        """Load what the tenant has, so that relations across services resolve."""
        await self.services(tenant_id)

    def forget(self, tenant_id: UUID) -> None:
        """Read what a tenant is assigned again, the next time it is asked for."""
        self._news += 1
        self._tenants.pop(tenant_id.int, None)

    def forget_all(self) -> None:
        """Read what every tenant is assigned again; services are kept."""
        self._news += 1
        self._tenants.clear()

    async def check(self) -> None:
        """Take every change of services and assignments that there is by now."""
        await self._read_changes()
        known = {tenant.id: tenant.revision for tenant in self._tenants.values()}
        if not known:
            return
        async with self._connect() as connection:
            changed = await store_catalog.changed_tenants(connection, known)
        for tenant_id in changed:
            self.forget(tenant_id)

    async def reload(self, name: str) -> None:
        """Take the published version of one service; nothing else is touched."""
        lock = self._loading.setdefault(name, asyncio.Lock())
        async with lock, self._connect() as connection:
            stored = await store.service(connection, name)
            if stored is None:
                self._known.pop(name, None)
                return
            current = self._known.get(name)
            compiled = current.compiled if current else None
            if stored.published_version is not None and (
                compiled is None or compiled.version != stored.published_version
            ):
                found = await store.definition_of(connection, name)
                compiled = _compile(found, compiled)
                for required in found[1].requires if found else ():
                    if required not in self._known:
                        self._known[required] = await _index(connection, required)
        if current is None or compiled is not current.compiled:
            self.generation += 1
        inverses = inverses_of(compiled.definition) if compiled else None
        self._known[name] = _Known(stored, compiled, inverses)
        self._revision = max(self._revision, stored.revision)
        await self._load_required(compiled)

    async def catch_up(self) -> None:
        """Take every newer version of what this worker holds, without waiting for news.

        One short query when there is none.
        """
        async with self._connect() as connection:
            published = await store_catalog.published_versions(connection, self._seen)
        for name, version in published.items():
            known = self._known.get(name)
            held = known.compiled if known else None
            if held is not None and held.version != version:
                await self.reload(name)

    async def _load_required(self, compiled: CompiledService | None) -> None:
        """Load the services that relations of this one point into."""
        for required in compiled.definition.requires if compiled else ():
            known = self._known.get(required)
            if known is not None and known.compiled is None:
                await self.reload(required)

    def _is_assigned(self, tenant: _Tenant, name: str) -> bool:
        assignment = tenant.assignments.get(name)
        known = self._known.get(name)
        return (
            assignment is not None
            and assignment.status == "active"
            and known is not None
            and known.stored.status != "inactive"
            and known.stored.published_version is not None
        )

    def _present(self, tenant: _Tenant, name: str) -> CompiledService | None:
        """Return the loaded service, with the tenant's overlay where it has one."""
        known, assignment = self._known.get(name), tenant.assignments.get(name)
        if known is None or known.compiled is None or assignment is None:
            return None
        stored = known.stored
        if stored.status != "active" or stored.published_version is None:
            return None
        if assignment.status != "active":
            return None
        if not assignment.overlay:
            return known.compiled
        return self._variants.of(tenant.id, known.compiled, assignment.overlay)

    async def _tenant(self, tenant_id: UUID) -> _Tenant:
        tenant = self._tenants.get(tenant_id.int)
        if tenant is None:
            news = self._news
            async with self._connect() as connection:
                # First, so that a change in between is noticed by the next check.
                revision = await store_catalog.catalog_revision(connection, tenant_id)
                assignments = await store.assignments(connection, tenant_id)
            tenant = _Tenant(tenant_id, revision, assignments)
            if news != self._news:
                # Something changed while reading: use it once, do not keep it.
                return tenant
            while len(self._tenants) >= MAX_TENANTS:
                self._tenants.pop(next(iter(self._tenants)))
            self._tenants[tenant_id.int] = tenant
        return tenant

    # -- news ----------------------------------------------------------------------

    @property
    def _seen(self) -> int:
        """Return the revision after which there may be news.

        Revisions come from a sequence and may commit out of order, so a window behind
        the newest one is read again; what is known already costs nothing.
        """
        return max(self._revision - REVISION_WINDOW, 0)

    async def _read_changes(self) -> None:
        """Take note of every service whose revision is newer than the last seen."""
        async with self._connect() as connection:
            changed = await store.services(connection, self._seen)
        for stored in changed:
            known = self._known.get(stored.name)
            if known is not None and known.stored.revision >= stored.revision:
                continue
            if known is not None and known.compiled is not None:
                await self.reload(stored.name)
            else:
                self._known[stored.name] = _Known(stored)
            self._revision = max(self._revision, stored.revision)

    async def _on_service(self, name: str) -> None:
        await self.reload(name)

    async def _on_assignment(self, tenant: str) -> None:
        self.forget(UUID(tenant))

    async def _on_reconnected(self) -> None:
        self.forget_all()
        await self._read_changes()


async def _index(connection: AsyncConnection[DictRow], name: str) -> _Known:
    stored = await store.service(connection, name)
    if stored is None:
        raise LookupError(f"the service {name} is required and not registered")
    return _Known(stored)


def _compile(
    found: tuple[int, Service] | None, current: CompiledService | None
) -> CompiledService | None:
    if found is None:
        return current
    version, definition = found
    return compile_service(definition, version)
