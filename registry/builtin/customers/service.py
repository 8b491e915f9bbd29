"""Behaviour of customers that JSON does not say.

The code, the status flow and the rule that an active customer has a plan stand in the
definition. Here: since when a customer is active, and that his plan is on sale.
"""

from registry.service import Change, Host, Service

service = Service("customers")


@service.before("create", "customers")
@service.before("update", "customers")
async def stamp_activation(host: Host, change: Change) -> None:
    """Note when the customer became active; a new plan must be on sale."""
    if change.becomes("status", "active"):
        change.values["activated_at"] = host.now.isoformat()
    plan_id = change.values.get("plan")
    if plan_id is None or not change.changed("plan"):
        return
    plan = await host.get("plans.plans", plan_id)
    if plan is not None and plan["is_active"] is False:
        host.refuse("plan", "not_on_sale", "This plan is not sold any more.")
