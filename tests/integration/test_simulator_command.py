"""The simulated router as a program."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest
from router_words import connected

ROOT = Path(__file__).parents[2]


async def start(*options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connectors.mikrotik.simulator", *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_customers_until_it_is_told_to_end(number: int) -> None:
    program = await start(
        "--port", "0", "--profile", "7.21", "--secrets", "3", "--trace"
    )
    assert program.stdout is not None
    try:
        async with asyncio.timeout(20):
            said = (await program.stdout.readline()).decode()
            found = re.fullmatch(
                r"RouterOS 7\.21 \(stable\) on 127\.0\.0\.1:(\d+), "
                r"serial HGA09SIM0001, 3 secrets\n",
                said,
            )
            assert found, said
            async with connected(("127.0.0.1", int(found[1]))) as words:
                done = await words.ask("/login", "=name=admin", "=password=rangka")
                assert done == [["!done"]]
                rows = await words.rows("/ppp/active/print", "=.proplist=name")
                names = [row["name"] for row in rows]
            program.send_signal(number)
            told, errors = await program.communicate()
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()
    assert names == ["SIM00001", "SIM00002", "SIM00003"]
    assert program.returncode == 0
    assert errors == b""
    assert b"1 >>> /login =name=admin =password=***\n" in told
    assert b"rangka" not in told


async def test_it_does_not_outlive_who_holds_its_input() -> None:
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "connectors.mikrotik.simulator"),
        *("--port", "0", "--until-eof"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert program.stdin is not None
    assert program.stdout is not None
    try:
        async with asyncio.timeout(20):
            await program.stdout.readline()
            program.stdin.write(b"anything\n")
            await program.stdin.drain()
            assert program.returncode is None
            program.stdin.close()
            assert await program.wait() == 0
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--profile", "5.26"], "invalid choice"),
        (["--secrets", "-1"], "is not in 0..10000"),
        (["--secrets", "10001"], "is not in 0..10000"),
        (["--port", "0", "--tls", "/nowhere.pem", "/nowhere.key"], "--tls"),
        (["--host", "192.0.2.1"], "cannot start on 192.0.2.1:8728"),
    ],
)
async def test_wrong_options_are_explained(options: list[str], message: str) -> None:
    program = await start(*options)
    async with asyncio.timeout(20):
        told, errors = await program.communicate()
    assert program.returncode
    assert message in errors.decode()
    assert "Traceback" not in errors.decode()
    assert told == b""
