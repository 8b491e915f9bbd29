"""`print`, `getall` and `listen`: rows as a client sees them.

Called by commands. Changes nothing.
"""

import asyncio
from collections.abc import Iterator

from connectors.mikrotik.simulator.call import Call
from connectors.mikrotik.simulator.query import QueryError, matches
from connectors.mikrotik.simulator.replies import MISSING, Trap, Words
from connectors.mikrotik.simulator.tables import Change, Reference, Row, Table
from connectors.mikrotik.simulator.values import seconds_of

MASK = "*****"
TURN = 32
"""Rows after which other commands of the connection get a turn."""


async def run_print(call: Call) -> dict[str, str]:
    """Send the rows asked for; return what `!done` says.

    Raises:
        Trap: a bad query word or interval.
    """
    table = call.router.tables[call.path]
    follow = call.verb == "listen" or not {"follow", "follow-only"}.isdisjoint(
        call.attributes
    )
    changes: asyncio.Queue[Change] = asyncio.Queue()
    if follow:
        table.listeners.add(changes)
    try:
        sent = 0
        if call.verb != "listen" and "follow-only" not in call.attributes:
            if "count-only" in call.attributes:
                return {"ret": str(sum(1 for _ in _chosen(call, table)))}
            sent = await _send_rows(call, table)
        if follow:
            await _follow(call, table, changes)
        if not sent and call.router.profile.says_empty:
            await call.send(["!empty"])
    finally:
        table.listeners.discard(changes)
    return {}


async def _send_rows(call: Call, table: Table) -> int:
    interval = call.attributes.get("interval")
    seconds = seconds_of(interval) if interval is not None else None
    if interval is not None and not seconds:
        raise Trap("invalid value for argument interval")
    section = 0
    while True:
        sent = 0
        for row in list(_chosen(call, table)):
            words = _reply(call, table, row)
            await call.send([*words, f"=.section={section}"] if seconds else words)
            sent += 1
            delay = call.router.faults.row_delay
            if delay or sent % TURN == 0:
                await asyncio.sleep(delay)
        if not seconds:
            return sent
        section += 1
        await asyncio.sleep(seconds)


async def _follow(call: Call, table: Table, changes: "asyncio.Queue[Change]") -> None:
    """Send every change until the command is cancelled."""
    while True:
        change = await changes.get()
        if change.removed:
            await call.send(["!re", f"=.id={change.row.id}", "=.dead=true"])
        elif table.has(change.row) and _passes(call, table, change.row):
            await call.send(_reply(call, table, change.row))


def _chosen(call: Call, table: Table) -> Iterator[Row]:
    call.router.refresh(table.menu.path)
    start = call.attributes.get("from")
    rows = [table.find(one) for one in start.split(",")] if start else table.rows
    return (row for row in rows if _passes(call, table, row))


def _passes(call: Call, table: Table, row: Row) -> bool:
    queries = call.sentence.queries
    if not queries:
        return True
    try:
        return matches(queries, describe(call, table, row, everything=True))
    except QueryError as wrong:
        raise Trap(f"invalid query: {wrong}", MISSING) from wrong


def _reply(call: Call, table: Table, row: Row) -> Words:
    shown = describe(call, table, row)
    listed = call.attributes.get(".proplist", call.attributes.get("proplist"))
    if listed is not None:
        names = listed.split(",")
        shown = {name: shown[name] for name in names if name in shown}
    return ["!re", *(f"={name}={value}" for name, value in shown.items())]


def describe(
    call: Call, table: Table, row: Row, *, everything: bool = False
) -> dict[str, str]:
    """Return the properties of a row, in the order the router prints them.

    An absent property is not in the result: an empty comment, a flag that is not
    set, statistics nobody asked for.
    """
    single = "listen" not in table.menu.commands
    shown = {} if single else {".id": row.id}
    for argument in table.menu.arguments:
        if not argument.known(call.release):
            continue
        value = row.values.get(argument.name, argument.default)
        if value is None or (argument.name == "comment" and not value):
            continue
        if table.menu.path == "/ip/dhcp-server/lease" and (argument.name, value) == (
            "server", "all",
        ):  # fmt: skip
            continue
        if isinstance(value, Reference):
            value = call.router.tables.say(value)
        if argument.kind == "secret" and value and not _may_see(call):
            value = MASK
        shown[argument.name] = value
    asked = everything or "stats" in call.attributes or ".proplist" in call.attributes
    hidden = frozenset() if asked else table.menu.stats
    shown.update((name, v) for name, v in row.live.items() if name not in hidden)
    if row.dynamic:
        shown["dynamic"] = "true"
    return shown


def _may_see(call: Call) -> bool:
    if "sensitive" not in call.policies:
        return False
    return not call.router.profile.hides_sensitive or (
        call.attributes.get("show-sensitive", "no") not in {"no", "false"}
    )
