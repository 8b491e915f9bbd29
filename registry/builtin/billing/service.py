"""Invoices, payments, and what being overdue means; amounts in whole rupiah.

A customer is suspended only where the tenant's settings say so, and comes back by
himself only when it was billing that suspended him. What follows on the routers is
the network's matter: it hears of the customer's status.
"""

from collections.abc import Mapping
from typing import Any

from registry.service import Change, Host, JobHost, Record, Service

service = Service("billing")

INVOICES = "billing.invoices"
PAYMENTS = "billing.payments"
CUSTOMERS = "customers.customers"
PAGE = 200


@service.before("create", "payments")
async def fits_the_invoice(host: Host, change: Change) -> None:
    """Refuse a payment of what is not owed."""
    invoice = await host.get(INVOICES, change.values["invoice"])
    if invoice is None:
        host.refuse("invoice", "not_found", "Choose an invoice that exists.")
    if invoice["status"] in {"paid", "void"}:
        host.refuse("invoice", "not_open", "Nothing is owed on this invoice.")
    owed = invoice["amount"] - invoice["paid"]
    if change.values["amount"] > owed:
        host.refuse("amount", "too_much", f"Only {owed} is owed; enter at most that.")


@service.before("update", "invoices")
async def add_up(host: Host, change: Change) -> None:
    """Add up what was paid; under the invoice's lock, so no payment is left out."""
    if change.old is None or "paid" not in change.values:
        return
    amount, status = change.old["amount"], change.old["status"]
    paid = await _sum(host, str(change.id))
    if paid > amount:
        host.refuse("paid", "too_much", "Another payment came first; look again.")
    change.values["paid"] = paid
    if paid == amount:
        change.values["status"] = "paid"
    elif status == "paid":
        change.values["status"] = "open"


@service.after("create", "payments")
async def count_payment(host: Host, change: Change) -> None:
    """Add the payment to its invoice, in its transaction."""
    await host.update(INVOICES, change.values["invoice"], {"paid": 0})


@service.after("delete", "payments")
async def take_back_payment(host: Host, change: Change) -> None:
    """Take a payment that was entered by mistake off its invoice."""
    await host.update(INVOICES, change.value("invoice"), {"paid": 0})


@service.after("update", "invoices")
async def bring_back(host: Host, change: Change) -> None:
    """Bring a customer back once nothing is left that he was suspended for."""
    if not (change.becomes("status", "paid") or change.becomes("status", "void")):
        return
    if not change.value("suspended_customer"):
        return
    await host.update(INVOICES, change.id, {"suspended_customer": False})
    customer_id = change.value("customer")
    others = {"customer": {"_eq": customer_id}, "suspended_customer": {"_eq": True}}
    if await host.find(INVOICES, others, limit=1):
        return
    customer = await host.get(CUSTOMERS, customer_id)
    if customer is not None and customer["status"] == "suspended":
        await host.update(CUSTOMERS, customer_id, {"status": "active"})


@service.schedule("overdue", cron="0 0 * * *", timeout_seconds=3600)
async def overdue(host: JobHost) -> Mapping[str, Any]:
    """Mark what was due before today, in the tenant's time zone; suspend if wanted."""
    settings = await host.settings()
    marked = await _mark(host)
    suspended = 0
    if settings.get("suspend_overdue"):
        suspended = await _suspend(host, int(settings.get("grace_days") or 0))
    return {"overdue": marked, "suspended": suspended}


async def _mark(host: JobHost) -> int:
    due = {"status": {"_eq": "open"}, "due_on": {"_lt": "$today"}}
    marked = 0
    while True:
        async with host.transaction() as inside:
            found = await inside.find(INVOICES, due, sort=("id",), limit=PAGE)
            for invoice in found:
                await inside.update(INVOICES, invoice["id"], {"status": "overdue"})
        marked += len(found)
        await host.progress(marked, marked, "invoices overdue")
        if len(found) < PAGE:
            return marked


async def _suspend(host: JobHost, grace_days: int) -> int:
    """Suspend active customers with an invoice that is overdue for long enough."""
    late: dict[str, Any] = {
        "status": {"_eq": "overdue"},
        "suspended_customer": {"_eq": False},
        "due_on": {"_lt": f"$today(-{grace_days} days)" if grace_days else "$today"},
    }
    suspended = 0
    while True:
        async with host.transaction() as inside:
            found = await inside.find(INVOICES, late, sort=("id",), limit=PAGE)
            for invoice in found:
                suspended += await _suspend_for(inside, invoice)
        if len(found) < PAGE:
            return suspended
        late["id"] = {"_gt": found[-1]["id"]}


async def _suspend_for(host: Host, invoice: Record) -> bool:
    """Suspend the customer of one invoice; returns whether he was active.

    One whom an earlier invoice has suspended is noted here too, so that he comes back
    only when both are paid. One whom somebody suspended by hand is not.
    """
    customer = await host.get(CUSTOMERS, invoice["customer"])
    if customer is None:
        return False
    ours = {
        "customer": {"_eq": invoice["customer"]},
        "suspended_customer": {"_eq": True},
    }
    is_active = customer["status"] == "active"
    if is_active or (
        customer["status"] == "suspended" and await host.find(INVOICES, ours, limit=1)
    ):
        await host.update(INVOICES, invoice["id"], {"suspended_customer": True})
    if is_active:
        await host.update(CUSTOMERS, customer["id"], {"status": "suspended"})
    return bool(is_active)


async def _sum(host: Host, invoice_id: str) -> int:
    """Return what was paid on an invoice."""
    paid = 0
    condition: dict[str, Any] = {"invoice": {"_eq": invoice_id}}
    while True:
        found = await host.find(PAYMENTS, condition, sort=("id",), limit=PAGE)
        paid += sum(int(payment["amount"]) for payment in found)
        if len(found) < PAGE:
            return paid
        condition["id"] = {"_gt": found[-1]["id"]}
