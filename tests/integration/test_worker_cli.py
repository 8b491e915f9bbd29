"""The command `rangka worker`, as an operator starts and stops it."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from uuid import UUID

import pytest
from job_world import definition, fresh_name, open_job_world, until

from engine.settings import Settings
from metadata import bundle
from registry.service import JobHost, Payload, Service
from tests.fixtures.database import own_database

CODE = """
from registry.service import Service

service = Service("{name}")


@service.job("answer")
async def answer(host, payload):
    return {{"said": payload["say"]}}
"""


async def test_a_worker_runs_the_code_of_its_folders_and_ends_when_asked(
    settings: Settings, test_run_dir: Path, tmp_path: Path
) -> None:
    name = fresh_name()
    service = Service(name)

    @service.job("answer")
    async def answer(host: JobHost, payload: Payload) -> None:
        pytest.fail("it runs in the other process")

    with own_database(settings) as own:
        async with open_job_world(own) as world:
            await world.publish(name)
            world.run_code(service)
            await _leave_code(name, tmp_path)
            tenant: UUID = await world.tenant(name)
            await world.enqueue(tenant, name, "answer", payload={"say": "ya"})
            process = await asyncio.create_subprocess_exec(
                Path(sys.executable).with_name("rangka"), "worker",
                env={
                    **os.environ,
                    **own.to_environment(),
                    "RANGKA_SECRET_KEY": own.secret_key.decode(),
                    "RANGKA_SERVICES_PATH": str(tmp_path),
                },
            )  # fmt: skip
            try:

                async def done() -> bool:
                    return await world.states(tenant) == ["done"]

                await until(done)
                process.send_signal(signal.SIGTERM)
                code = await asyncio.wait_for(process.wait(), 30)
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            (job,) = await world.jobs(tenant)
    assert code == 0
    assert job["result"] == {"said": "ya"}


async def _leave_code(name: str, folder: Path) -> None:
    """Put the service into a folder as an administrator of the machine does."""
    place = folder / name
    await asyncio.to_thread(bundle.dump, definition(name), place)
    code = CODE.format(name=name)
    await asyncio.to_thread((place / "service.py").write_text, code)
