"""Keeps the number of measurements, sessions and runs bounded, by two settings.

Called by the schedule `tidy`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from registry.builtin.network.records import PAGE, RUNS, SAMPLES, SESSIONS
from registry.service import JobHost


async def tidy(host: JobHost) -> Mapping[str, int]:
    """Delete what is older than the settings say; return how many rows of each."""
    settings = await host.settings()
    now = datetime.now(UTC)
    samples = (now - timedelta(days=int(settings.get("sample_days") or 7))).isoformat()
    others = (now - timedelta(days=int(settings.get("run_days") or 30))).isoformat()
    return {
        "samples": await _delete(host, SAMPLES, {"at": {"_lt": samples}}),
        "sessions": await _delete(host, SESSIONS, {"ended_at": {"_lt": others}}),
        "runs": await _delete(host, RUNS, {"at": {"_lt": others}}),
    }


async def _delete(host: JobHost, entity: str, condition: Mapping[str, Any]) -> int:
    deleted = 0
    while True:
        async with host.transaction() as inside:
            old = await inside.find(entity, condition, limit=PAGE)
            for row in old:
                await inside.delete(entity, row["id"])
        deleted += len(old)
        if len(old) < PAGE:
            return deleted
