"""Which consumers there are: of this process and of all others.

While a new release is rolled out, an old process passes on events that a new consumer
is to hear. So each process writes down what it runs before it serves, and whoever
passes on an event reads what all have written. Used by `engine/outbox.py`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.database import Database, Transaction
from engine.policy_poll import Poll
from registry.service import Service

TELL_SECONDS = 60.0
FORGET_SECONDS = 600
"""A consumer that no process names for so long is gone."""

_TELL = """
INSERT INTO rangka.consumers (service, name, entity, actions, max_attempts)
SELECT s, n, e, string_to_array(a, ' '), m
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::integer[])
    AS t (s, n, e, a, m)
ORDER BY s, n, e, a, m
ON CONFLICT (service, name, entity, actions, max_attempts) DO UPDATE
    SET seen_at = now()
"""
# They take turns; whoever reads does not wait.
_TURN = "LOCK TABLE rangka.consumers IN SHARE ROW EXCLUSIVE MODE"
# Measured against the newest one: after a standstill of all, nobody is forgotten
# before the others could speak.
_FORGET = """
DELETE FROM rangka.consumers WHERE seen_at < (
    SELECT max(seen_at) FROM rangka.consumers) - %s * interval '1 second'
"""
_KNOWN = "SELECT service, name, entity, actions, max_attempts FROM rangka.consumers"

Code = Callable[[], Mapping[str, Service]]


@dataclass(frozen=True, slots=True)
class Hearer:
    """A consumer: which events its service is to get a job for.

    Attributes:
        entity: `service.entity`.
        actions: those it hears of, in order; empty for all.
    """

    service: str
    name: str
    entity: str
    actions: tuple[str, ...]
    max_attempts: int

    def hears(self, entity: str, action: str) -> bool:
        """Return whether it wants this event."""
        return entity == self.entity and (not self.actions or action in self.actions)


class Consumers:
    """The consumers of all processes."""

    def __init__(self, database: Database, code: Code) -> None:
        """Take `code`, which returns the services that run here."""
        self._database = database
        self._code = code
        self._poll = Poll("consumers", self.tell, interval_seconds=TELL_SECONDS)

    async def start(self) -> None:
        """Name those of this process, now and again and again.

        Raises DatabaseError when they could not be named.
        """
        await self.tell()
        self._poll.start()

    async def stop(self) -> None:
        """Name them no more."""
        await self._poll.stop()

    async def tell(self) -> None:
        """Name those of this process, and forget what nobody names any more."""
        own = self._own()
        columns = (
            [each.service for each in own],
            [each.name for each in own],
            [each.entity for each in own],
            [" ".join(each.actions) for each in own],
            [each.max_attempts for each in own],
        )
        async with self._database.system() as connection:
            await connection.execute(_TURN)
            # First, so that what it is measured against is not what is told now.
            await connection.execute(_FORGET, (FORGET_SECONDS,))
            await connection.execute(_TELL, columns)

    async def known(self, connection: Transaction) -> set[Hearer]:
        """Return all consumers there are; two of one name where releases differ.

        Asked after events were claimed: what was told before they were committed is
        seen then.
        """
        rows = await (await connection.execute(_KNOWN)).fetchall()
        told = {Hearer(**{**row, "actions": tuple(row["actions"])}) for row in rows}
        return told.union(self._own())

    def _own(self) -> list[Hearer]:
        return [
            Hearer(
                service.name,
                consumer.name,
                consumer.entity,
                tuple(sorted(consumer.actions)),
                consumer.max_attempts,
            )
            for service in self._code().values()
            for consumer in service.consumers.values()
        ]
