"""Log-in, refresh, switch of tenant, log-out, and who stands behind a request.

Owns the order of the steps; the parts are beside it. Framework-free: handlers pass
plain values and get the JSON shapes of the contract (DESIGN, HTTP API). What a user
may do is not decided here.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from engine.context import RequestContext
from engine.database import Database, Transaction
from engine.errors import Forbidden, NotFound, Unauthenticated
from engine.identity import account_rows, event_log, signing_keys
from engine.identity.account_rows import choose_tenant, user_and_tenants
from engine.identity.login_limits import LoginLimits, purge
from engine.identity.own_account import OwnAccount
from engine.identity.passwords import Passwords
from engine.identity.principals import BEARER, Principals
from engine.identity.sessions import Issued, Refused, Sessions, revoke
from engine.identity.tokens import (
    LIFETIME_SECONDS,
    AccessTokens,
    Claims,
    Subject,
    TokenRefused,
)
from engine.policy_poll import Poll
from engine.settings import Settings, derive_key

_NO_SUCH_LOGIN = "E-mail address and password do not go together."


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from, for sessions and the log."""

    ip: str | None = None
    device: str = ""
    request_id: str = ""


class Identity:
    """Knows who is who, for one worker."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        limits: LoginLimits | None = None,
    ) -> None:
        self.passwords = Passwords()
        self._database = database
        self._issuer = settings.public_url
        self._key_seal = derive_key(settings.secret_key, "signing keys")
        self._sessions = Sessions(derive_key(settings.secret_key, "sessions"))
        self._limits = limits or LoginLimits()
        self.own = OwnAccount(database, self.passwords, self._limits)
        self._tokens: AccessTokens | None = None
        self._principals = Principals(
            database,
            lambda session_id: self.tokens.forget(session_id=session_id),
            lambda user_id: self.tokens.forget(user_id=user_id),
        )
        self._upkeep = Poll("signing keys", self._keep_up, _nothing)
        self._purged_at = datetime.min.replace(tzinfo=UTC)

    @property
    def tokens(self) -> AccessTokens:
        """Return what issues and verifies access tokens; `start` makes it."""
        if self._tokens is None:
            raise RuntimeError("Identity was not started")
        return self._tokens

    async def start(self) -> None:
        """Load the signing keys, making the first; hear of revocations from now on.

        Raises:
            StartupError: the keys were sealed under another RANGKA_SECRET_KEY.
        """
        keys = await signing_keys.load(self._database, self._key_seal)
        self._tokens = AccessTokens(keys, self._issuer)
        await self._principals.start()
        self._upkeep.start()

    async def stop(self) -> None:
        """Stop the polls and the hashing threads."""
        await self._upkeep.stop()
        await self._principals.stop()
        await asyncio.to_thread(self.passwords.close)

    # -- who asks ----------------------------------------------------------------

    async def authenticate(
        self,
        token: str,
        *,
        request_id: str,
        ip: str | None = None,
        user_agent: str | None = None,
        tenant_hint: str | None = None,
    ) -> RequestContext:
        """Return the context of a request with an access token.

        `tenant_hint` (id, slug or domain, from a header) must name the token's tenant.

        Raises:
            Unauthenticated: a wrong or expired token, or the session has ended.
            Forbidden: the tenant is not available, or the hint names another.
        """
        now = datetime.now(UTC)
        claims = self._claims(token, now)
        subject = claims.subject
        who = self._principals.peek(subject, now)
        if who is None:
            who = await self._principals.get(subject, now)
        who.check(claims, tenant_hint)
        return who.context(subject, now, request_id, ip, user_agent)

    def peek(
        self,
        token: str,
        *,
        request_id: str,
        ip: str | None = None,
        user_agent: str | None = None,
        tenant_hint: str | None = None,
    ) -> RequestContext | None:
        """Return what `authenticate` does, None where that has to ask the database.

        Raises as `authenticate` does.
        """
        now = datetime.now(UTC)
        claims = self._claims(token, now)
        subject = claims.subject
        who = self._principals.peek(subject, now)
        if who is None:
            return None
        who.check(claims, tenant_hint)
        return who.context(subject, now, request_id, ip, user_agent)

    def _claims(self, token: str, now: datetime) -> Claims:
        try:
            return self.tokens.verify(token, now)
        except TokenRefused as error:
            raise Unauthenticated(
                "The access token is not valid any more; refresh it or log in again.",
                headers=BEARER,
            ) from error

    async def context_of(
        self, user_id: UUID, tenant_id: UUID, *, request_id: str
    ) -> RequestContext:
        """Return what a member's requests would carry, for `explain` and jobs.

        Raises NotFound when he is no active member.
        """
        try:
            subject = Subject(None, user_id, tenant_id)
            who = await self._principals.load(subject)
        except (Unauthenticated, Forbidden) as error:
            raise NotFound("There is no such active user in this tenant.") from error
        return who.context(subject, datetime.now(UTC), request_id)

    # -- sessions ----------------------------------------------------------------

    async def login(
        self,
        email: str,
        password: str,
        *,
        tenant: str | None = None,
        origin: Origin | None = None,
    ) -> dict[str, Any]:
        """Return tokens, user and tenants for an e-mail address and a password.

        `tenant` is a slug, domain or id; without it the last one used, else the home
        tenant, else any. Unknown address and wrong password answer alike.

        Raises:
            TooManyRequests: too many attempts; `Retry-After` is set.
            Unauthenticated: they do not go together, or the account is closed.
            Forbidden: no active membership of that tenant.
        """
        origin = origin or Origin()
        await self._limits.count(self._database, email, origin.ip)
        async with self._database.system() as connection:
            user = await account_rows.user_by_email(connection, email.strip())
        stored = user["password_hash"] if user else None
        fits = await self.passwords.verify(stored, password)
        if user is None or not fits:
            raise Unauthenticated(_NO_SUCH_LOGIN, code="INVALID_CREDENTIALS")
        if user["status"] != "active":
            raise Unauthenticated(
                "This account is closed. Ask an administrator to open it again.",
                code="ACCOUNT_INACTIVE",
            )
        rehashed = None
        if self.passwords.is_outdated(user["password_hash"]):
            rehashed = await self.passwords.hash(password)
        async with self._database.system() as connection:
            await self._limits.succeeded(connection, email, origin.ip)
            is_super = await account_rows.is_super_admin(connection, user["id"])
            chosen = await choose_tenant(
                connection, user, is_super=is_super, wanted=tenant
            )
            issued = await self._sessions.open(
                connection, user["id"], chosen["id"], device=origin.device, ip=origin.ip
            )
            await connection.execute(
                "UPDATE rangka.users SET last_login_at = now(), "
                "current_tenant_id = %s, password_hash = coalesce(%s, password_hash) "
                "WHERE id = %s",
                (chosen["id"], rehashed, user["id"]),
            )
            await _log(connection, "login", user, issued, origin)
            return await self._answer(connection, user, chosen, issued, is_super)

    async def refresh(
        self, refresh_token: str, *, origin: Origin | None = None
    ) -> dict[str, Any]:
        """Return the next tokens, with user and tenants as they are now.

        Raises:
            Unauthenticated: the token is unknown, ended, or was used before; then its
                session is over.
            Forbidden: the user is a member of no active tenant any more.
        """
        origin = origin or Origin()
        async with self._database.system() as connection:
            device = origin.device or None
            issued = await self._sessions.rotate(
                connection, refresh_token, device=device
            )
            user = None
            if issued.user_id is not None:
                user = await account_rows.user_by_id(connection, issued.user_id)
            if isinstance(issued, Issued):
                if user is not None and user["status"] == "active":
                    return await self._refreshed(connection, user, issued)
            elif issued.reason == "reused" and user is not None:
                await _log(connection, "token.reuse", user, issued, origin)
        if isinstance(issued, Refused) and issued.reason == "reused":
            raise Unauthenticated(
                "This refresh token was used before, so its session was ended to be "
                "safe. Log in again; if it was not you, change your password.",
                code="TOKEN_REUSED",
            )
        raise Unauthenticated(
            "Your session has ended; log in again.", code="SESSION_ENDED"
        )

    async def _refreshed(
        self, connection: Transaction, user: DictRow, issued: Issued
    ) -> dict[str, Any]:
        is_super = await account_rows.is_super_admin(connection, user["id"])
        current = {**user, "current_tenant_id": issued.tenant_id}
        chosen = await choose_tenant(connection, current, is_super=is_super)
        return await self._answer(connection, user, chosen, issued, is_super)

    async def switch_tenant(
        self, ctx: RequestContext, tenant_id: UUID, *, origin: Origin | None = None
    ) -> dict[str, Any]:
        """Return new tokens for another tenant; membership and status are read anew.

        Raises:
            Forbidden: no active membership there.
            Unauthenticated: the session has ended meanwhile.
        """
        origin = origin or Origin()
        async with self._database.system() as connection:
            user = await account_rows.user_by_id(connection, ctx.user_id)
            if user is None or user["status"] != "active" or ctx.session_id is None:
                raise _session_ended()
            is_super = await account_rows.is_super_admin(connection, user["id"])
            chosen = await choose_tenant(
                connection, user, is_super=is_super, wanted=str(tenant_id)
            )
            issued = await self._sessions.move(connection, ctx.session_id, tenant_id)
            if isinstance(issued, Refused):
                raise _session_ended()
            await connection.execute(
                "UPDATE rangka.users SET current_tenant_id = %s WHERE id = %s",
                (tenant_id, user["id"]),
            )
            await _log(connection, "tenant.switch", user, issued, origin)
            return await self._answer(connection, user, chosen, issued, is_super)

    async def logout(self, ctx: RequestContext) -> None:
        """End the session of the request, its access tokens included."""
        if ctx.session_id is None:
            return
        async with self._database.system() as connection:
            await revoke(connection, ctx.session_id, "logout")

    async def me(self, ctx: RequestContext) -> dict[str, Any]:
        """Return `user`, `tenants` and `time_zone` as log-in does, as they are now."""
        async with self._database.system() as connection:
            user = await account_rows.user_by_id(connection, ctx.user_id)
            if user is None:
                raise _session_ended()
            chosen = await choose_tenant(
                connection,
                user,
                is_super=ctx.is_super_admin,
                wanted=str(ctx.tenant_id),
            )
            return await user_and_tenants(
                connection, user, chosen, is_super=ctx.is_super_admin
            )

    # -- shared ------------------------------------------------------------------

    async def _answer(
        self,
        connection: Transaction,
        user: DictRow,
        tenant: DictRow,
        issued: Issued,
        is_super: bool,
    ) -> dict[str, Any]:
        access = self.tokens.issue(
            user_id=user["id"],
            session_id=issued.session_id,
            tenant_id=tenant["id"],
            epoch=user["epoch"],
            now=datetime.now(UTC),
        )
        return {
            "access_token": access,
            "refresh_token": issued.token,
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            **await user_and_tenants(connection, user, tenant, is_super=is_super),
        }

    async def _keep_up(self) -> None:
        """Learn of new signing keys; once an hour forget old failures."""
        self.tokens.keys = await signing_keys.load(self._database, self._key_seal)
        now = datetime.now(UTC)
        if (now - self._purged_at).total_seconds() >= 3600:
            async with self._database.system() as connection:
                await purge(connection)
            self._purged_at = now


def _session_ended() -> Unauthenticated:
    return Unauthenticated(
        "Your session has ended; log in again.", code="SESSION_ENDED", headers=BEARER
    )


def _nothing() -> None:
    """Keep the signing keys when the database stays away: they do not go stale."""


async def _log(
    connection: Transaction,
    action: str,
    user: DictRow,
    session: Issued | Refused,
    origin: Origin,
) -> None:
    await event_log.write_session(
        connection,
        action,
        user_id=user["id"],
        email=user["email"],
        tenant_id=session.tenant_id or user["home_tenant_id"],
        session_id=session.session_id,
        request_id=origin.request_id,
        ip=origin.ip,
    )
