"""Writes users as a tenant sees them: an account, its membership here, its roles.

An account is one person everywhere. A tenant's administrator invites an address: if it
has an account already, that account becomes a member and keeps its name and password;
the answer is the same. He changes the membership (roles, status, end); name and
password only of accounts that are at home here and nowhere else.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from engine import record_values
from engine.context import Grant, RequestContext
from engine.database import Transaction
from engine.errors import Conflict, Detail, Forbidden, NotFound, ValidationFailed
from engine.identity import passwords
from engine.identity.passwords import Passwords
from engine.platform import members
from engine.platform.escalation import lifted
from engine.platform.steps import Steps, Values, changes_of, check_version, log, taken
from engine.policy import load_rules
from engine.policy_rules import SUPER_ADMIN, close_over
from engine.record_session import Session
from engine.record_steps import Written
from metadata.compiled import CompiledEntity
from metadata.fields.base import InvalidValue
from metadata.fields.times import parse_datetime

_SECRET = "password"  # noqa: S105 - the name of a field


class UserWriter:
    """Adds, changes and removes the members of the request's tenant."""

    def __init__(self, steps: Steps, hashing: Passwords) -> None:
        self._steps = steps
        self._hashing = hashing

    async def create(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        payload: Values,
        *,
        session: Session | None = None,
    ) -> Written:
        """Add a member; `password` may be sent for an account that is new."""
        grant = await self._steps.grant(ctx, entity, "create", session)
        sent = dict(payload)
        password = _take_password(sent, grant)
        values = record_values.for_create(ctx, entity, sent, grant)
        email = str(values["email"]).strip()
        expires_at = _moment(values.get("expires_at"))
        # Hashed whether the account exists or not, so that time does not tell.
        hashed = await self._hashed(password, email)
        async with self._steps.transaction(session) as connection:
            await members.check_team(connection, ctx.tenant_id, values.get("team_id"))
            roles = await self._giveable(connection, ctx, values.get("role_names"))
            user_id, _ = await members.find_or_add_account(
                connection,
                email=email,
                name=str(values["name"]),
                password_hash=hashed,
                home_tenant_id=ctx.tenant_id,
                created_by=ctx.user_id,
            )
            added = await members.add_membership(
                connection,
                ctx.tenant_id,
                user_id,
                status=values.get("status") or "active",
                team_id=values.get("team_id"),
                expires_at=expires_at,
                granted_by=ctx.user_id,
            )
            if not added:
                raise taken("email", "This address belongs to a user here already.")
            await members.set_roles(
                connection, ctx.tenant_id, user_id, roles, granted_by=ctx.user_id
            )
            changes = changes_of({}, values)
            await log(connection, ctx, entity, "create", user_id, changes, version=1)
        return await self._steps.written(ctx, entity, user_id, session)

    async def update(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        payload: Values,
        *,
        expected_version: int | None = None,
        whole: bool = False,
        session: Session | None = None,
    ) -> Written:
        """Change a membership, and the account where it is this tenant's own."""
        grant = await self._steps.grant(ctx, entity, "update", session)
        old = await self._steps.old(ctx, entity, record_id, grant)
        sent = dict(payload)
        password = _take_password(sent, grant)
        check = record_values.for_replace if whole else record_values.for_update
        changes = changes_of(old, check(ctx, entity, sent, grant, old))
        _moment(changes["expires_at"][1] if "expires_at" in changes else None)
        hashed = await self._hashed(password, str(old["email"]))
        async with self._steps.database.system() as connection:
            version = await _lock(connection, ctx, record_id, expected_version)
            lost = await self._reach(connection, ctx, record_id)
            if "name" in changes or hashed is not None:
                await _demand_own_account(
                    connection, ctx, record_id, secret=hashed is not None
                )
                await _change_account(connection, ctx, record_id, changes, hashed)
            if "team_id" in changes:
                team_id = changes["team_id"][1]
                await members.check_team(connection, ctx.tenant_id, team_id)
            if "role_names" in changes:
                await self._change_roles(
                    connection, ctx, record_id, lost, changes["role_names"][1] or ()
                )
            if changes or hashed is not None:
                await _change_membership(connection, ctx, record_id, changes)
                await members.keep_an_administrator(connection, ctx.tenant_id, lost)
                await log(
                    connection,
                    ctx,
                    entity,
                    "update",
                    record_id,
                    changes,
                    version=version + 1,
                )
        return await self._steps.written(ctx, entity, record_id)

    async def delete(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        *,
        expected_version: int | None = None,
        session: Session | None = None,
    ) -> None:
        """Remove a member from the tenant; the account itself stays."""
        grant = await self._steps.grant(ctx, entity, "delete", session)
        old = await self._steps.old(ctx, entity, record_id, grant)
        if record_id == ctx.user_id:
            raise Conflict(
                "You cannot remove yourself; another administrator can.",
                code="SELF_REMOVAL",
            )
        async with self._steps.database.system() as connection:
            await _lock(connection, ctx, record_id, expected_version)
            lost = await self._reach(connection, ctx, record_id)
            await connection.execute(
                "DELETE FROM rangka.memberships WHERE tenant_id = %s AND user_id = %s",
                (ctx.tenant_id, record_id),
            )
            await connection.execute(
                "UPDATE rangka.sessions SET revoked_at = now(), "
                "revoked_reason = 'removed from the tenant' WHERE user_id = %s "
                "AND current_tenant_id = %s AND revoked_at IS NULL",
                (record_id, ctx.tenant_id),
            )
            await members.keep_an_administrator(connection, ctx.tenant_id, lost)
            changes = {
                name: (old.get(name), None)
                for name in entity.fields
                if old.get(name) is not None
            }
            await log(connection, ctx, entity, "delete", record_id, changes)

    async def _change_roles(
        self,
        connection: Transaction,
        ctx: RequestContext,
        user_id: UUID,
        held: list[str],
        names: Sequence[str],
    ) -> None:
        await self._giveable(connection, ctx, sorted(set(names) - set(held)))
        removed = set(held) - set(names)
        known = await members.roles_by_name(connection, ctx.tenant_id, removed)
        rules = await load_rules(connection, ctx.tenant_id)
        gone = rules.of(close_over(known.values(), rules.inherits))
        # The denies of a role that is taken away go with it.
        await self._steps.refuse_escalation(connection, ctx, lifted(gone), "role_names")
        wanted = await members.roles_by_name(connection, ctx.tenant_id, names)
        await members.set_roles(
            connection,
            ctx.tenant_id,
            user_id,
            list(wanted.values()),
            granted_by=ctx.user_id,
        )

    async def _hashed(self, password: str | None, email: str) -> str | None:
        if password is None:
            return None
        found = passwords.problems(password, email)
        if found:
            raise ValidationFailed("Choose another password.", details=found)
        return await self._hashing.hash(password)

    async def _giveable(
        self,
        connection: Transaction,
        ctx: RequestContext,
        names: object,
        sentence: str = "You cannot give what you do not have yourself",
    ) -> list[UUID]:
        """Return the ids of roles that the caller may give; raises Forbidden."""
        listed = [str(name) for name in names] if isinstance(names, list) else []
        if SUPER_ADMIN in listed and not ctx.is_super_admin:
            raise Forbidden(
                "Only a super admin makes a super admin.", code="PRIVILEGE_ESCALATION"
            )
        known = await members.roles_by_name(connection, ctx.tenant_id, listed)
        rules = await load_rules(connection, ctx.tenant_id)
        wanted = rules.of(close_over(known.values(), rules.inherits))
        await self._steps.refuse_escalation(
            connection, ctx, wanted, "role_names", sentence
        )
        return list(known.values())

    async def _reach(
        self, connection: Transaction, ctx: RequestContext, user_id: UUID
    ) -> list[str]:
        """Return a member's roles; raises Forbidden when he has more than the caller.

        Or whoever may reset a password could become the administrator.
        """
        held = await members.roles_of(connection, ctx.tenant_id, user_id)
        names = [str(row["name"]) for row in held]
        if user_id != ctx.user_id:
            sentence = "This user may do what you may not"
            await self._giveable(connection, ctx, names, sentence)
        return names


