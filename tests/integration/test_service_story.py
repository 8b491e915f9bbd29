"""A service that did not exist before, to a tenant's user who works in it."""

from uuid import uuid4

from tests.fixtures.api import World

CORE = "/api/v1/core"


async def test_registered_assigned_overlaid_and_used(world: World) -> None:
    name = f"repairs-{uuid4().hex[:8]}"
    definition = {
        "id": name,
        "name": name,
        "entities": [
            {
                "id": "job",
                "name": "jobs",
                "title_field": "title",
                "fields": [
                    {"id": "t", "name": "title", "type": "text", "required": True},
                    {
                        "id": "s",
                        "name": "status",
                        "type": "choice",
                        "options": ["open", "done"],
                        "default": "open",
                    },
                ],
                "actions": {
                    "finish": {
                        "when": {"status": {"_eq": "open"}},
                        "set": {"status": "done"},
                    }
                },
            }
        ],
    }
    jobs, form = f"/api/v1/data/{name}/jobs", f"/api/v1/forms/{name}/jobs"
    assigned = f"{CORE}/tenants/{world.ours}/services/{name}"

    # Nobody has it, and nobody but a super admin brings it.
    assert (await world.admin.post(f"{CORE}/services/register", definition)).status == (
        403
    )
    registered = await world.root.post(f"{CORE}/services/register", definition)
    assert registered.status == 201
    early = await world.root.request("PUT", assigned)
    assert (early.status, early.error["code"]) == (409, "NOT_PUBLISHED")
    published = await world.root.post(f"{CORE}/services/{name}/publish", {})
    assert published.data["version"] == 1
    assert (await world.operator.get(jobs)).status == 404
    none = await world.admin.get(f"{assigned}/overlay")
    assert (none.status, none.error["code"]) == (404, "NOT_ASSIGNED")

    # The tenant gets it; its admin fits it to the tenant.
    assert (await world.root.request("PUT", assigned)).status == 200
    own = {"id": "own_bay", "name": "bay", "type": "integer", "required": True}
    overlay = {
        "fields": {"jobs": [own]},
        "labels": {"jobs": "Repair"},
        "lists": {"jobs": {"columns": ["bay", "title"], "sort": ["bay"]}},
    }
    body = {"overlay": overlay, "revision": 0}
    saved = await world.admin.request("PUT", f"{assigned}/overlay", body)
    assert saved.data["revision"] == 1

    # Its users work in it at once.
    described = (await world.operator.get(form)).data
    assert described["label"] == {"en": "Repair"}
    assert described["schema"]["required"] == ["title", "bay"]
    refused = await world.operator.post(jobs, {"title": "Bicycle"})
    assert refused.details() == {("bay", "required")}
    made = (await world.operator.post(jobs, {"title": "Bicycle", "bay": 2})).data
    await world.operator.post(jobs, {"title": "Radio", "bay": 1})
    rows = (await world.viewer.get(f"{jobs}?sort=bay&fields=title,bay")).data
    assert [(row["bay"], row["title"]) for row in rows] == [
        (1, "Radio"),
        (2, "Bicycle"),
    ]
    done = await world.admin.post(f"{jobs}/{made['id']}/actions/finish")
    assert (done.data["record"]["status"], done.data["record"]["bay"]) == ("done", 2)

    # A newer version reaches the tenant with its overlay over it.
    (entity,) = definition["entities"]
    added = {"id": "n", "name": "notes", "type": "text"}
    newer = {**entity, "fields": [*entity["fields"], added]}
    changed = {"definition": {**definition, "entities": [newer]}}
    published = await world.root.post(f"{CORE}/services/{name}/publish", changed)
    assert published.data["version"] == 2
    after = (await world.operator.get(f"{jobs}/{made['id']}")).data
    assert (after["bay"], after["notes"]) == (2, None)

    # Taken away it is gone; given back, the records are there.
    assert (await world.root.delete(assigned)).status == 204
    assert (await world.operator.get(jobs)).status == 404
    assert (await world.root.request("PUT", assigned)).status == 200
    plain = (await world.operator.get(f"{jobs}/{made['id']}")).data
    assert "bay" not in plain
    assert plain["title"] == "Bicycle"
    await world.admin.request("PUT", f"{assigned}/overlay", body)
    back = (await world.operator.get(f"{jobs}/{made['id']}")).data
    assert back["bay"] == 2
    assert (await world.stranger.get(jobs)).status == 404
