"""Behaviour of lending: nothing leaves that is not there, and stock follows loans."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from registry.service import Change, Host, Record, Service

service = Service("lending")

ITEMS, LOANS = "lending.items", "lending.loans"


@service.before("create", "items")
async def all_pieces_are_here(_host: Host, change: Change) -> None:
    """A new tool is here with every piece."""
    change.values["available"] = change.values["owned"]


@service.before("update", "items")
async def owned_covers_what_is_out(host: Host, change: Change) -> None:
    """Bought or lost pieces change what is here; what is out stays owned."""
    if change.old is None or not change.changed("owned"):
        return
    out = change.old["owned"] - change.old["available"]
    if change.values["owned"] < out:
        host.refuse("owned", "too_few", f"{out} pieces are out; enter at least {out}.")
    change.values["available"] = change.values["owned"] - out


@service.before("create", "loans")
async def pieces_are_in_stock(host: Host, change: Change) -> None:
    """Refuse to lend what is not here, or until a day that is past."""
    if change.values["due_on"] < host.now.date().isoformat():
        host.refuse("due_on", "past", "Choose today or a later day.")
    item = await host.get(ITEMS, change.values["item"])
    if item is None:
        host.refuse("item", "not_found", "Choose a tool that exists.")
    here = item["available"]
    if change.values["pieces"] > here:
        host.refuse("pieces", "out_of_stock", f"Only {here} pieces are here.")
    change.values["days_late"] = 0


@service.after("create", "loans")
async def take_from_stock(host: Host, change: Change) -> None:
    """Take the pieces from the shelf, in the transaction of the loan."""
    await move(host, change.values["item"], -change.values["pieces"])


@service.before("delete", "loans")
async def keep_what_is_out(host: Host, change: Change) -> None:
    """A loan that is out is the only trace of the pieces."""
    if change.value("status") == "out":
        host.refuse("status", "still_out", "Give the tool back first.")


@service.action("loans", "give_back")
async def give_back(
    host: Host, record: Record | None, given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Put the pieces back; a late return is fined as the tenant's settings say."""
    if record is None:
        raise TypeError("give_back is an action on one loan")
    returned = date.fromisoformat(given["returned_on"])
    late = max((returned - date.fromisoformat(record["due_on"])).days, 0)
    settings = await host.settings()
    changes: dict[str, Any] = {
        "status": "returned",
        "returned_on": given["returned_on"],
        "days_late": late,
        "fine": late * int(settings.get("fine_per_day", 0)),
    }
    if given.get("notes"):
        changes["notes"] = given["notes"]
    await host.update(LOANS, record["id"], changes)
    await move(host, record["item"], record["pieces"])
    return {"days_late": late, "fine": changes["fine"]}


@service.action("items", "take_stock")
async def take_stock(
    host: Host, _record: Record | None, _given: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Count what is out and what should have been back by now."""
    out = await host.find(LOANS, {"status": {"_eq": "out"}}, limit=200)
    today = host.now.date().isoformat()
    return {
        "loans_out": len(out),
        "pieces_out": sum(loan["pieces"] for loan in out),
        "overdue": [loan["number"] for loan in out if loan["due_on"] < today],
    }


async def move(host: Host, item_id: str, pieces: int) -> None:
    """Change how many pieces of a tool are here."""
    item = await host.get(ITEMS, item_id)
    if item is not None:
        await host.update(ITEMS, item_id, {"available": item["available"] + pieces})