def _take_password(sent: Values, grant: Grant) -> str | None:
    """Remove the password from a payload and return it; it is no field to read."""
    password = sent.pop(_SECRET, None)
    if password is None:
        return None
    if not isinstance(password, str):
        message = "This must be text."
        raise ValidationFailed(message, details=[Detail(_SECRET, "type", message)])
    if not grant.reaches_field(_SECRET):
        message = f'There is no field "{_SECRET}" here.'
        detail = Detail(_SECRET, "unknown_field", message)
        raise ValidationFailed("1 field does not fit.", details=[detail])
    return password


def _moment(value: str | None) -> datetime | None:
    """Return when the access ends; raises ValidationFailed."""
    try:
        return None if value is None else parse_datetime(value)
    except InvalidValue as error:
        detail = Detail("expires_at", error.code, error.message)
        raise ValidationFailed("1 field does not fit.", details=[detail]) from error


async def _lock(
    connection: Transaction, ctx: RequestContext, user_id: UUID, expected: int | None
) -> int:
    # The tenant first, in one order with add_membership; it also keeps two
    # administrators from removing each other at once.
    await connection.execute(
        "SELECT 1 FROM rangka.tenants WHERE id = %s FOR NO KEY UPDATE",
        (ctx.tenant_id,),
    )
    found = await connection.execute(
        "SELECT version FROM rangka.memberships "
        "WHERE tenant_id = %s AND user_id = %s FOR UPDATE",
        (ctx.tenant_id, user_id),
    )
    return check_version(await found.fetchone(), expected)


