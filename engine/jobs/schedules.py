"""Schedules: when the services' recurring work is due, tenant by tenant.

Every process asks every few seconds; the database lets one of them add the job of a
slot. A schedule of five fields is read in the tenant's time zone, with changes of the
clock as cron has them: a time that is skipped runs right after, one that comes twice
runs once. Of slots that nobody was there for, the latest runs. Schedules of the
platform itself belong to the core tenant. Runs nothing itself.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim

from engine.database import Database, Transaction
from registry.catalog import PLATFORM
from registry.service import Schedule, Service

logger = logging.getLogger("rangka.jobs")

LOOK_SECONDS = 5.0
LOOK_AGAIN_SECONDS = 60.0
"""How often a slot is asked for that this process has seen: tenants come and go."""

_ZONES = """
SELECT DISTINCT t.time_zone FROM rangka.tenants t WHERE t.status = 'active'
"""
# Where a schedule was never seen before, its slot is noted and not run: a service is
# not assigned at 15:00 in order to do at once what belongs to 02:00.
_ADD = """
WITH due AS (
    SELECT t.id FROM rangka.tenants t
    LEFT JOIN rangka.schedules k ON k.tenant_id = t.id AND k.service = %(service)s
        AND k.name = %(name)s
    WHERE t.status = 'active' AND t.time_zone = %(zone)s
        AND (k.last_slot IS NULL OR k.last_slot < %(slot)s)
        AND CASE WHEN %(platform)s THEN t.type = 'core' ELSE EXISTS (
            SELECT 1 FROM rangka.assignments a JOIN rangka.services s
            ON s.id = a.service_id AND s.status = 'active'
                AND s.published_version IS NOT NULL
            WHERE a.tenant_id = t.id AND a.status = 'active' AND s.name = %(service)s)
        END
    ORDER BY t.id),
seen AS (
    INSERT INTO rangka.schedules AS k (tenant_id, service, name, last_slot)
    SELECT id, %(service)s, %(name)s, %(slot)s FROM due
    ON CONFLICT (tenant_id, service, name) DO UPDATE
        SET last_slot = excluded.last_slot, runs = k.runs + 1
        WHERE k.last_slot < excluded.last_slot
    RETURNING k.tenant_id, k.runs)
INSERT INTO rangka.jobs (tenant_id, id, kind, service, name, key, slot, max_attempts)
SELECT tenant_id, gen_random_uuid(), 'schedule', %(service)s, %(name)s, 'schedule',
    %(slot_text)s, %(attempts)s
FROM seen WHERE runs > 0
ON CONFLICT DO NOTHING
"""

Code = Callable[[], Mapping[str, Service]]


class Scheduler:
    """Adds the jobs of schedules, in the background."""

    def __init__(
        self, database: Database, code: Code, on_added: Callable[[], None]
    ) -> None:
        """Take `code`, which returns the services; `on_added` hears of new jobs."""
        self._database = database
        self._code = code
        self._on_added = on_added
        self._seen: dict[tuple[str, str, str], tuple[datetime, float]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._live(), name="scheduler")

    async def stop(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def look(self, now: datetime) -> int:
        """Add the jobs that are due at an instant; return how many."""
        declared = [
            (service.name, schedule)
            for service in self._code().values()
            for schedule in service.schedules.values()
        ]
        if not declared:
            return 0
        added = 0
        async with self._database.system() as connection:
            zones = await (await connection.execute(_ZONES)).fetchall()
            for row in zones:
                for service, schedule in declared:
                    added += await self._add(
                        connection, service, schedule, row["time_zone"], now
                    )
        if added:
            self._on_added()
        return added

    async def _add(
        self,
        connection: Transaction,
        service: str,
        schedule: Schedule,
        zone: str,
        now: datetime,
    ) -> int:
        slot = latest_slot(schedule, zone, now)
        place = (service, schedule.name, zone)
        seen, at = self._seen.get(place, (None, 0.0))
        if slot is None:
            return 0
        if slot == seen and time.monotonic() - at < LOOK_AGAIN_SECONDS:
            return 0
        values = {
            "service": service,
            "platform": service == PLATFORM,
            "name": schedule.name,
            "zone": zone,
            "slot": slot,
            "slot_text": slot.isoformat(),
            "attempts": schedule.max_attempts,
        }
        done = await connection.execute(_ADD, values)
        self._seen[place] = (slot, time.monotonic())
        return done.rowcount

    async def _live(self) -> None:
        while True:
            try:
                await self.look(datetime.now(UTC))
            except Exception:
                logger.warning("cannot look at schedules now", exc_info=True)
                self._seen.clear()
            await asyncio.sleep(LOOK_SECONDS)


def latest_slot(schedule: Schedule, zone: str, now: datetime) -> datetime | None:
    """Return the latest instant (UTC) not after `now` at which a schedule was due.

    None for a schedule that was never due, such as 30 February.
    """
    if schedule.every_minutes is not None:
        length = schedule.every_minutes * 60
        begun = int(now.timestamp()) // length * length
        return datetime.fromtimestamp(begun, UTC)
    local = (now + timedelta(minutes=1)).astimezone(_zone(zone))
    slots = CronSim(
        schedule.cron or "", local.replace(second=0, microsecond=0), reverse=True
    )
    found = next(slots, None)
    return None if found is None else found.astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        logger.warning("the time zone %r is unknown; UTC is taken instead", name)
        return ZoneInfo("UTC")
