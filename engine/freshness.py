"""Was an error caused by a version that is not the published one any more?

A worker hears of a publish a moment after its commit; what it sends until then was made
for the version before. The data routes, bulk and import ask here about the errors they
get, and do the same once more with the new version. Decides nothing else.
"""

from engine.context import RequestContext
from engine.database_errors import DatabaseError, may_be_outdated
from engine.errors import NotFound
from metadata.compiled import CompiledEntity
from registry.catalog import Catalog

RUNS = 3
"""How often a request is run in all; publishes may follow each other closely."""


class Freshness:
    """Compares what a request began with to what is published."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    @property
    def mark(self) -> int:
        """Return what to remember at the beginning of a request."""
        return self._catalog.generation

    async def is_outdated(self, error: BaseException, mark: int) -> bool:
        """Return whether a newer version may mend the error, which is loaded then.

        Costs nothing unless the database refused a statement for its names, types or
        values. `mark` is from before the request looked anything up.
        """
        return await self._looked_again(error) and self.mark != mark

    async def renewed(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        error: BaseException,
        mark: int,
    ) -> CompiledEntity | None:
        """Return the entity to run again with, None when the error stands.

        Raises NotFound when the newer version has no such entity.
        """
        if not await self._looked_again(error):
            return None
        found = await self._catalog.entity(ctx.tenant_id, entity.service, entity.name)
        if found is None:
            raise NotFound("There is no such service or entity for this tenant.")
        return None if found is entity and self.mark == mark else found

    async def _looked_again(self, error: BaseException) -> bool:
        refused = _refused(error)
        if refused is None or not may_be_outdated(refused):
            return False
        await self._catalog.catch_up()
        return True


def _refused(error: BaseException | None) -> DatabaseError | None:
    """Return what the database refused, behind the words that a client gets."""
    while error is not None:
        if isinstance(error, DatabaseError):
            return error
        error = error.__cause__
    return None
