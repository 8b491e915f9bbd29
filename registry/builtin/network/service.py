"""Keeps routers as customers, plans and pools say; the JSON beside says what they are.

Declares who is called when; the work is in the modules beside: `following` (what a
change means for a login), `reconciling` (one run on a router), `collecting` (the
5-minute look). Nothing here sends a command to a router because something happened:
events, actions and schedules only ask for a run.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from registry.builtin.network import (
    boosting,
    clock,
    collecting,
    following,
    form,
    lease,
    placing,
    reconciling,
    testing,
    tidying,
)
from registry.builtin.network.connection import IDLE
from registry.builtin.network.passwords import new_mark
from registry.builtin.network.records import (
    BOOSTS,
    ENTITLED,
    LOGINS,
    ROUTERS,
    RUNS,
    for_each,
)
from registry.service import Change, Event, Host, JobHost, Payload, Record, Service

service = Service("network")

BUSY_SECONDS = 3.0


# -- events of customers and plans ---------------------------------------------------


@service.on("customers.customers")
async def follow_customer(host: JobHost, event: Event) -> None:
    """Give an active customer his login, and let it follow his state and plan."""
    if not _concerns_login(event):
        return
    async with host.transaction() as inside:
        await following.follow(inside, event.subject)


@service.on("plans.plans")
async def follow_plan(host: JobHost, _event: Event) -> None:
    """Bring a plan's speed to every router."""
    async with host.transaction() as inside:
        await following.request_all(inside)


# -- routers -------------------------------------------------------------------------


@service.before("create", "routers")
@service.before("update", "routers")
async def check_form(host: Host, change: Change) -> None:
    """Refuse what would send a password astray; forget what no longer holds."""
    await form.check(host, change)
    if change.old is not None:
        form.forget(change)


@service.after("create", "routers")
@service.after("update", "routers")
async def test_what_changed(host: Host, change: Change) -> None:
    """Test a router whose form was changed; bring its other settings to it."""
    router_id = str(change.id)
    tested = {"router": router_id}
    if change.old is None:
        # Here, since of two jobs that both made it one would fail.
        await host.create(lease.LEASES, {"router": router_id})
        await host.enqueue("test_connection", tested, key=router_id)
        await host.enqueue("place_logins", {})
    elif form.reached_otherwise(change) or change.becomes("status", "untested"):
        await host.enqueue("test_connection", tested, key=router_id)
    elif change.changed("local_address") or change.becomes("applies_itself", True):
        await following.request(host, router_id)
    elif change.becomes("takes_new", True):
        await host.enqueue("place_logins", {})


