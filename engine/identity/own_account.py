"""What users do with their own account: their sessions and their password.

Never touches another user's; administrators work through `engine/platform/`.
"""

from typing import Any
from uuid import UUID

from engine.context import RequestContext
from engine.database import Database
from engine.errors import Detail, NotFound, ValidationFailed
from engine.identity import account_rows, event_log, passwords
from engine.identity.login_limits import LoginLimits
from engine.identity.passwords import Passwords


class OwnAccount:
    """Sessions and password of the user who asks."""

    def __init__(
        self, database: Database, hashing: Passwords, limits: LoginLimits
    ) -> None:
        self._database = database
        self._passwords = hashing
        self._limits = limits

    async def sessions(self, ctx: RequestContext) -> list[dict[str, Any]]:
        """Return the user's own live sessions, the last used first."""
        async with self._database.system() as connection:
            found = await connection.execute(
                "SELECT id, device, ip, created_at, last_seen_at FROM rangka.sessions "
                "WHERE user_id = %s AND revoked_at IS NULL AND idle_expires_at > now() "
                "AND absolute_expires_at > now() ORDER BY last_seen_at DESC, id DESC",
                (ctx.user_id,),
            )
            rows = await found.fetchall()
        return [account_rows.session_json(row, ctx.session_id) for row in rows]

    async def revoke_session(self, ctx: RequestContext, session_id: UUID) -> None:
        """End one of the user's own sessions; raises NotFound for any other."""
        async with self._database.system() as connection:
            ended = await connection.execute(
                "UPDATE rangka.sessions SET revoked_at = now(), "
                "revoked_reason = 'revoked by the user' "
                "WHERE id = %s AND user_id = %s AND revoked_at IS NULL",
                (session_id, ctx.user_id),
            )
            if ended.rowcount == 0:
                raise NotFound("You have no such session.")

    async def change_password(
        self, ctx: RequestContext, old_password: str, new_password: str
    ) -> None:
        """Set the user's own password and end all his other sessions.

        Access tokens of every session, this one's too, are worth nothing afterwards;
        the session of the request goes on with a refresh.

        Raises:
            TooManyRequests: too many attempts.
            ValidationFailed: the old one is wrong, or the new one must not be chosen.
        """
        await self._limits.count(self._database, ctx.email, ctx.ip)
        async with self._database.system() as connection:
            user = await account_rows.user_by_id(connection, ctx.user_id)
        stored = user["password_hash"] if user else None
        if not await self._passwords.verify(stored, old_password):
            raise _unfit("old_password", "wrong", "This is not your password.")
        found = passwords.problems(new_password, ctx.email, field="new_password")
        if found:
            raise ValidationFailed("Choose another password.", details=found)
        hashed = await self._passwords.hash(new_password)
        async with self._database.system() as connection:
            await self._limits.succeeded(connection, ctx.email, ctx.ip)
            await connection.execute(
                "UPDATE rangka.users SET password_hash = %s, epoch = epoch + 1, "
                "password_changed_at = now() WHERE id = %s",
                (hashed, ctx.user_id),
            )
            await connection.execute(
                "UPDATE rangka.sessions SET revoked_at = now(), "
                "revoked_reason = 'password changed' "
                "WHERE user_id = %s AND revoked_at IS NULL AND id IS DISTINCT FROM %s",
                (ctx.user_id, ctx.session_id),
            )
            changed = event_log.Event(
                tenant_id=ctx.tenant_id,
                entity="users",
                action="password.change",
                record_id=ctx.user_id,
                actor_id=ctx.user_id,
                actor_name=ctx.email,
                request_id=ctx.request_id,
                ip=ctx.ip,
            )
            await event_log.write(connection, changed)


def _unfit(field: str, code: str, message: str) -> ValidationFailed:
    return ValidationFailed(message, details=[Detail(field, code, message)])
