"""Reads the definitions of versions, each once in the life of a process.

Beside `store.py`, under the same terms: takes a connection, never makes one. A version
is immutable, so what is known of it never goes stale.
"""

from collections.abc import Sequence

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from metadata.definitions import Service

Connection = AsyncConnection[DictRow]

MAX_DEFINITIONS = 4096
_definitions: dict[str, Service] = {}
"""Published definitions by their checksum; frozen, so everybody may share them."""


async def definitions(
    connection: Connection, wanted: Sequence[DictRow]
) -> dict[str, Service]:
    """Return the definitions of versions (name, id, version, checksum), by name.

    What was read once is known by its checksum and is not read again.
    """
    missing = [row for row in wanted if row["checksum"] not in _definitions]
    if missing:
        rows = await connection.execute(
            "SELECT v.checksum, v.definition FROM rangka.service_versions v "
            "JOIN unnest(%s::uuid[], %s::integer[]) AS w (id, version) "
            "ON v.service_id = w.id AND v.version = w.version",
            ([row["id"] for row in missing], [row["version"] for row in missing]),
        )
        for row in await rows.fetchall():
            definition = Service.model_validate(row["definition"])
            _definitions[row["checksum"]] = definition
    digests = {row["name"]: row["checksum"] for row in wanted}
    found = {name: _definitions[digest] for name, digest in digests.items()}
    if len(_definitions) > MAX_DEFINITIONS:
        _definitions.clear()
        _definitions.update((digests[name], each) for name, each in found.items())
    return found
