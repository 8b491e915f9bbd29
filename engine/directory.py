"""What planning may look up during one request: entities, inverses, grants.

Planning is pure and does not wait: where something is not here yet it is interrupted,
the thing is looked up, and planning starts again. Made by `engine/record_reads.py`.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from engine.context import Grant, RequestContext, full_grant
from engine.policy import Policy
from metadata.compiled import CompiledEntity
from metadata.inverses import Inverse
from registry.catalog import Catalog

T = TypeVar("T")


class _GrantNeeded(Exception):
    """Planning met an entity whose grant is not decided yet."""

    def __init__(self, entity: CompiledEntity, action: str) -> None:
        super().__init__(entity.resource)
        self.entity = entity
        self.action = action


class _EntityNeeded(Exception):
    """Planning met a relation whose service is not loaded yet."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class _InversesNeeded(Exception):
    """Planning met a name that a service not known yet may have declared."""


class RequestDirectory:
    """What planning may look up during one request: entities, inverses, grants."""

    def __init__(
        self,
        catalog: Catalog,
        policy: Policy,
        ctx: RequestContext,
        *,
        trusted: bool = False,
    ) -> None:
        self._catalog = catalog
        self._policy = policy
        self._ctx = ctx
        self._trusted = trusted
        self._absent: set[str] = set()

    def entity(self, key: str) -> CompiledEntity | None:
        """Return an entity of the tenant by `service.entity`."""
        if key in self._absent:
            return None
        service, _, name = key.partition(".")
        found = self._catalog.peek_entity(self._ctx.tenant_id, service, name)
        if found is None:
            raise _EntityNeeded(key)
        return found

    def inverses(self, key: str) -> Mapping[str, Inverse]:
        """Return the to-many back references of an entity."""
        found = self._catalog.inverses(self._ctx.tenant_id, key)
        if found is None:
            raise _InversesNeeded
        return found

    def grant(self, entity: CompiledEntity, action: str) -> Grant:
        """Return what the user may do there."""
        if self._trusted:
            return full_grant(entity.resource, action)
        known = self._policy.peek(self._ctx, entity.resource, action)
        if known is None:
            raise _GrantNeeded(entity, action)
        return known

    async def plan(self, make: Callable[["RequestDirectory"], T]) -> T:
        """Return what `make` plans, after looking up all that it asks for."""
        while True:
            try:
                return make(self)
            except _GrantNeeded as needed:
                await self._policy.authorize(
                    self._ctx, needed.entity.resource, needed.action
                )
            except _EntityNeeded as needed:
                service, _, name = needed.key.partition(".")
                found = await self._catalog.entity(self._ctx.tenant_id, service, name)
                if found is None:
                    self._absent.add(needed.key)
            except _InversesNeeded:
                await self._catalog.load_inverses(self._ctx.tenant_id)
