"""A process of an installation that a test starts and kills.

`python job_child.py MODE SERVICE FOLDER`: MODE `work` runs jobs, `dispatch` passes on
one batch after the other and stops in the midst of each, `publish` the same for
streams. FOLDER is where it says how far it is.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from fault_services import fault_code

from engine.jobs.process import Jobs
from engine.parts import Parts, open_parts
from engine.settings import Settings


async def main(mode: str, service: str, folder: Path) -> None:
    """Do what the mode says until killed."""
    async with open_parts(Settings.from_environment()) as parts:
        records = parts.records
        records._steps.code = {**records.code, service: fault_code(service, folder)}
        if mode == "work":
            stop = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
            await parts.jobs.start(work=True)
            (folder / "ready").touch()
            await stop.wait()
            await parts.jobs.stop()
        elif mode == "dispatch":
            await dispatch(parts.jobs, folder)
        else:
            await publish(parts, folder)


async def dispatch(jobs: Jobs, folder: Path) -> None:
    """Pass on one batch, then die in the second before its rows are deleted."""
    await jobs.dispatcher.pass_on()
    add = jobs.dispatcher._add_jobs

    async def add_and_die(*args: object) -> None:
        await add(*args)  # type: ignore[arg-type] # as given
        (folder / "passed").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    jobs.dispatcher._add_jobs = add_and_die  # type: ignore[method-assign] # the fault
    await jobs.dispatcher.pass_on()


async def publish(parts: Parts, folder: Path) -> None:
    """Add events to the stream and die before they are marked as added."""
    streams = parts.jobs._streams
    assert streams is not None

    async def die() -> None:
        (folder / "published").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    await parts.jobs.dispatcher.pass_on()
    streams._after_publish = die
    await streams.publish()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
