"""The record of the demo's simulated router, and what its logins need.

Written by the product's own door, so that the worker provisions the customers as it
does for anybody. Runs again without harm. Called by `load`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from engine.context import RequestContext
from engine.demo.entities import entity_of
from engine.parts import Parts
from metadata.compiled import CompiledEntity

ADDRESS = "127.0.0.1"
USER = "admin"
PASSWORD = "rangka"  # noqa: S105 - of a simulated router that this machine alone sees
SERIAL = "HGA09SIM0001"

_NAME = "Simulator"
_ROUTER: Mapping[str, Any] = {
    "name": _NAME,
    "address": ADDRESS,
    # Nothing leaves this machine, and no certificate would have to be made for it.
    "tls": "plain",
    "username": USER,
    "password": PASSWORD,
    # Known before the first test: what else answers at the port is left alone.
    "expected_serial": SERIAL,
    "local_address": "10.10.0.1",
}
_POOLS: tuple[Mapping[str, Any], ...] = (
    {"name": "pelanggan", "ranges": "10.10.0.2-10.10.3.254"},
    {"name": "isolir", "ranges": "10.20.0.2-10.20.1.254", "used_for": "suspended"},
)


async def place(
    parts: Parts, ctx: RequestContext, port: int, *, has_customers: bool
) -> None:
    """Let the tenant have a router at this port of this machine, and use it.

    A router that a user has made of it (another address, another password) stays his.

    Args:
        parts: of the process.
        ctx: of a super admin in the tenant, which has the service `network`.
        port: where the simulator listens.
        has_customers: whether customers are there whose events may be over.
    """
    routers = await entity_of(parts, ctx, "network", "routers")
    found = await _known(parts, ctx, routers)
    if found is None:
        made = await parts.records.create(ctx, routers, {**_ROUTER, "port": port})
        pools = await entity_of(parts, ctx, "network", "pools")
        for pool in _POOLS:
            values = {**pool, "router": str(made.id)}
            await parts.records.create(ctx, pools, values)
        if has_customers:
            await parts.records.act(ctx, routers, "provision_missing", made.id, {})
        return
    if found["address"] != ADDRESS or found["tls"] != _ROUTER["tls"]:
        return
    router_id = UUID(found["id"])
    if found["port"] != port:
        # A stored password goes to no other port by itself.
        values = {"port": port, "password": PASSWORD}
        await parts.records.update(ctx, routers, router_id, values)
    # The simulator keeps nothing: what it had is made good now, not at the next sweep.
    await parts.records.act(ctx, routers, "reconcile_apply", router_id, {})


async def _known(
    parts: Parts, ctx: RequestContext, routers: CompiledEntity
) -> Mapping[str, Any] | None:
    """Return the router of an earlier run, renamed or not."""
    ours = {"_or": [{"expected_serial": {"_eq": SERIAL}}, {"name": {"_eq": _NAME}}]}
    async with parts.records.transaction(ctx) as session:
        found = await parts.reader.find(ctx, routers, ours, ("created_at",), 1, session)
    return found[0] if found else None
