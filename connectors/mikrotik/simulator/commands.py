"""Runs the command of a call: rows are added, changed, moved and removed here.

Called by server. `print` is in printing, commands without a table in tools.
"""

from collections.abc import Callable

from connectors.mikrotik.simulator.call import ROW_VERBS, Call
from connectors.mikrotik.simulator.menus import SINGLES
from connectors.mikrotik.simulator.printing import run_print
from connectors.mikrotik.simulator.replies import (
    Trap,
    no_such_item,
    unknown_parameter,
)
from connectors.mikrotik.simulator.tables import Reference, Row, Table
from connectors.mikrotik.simulator.tools import TOOLS

IDS = (".id", "numbers")


async def run(call: Call) -> dict[str, str]:
    """Run the command, sending its rows; return what `!done` says.

    Raises:
        Trap: the router refuses. What was done before the refusal stays done.
    """
    call.check()
    tool = TOOLS.get(call.sentence.command)
    if tool:
        return await tool(call)
    if call.verb not in ROW_VERBS | {"add", "make-static"}:
        return await run_print(call)
    table = call.router.tables[call.path]
    if call.verb == "add":
        return _add(call, table)
    if call.path in SINGLES:
        table.set(table.rows[0], call.attributes)
        return {}
    _each(call, table, CHANGES[call.verb])
    return {}


def _add(call: Call, table: Table) -> dict[str, str]:
    values = dict(call.attributes)
    ordered = "move" in table.menu.commands
    before = values.pop("place-before", None) if ordered else None
    copied = values.pop("copy-from", None)
    if copied is not None:
        values = {**_texts(call, table.find(copied)), **values}
    place = table.find(before) if before else None
    if call.path == "/file" and call.router.faults.disk_full:
        raise Trap("failure: disk full")
    row = table.add(values)
    if place:
        table.move([row], place)
    return {"ret": row.id}


def _texts(call: Call, row: Row) -> dict[str, str]:
    say = call.router.tables.say
    return {
        name: say(value) if isinstance(value, Reference) else value
        for name, value in row.values.items()
    }


def _named(call: Call) -> list[str]:
    """Return the ids the call names, in a comma list.

    Raises:
        Trap: it names none.
    """
    for name in IDS:
        if name in call.attributes:
            return [one for one in call.attributes[name].split(",") if one]
    raise Trap("missing =.id=")


def _each(
    call: Call, table: Table, change: Callable[[Call, Table, list[Row]], None]
) -> None:
    """Apply a change row by row; those before a missing one keep it."""
    named = _named(call)
    if call.verb == "move":
        change(call, table, [table.find(one) for one in named])
        return
    for one in named:
        try:
            row = table.find(one)
        except Trap:
            raise (
                no_such_item() if len(named) == 1 else Trap("no such item (4)")
            ) from None
        change(call, table, [row])


def _set(call: Call, table: Table, rows: list[Row]) -> None:
    values = {name: v for name, v in call.attributes.items() if name not in IDS}
    if fixed := table.menu.fixed & values.keys():
        raise unknown_parameter(min(fixed))
    for row in rows:
        table.set(row, values)


def _unset(call: Call, table: Table, rows: list[Row]) -> None:
    call.allow_only(*IDS, "value-name")
    for row in rows:
        table.unset(row, call.take("value-name"))


def _switch(call: Call, table: Table, rows: list[Row]) -> None:
    call.allow_only(*IDS)
    for row in rows:
        table.set(row, {"disabled": "yes" if call.verb == "disable" else "no"})


def _comment(call: Call, table: Table, rows: list[Row]) -> None:
    call.allow_only(*IDS, "comment")
    for row in rows:
        table.set(row, {"comment": call.attributes.get("comment", "")})


def _remove(call: Call, table: Table, rows: list[Row]) -> None:
    call.allow_only(*IDS)
    for row in rows:
        if call.path == "/ppp/active":
            call.router.live.kick(row)
        elif row.dynamic and call.path != "/ip/firewall/address-list":
            raise Trap(f"can not remove dynamic {call.path.rpartition('/')[2]}")
        else:
            table.remove(row)


def _move(call: Call, table: Table, rows: list[Row]) -> None:
    """An unknown destination puts the rows at the end, as the router does."""
    if unknown := call.attributes.keys() - {*IDS, "destination"}:
        raise unknown_parameter(min(unknown))
    try:
        before = table.find(call.attributes.get("destination", ""))
    except Trap:
        before = None
    table.move(rows, before)


def _make_static(call: Call, table: Table, rows: list[Row]) -> None:
    call.allow_only(*IDS)
    for row in rows:
        row.dynamic = False
        table.tell(row)


CHANGES = {
    "set": _set,
    "unset": _unset,
    "enable": _switch,
    "disable": _switch,
    "comment": _comment,
    "remove": _remove,
    "move": _move,
    "make-static": _make_static,
}
