"""A boost of a login: from when to when, and what its beginning and end mean.

One transaction, no router. Called by the hooks, jobs and schedules in `service`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from registry.builtin.network import clock, following
from registry.builtin.network.records import BOOSTS, LOGINS
from registry.service import Host, Record


async def turn(host: Host, boost: Record, now: datetime) -> bool:
    """Give a boost the state it has by now; returns whether that changed.

    The router is asked for in either case: what it has may be of before.
    """
    state = clock.boost_state(boost["state"], *times(boost), now)
    await request_for(host, boost["login"])
    if state == boost["state"]:
        return False
    await host.update(BOOSTS, boost["id"], {"state": state})
    return True


async def request_for(host: Host, login_id: str) -> None:
    """Ask for a run on the router of a login, if it has one."""
    login = await host.get(LOGINS, login_id)
    if login is not None and login["router"]:
        await following.request(host, login["router"])


def times(boost: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Return when a boost begins and ends."""
    begins, ends = boost["valid_from"], boost["valid_until"]
    return datetime.fromisoformat(begins), datetime.fromisoformat(ends)
