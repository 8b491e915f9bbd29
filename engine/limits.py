"""How often something may be done: GCRA, shared through Redis where it is configured.

Owns the counting. Without Redis, and while it does not answer within 50 ms, each
process counts by itself, at its share of the limit: never without a limit. The generic
cell rate algorithm is that of ITU-T I.371: one instant is kept for each key.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import redis.asyncio
from redis.exceptions import RedisError

logger = logging.getLogger("rangka.limits")

WINDOW_SECONDS = 60
MAX_KEYS = 100_000
WAIT_SECONDS = 0.05
CONNECT_SECONDS = 1.0
PAUSE_SECONDS = 1.0
"""How long Redis is left alone after it did not answer."""
_PREFIX = "rangka:limit:"

# Microseconds of Redis's own clock, so that machines need not agree. `%.0f`, since
# Lua writes numbers with 14 digits only.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local step = tonumber(ARGV[1])
local span = step * tonumber(ARGV[2])
local full = tonumber(redis.call('GET', KEYS[1]) or now)
if full < now then full = now end
if full + step - now > span then
  return {0, full + step - span - now, full - now}
end
full = full + step
redis.call('SET', KEYS[1], string.format('%.0f', full),
  'PX', math.ceil((full - now) / 1000))
return {1, 0, full - now}
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may be done, and how things stand; times in seconds.

    Attributes:
        remaining: how often it may be done at once after this.
        reset: until everything may be done again.
        retry_after: until it may be done once; 0 when it may now.
    """

    allowed: bool
    limit: int
    remaining: int
    reset: float
    retry_after: float

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Return RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers).

        With `Retry-After` when it may not be done.
        """
        found = [
            ("ratelimit-policy", f'"endpoint";q={self.limit};w={WINDOW_SECONDS}'),
            ("ratelimit", f'"endpoint";r={self.remaining};t={_up(self.reset)}'),
        ]
        if not self.allowed:
            found.append(("retry-after", str(max(1, _up(self.retry_after)))))
        return found


class LocalLimits:
    """The counting of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full: dict[str, float] = {}

    def take(self, key: str, per_minute: float, limit: int) -> Verdict:
        """Count one; `limit` is what is shown, `per_minute` this process's share."""
        now = self._clock()
        burst = max(1, int(per_minute))
        step = WINDOW_SECONDS / per_minute
        full = max(self._full.get(key, now), now)
        wait = full + step - step * burst - now
        if wait > 1e-9:
            return Verdict(False, limit, 0, full - now, wait)
        if len(self._full) >= MAX_KEYS:
            self._purge(now)
        full += step
        self._full[key] = full
        remaining = int((step * burst - (full - now)) / step + 1e-9)
        return Verdict(True, limit, remaining, full - now, 0.0)

    def _purge(self, now: float) -> None:
        self._full = {key: full for key, full in self._full.items() if full > now}
        while len(self._full) >= MAX_KEYS:
            self._full.pop(next(iter(self._full)))


@dataclass(slots=True)
class _Asked:
    """One that waits for Redis: its key, microseconds a step, and the limit."""

    key: str
    step: int
    limit: int
    answer: "asyncio.Future[Verdict | None]"


class Limits:
    """Counts for one installation.

    All that is asked while Redis answers goes out together afterwards, on one
    connection, so a call costs a fraction of a round trip.
    """

    def __init__(self, redis_url: str | None = None, workers: int = 1) -> None:
        self._url = redis_url
        self._workers = workers
        self._local = LocalLimits()
        self._client: redis.asyncio.Redis | None = None
        self._asked: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None
        self._left_alone_until = 0.0

    async def start(self) -> None:
        """Connect to Redis where one is configured; goes on without it."""
        if not self._url:
            return
        self._client = _client(self._url)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._client.ping()
        except (RedisError, OSError, TimeoutError) as error:
            self._leave_alone(error)

    async def stop(self) -> None:
        """Close the connection."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None
            # It does not wait for the socket, which closes with the next step.
            await asyncio.sleep(0)

    async def take(self, key: str, per_minute: int) -> Verdict:
        """Count one; at most `per_minute` at once, and as many again each minute."""
        if self._client is not None and time.monotonic() >= self._left_alone_until:
            found = await self._shared(self._client, key, per_minute)
            if found is not None:
                return found
        return self._local.take(key, per_minute / self._workers, per_minute)

    async def _shared(
        self, client: redis.asyncio.Redis, key: str, per_minute: int
    ) -> Verdict | None:
        loop = asyncio.get_running_loop()
        step = max(1, WINDOW_SECONDS * 1_000_000 // per_minute)
        asked = _Asked(_PREFIX + key, step, per_minute, loop.create_future())
        self._asked.append(asked)
        if self._asking is None or self._asking.done():
            self._asking = loop.create_task(self._ask(client))
        return await asked.answer

    async def _ask(self, client: redis.asyncio.Redis) -> None:
        """Ask for all that wait, and again while more come; each gets an answer."""
        batch: list[_Asked] = []
        try:
            while self._asked and client is self._client:
                batch, self._asked = self._asked, []
                pipe = client.pipeline(transaction=False)
                for each in batch:
                    pipe.eval(_TAKE, 1, each.key, str(each.step), str(each.limit))
                async with asyncio.timeout(WAIT_SECONDS):
                    rows = await pipe.execute()
                for each, row in zip(batch, rows, strict=True):
                    if not each.answer.done():
                        each.answer.set_result(_verdict(each, row))
        except (RedisError, OSError, TimeoutError) as error:
            self._leave_alone(error)
            # An answer that comes late must not be taken for the next one's.
            self._client = _client(self._url or "")
            with suppress(RedisError, OSError):
                await client.aclose()
        finally:
            for each in (*batch, *self._asked):
                if not each.answer.done():
                    each.answer.set_result(None)
            self._asked.clear()

    def _leave_alone(self, error: Exception) -> None:
        self._left_alone_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("limits are counted by each process: %s", type(error).__name__)


def _client(url: str) -> redis.asyncio.Redis:
    """Return a client of one connection, which opens when it is used."""
    return redis.asyncio.Redis.from_url(
        url,
        single_connection_client=True,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=CONNECT_SECONDS,
    )


def _verdict(asked: _Asked, row: list[int]) -> Verdict:
    allowed, wait, reset = row
    left = max(0, (asked.step * asked.limit - reset) // asked.step) if allowed else 0
    return Verdict(bool(allowed), asked.limit, left, reset / 1e6, wait / 1e6)


def _up(seconds: float) -> int:
    return -int(-seconds // 1)
