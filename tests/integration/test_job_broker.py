"""The brokers: their connections, and what announcing many jobs at once costs."""

from typing import Any
from uuid import uuid4

import redis

from engine.jobs.broker import QUEUE, PostgresBroker, RedisAnnouncements
from engine.jobs.process import announcements_of
from engine.settings import Settings


def test_a_worker_that_waits_for_messages_notices_a_silent_server(
    settings: Settings,
) -> None:
    broker = announcements_of(settings).broker
    assert isinstance(broker, PostgresBroker)
    consumer = broker.consume(QUEUE)
    known = consumer._connection.info.get_parameters()  # type: ignore[attr-defined] # ours
    consumer.close()
    assert known["application_name"] == "rangka"
    assert int(known["tcp_user_timeout"]) == 60_000
    assert int(known["keepalives_idle"]) == 30


async def test_a_thousand_jobs_are_announced_to_redis_in_few_round_trips(
    redis_url: str,
) -> None:
    announcements = RedisAnnouncements(redis_url, f"test.{uuid4().hex}")
    database: Any = None
    jobs = [(uuid4(), uuid4()) for _ in range(1000)]
    with redis.Redis.from_url(redis_url) as client:
        await announcements.announce(database, jobs[:1])
        before = client.info("stats")["total_reads_processed"]
        await announcements.announce(database, jobs[1:])
        reads = client.info("stats")["total_reads_processed"] - before
    assert await announcements.depth(database) == 1000
    broker = announcements.broker
    consumer = broker.consume(QUEUE, prefetch=1000)
    first = next(consumer)
    assert first is not None
    assert tuple(first.args) == tuple(map(str, jobs[0]))
    consumer.close()
    broker.flush(QUEUE)
    await announcements.close()
    assert reads < 500
