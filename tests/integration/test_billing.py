"""Invoices and payments: what is owed, who is overdue, who is suspended for it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from network_world import Isp

from registry import assignments
from registry.service import Refused


def day(offset: int) -> str:
    """Return the day in Jakarta, so many days from today."""
    today = datetime.now(UTC).astimezone(ZoneInfo("Asia/Jakarta")).date()
    return (today + timedelta(days=offset)).isoformat()


async def invoice(isp: Isp, customer: str, **more: Any) -> str:
    values = {"amount": 150_000, "due_on": day(-1), **more}
    return await isp.create("billing.invoices", customer=customer, **values)


async def pay(isp: Isp, invoice_id: str, amount: int) -> str:
    return await isp.create(
        "billing.payments", invoice=invoice_id, amount=amount, paid_on=day(0)
    )


async def status(isp: Isp, invoice_id: str) -> str:
    return str((await isp.get("billing.invoices", invoice_id))["status"])


async def customer_status(isp: Isp, customer: str) -> str:
    return str((await isp.get("customers.customers", customer))["status"])


async def let_suspend(isp: Isp, **more: Any) -> None:
    """Let the tenant suspend who is overdue."""
    settings = {"suspend_overdue": True, **more}
    async with isp.world.parts.database.system() as connection:
        await assignments.assign(connection, isp.tenant, "billing", settings=settings)
    await isp.world.parts.catalog.reload("billing")


@pytest.mark.parametrize(
    ("due", "expected"), [(-1, "overdue"), (0, "open"), (1, "open")]
)
async def test_an_invoice_is_overdue_from_the_day_after_it_was_due(
    isp: Isp, due: int, expected: str
) -> None:
    made = await invoice(isp, await isp.active(await isp.plan()), due_on=day(due))
    await isp.run("overdue", service="billing")
    assert await status(isp, made) == expected


async def test_parts_of_a_payment_add_up_to_paid(isp: Isp) -> None:
    made = await invoice(isp, await isp.active(await isp.plan()))
    await pay(isp, made, 100_000)
    assert await status(isp, made) == "open"
    with pytest.raises(Refused):
        await pay(isp, made, 50_001)
    await pay(isp, made, 50_000)
    assert await status(isp, made) == "paid"
    with pytest.raises(Refused):
        await pay(isp, made, 1)
    assert (await isp.get("billing.invoices", made))["paid"] == 150_000
    await isp.run("overdue", service="billing")
    assert await status(isp, made) == "paid"


async def test_of_two_whole_payments_at_once_one_counts(isp: Isp) -> None:
    made = await invoice(isp, await isp.active(await isp.plan()))
    tries = await asyncio.gather(
        *(pay(isp, made, 150_000) for _ in range(4)), return_exceptions=True
    )
    assert sum(isinstance(each, str) for each in tries) == 1
    assert len(await isp.find("billing.payments", invoice=made)) == 1
    assert (await isp.get("billing.invoices", made))["paid"] == 150_000


async def test_nobody_is_suspended_unless_the_tenant_wants_it(isp: Isp) -> None:
    customer = await isp.active(await isp.plan())
    await invoice(isp, customer)
    await isp.run("overdue", service="billing")
    assert await customer_status(isp, customer) == "active"


async def test_an_overdue_customer_is_suspended_and_comes_back_when_all_is_paid(
    isp: Isp,
) -> None:
    await let_suspend(isp)
    plan = await isp.plan()
    customer, punctual = await isp.active(plan), await isp.active(plan)
    first = await invoice(isp, customer)
    second = await invoice(isp, customer, due_on=day(-5))
    await invoice(isp, punctual, due_on=day(3))
    await isp.run("overdue", service="billing")
    assert await customer_status(isp, customer) == "suspended"
    assert await customer_status(isp, punctual) == "active"
    await pay(isp, first, 150_000)
    assert await customer_status(isp, customer) == "suspended"
    await pay(isp, second, 150_000)
    assert await customer_status(isp, customer) == "active"


async def test_who_was_suspended_by_hand_stays_suspended(isp: Isp) -> None:
    await let_suspend(isp)
    customer = await isp.active(await isp.plan())
    made = await invoice(isp, customer)
    await isp.act("customers.customers", customer, "suspend")
    await isp.run("overdue", service="billing")
    await pay(isp, made, 150_000)
    assert await customer_status(isp, customer) == "suspended"


@pytest.mark.parametrize(("due", "expected"), [(-3, "active"), (-4, "suspended")])
async def test_the_days_of_grace_are_whole_days(
    isp: Isp, due: int, expected: str
) -> None:
    await let_suspend(isp, grace_days=3)
    customer = await isp.active(await isp.plan())
    made = await invoice(isp, customer, due_on=day(due))
    await isp.run("overdue", service="billing")
    assert await status(isp, made) == "overdue"
    assert await customer_status(isp, customer) == expected
