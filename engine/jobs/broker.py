"""The Dramatiq broker: Redis where there is one, otherwise a table of PostgreSQL.

A message is only `(tenant, job id)` and may be lost or delivered twice: the ledger
decides. So the table hands a message out by deleting it, and needs no
acknowledgement; Dramatiq's retries, results and delays are not used at all.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import partial
from typing import Protocol
from uuid import UUID

import psycopg
import redis
from dramatiq import Actor, Broker, Consumer, Message, MessageProxy
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import BrokerConnectionError

from engine.database import Transaction

QUEUE = "jobs"
ACTOR = "run"
TIMEOUT_SECONDS = 5.0
POLL_SECONDS = 0.5
"""How soon a worker sees what another process announced."""

Reference = tuple[UUID, UUID]
"""(tenant, job id)."""

_PUT = "INSERT INTO rangka.job_messages (queue, message) VALUES (%s, %s)"
_TAKE = """
WITH taken AS MATERIALIZED (
    SELECT id FROM rangka.job_messages WHERE queue = %s
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
DELETE FROM rangka.job_messages m USING taken WHERE m.id = taken.id
RETURNING m.id, m.message
"""
_DEPTH = "SELECT count(*) AS depth FROM rangka.job_messages WHERE queue = %s"


class Announcements(Protocol):
    """What the announcer asks of a broker."""

    @property
    def broker(self) -> Broker:
        """Return what Dramatiq's worker consumes."""

    async def depth(self, connection: Transaction) -> int:
        """Return about how many messages nobody has taken yet."""

    async def announce(
        self, connection: Transaction, jobs: Sequence[Reference]
    ) -> None:
        """Wake a worker for each job; what is sent may outlive a rollback."""

    async def close(self) -> None:
        """Close what is open."""


class RedisAnnouncements:
    """Messages through Redis."""

    def __init__(self, redis_url: str, namespace: str) -> None:
        client = redis.Redis.from_url(
            redis_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        self._client = client
        self._key = f"{namespace}:{QUEUE}"
        self._broker = RedisBroker(  # type: ignore[no-untyped-call] # no hints
            client=client, namespace=namespace, middleware=[]
        )

    @property
    def broker(self) -> Broker:
        """Return what Dramatiq's worker consumes."""
        return self._broker

    async def depth(self, connection: Transaction) -> int:
        """Return the length of the queue; raises redis.RedisError."""
        return int(await asyncio.to_thread(self._length))

    async def announce(
        self, connection: Transaction, jobs: Sequence[Reference]
    ) -> None:
        """Enqueue them, in one round trip; raises redis.RedisError."""
        await asyncio.to_thread(self._enqueue, jobs)

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._client.close)

    def _length(self) -> int:
        return int(self._client.llen(self._key))

    def _enqueue(self, jobs: Sequence[Reference]) -> None:
        with self._client.pipeline(transaction=False) as pipeline:
            # The same broker, but for where its commands go.
            together = copy(self._broker)
            dispatch = partial(together.scripts["dispatch"], client=pipeline)
            together.scripts = {**together.scripts, "dispatch": dispatch}
            for job in jobs:
                together.enqueue(message_of(job))
            pipeline.execute()


class PostgresAnnouncements:
    """Messages through `rangka.job_messages`, in the announcer's own transaction."""

    def __init__(self, system_dsn: str) -> None:
        """Take a DSN of `driver_session.session_dsn`: workers notice a dead server."""
        self._broker = PostgresBroker(system_dsn)

    @property
    def broker(self) -> Broker:
        """Return what Dramatiq's worker consumes."""
        return self._broker

    async def depth(self, connection: Transaction) -> int:
        """Return how many messages there are."""
        row = await (await connection.execute(_DEPTH, (QUEUE,))).fetchone()
        return int(row["depth"]) if row else 0

    async def announce(
        self, connection: Transaction, jobs: Sequence[Reference]
    ) -> None:
        """Add them; they are there when the transaction commits."""
        rows = [(QUEUE, message_of(job).encode()) for job in jobs]
        async with connection.cursor() as cursor:
            await cursor.executemany(_PUT, rows)

    async def close(self) -> None:
        """Do nothing: consumers close their own connections."""


class PostgresBroker(Broker):
    """A broker over `rangka.job_messages`.

    Attributes:
        rung: set to make this process look at once.
    """

    def __init__(self, system_dsn: str) -> None:
        super().__init__(middleware=[])
        self._dsn = system_dsn
        self.rung = threading.Event()

    def declare_queue(self, queue_name: str) -> None:
        """Take note of a queue; there is nothing to make."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues[queue_name] = True
            self.emit_after("declare_queue", queue_name)

    def enqueue(
        self, message: Message[object], *, delay: int | None = None
    ) -> Message[object]:
        """Add a message; a delay is not known here, since jobs wait in the ledger."""
        with psycopg.connect(self._dsn) as connection:
            connection.execute(_PUT, (message.queue_name, message.encode()))
        self.rung.set()
        return message

    def consume(
        self, queue_name: str, prefetch: int = 1, timeout: int = 30000
    ) -> Consumer:
        """Return a consumer with a connection of its own."""
        return _PostgresConsumer(self, self._dsn, queue_name, prefetch)

    def flush(self, queue_name: str) -> None:
        """Delete what nobody has taken."""
        with psycopg.connect(self._dsn) as connection:
            connection.execute(
                "DELETE FROM rangka.job_messages WHERE queue = %s", (queue_name,)
            )

    def flush_all(self) -> None:
        """Delete what nobody has taken, of every queue."""
        for queue_name in self.queues:
            self.flush(queue_name)


class _PostgresConsumer(Consumer):
    """Takes messages; used by one thread, told of ends by others."""

    def __init__(
        self, broker: PostgresBroker, dsn: str, queue: str, prefetch: int
    ) -> None:
        self._broker = broker
        self._queue = queue
        self._prefetch = prefetch
        self._taken: list[Message[object]] = []
        self._given: set[str] = set()
        try:
            self._connection = psycopg.connect(dsn, autocommit=True)
        except psycopg.OperationalError as error:
            raise _lost(error) from error

    def __next__(self) -> MessageProxy | None:
        """Return the next message, None when none came within the poll interval."""
        if not self._taken:
            self._broker.rung.clear()
            free = self._prefetch - len(self._given)
            if free > 0:
                self._taken = self._take(free)
            if not self._taken:
                self._broker.rung.wait(POLL_SECONDS)
                return None
        message = self._taken.pop(0)
        self._given.add(message.message_id)
        return MessageProxy(message)

    def ack(self, message: MessageProxy) -> None:
        """Make room for another one."""
        self._given.discard(message.message_id)
        self._broker.rung.set()

    def nack(self, message: MessageProxy) -> None:
        """Make room for another one; the ledger announces the job again."""
        self.ack(message)

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Give back what was taken and not run."""
        rows = [(self._queue, message.encode()) for message in messages]
        rows += [(self._queue, message.encode()) for message in self._taken]
        self._taken = []
        with self._connection.cursor() as cursor:
            cursor.executemany(_PUT, rows)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _take(self, most: int) -> list[Message[object]]:
        try:
            rows = self._connection.execute(_TAKE, (self._queue, most)).fetchall()
        except psycopg.OperationalError as error:
            raise _lost(error) from error
        return [Message.decode(message) for _, message in sorted(rows)]


def _lost(error: psycopg.Error) -> BrokerConnectionError:
    """Return what makes Dramatiq connect again after a pause."""
    return BrokerConnectionError(str(error))  # type: ignore[no-untyped-call] # no hints


def message_of(job: Reference) -> Message[object]:
    """Return the message that wakes a worker for a job."""
    tenant_id, job_id = job
    return Message(
        queue_name=QUEUE,
        actor_name=ACTOR,
        args=(str(tenant_id), str(job_id)),
        kwargs={},
        options={},
    )


def declare_actor(broker: Broker, run: Callable[[str, str], None]) -> None:
    """Let workers of the broker call `run(tenant, job id)` for each message."""
    Actor(
        run, broker=broker, actor_name=ACTOR, queue_name=QUEUE, priority=0, options={}
    )
