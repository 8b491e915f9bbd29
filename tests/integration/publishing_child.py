"""A process that publishes and is killed on the way; run by test_publishing_crash.py.

Reads one JSON object from standard input: the owner's address, and jobs. Each job is
done by a forked child, since that is what a job kills: itself, with SIGKILL, after the
named step. Prints one exit status a line: -9 for the killed, 0 for who came to the end.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row

from metadata.definitions import Service
from registry.publishing import Publisher
from registry.publishing_follow_ups import FollowUps

COMMITTED = "committed"


async def publish(owner: str, job: dict[str, Any]) -> None:
    async def after_step(number: int) -> None:
        if number == job["after"]:
            os.kill(os.getpid(), signal.SIGKILL)

    async with connect(owner) as connection:
        await Publisher(large_table_rows=job["large_table_rows"]).publish(
            connection,
            Service.model_validate(job["definition"]),
            accept_loss=job["accept_loss"],
            after_step=after_step,
        )
        await connection.commit()
        if job["after"] == COMMITTED:
            os.kill(os.getpid(), signal.SIGKILL)


async def follow_up(owner: str, job: dict[str, Any]) -> None:
    async def after_statement(statement: str) -> None:
        job["after"] -= 1
        if job["after"] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    await FollowUps(lambda: connect(owner), after_statement=after_statement).run()


@asynccontextmanager
async def connect(owner: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    made = await psycopg.AsyncConnection.connect(owner, row_factory=dict_row)
    async with made as connection:
        yield connection


def main() -> None:
    order = json.load(sys.stdin)
    for job in order["jobs"]:
        child = os.fork()
        if child == 0:
            work = publish if "definition" in job else follow_up
            asyncio.run(work(order["owner"], job))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        # Or the next child would inherit the line, and write it too.
        sys.stdout.flush()


if __name__ == "__main__":
    main()
