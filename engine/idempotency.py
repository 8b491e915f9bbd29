"""`Idempotency-Key`: the same answer to the same request, however often it is sent.

The key is taken in the transaction of the write, so an answer is stored exactly when
the write is kept. Two requests with one key at the same time: the second waits for
the first and answers alike. Kept for 24 hours
(draft-ietf-httpapi-idempotency-key-header).
"""

import json
from collections.abc import Awaitable, Callable

from engine.context import RequestContext
from engine.database import Database
from engine.errors import BadRequest, Conflict
from engine.record_session import InTransaction, Session

MAX_KEY_LENGTH = 255

Answer = tuple[int, dict[str, str], bytes]
Run = Callable[[Session], Awaitable[Answer]]

_TAKE = """
INSERT INTO rangka.idempotency AS i
    (tenant_id, user_id, key, fingerprint, status, body)
VALUES (%s, %s, %s, %s, 0, '')
ON CONFLICT (tenant_id, user_id, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = 0, body = '', created_at = now()
WHERE i.created_at < now() - interval '24 hours'
RETURNING key
"""
_KNOWN = """
SELECT fingerprint, status, headers, body FROM rangka.idempotency
WHERE tenant_id = %s AND user_id = %s AND key = %s
"""
_KEEP = """
UPDATE rangka.idempotency SET status = %s, headers = %s, body = %s
WHERE tenant_id = %s AND user_id = %s AND key = %s
"""


class Idempotency:
    """Runs a write once for each key of a user."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def once(
        self, ctx: RequestContext, key: str, fingerprint: str, run: Run
    ) -> Answer:
        """Return what `run` answered, now or the first time.

        `fingerprint` tells two different requests under one key apart: the second is
        refused with Conflict (IDEMPOTENCY_KEY_REUSED).
        """
        if not 1 <= len(key) <= MAX_KEY_LENGTH:
            raise BadRequest("Idempotency-Key has 1 to 255 characters.")
        owner = (ctx.tenant_id, ctx.user_id, key)
        async with self._database.transaction(ctx.tenant_id) as connection:
            taken = await (
                await connection.execute(_TAKE, (*owner, fingerprint))
            ).fetchone()
            if taken is None:
                known = await (await connection.execute(_KNOWN, owner)).fetchone()
                if known is None or known["fingerprint"] != fingerprint:
                    raise Conflict(
                        "This Idempotency-Key was used for another request; "
                        "take a new key.",
                        code="IDEMPOTENCY_KEY_REUSED",
                    )
                headers = {**known["headers"], "idempotent-replayed": "true"}
                return known["status"], headers, known["body"].encode()
            status, headers, body = await run(InTransaction(connection))
            kept = (status, json.dumps(headers), body.decode(), *owner)
            await connection.execute(_KEEP, kept)
            return status, headers, body