async def _demand_own_account(
    connection: Transaction, ctx: RequestContext, user_id: UUID, *, secret: bool
) -> None:
    """Raise Forbidden unless the account is at home here and a member nowhere else.

    One's own name may be changed; the own password only where the old one is asked.
    """
    if user_id == ctx.user_id:
        if not secret:
            return
        raise Forbidden(
            "Change your own password in your account, with the old one.",
            code="NOT_YOUR_ACCOUNT",
        )
    found = await connection.execute(
        "SELECT home_tenant_id = %(tenant)s AND NOT EXISTS (SELECT FROM "
        "rangka.memberships m WHERE m.user_id = u.id AND m.tenant_id <> %(tenant)s) "
        "AS is_own FROM rangka.users u WHERE u.id = %(user)s",
        {"tenant": ctx.tenant_id, "user": user_id},
    )
    row = await found.fetchone()
    if row is None:
        raise NotFound("This user is gone.")
    if not row["is_own"]:
        raise Forbidden(
            "Name and password of this account can only be changed by its owner.",
            code="NOT_YOUR_ACCOUNT",
        )


async def _change_account(
    connection: Transaction,
    ctx: RequestContext,
    user_id: UUID,
    changes: Values,
    hashed: str | None,
) -> None:
    name = changes["name"][1] if "name" in changes else None
    await connection.execute(
        "UPDATE rangka.users SET name = coalesce(%(name)s, name), "
        "password_hash = coalesce(%(hash)s, password_hash), "
        "password_changed_at = CASE WHEN %(hash)s::text IS NULL "
        "THEN password_changed_at ELSE now() END, "
        "epoch = epoch + CASE WHEN %(hash)s::text IS NULL THEN 0 ELSE 1 END, "
        "version = version + 1, updated_at = now(), updated_by = %(by)s "
        "WHERE id = %(id)s",
        {"name": name, "hash": hashed, "by": ctx.user_id, "id": user_id},
    )
    if hashed is not None:
        await connection.execute(
            "UPDATE rangka.sessions SET revoked_at = now(), "
            "revoked_reason = 'password changed' "
            "WHERE user_id = %s AND revoked_at IS NULL",
            (user_id,),
        )


async def _change_membership(
    connection: Transaction, ctx: RequestContext, user_id: UUID, changes: Values
) -> None:
    values = {
        "status": changes["status"][1] if "status" in changes else None,
        "expires": changes["expires_at"][1] if "expires_at" in changes else None,
        "sets_expiry": "expires_at" in changes,
        "team": changes["team_id"][1] if "team_id" in changes else None,
        "sets_team": "team_id" in changes,
        "by": ctx.user_id,
        "tenant": ctx.tenant_id,
        "user": user_id,
    }
    await connection.execute(
        "UPDATE rangka.memberships SET status = coalesce(%(status)s, status), "
        "expires_at = CASE WHEN %(sets_expiry)s THEN %(expires)s::timestamptz "
        "ELSE expires_at END, "
        "team_id = CASE WHEN %(sets_team)s THEN %(team)s::uuid ELSE team_id END, "
        "version = version + 1, updated_at = now(), "
        "updated_by = %(by)s WHERE tenant_id = %(tenant)s AND user_id = %(user)s",
        values,
    )
