"""How often something may be done in a minute, shared through Redis where there is one.

Owns the counting. In no slice of 60 s is more let through than the limit: what was let
through is remembered until it is 60 s old. Calls within a quarter of a second of each
other are remembered as one, with the time of the latest, so a key holds at most 257
entries. Without Redis, and while it does not answer within 50 ms, each process counts
by itself, at its share of the limit: never without a limit.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import msgspec
import redis.asyncio
from redis.exceptions import RedisError

logger = logging.getLogger("rangka.limits")

WINDOW_SECONDS = 60
GRAINS = 256
"""Calls within such a part of a minute of each other count as one moment."""
_SECONDS, _GRAIN_SECONDS = float(WINDOW_SECONDS), WINDOW_SECONDS / GRAINS

MAX_KEYS = 100_000
WAIT_SECONDS = 0.05
CONNECT_SECONDS = 1.0
PAUSE_SECONDS = 1.0
"""How long Redis is left alone after it did not answer."""
_PREFIX = "rangka:window:"

# Microseconds of Redis's own clock, so that machines need not agree. Of each moment the
# time of its latest call (`t` and its number) and how many they were (`n`). `%.0f`,
# since Lua writes numbers with 14 digits only. Where the clock was put back, time
# stands still until it has caught up; by more than a window, all before is forgotten.
_TAKE = """
local key, window, grain, limit = KEYS[1], ARGV[1] + 0, ARGV[2] + 0, ARGV[3] + 0
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local found = redis.call('HMGET', key, 'head', 'tail', 'count', 'first', 'last')
local head, tail = (found[1] or 0) + 0, (found[2] or 0) + 0
local count, first, last = (found[3] or 0) + 0, (found[4] or 0) + 0, (found[5] or 0) + 0
if last > now + window then
  redis.call('DEL', key)
  head, tail, count, first, last = 0, 0, 0, 0, 0
end
now = math.max(now, last)
local oldest = now
while head < tail do
  local moment = redis.call('HMGET', key, 't' .. head, 'n' .. head)
  if moment[1] + window > now then
    oldest = moment[1] + 0
    break
  end
  count = count - moment[2]
  redis.call('HDEL', key, 't' .. head, 'n' .. head)
  head = head + 1
end
if count >= limit then
  redis.call('HSET', key, 'head', head, 'count', count)
  return {0, oldest + window - now, last + window - now, 0}
end
count = count + 1
local at = string.format('%.0f', now)
if head < tail and now - first < grain then
  redis.call('HINCRBY', key, 'n' .. (tail - 1), 1)
  redis.call('HSET', key, 't' .. (tail - 1), at, 'head', head, 'count', count,
    'last', at)
else
  redis.call('HSET', key, 't' .. tail, at, 'n' .. tail, 1, 'head', head,
    'tail', tail + 1, 'count', count, 'first', at, 'last', at)
end
redis.call('PEXPIRE', key, math.ceil(window / 1000))
return {1, 0, window, limit - count}
"""


class Verdict(msgspec.Struct, frozen=True):
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
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers).

        With `Retry-After` when it may not be done.
        """
        found = [
            (b"ratelimit-policy", _policy(self.limit)),
            (
                b"ratelimit",
                b'"endpoint";r=%d;t=%d' % (self.remaining, ceil(self.reset)),
            ),
        ]
        if not self.allowed:
            found.append((b"retry-after", b"%d" % max(1, ceil(self.retry_after))))
        return found


@dataclass(slots=True)
class _Window:
    """What was let through of one key: [first, latest, how many] of each moment."""

    moments: list[list[float]]
    count: int = 0

    def forget(self, oldest: float) -> None:
        """Count no more what was let through until then."""
        old = 0
        for moment in self.moments:
            if moment[1] > oldest:
                break
            self.count -= int(moment[2])
            old += 1
        del self.moments[:old]


