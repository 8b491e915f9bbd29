"""Who stands behind a session in a tenant: loaded in one query, kept until it changes.

Owns the cache and how it learns of changes: the notifications `rangka_sessions`,
`rangka_users` and `rangka_policy`, and every 2 s a comparison of all that is held with
the database, so a lost message delays a revocation and never loses it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow

from engine.context import RequestContext
from engine.database import Database
from engine.errors import Forbidden, RangkaError, Unauthenticated
from engine.identity.tokens import Claims, Subject
from engine.policy_decision import FOREVER
from engine.policy_poll import Poll
from engine.policy_rules import SUPER_ADMIN

MAX_PRINCIPALS = 10_000
BEARER = {"WWW-Authenticate": "Bearer"}
"""How a client has to log in (RFC 6750, section 3)."""

_LOAD = """
WITH RECURSIVE held AS (
    SELECT mr.role_id, mr.expires_at FROM rangka.membership_roles mr
    WHERE mr.tenant_id = %(tenant)s AND mr.user_id = %(user)s
      AND (mr.expires_at IS NULL OR mr.expires_at > now())
    UNION
    SELECT up.id, held.expires_at FROM held
    JOIN rangka.roles r ON r.tenant_id = %(tenant)s AND r.id = held.role_id
    CROSS JOIN LATERAL unnest(r.inherits) AS up (id)
)
SELECT u.id AS user_id, u.email, u.status AS user_status, u.epoch,
       coalesce(s.revoked_at IS NULL AND s.idle_expires_at > now()
                AND s.absolute_expires_at > now(), false) AS session_lives,
       s.absolute_expires_at,
       t.status AS tenant_status, t.slug, t.domain, t.locale, t.time_zone,
       t.policy_revision, core.policy_revision AS core_revision,
       m.status = 'active' AND (m.expires_at IS NULL OR m.expires_at > now())
           AS is_member,
       m.team_id, m.expires_at AS membership_expires_at,
       ARRAY(SELECT DISTINCT role_id FROM held) AS role_ids,
       (SELECT min(expires_at) FROM held) AS roles_expire_at,
       super.is_super, super.expires_at AS super_expires_at
