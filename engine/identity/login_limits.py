"""How often one may try to log in, counted in `login_failures`.

Two counters: attempts of an address (5 a minute), and failures of an account from one
network, so that a stranger elsewhere cannot lock its owner out. An attempt counts
before the password is looked at, or many at once would all pass; a success clears the
account's counter. Unknown accounts count like known ones.
"""

import hashlib
import ipaddress
from dataclasses import dataclass

from engine.database import Database, Transaction
from engine.errors import TooManyRequests

_ADDRESS = """
INSERT INTO rangka.login_failures AS f (key, failures) VALUES (%(key)s, 1)
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN f.window_started_at <= now() - interval '1 minute' THEN 1
                    ELSE f.failures + 1 END,
    window_started_at = CASE WHEN f.window_started_at <= now() - interval '1 minute'
                             THEN now() ELSE f.window_started_at END
RETURNING failures,
    extract(epoch FROM window_started_at + interval '1 minute' - now()) AS wait
"""
_ACCOUNT = """
INSERT INTO rangka.login_failures AS f (key, failures) VALUES (%(key)s, 1)
ON CONFLICT (key) DO UPDATE SET
    failures = CASE WHEN f.window_started_at <= now() - interval '1 day' THEN 1
                    ELSE f.failures + 1 END,
    window_started_at = now(),
    blocked_until = CASE
        WHEN f.window_started_at <= now() - interval '1 day' THEN NULL
        WHEN (f.failures + 1) %% %(step)s = 0 THEN now() + make_interval(mins =>
            (%(pauses)s::int[])[least((f.failures + 1) / %(step)s,
                                      cardinality(%(pauses)s::int[]))])
        ELSE f.blocked_until END
    WHERE f.blocked_until IS NULL OR f.blocked_until <= now()
RETURNING failures
"""
_BLOCKED = """
SELECT extract(epoch FROM blocked_until - now()) AS wait
FROM rangka.login_failures WHERE key = %(key)s
"""
_PURGE = """
DELETE FROM rangka.login_failures
WHERE window_started_at < now() - interval '1 day'
  AND (blocked_until IS NULL OR blocked_until < now())
"""


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """The numbers.

    Attributes:
        attempts_per_minute: of one address (an IPv6 /64 counts as one).
        failures: of one account from one network (IPv4 /24, IPv6 /64) until a pause.
        pauses_minutes: the first pause, the second, …; the last one repeats.
    """

    attempts_per_minute: int = 5
    failures: int = 5
    pauses_minutes: tuple[int, ...] = (1, 5, 15, 60)

    async def count(self, database: Database, email: str, ip: str | None) -> None:
        """Count an attempt; raises TooManyRequests when it is one too many."""
        async with database.system() as connection:
            wait = await self._address(connection, ip)
            if wait is None:
                wait = await self._account(connection, email, ip)
        if wait is not None:
            seconds = max(1, round(wait))
            raise TooManyRequests(
                f"Too many attempts to log in. Try again in {_words(seconds)}.",
                code="TOO_MANY_LOGIN_ATTEMPTS",
                headers={"Retry-After": str(seconds)},
            )

    async def succeeded(
        self, connection: Transaction, email: str, ip: str | None
    ) -> None:
        """Clear the account's counter of this network."""
        await connection.execute(
            "DELETE FROM rangka.login_failures WHERE key = %s",
            (_account_key(email, ip),),
        )

    async def _address(self, connection: Transaction, ip: str | None) -> float | None:
        key = {"key": f"ip:{_network(ip, 32)}"}
        row = await (await connection.execute(_ADDRESS, key)).fetchone()
        if row is None or row["failures"] <= self.attempts_per_minute:
            return None
        return float(row["wait"])

    async def _account(
        self, connection: Transaction, email: str, ip: str | None
    ) -> float | None:
        key = _account_key(email, ip)
        values = {
            "key": key,
            "step": self.failures,
            "pauses": list(self.pauses_minutes),
        }
        counted = await (await connection.execute(_ACCOUNT, values)).fetchone()
        if counted is not None:
            return None
        row = await (await connection.execute(_BLOCKED, {"key": key})).fetchone()
        return float(row["wait"]) if row and row["wait"] is not None else 1.0


async def purge(connection: Transaction) -> None:
    """Delete counters that no longer matter."""
    await connection.execute(_PURGE)


def _account_key(email: str, ip: str | None) -> str:
    # Hashed: what strangers typed into the e-mail box is not ours to keep.
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()[:32]
    return f"account:{digest}:{_network(ip, 24)}"


def _network(ip: str | None, ipv4_bits: int) -> str:
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = ipv4_bits if address.version == 4 else 64
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def _words(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} s"
    return f"{-(-seconds // 60)} min"
