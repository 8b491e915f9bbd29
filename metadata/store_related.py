"""Finds the published services that one definition has to do with.

Beside `store.py`, under the same terms: takes a connection, never makes one. Looks
them up in the relations of what is published, which a trigger of the database keeps, so
that the cost of a publish follows its neighbours and not how many services there are.
"""

import json
import re

from metadata import identifiers
from metadata.definitions import Service, as_json
from metadata.inverses import inverses_of
from metadata.store_definitions import Connection, definitions

_RELATED = """
WITH RECURSIVE near (id, name) AS (
    SELECT id, name FROM rangka.services
    WHERE name = ANY (%(named)s) OR schema_name = %(schema)s
    UNION
    SELECT o.id, o.name FROM near n CROSS JOIN LATERAL (
        SELECT s.id, s.name FROM rangka.service_relations r
        JOIN rangka.services s ON s.name = r.target_service
        WHERE r.service_id = n.id AND r.name = ANY (%(words)s)
        UNION ALL
        SELECT s.id, s.name FROM rangka.service_relations r
        JOIN rangka.services s ON s.id = r.service_id
        WHERE r.target_service = n.name AND r.inverse = ANY (%(words)s)
    ) o
), found (id) AS (
    SELECT id FROM near
    UNION
    SELECT service_id FROM rangka.service_relations
    WHERE target_service = %(name)s AND target_entity <> ALL (%(kept)s)
    UNION
    SELECT r.service_id FROM rangka.service_relations r
    JOIN unnest(%(listing)s::text[], %(listed)s::text[]) AS t (target, inverse)
    ON r.target_service = split_part(t.target, '.', 1)
    AND r.target_entity = split_part(t.target, '.', 2) AND r.inverse = t.inverse
)
SELECT s.name, s.id, v.version, v.checksum FROM found
JOIN rangka.services s USING (id)
JOIN rangka.service_versions v
ON v.service_id = s.id AND v.version = s.published_version
WHERE s.name <> %(name)s
"""
"""From the services that are named, along each relation and inverse whose name is a
word of the definition; with who loses a target, and who lists under the same name."""

_WORD = re.compile(r"[a-z][a-z0-9_]*")


async def related(
    connection: Connection, definition: Service, published: Service | None
) -> dict[str, Service]:
    """Return every other published definition that checking this one may ask for.

    By service name: what it requires and points at, or `published`, its version until
    now, does; what its conditions and columns may reach through those; who points at
    an entity that would not stay; whose inverse has the name of one of its own in the
    same target; and who has the same schema.
    """
    # A path is made of names that stand in the definition, wherever it is written.
    words = set(_WORD.findall(json.dumps(as_json(definition), ensure_ascii=False)))
    versions = [definition] if published is None else [definition, published]
    targets = {target for item in versions for _, target in item.relations}
    inverses = inverses_of(definition)
    rows = await connection.execute(
        _RELATED,
        {
            "name": definition.name,
            "schema": identifiers.schema_name(definition.name),
            "named": [*definition.requires, *(t.partition(".")[0] for t in targets)],
            "words": list(words),
            "kept": _kept(definition, published),
            "listing": [each.target for each in inverses],
            "listed": [each.name for each in inverses],
        },
    )
    return await definitions(connection, await rows.fetchall())


def _kept(definition: Service, published: Service | None) -> list[str]:
    """Return the names of the entities that stay the same ones."""
    entities = {(each.id, each.name) for each in definition.entities}
    if published is not None:
        entities &= {(each.id, each.name) for each in published.entities}
    return [name for _, name in entities]
