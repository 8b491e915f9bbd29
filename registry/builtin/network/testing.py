"""The test of a connection: one log-in, which box it is, and the record told.

Holds the router's lease, so that of two tests the second sees what the first found.
Called by the job `test_connection`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.mikrotik.errors import RouterError
from connectors.mikrotik.read import identity
from connectors.mikrotik.reconcile import check_serial
from registry.builtin.network import clock, following
from registry.builtin.network.connection import (
    IDLE,
    Unconfirmed,
    answered,
    opened,
    refused,
    tell,
)
from registry.builtin.network.lease import held
from registry.builtin.network.records import ROUTERS
from registry.service import JobHost, Record


async def test(host: JobHost, router_id: str, *, asked_for: bool) -> Mapping[str, Any]:
    """Log in once; returns what to show.

    A router that was stopped is left alone unless a person asked for the test.

    Raises:
        Taken: another job works on the router.
    """
    async with held(host, router_id):
        async with host.transaction() as inside:
            router = await inside.get(ROUTERS, router_id)
        if router is None:
            return {"skipped": "the router was deleted"}
        if router["status"] in IDLE and not asked_for:
            return {"skipped": f"the router is {router['status']}"}
        return await _try(host, router, asked_for=asked_for)


async def _try(host: JobHost, router: Record, *, asked_for: bool) -> Mapping[str, Any]:
    try:
        async with opened(host, router) as session:
            if router["expected_serial"]:
                await check_serial(session, router["expected_serial"])
            box = await identity(session)
    except (RouterError, Unconfirmed) as error:
        now = datetime.now(UTC)
        values = refused(router, error, now)
        async with host.transaction() as inside:
            told = await tell(inside, router, values)
            if told is not None:
                # It tells those who wait for the router, and tries again if that helps.
                pause = clock.pause(clock.moment(told["offline_since"]), now)
                wait = 0.0 if told["status"] in IDLE else pause
                await following.request(inside, str(router["id"]), delay_seconds=wait)
        return {"ok": False, "error": values["last_error"]}
    values = answered(router, box, datetime.now(UTC))
    async with host.transaction() as inside:
        told = await tell(inside, router, values, asked_for=asked_for)
        if told is None:
            return {"skipped": "the router was changed meanwhile"}
        await following.request(inside, str(router["id"]))
    return {"ok": True, "serial": box.serial, "version": str(box.capabilities)}
