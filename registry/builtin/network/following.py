"""What a change of a customer means for his login; one transaction, no router.

Called by the consumers and actions of the service with the host of a write.
"""

from registry.builtin.network.passwords import new_mark, new_password
from registry.builtin.network.records import (
    CUSTOMERS,
    ENTITLED,
    LOGINS,
    ROUTERS,
    everything,
)
from registry.service import Host, JobHost, Record

NO_ROUTER = "No router takes new customers; add one, or move the login to one."


async def follow(host: Host, customer_id: str) -> None:
    """Give a customer his login, or let his login follow him.

    Reads the customer as he is now: events may come late, twice or out of order.
    """
    customer = await host.get(CUSTOMERS, customer_id)
    logins = await host.find(LOGINS, {"customer": {"_eq": customer_id}}, limit=1)
    entitled = ENTITLED.get(customer["status"]) if customer else None
    if logins:
        state = "pending" if logins[0]["router"] or entitled else "ended"
        await wait(host, logins[0], state)
    elif customer and entitled:
        await create_login(host, customer, await router_for_new(host))


async def create_login(host: Host, customer: Record, router: str | None) -> Record:
    """Create the login of a customer, with a password nobody knows yet."""
    login = await host.create(
        LOGINS,
        {
            "name": customer["code"],
            "customer": customer["id"],
            "router": router,
            "state": "pending",
            "reason": None if router else NO_ROUTER,
            "state_since": host.now.isoformat(),
            "password": new_password(),
            "password_mark": new_mark(),
        },
    )
    if router:
        await request(host, router)
    return login


async def wait(host: Host, login: Record, state: str = "pending") -> None:
    """Mark a login as not yet on its router as wanted, and ask for that."""
    values: dict[str, str | None] = {
        "state": state,
        "state_since": host.now.isoformat(),
    }
    if login["router"]:
        values["reason"] = None
        await request(host, login["router"])
    await host.update(LOGINS, login["id"], values)


async def router_for_new(host: Host) -> str | None:
    """Return the router that gets the next customer: by name the first that may."""
    found = await host.find(
        ROUTERS, {"takes_new": {"_eq": True}}, sort=("name",), limit=1
    )
    return str(found[0]["id"]) if found else None


async def request(
    host: Host | JobHost, router_id: str, *, delay_seconds: float = 0
) -> None:
    """Ask for a run on a router; many requests are one run."""
    await host.enqueue(
        "reconcile",
        {"router": router_id},
        key=router_id,
        delay_seconds=delay_seconds,
    )


async def apply(host: Host | JobHost, run: Record, *, delay_seconds: float = 0) -> None:
    """Ask for a run that somebody approved."""
    run_id = str(run["id"])
    await host.enqueue(
        "apply_run", {"run": run_id}, key=run_id, delay_seconds=delay_seconds
    )


async def request_all(host: Host) -> int:
    """Ask for a run on every router of the tenant; return how many."""
    routers = await everything(host, ROUTERS, {})
    for router in routers:
        await request(host, str(router["id"]))
    return len(routers)