@service.action("routers", "test_connection")
async def ask_for_test(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Test the connection after the commit; the status shows the answer."""
    payload = {"router": _id(record), "asked_for": True}
    await host.enqueue("test_connection", payload)
    return {"queued": True}


@service.action("routers", "confirm_certificate")
async def confirm_certificate(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> None:
    """Trust the certificate that was seen; the router is tested with it."""
    if record is not None:
        values = {
            "pinned_certificate": record["seen_certificate"],
            "seen_certificate": None,
        }
        await host.update(ROUTERS, record["id"], values)


@service.action("routers", "forget_certificate")
async def forget_certificate(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> None:
    """Trust no certificate any more; the one that is there now waits for somebody."""
    if record is not None:
        values = {"pinned_certificate": None, "seen_certificate": None}
        await host.update(ROUTERS, record["id"], values)


@service.action("routers", "reconcile_plan")
async def ask_for_plan(
    host: Host, record: Record | None, given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Compare a router with the records; the plan is stored as a run."""
    payload = {"router": _id(record), "adopt": bool(given.get("adopt"))}
    await host.enqueue("plan", payload)
    return {"queued": True}


@service.action("routers", "reconcile_apply")
async def ask_for_run(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Bring a router to what the records want, now."""
    await following.request(host, _id(record))
    return {"queued": True}


@service.action("routers", "provision_missing")
async def ask_for_logins(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Create the logins of customers who have none, on this router."""
    router_id = _id(record)
    await host.enqueue("provision_missing", {"router": router_id}, key=router_id)
    return {"queued": True}


@service.action("reconcile_runs", "apply")
async def ask_for_approved(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> None:
    """Apply a plan that somebody looked at, if it still holds."""
    if record is not None:
        await following.apply(host, record)


# -- pools, logins, boosts -----------------------------------------------------------


@service.after("create", "pools")
@service.after("update", "pools")
@service.after("delete", "pools")
async def bring_pools(host: Host, change: Change) -> None:
    """Bring a pool to its router."""
    await following.request(host, str(change.value("router")))


@service.action("logins", "move")
async def move(host: Host, record: Record | None, given: Mapping[str, Any]) -> None:
    """Put a login on another router and take it off the one it is on."""
    if record is None or record["router"] == given["router"]:
        return
    if record["router"]:
        await following.request(host, record["router"])
    values = {"router": given["router"], "password_taken": None, "renew_before": None}
    moved = await host.update(LOGINS, record["id"], values)
    await following.wait(host, moved)


@service.action("logins", "set_address")
async def set_address(
    host: Host, record: Record | None, given: Mapping[str, Any]
) -> None:
    """Give a login an address of its own, or one of the pool again."""
    if record is not None:
        address = given.get("address")
        changed = await host.update(LOGINS, record["id"], {"remote_address": address})
        await following.wait(host, changed)


@service.action("logins", "set_password")
async def set_password(
    host: Host, record: Record | None, given: Mapping[str, Any]
) -> None:
    """Set the password that the customer's device uses."""
    password = str(given["password"])
    if not password.isascii() or not password.isprintable():
        host.refuse("password", "ascii", "Use letters, digits and signs of ASCII only.")
    if record is not None:
        values = {"password": password, "password_mark": new_mark()}
        changed = await host.update(LOGINS, record["id"], values)
        await following.wait(host, changed)


@service.action("logins", "try_again")
async def try_again(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> None:
    """Ask for another run for a login that waits or failed."""
    if record is not None:
        if record["router"] is None:
            await host.enqueue("place_logins", {})
        await following.wait(host, record)


@service.before("create", "boosts")
async def check_boost(host: Host, change: Change) -> None:
    """Refuse a boost that would never be; note its state."""
    begins, ends = boosting.times(change.values)
    if ends <= begins:
        host.refuse("valid_until", "order", "Choose an end after the beginning.")
    if ends <= host.now:
        host.refuse("valid_until", "past", "Choose an end that is still to come.")
    change.values["state"] = clock.boost_state("scheduled", begins, ends, host.now)


@service.after("create", "boosts")
async def start_boost(host: Host, change: Change) -> None:
    """Look at the login at the beginning and at the end of its boost."""
    for at in boosting.times(change.values):
        wait = max((at - host.now).total_seconds(), 0)
        await host.enqueue("turn_boost", {"boost": str(change.id)}, delay_seconds=wait)


@service.after("update", "boosts")
async def cancel_boost(host: Host, change: Change) -> None:
    """Take a cancelled boost off at once."""
    if change.becomes("state", "cancelled"):
        await boosting.request_for(host, str(change.value("login")))


# -- jobs ----------------------------------------------------------------------------


@service.job("reconcile", timeout_seconds=reconciling.RUN_SECONDS)
async def reconcile(host: JobHost, payload: Payload) -> Mapping[str, Any] | None:
    """Bring a router to what the records want."""
    return await _run(host, payload, "reconcile", payload["router"])


@service.job("plan", timeout_seconds=300)
async def plan(host: JobHost, payload: Payload) -> Mapping[str, Any] | None:
    """Store what would be done to a router."""
    adopt = bool(payload.get("adopt"))
    router_id = payload["router"]
    return await _run(host, payload, "plan", router_id, plan_only=True, adopt=adopt)


@service.job("apply_run", timeout_seconds=reconciling.RUN_SECONDS)
async def apply_run(host: JobHost, payload: Payload) -> Mapping[str, Any] | None:
    """Apply the plan of an approved run, or refuse it when it is outdated."""
    async with host.transaction() as inside:
        run = await inside.get(RUNS, payload["run"])
    if run is None or run["state"] != "approved":
        return {"skipped": "the run was not approved, or is over"}
    return await _run(host, payload, "apply_run", run["router"], approved=run)


async def _run(
    host: JobHost, payload: Payload, job: str, router_id: str, **options: Any
) -> Mapping[str, Any] | None:
    try:
        return await reconciling.run(host, router_id, **options)
    except lease.Taken:
        key = router_id if job == "reconcile" else None
        await host.enqueue(job, payload, key=key, delay_seconds=BUSY_SECONDS)
        return {"waits": "another job works on the router"}


@service.job("test_connection", timeout_seconds=120)
async def test_connection(host: JobHost, payload: Payload) -> Mapping[str, Any]:
    """Log in once and see which box it is; a refused log-in is not tried again."""
    try:
        return await testing.test(
            host, payload["router"], asked_for=bool(payload.get("asked_for"))
        )
    except lease.Taken:
        key = payload["router"]
        await host.enqueue(
            "test_connection", payload, key=key, delay_seconds=BUSY_SECONDS
        )
        return {"waits": "another job works on the router"}


@service.job("place_logins", timeout_seconds=600)
async def place_logins(host: JobHost, _payload: Payload) -> Mapping[str, Any]:
    """Put the logins that wait for a router on the one that takes new customers."""
    return {"placed": await placing.place(host)}


@service.job("provision_missing", timeout_seconds=3600)
async def provision_missing(host: JobHost, payload: Payload) -> Mapping[str, Any]:
    """Create a login for every entitled customer without one."""
    return {"created": await placing.create_missing(host, payload["router"])}


@service.job("turn_boost")
async def turn_boost(host: JobHost, payload: Payload) -> None:
    """Look at one boost at its beginning or end."""
    async with host.transaction() as inside:
        boost = await inside.get(BOOSTS, payload["boost"])
        if boost is not None:
            await boosting.turn(inside, boost, datetime.now(UTC))


# -- schedules -----------------------------------------------------------------------


@service.schedule("sweep", every_minutes=15)
async def sweep(host: JobHost) -> Mapping[str, Any]:
    """Ask for a run on every router: heals what was lost, or changed by hand."""

    async def again(inside: Host, run: Record) -> bool:
        await following.apply(inside, run)
        return True

    async def ask(inside: Host, router: Record) -> bool:
        if router["status"] in IDLE:
            return False
        await following.request(inside, str(router["id"]))
        return True

    approved = {"state": {"_eq": "approved"}}
    return {
        "approved_runs": await for_each(host, RUNS, approved, again),
        "routers": await for_each(host, ROUTERS, {}, ask),
    }


@service.schedule("collect", every_minutes=5, max_attempts=1, timeout_seconds=280)
async def collect(host: JobHost) -> Mapping[str, Any]:
    """Look at every router: sessions, load, traffic, and whether it is there."""
    return await collecting.collect(host)


@service.schedule("boosts", every_minutes=60)
async def boosts(host: JobHost) -> Mapping[str, Any]:
    """Begin and end boosts whose own job was lost."""
    now = datetime.now(UTC)

    async def turn(inside: Host, boost: Record) -> bool:
        return await boosting.turn(inside, boost, now)

    due = {"state": {"_in": ["scheduled", "running"]}}
    return {"turned": await for_each(host, BOOSTS, due, turn)}


@service.schedule("tidy", cron="30 3 * * *", timeout_seconds=3600)
async def tidy(host: JobHost) -> Mapping[str, Any]:
    """Delete measurements, sessions and runs that are older than the settings say."""
    return await tidying.tidy(host)


def _concerns_login(event: Event) -> bool:
    """Return whether what happened to a customer may mean anything for his login."""
    match event.action:
        case "create":
            _, status = event.changes.get("status", (None, None))
            return status is None or status in ENTITLED
        case "delete" | "restore":
            return True
        case _:
            return bool(event.changes.keys() & {"status", "plan"})


def _id(record: Record | None) -> str:
    return "" if record is None else str(record["id"])
