"""Logins for many customers at once, and routers for logins that wait for one.

A page in one transaction, so that no other write waits long. Called by jobs.
"""

from typing import Any

from registry.builtin.network import following
from registry.builtin.network.records import CUSTOMERS, ENTITLED, LOGINS, PAGE
from registry.service import JobHost


async def place(host: JobHost) -> int:
    """Put the logins without a router on the one that takes new customers."""
    placed = 0
    waiting = {"router": {"_null": True}, "state": {"_neq": "ended"}}
    while True:
        async with host.transaction() as inside:
            router_id = await following.router_for_new(inside)
            if router_id is None:
                return placed
            logins = await inside.find(LOGINS, waiting, sort=("id",), limit=PAGE)
            for login in logins:
                values = {"router": router_id, "reason": None}
                await inside.update(LOGINS, login["id"], values)
            if logins:
                await following.request(inside, router_id)
        placed += len(logins)
        if not logins:
            return placed


async def create_missing(host: JobHost, router_id: str) -> int:
    """Create the logins of entitled customers who have none; return how many."""
    created, after = 0, ""
    while True:
        async with host.transaction() as inside:
            entitled: dict[str, Any] = {"status": {"_in": list(ENTITLED)}}
            if after:
                entitled["id"] = {"_gt": after}
            some = await inside.find(CUSTOMERS, entitled, sort=("id",), limit=PAGE)
            ids = [customer["id"] for customer in some]
            known = await inside.find(LOGINS, {"customer": {"_in": ids}}, limit=PAGE)
            having = {login["customer"] for login in known}
            for customer in some:
                if customer["id"] not in having:
                    await following.create_login(inside, customer, router_id)
                    created += 1
        await host.progress(created, created, "logins created")
        if len(some) < PAGE:
            return created
        after = ids[-1]