FROM rangka.users u
LEFT JOIN rangka.sessions s ON s.id = %(session)s AND s.user_id = u.id
LEFT JOIN rangka.tenants t ON t.id = %(tenant)s
LEFT JOIN rangka.memberships m ON m.tenant_id = t.id AND m.user_id = u.id
LEFT JOIN rangka.tenants core ON core.type = 'core'
LEFT JOIN LATERAL (
    SELECT true AS is_super, least(cm.expires_at, cr.expires_at) AS expires_at
    FROM rangka.memberships cm
    JOIN rangka.membership_roles cr USING (tenant_id, user_id)
    JOIN rangka.roles r ON r.tenant_id = cr.tenant_id AND r.id = cr.role_id
    WHERE cm.tenant_id = core.id AND cm.user_id = u.id AND cm.status = 'active'
      AND (cm.expires_at IS NULL OR cm.expires_at > now())
      AND (cr.expires_at IS NULL OR cr.expires_at > now())
      AND r.name = %(super_admin)s AND r.is_system
) super ON true
WHERE u.id = %(user)s
"""
_USERS = """
SELECT id, epoch FROM rangka.users WHERE id = ANY(%s) AND status = 'active'
"""
_SESSIONS = """
SELECT id FROM rangka.sessions WHERE id = ANY(%s) AND revoked_at IS NULL
"""
_TENANTS = """
SELECT id, policy_revision, status, locale, time_zone, slug, domain, type
FROM rangka.tenants WHERE id = ANY(%s) OR type = 'core'
"""


@dataclass(frozen=True, slots=True)
class Principal:
    """A user in a tenant as of one moment.

    Attributes:
        role_ids: closed over inheritance, unexpired; one object for equal sets.
        tenant: id, slug and domain: what a request may call its tenant.
        seen: revision and state of the tenant when this was loaded.
        valid_until: the first instant at which something of it expires.
    """

    user_id: UUID
    email: str
    epoch: int
    role_ids: frozenset[UUID]
    is_super_admin: bool
    team_id: UUID | None
    locale: str
    time_zone: str
    tenant: frozenset[str]
    seen: tuple[object, ...]
    core_revision: int | None
    valid_until: datetime

    def check(self, claims: Claims, tenant_hint: str | None) -> None:
        """Raise when a token was issued for an earlier epoch, or the hint is wrong.

        Raises:
            Unauthenticated: the session has ended.
            Forbidden: the request names another tenant.
        """
        if self.epoch != claims.epoch:
            raise Unauthenticated(
                "Your session has ended; log in again.",
                code="SESSION_ENDED",
                headers=BEARER,
            )
        if tenant_hint is not None and tenant_hint not in self.tenant:
            raise Forbidden(
                "The request names another tenant than its token; switch first.",
                code="TENANT_MISMATCH",
            )

    def context(
        self,
        subject: Subject,
        now: datetime,
        request_id: str,
        ip: str | None = None,
        user_agent: str | None = None,
    ) -> RequestContext:
        """Return what a request of his carries."""
        return RequestContext(
            request_id=request_id,
            tenant_id=subject.tenant_id,
            user_id=subject.user_id,
            session_id=subject.session_id,
            role_ids=self.role_ids,
            is_super_admin=self.is_super_admin,
            locale=self.locale,
            time_zone=self.time_zone,
            now=now,
            team_id=self.team_id,
            email=self.email,
            ip=ip,
            user_agent=user_agent,
        )


class Principals:
    """The principals of one worker."""

    def __init__(
        self,
        database: Database,
        on_session_end: Callable[[UUID], None],
        on_user_change: Callable[[UUID], None],
    ) -> None:
        self._database = database
        self._on_session_end = on_session_end
        self._on_user_change = on_user_change
        self._held: OrderedDict[Subject, Principal] = OrderedDict()
        self._role_sets: dict[frozenset[UUID], frozenset[UUID]] = {}
        self._drops = 0
        self._poll = Poll("identity", self.compare, self._held.clear)

    async def start(self) -> None:
        """Listen for changes and compare with the database from now on."""
        for channel, handler in (
            ("rangka_sessions", self._session_changed),
            ("rangka_users", self._user_changed),
            ("rangka_policy", self._tenant_changed),
        ):
            await self._database.listen(channel, handler, self._poll.now)
        self._poll.start()

    async def stop(self) -> None:
        """Stop comparing."""
        await self._poll.stop()

    def peek(self, subject: Subject, now: datetime) -> Principal | None:
        """Return who is held, None when he has to be loaded."""
        found = self._held.get(subject)
        if found is None or found.valid_until <= now:
            return None
        return found

    async def get(self, subject: Subject, now: datetime) -> Principal:
        """Return who stands behind a session in a tenant.

        Raises:
            Unauthenticated: the session has ended, or the account is closed.
            Forbidden: the user is no active member of the tenant, or it is suspended.
        """
        found = self.peek(subject, now)
        if found is not None:
            return found
        drops = self._drops
        found = await self.load(subject)
        # What changed while it was loading may be missing in it: use it once.
        if drops == self._drops:
            self._held[subject] = found
            if len(self._held) > MAX_PRINCIPALS:
                self._held.popitem(last=False)
        return found

    async def load(self, subject: Subject) -> Principal:
        """Return the principal as the database has him now; raises as `get` does."""
        values = {
            "session": subject.session_id,
            "user": subject.user_id,
            "tenant": subject.tenant_id,
            "super_admin": SUPER_ADMIN,
        }
        async with self._database.system() as connection:
            row = await (await connection.execute(_LOAD, values)).fetchone()
        problem = _problem(row, with_session=subject.session_id is not None)
        if row is None or problem is not None:
            raise problem or _ended()
        return self._principal(row, subject.tenant_id)

    async def compare(self) -> None:
        """Forget everybody about whom the database says something else by now."""
        held = dict(self._held)
        if not held:
            return
        async with self._database.system() as connection:
            users = await connection.execute(_USERS, ([each.user_id for each in held],))
            epochs = {row["id"]: row["epoch"] for row in await users.fetchall()}
            ids = [each.session_id for each in held if each.session_id is not None]
            sessions = await connection.execute(_SESSIONS, (ids,))
            living = {row["id"] for row in await sessions.fetchall()}
            found = await connection.execute(
                _TENANTS, ([each.tenant_id for each in held],)
            )
            tenants = {row["id"]: row for row in await found.fetchall()}
        core = next(
            (r["policy_revision"] for r in tenants.values() if r["type"] == "core"),
            None,
        )
        for subject, principal in held.items():
            session_id, user_id = subject.session_id, subject.user_id
            tenant = tenants.get(subject.tenant_id)
            if session_id is not None and session_id not in living:
                await self._session_changed(str(session_id))
            elif epochs.get(user_id) != principal.epoch:
                await self._user_changed(str(user_id))
            elif (
                tenant is None
                or _seen(tenant) != principal.seen
                or core != principal.core_revision
            ):
                self._drop(subject.__eq__)

    def _principal(self, row: DictRow, tenant_id: UUID) -> Principal:
        roles = frozenset(row["role_ids"]) if row["is_member"] else frozenset()
        if len(self._role_sets) > MAX_PRINCIPALS:
            self._role_sets.clear()
        expiries = (
            row["absolute_expires_at"],
            row["membership_expires_at"],
            row["roles_expire_at"],
            row["super_expires_at"],
        )
        names = {str(tenant_id), row["slug"], row["domain"]}
        return Principal(
            user_id=row["user_id"],
            email=row["email"],
            epoch=row["epoch"],
            role_ids=self._role_sets.setdefault(roles, roles),
            is_super_admin=bool(row["is_super"]),
            team_id=row["team_id"],
            locale=row["locale"],
            time_zone=row["time_zone"],
            tenant=frozenset(name for name in names if name),
            seen=_seen({**row, "status": row["tenant_status"]}),
            core_revision=row["core_revision"],
            valid_until=min((each for each in expiries if each), default=FOREVER),
        )

    async def _session_changed(self, payload: str) -> None:
        session_id = UUID(payload)
        self._on_session_end(session_id)
        self._drop(lambda subject: subject.session_id == session_id)

    async def _user_changed(self, payload: str) -> None:
        user_id = UUID(payload)
        self._on_user_change(user_id)
        self._drop(lambda subject: subject.user_id == user_id)

    async def _tenant_changed(self, payload: str) -> None:
        tenant_id = UUID(payload)
        self._drop(lambda subject: subject.tenant_id == tenant_id)

    def _drop(self, is_gone: Callable[[Subject], bool]) -> None:
        self._drops += 1
        for subject in [each for each in self._held if is_gone(each)]:
            del self._held[subject]


def _seen(row: DictRow) -> tuple[object, ...]:
    names = ("policy_revision", "status", "locale", "time_zone", "slug", "domain")
    return tuple(row[name] for name in names)


def _problem(row: DictRow | None, *, with_session: bool) -> RangkaError | None:
    if row is None or row["user_status"] != "active":
        return _ended()
    if with_session and not row["session_lives"]:
        return _ended()
    if row["tenant_status"] != "active" or not (row["is_member"] or row["is_super"]):
        return Forbidden(
            "You are not an active member of this tenant, or it is not active. Switch "
            "to another tenant, or ask its administrator.",
            code="TENANT_NOT_AVAILABLE",
        )
    return None


def _ended() -> Unauthenticated:
    return Unauthenticated(
        "Your session has ended; log in again.",
        code="SESSION_ENDED",
        headers=BEARER,
    )
