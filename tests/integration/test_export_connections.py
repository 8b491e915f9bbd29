"""An export and the connections of the database."""

import json

from tests.fixtures.api import World


async def test_a_client_that_does_not_read_keeps_no_transaction_open(
    world: World,
) -> None:
    values = [{"name": f"{number:03}{'x' * 200}"} for number in range(300)]
    operations = [{"op": "create", "values": each} for each in values]
    path = "/api/v1/data/lab/samples"
    made = await world.admin.post(f"{path}/bulk", {"operations": operations})
    assert made.status == 200
    parts = world.app._app.state.parts
    entity = await parts.catalog.entity(world.ours, "lab", "samples")
    for kind in ("csv", "jsonl", "xlsx"):
        request_id = f"req_unread_{kind}"
        ctx = await parts.identity.authenticate(
            world.admin.token, request_id=request_id, ip=None, user_agent=None
        )
        export = await parts.exports.start(ctx, entity, f"format={kind}")
        first = await anext(export.chunks)
        # The export's own entry in the log is seen when its transaction has ended.
        condition = json.dumps({"request_id": {"_eq": request_id}})
        logged = await world.admin.get(f"/api/v1/core/audit?filter={condition}")
        assert [each["action"] for each in logged.data] == ["export"], kind
        rest = b"".join([piece async for piece in export.chunks])
        if kind != "xlsx":
            assert (first + rest).count(b"xxx,") + (first + rest).count(b'xxx"') >= 300
