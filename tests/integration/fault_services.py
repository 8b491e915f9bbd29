"""A service that fails in ways no code can answer, for tests and their children."""

import asyncio
import os
import signal
from pathlib import Path

from registry.service import Event, JobHost, Payload, Service


def fault_code(name: str, folder: Path) -> Service:
    """Return the code of a service whose jobs fail in ways that no code can answer.

    `folder` is where a job says how far it is, and finds what it waits for.
    """
    service = Service(name)

    @service.job("slow")
    async def slow(host: JobHost, payload: Payload) -> dict[str, int]:
        (folder / f"slow-{host.attempt}").touch()
        while not (folder / "go").exists():  # noqa: ASYNC110 - another process's file
            await asyncio.sleep(0.05)
        async with host.transaction() as inside:
            await inside.create(f"{name}.notes", {"text": "once"})
        return {"attempt": host.attempt}

    @service.job("deadly", max_attempts=3)
    async def deadly(host: JobHost, payload: Payload) -> None:
        (folder / f"deadly-{host.attempt}").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    @service.job("easy")
    async def easy(host: JobHost, payload: Payload) -> None:
        async with host.transaction() as inside:
            await inside.create(f"{name}.notes", {"text": "easy"})

    @service.on("notes", "create")
    async def count(host: JobHost, event: Event) -> None:
        if event.changes["text"][1] != "heard":
            return
        async with host.transaction() as inside:
            values = {"text": "counted", "count": event.changes["count"][1]}
            await inside.create(f"{name}.notes", values)
        if event.changes["count"][1] == 1 and host.attempt == 1:
            (folder / "counted").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return service
