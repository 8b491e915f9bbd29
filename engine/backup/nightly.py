"""The backup of every night, as a schedule of the platform.

It belongs to the core tenant, whose administrators see in the list of jobs when it ran,
what it wrote and why it failed.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.backup.dump import Abort, Backup, make, prune
from engine.settings import Settings
from registry.service import JobHost, Service

CRON = "0 2 * * *"
LONGEST_SECONDS = 4 * 3600


def declare(service: Service, settings: Settings) -> None:
    """Declare the backup of 02:00, in the core tenant's time zone."""

    @service.schedule(
        "backup", cron=CRON, max_attempts=4, timeout_seconds=LONGEST_SECONDS
    )
    async def backup(_host: JobHost) -> Mapping[str, Any]:
        made = await _made(settings)
        gone = await asyncio.to_thread(
            prune, settings, settings.backup_dir, settings.backup_keep
        )
        return {
            "file": made.path.name,
            "bytes": made.size,
            "deleted": [path.name for path in gone],
        }


async def _made(settings: Settings) -> Backup:
    """Make a backup; a job that is cancelled leaves none and nothing that runs."""
    abort = Abort()
    # pg_dump works in a process of its own; the thread only waits and encrypts.
    making = asyncio.create_task(
        asyncio.to_thread(make, settings, settings.backup_dir, abort=abort)
    )
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        abort.now()
        await asyncio.gather(making, return_exceptions=True)
        raise
