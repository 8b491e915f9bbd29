"""`Idempotency-Key`: the same answer to the same request, however often it is sent.

The key is taken in the transaction of the write, so an answer is stored exactly when
the write is kept. Two requests with one key at the same time: the second waits for
the first and answers alike. Kept for 24 hours, then forgotten at once and deleted
within minutes (draft-ietf-httpapi-idempotency-key-header).
"""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable

from engine.context import RequestContext
from engine.database import Database
from engine.errors import BadRequest, Conflict
from engine.policy_poll import Poll
from engine.record_session import InSystemTransaction, InTransaction, Session

MAX_KEY_LENGTH = 255
PURGE_SECONDS = 600.0
PURGE_ROWS = 1000
"""How many answers of one tenant are deleted at a time."""

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
_PURGE = """
DELETE FROM rangka.idempotency WHERE (tenant_id, user_id, key) IN (
    SELECT old.tenant_id, old.user_id, old.key FROM rangka.tenants t
    CROSS JOIN LATERAL (
        SELECT i.tenant_id, i.user_id, i.key FROM rangka.idempotency i
        WHERE i.tenant_id = t.id AND i.created_at < now() - interval '24 hours'
        ORDER BY i.created_at LIMIT %s FOR UPDATE SKIP LOCKED
    ) old
)
"""
"""By tenant, so that an index finds the old ones; rows in use are left for later."""


class Idempotency:
    """Runs a write once for each key of a user."""

    def __init__(self, database: Database, secret: bytes) -> None:
        """Take the key under which requests are digested."""
        self._database = database
        self._secret = secret
        self._poll = Poll("idempotency", self.purge, interval_seconds=PURGE_SECONDS)

    async def start(self) -> None:
        """Begin to delete what is too old, now and then."""
        self._poll.start()

    async def stop(self) -> None:
        """End that."""
        await self._poll.stop()

    def fingerprint(self, method: str, path: str, body: bytes) -> str:
        """Return what tells two requests apart; without the key it says nothing.

        A body may hold a password, which a plain digest would let somebody guess.
        """
        whole = f"{method} {path}\n".encode() + body
        return hmac.new(self._secret, whole, hashlib.sha256).hexdigest()

    async def purge(self) -> None:
        """Delete the answers that are older than 24 hours, of all tenants."""
        deleted = PURGE_ROWS
        while deleted >= PURGE_ROWS:
            async with self._database.system() as connection:
                done = await connection.execute(_PURGE, (PURGE_ROWS,))
                deleted = done.rowcount

    async def once(
        self,
        ctx: RequestContext,
        key: str,
        fingerprint: str,
        run: Run,
        *,
        platform: bool = False,
    ) -> Answer:
        """Return what `run` answered, now or the first time.

        `fingerprint` tells two different requests under one key apart: the second is
        refused with Conflict (IDEMPOTENCY_KEY_REUSED). What is written belongs to the
        `platform` or to the tenant's services; other roles may write the one and the
        other.
        """
        if not 1 <= len(key) <= MAX_KEY_LENGTH:
            raise BadRequest("Idempotency-Key has 1 to 255 characters.")
        owner = (ctx.tenant_id, ctx.user_id, key)
        database = self._database
        opened = database.system() if platform else database.transaction(ctx.tenant_id)
        async with opened as connection:
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
            kind = InSystemTransaction if platform else InTransaction
            status, headers, body = await run(kind(connection))
            kept = (status, json.dumps(headers), body.decode(), *owner)
            await connection.execute(_KEEP, kept)
            return status, headers, body