class LocalLimits:
    """The counting of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def take(self, key: str, per_minute: float, limit: int) -> Verdict:
        """Count one; `limit` is what is shown, `per_minute` this process's share.

        A share below one lets one through in so many minutes.
        """
        now = self._clock()
        if per_minute >= 1:
            most, seconds = int(per_minute), _SECONDS
        else:
            most, seconds = 1, _SECONDS / per_minute
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= MAX_KEYS:
                self._purge(now)
            window = self._windows[key] = _Window([])
        moments = window.moments
        # A microsecond, since a sum of seconds is not exact.
        oldest = now - seconds + 1e-6
        if moments and moments[0][1] <= oldest:
            window.forget(oldest)
        count = window.count
        if count >= most:
            wait, reset = (m[1] + seconds - now for m in (moments[0], moments[-1]))
            return Verdict(False, limit, 0, reset, wait)
        window.count = count = count + 1
        if moments and now - moments[-1][0] < _GRAIN_SECONDS:
            latest = moments[-1]
            latest[1] = now
            latest[2] += 1
        else:
            moments.append([now, now, 1])
        return Verdict(True, limit, most - count, seconds, 0.0)

    def _purge(self, now: float) -> None:
        """Forget what is of no account, and else the tenth known the longest."""
        self._windows = {
            key: window
            for key, window in self._windows.items()
            if window.moments[-1][1] + WINDOW_SECONDS > now
        }
        while len(self._windows) > MAX_KEYS * 9 // 10:
            self._windows.pop(next(iter(self._windows)))


@dataclass(slots=True)
class _Asked:
    """One that waits for Redis: its key and the limit."""

    key: str
    limit: int
    answer: "asyncio.Future[Verdict | None]"


class Limits:
    """Counts for one installation.

    All that is asked while Redis answers goes out together afterwards, on one
    connection, so a call costs a fraction of a round trip.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        workers: int = 1,
        *,
        window_seconds: float = WINDOW_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """Take the window and the patience with Redis that are not the usual ones."""
        self._url = redis_url
        self._workers = workers
        self._window = str(round(window_seconds * 1e6))
        self._grain = str(round(window_seconds * 1e6 / GRAINS))
        self._wait = wait_seconds
        self._local = LocalLimits()
        self._client: redis.asyncio.Redis | None = None
        self._asked: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None
        self._left_alone_until = 0.0

    async def start(self) -> None:
        """Connect to Redis where one is configured; goes on without it."""
        if not self._url:
            return
        self._client = self._new_client()
        try:
            async with asyncio.timeout(max(CONNECT_SECONDS, self._wait)):
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
        """Count one; at most `per_minute` in any 60 s."""
        return self.take_here(key, per_minute) or await self._take(key, per_minute)

    def take_here(self, key: str, per_minute: int) -> Verdict | None:
        """Count one as `take` does; None where Redis has to be asked."""
        if self._client is not None and time.monotonic() >= self._left_alone_until:
            return None
        return self._local.take(key, per_minute / self._workers, per_minute)

    async def _take(self, key: str, per_minute: int) -> Verdict:
        if self._client is not None:
            found = await self._shared(self._client, key, per_minute)
            if found is not None:
                return found
        return self._local.take(key, per_minute / self._workers, per_minute)

    async def _shared(
        self, client: redis.asyncio.Redis, key: str, per_minute: int
    ) -> Verdict | None:
        loop = asyncio.get_running_loop()
        asked = _Asked(_PREFIX + key, per_minute, loop.create_future())
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
                    pipe.eval(
                        _TAKE, 1, each.key, self._window, self._grain, str(each.limit)
                    )
                async with asyncio.timeout(self._wait):
                    rows = await pipe.execute()
                for each, row in zip(batch, rows, strict=True):
                    if not each.answer.done():
                        each.answer.set_result(_verdict(each, row))
        except (RedisError, OSError, TimeoutError) as error:
            self._leave_alone(error)
            # An answer that comes late must not be taken for the next one's.
            self._client = self._new_client()
            with suppress(RedisError, OSError):
                await client.aclose()
        finally:
            for each in (*batch, *self._asked):
                if not each.answer.done():
                    each.answer.set_result(None)
            self._asked.clear()

    def _new_client(self) -> redis.asyncio.Redis:
        """Return a client of one connection, which opens when it is used."""
        patience = max(CONNECT_SECONDS, self._wait)
        return redis.asyncio.Redis.from_url(
            self._url or "",
            single_connection_client=True,
            socket_connect_timeout=patience,
            socket_timeout=patience,
        )

    def _leave_alone(self, error: Exception) -> None:
        self._left_alone_until = time.monotonic() + PAUSE_SECONDS
        logger.warning("limits are counted by each process: %s", type(error).__name__)


def _verdict(asked: _Asked, row: list[int]) -> Verdict:
    allowed, wait, reset, remaining = row
    return Verdict(bool(allowed), asked.limit, remaining, reset / 1e6, wait / 1e6)


@lru_cache(maxsize=256)
def _policy(limit: int) -> bytes:
    return b'"endpoint";q=%d;w=%d' % (limit, WINDOW_SECONDS)
