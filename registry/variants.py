"""The tenants' variants of services that one worker holds, a bounded number of them.

A variant is a service with one tenant's overlay. The least recently used one goes
first, and is compiled again when its tenant comes back. Owned by the catalog.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from metadata.compiled import CompiledService
from metadata.compiler import compile_service
from metadata.definitions import Overlay

logger = logging.getLogger("rangka.catalog")

MAX_VARIANTS = 1000


@dataclass(frozen=True, slots=True)
class _Variant:
    """A compiled variant and what it was made of."""

    base: CompiledService
    overlay: Mapping[str, Any]
    compiled: CompiledService


class Variants:
    """Variants by tenant and service."""

    def __init__(self, limit: int = MAX_VARIANTS) -> None:
        """Hold at most `limit` variants."""
        self._limit = limit
        self._held: OrderedDict[tuple[UUID, str], _Variant] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are held."""
        return len(self._held)

    def of(
        self, tenant_id: UUID, base: CompiledService, overlay: Mapping[str, Any]
    ) -> CompiledService:
        """Return the tenant's variant of this version of a service.

        What was made of another version or another overlay is never answered. An
        overlay that cannot be read any more is left aside: the service without it is
        better than none.
        """
        key = (tenant_id, base.name)
        held = self._held.get(key)
        if held is not None and held.base is base and held.overlay == overlay:
            self._held.move_to_end(key)
            return held.compiled
        try:
            read = Overlay.model_validate(overlay)
        except ValidationError:
            logger.exception("the overlay of %s for %s is unreadable", *key[::-1])
            return base
        compiled = compile_service(
            base.definition, base.version, overlay=read, base=base
        )
        self._held[key] = _Variant(base, overlay, compiled)
        self._held.move_to_end(key)
        while len(self._held) > self._limit:
            self._held.popitem(last=False)
        return compiled
