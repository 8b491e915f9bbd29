"""Sessions and their refresh tokens: a family of one-time tokens per log-in.

A token is `rt_<session>.<n>.<mac>`. Only the counter is stored; the successor can be
computed again, so an answer lost on the way is repeated and not punished: whoever
shows the direct predecessor within 10 s gets the same successor. Any older one means
that two hold the family, and ends it (RFC 9700, 4.14.2).

All functions run inside the caller's transaction of the system role.
"""

import hmac
import os
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.rows import DictRow
from uuid_utils.compat import uuid7

from engine.database import Transaction

IDLE = timedelta(days=7)
ABSOLUTE = timedelta(days=30)
REPEAT_WITHIN = timedelta(seconds=10)
MOST_SESSIONS = 10
"""Live sessions of one user; a further log-in ends the oldest."""

MOST_DEVICE_LENGTH = 200
_NONCE_BYTES = 12
_TOKEN = re.compile(r"rt_([0-9a-f]{32})\.(\d{1,9})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Issued:
    """A refresh token to hand out. `is_repeated`: it was handed out before."""

    session_id: UUID
    user_id: UUID
    tenant_id: UUID
    token: str
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a refresh token is worth nothing.

    After `reused` the family is revoked, and the caller must commit that.
    """

    reason: Literal["unknown", "ended", "reused"]
    session_id: UUID | None = None
    user_id: UUID | None = None
    tenant_id: UUID | None = None


class Sessions:
    """Opens, rotates and ends sessions; `sealing_key` has 32 bytes."""

    def __init__(self, sealing_key: bytes) -> None:
        self._aead = AESGCM(sealing_key)

    async def open(
        self,
        connection: Transaction,
        user_id: UUID,
        tenant_id: UUID,
        *,
        device: str,
        ip: str | None,
    ) -> Issued:
        """Return the first token of a new session."""
        session_id = uuid7()
        secret = secrets.token_bytes(32)
        device = device[:MOST_DEVICE_LENGTH]
        await connection.execute(
            "INSERT INTO rangka.sessions (id, user_id, current_tenant_id, secret, "
            "device, ip, idle_expires_at, absolute_expires_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, now() + %s, now() + %s)",
            (
                session_id,
                user_id,
                tenant_id,
                self._seal(session_id, secret),
                device,
                ip,
                IDLE,
                ABSOLUTE,
            ),
        )
        await connection.execute(
            "UPDATE rangka.sessions "
            "SET revoked_at = now(), revoked_reason = 'replaced' "
            "WHERE id IN (SELECT id FROM rangka.sessions WHERE user_id = %s "
            "AND revoked_at IS NULL ORDER BY last_seen_at DESC, id DESC OFFSET %s)",
            (user_id, MOST_SESSIONS),
        )
        token = _token(session_id, 0, secret, device)
        return Issued(session_id, user_id, tenant_id, token)

    async def rotate(
        self, connection: Transaction, token: str, *, device: str | None = None
    ) -> Issued | Refused:
        """Return the successor of a refresh token, or why there is none.

        A repeated answer goes to the same device only, when the caller names it.
        """
        device = None if device is None else device[:MOST_DEVICE_LENGTH]
        match = _TOKEN.fullmatch(token)
        if match is None:
            return Refused("unknown")
        session_id, shown = UUID(match[1]), int(match[2])
        row = await self._locked(connection, session_id)
        if row is None:
            return Refused("unknown")
        secret = self._unseal(session_id, bytes(row["secret"]))
        expected = _token(session_id, shown, secret, row["device"])
        if not hmac.compare_digest(expected, token):
            return Refused("unknown")
        user_id, tenant_id = row["user_id"], row["current_tenant_id"]
        if not row["is_live"]:
            return Refused("ended", session_id, user_id, tenant_id)
        current = int(row["generation"])
        if shown == current:
            await self._advance(connection, session_id)
        elif not (
            shown == current - 1
            and row["since_rotation"] <= REPEAT_WITHIN
            and device in (None, row["device"])
        ):
            await revoke(connection, session_id, "token.reuse")
            return Refused("reused", session_id, user_id, tenant_id)
        successor = _token(session_id, shown + 1, secret, row["device"])
        return Issued(session_id, user_id, tenant_id, successor, shown != current)

    async def move(
        self, connection: Transaction, session_id: UUID, tenant_id: UUID
    ) -> Issued | Refused:
        """Return the next token of a session that goes on in another tenant."""
        row = await self._locked(connection, session_id)
        if row is None or not row["is_live"]:
            return Refused("ended", session_id)
        await self._advance(connection, session_id)
        await connection.execute(
            "UPDATE rangka.sessions SET current_tenant_id = %s WHERE id = %s",
            (tenant_id, session_id),
        )
        secret = self._unseal(session_id, bytes(row["secret"]))
        token = _token(session_id, int(row["generation"]) + 1, secret, row["device"])
        return Issued(session_id, row["user_id"], tenant_id, token)

    async def _locked(
        self, connection: Transaction, session_id: UUID
    ) -> DictRow | None:
        # clock_timestamp, since the wait for the lock may outlast the 10 s.
        rows = await connection.execute(
            "SELECT user_id, current_tenant_id, generation, secret, device, "
            "revoked_at IS NULL AND idle_expires_at > clock_timestamp() "
            "AND absolute_expires_at > clock_timestamp() AS is_live, "
            "clock_timestamp() - rotated_at AS since_rotation "
            "FROM rangka.sessions WHERE id = %s FOR UPDATE",
            (session_id,),
        )
        return await rows.fetchone()

    async def _advance(self, connection: Transaction, session_id: UUID) -> None:
        await connection.execute(
            "UPDATE rangka.sessions SET generation = generation + 1, "
            "rotated_at = clock_timestamp(), last_seen_at = clock_timestamp(), "
            "idle_expires_at = least(now() + %s, absolute_expires_at) WHERE id = %s",
            (IDLE, session_id),
        )

    def _seal(self, session_id: UUID, secret: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, secret, session_id.bytes)

    def _unseal(self, session_id: UUID, sealed: bytes) -> bytes:
        nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return self._aead.decrypt(nonce, text, session_id.bytes)


async def revoke(connection: Transaction, session_id: UUID, reason: str) -> bool:
    """End a session; return whether it lived until now."""
    ended = await connection.execute(
        "UPDATE rangka.sessions SET revoked_at = now(), revoked_reason = %s "
        "WHERE id = %s AND revoked_at IS NULL",
        (reason, session_id),
    )
    return ended.rowcount > 0


def _token(session_id: UUID, number: int, secret: bytes, device: object) -> str:
    mac = hmac.digest(secret, f"{number}|{device}".encode(), "sha256")
    text = urlsafe_b64encode(mac).rstrip(b"=").decode()
    return f"rt_{session_id.hex}.{number}.{text}"
