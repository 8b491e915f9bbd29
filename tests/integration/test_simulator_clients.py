"""Independent clients of the RouterOS API find a router in the simulator."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librouteros
import pytest
import routeros_api
from librouteros.exceptions import TrapError
from librouteros.login import async_plain, async_token
from librouteros.query import Key
from routeros_api.exceptions import (
    RouterOsApiCommunicationError,
    RouterOsApiConnectionError,
)

from connectors.mikrotik.simulator import PROFILES, Simulator

USERS = {"admin": "s3cret"}
POOL = {"name": "p", "ranges": "10.0.0.2-10.0.0.9"}
NODE = Path(sys.prefix) / "node"
CLIENT = Path(__file__).parent / "node_routeros"
Commands = list[list[str]]


def furnished(profile: str) -> Simulator:
    simulator = Simulator(profile, USERS)
    simulator.tables["/ip/pool"].add(POOL)
    profiles = simulator.tables["/ppp/profile"]
    profiles.add({"name": "10M", "remote-address": "p", "rate-limit": "5M/10M"})
    return simulator


@pytest.mark.parametrize("profile", PROFILES)
async def test_librouteros_writes_reads_and_is_refused(profile: str) -> None:
    simulator = furnished(profile)
    login = async_token if profile == "6.42" else async_plain
    async with simulator.serve() as (host, port):
        api = await librouteros.async_connect(
            host, "admin", "s3cret", port=port, login_method=login, encoding="utf-8"
        )
        secrets = api.path("ppp", "secret")
        assert [row async for row in secrets] == []
        made = await secrets.add(name="CUST1", password="pw", profile="10M")
        assert made == "*1"
        with pytest.raises(TrapError, match="secret with the same name already exists"):
            await secrets.add(name="CUST1", password="pw")
        await secrets.update(**{".id": made, "comment": "café", "disabled": True})
        name, comment, disabled = Key("name"), Key("comment"), Key("disabled")
        found = secrets.select(name, comment, disabled).where(name == "CUST1")
        assert [row async for row in found] == [
            {"name": "CUST1", "comment": "café", "disabled": True}
        ]
        other = secrets.select(name).where(name == "CUST2")
        assert [row async for row in other] == []
        await secrets.remove(made)
        assert [row async for row in secrets] == []
        await api.close()


async def in_thread(work: Callable[[int], Any], simulator: Simulator) -> Any:
    """Run a client that blocks, beside the simulator."""
    async with simulator.serve() as (_, port):
        return await asyncio.wait_for(asyncio.to_thread(work, port), 20)


def pool_of(port: int) -> routeros_api.RouterOsApiPool:
    return routeros_api.RouterOsApiPool(
        "127.0.0.1",
        username="admin",
        password="s3cret",
        port=port,
        plaintext_login=True,
    )


@pytest.mark.parametrize("profile", PROFILES)
async def test_routeros_api_writes_reads_and_is_refused(profile: str) -> None:
    def work(port: int) -> list[dict[str, str]]:
        pool = pool_of(port)
        try:
            secrets = pool.get_api().get_resource("/ppp/secret")
            assert secrets.get() == []
            added = secrets.add(name="CUST1", password="pw", profile="10M", comment="x")
            assert added.done_message == {"ret": "*1"}
            with pytest.raises(RouterOsApiCommunicationError, match="same name"):
                secrets.add(name="CUST1")
            secrets.set(id="*1", comment="")
            secrets.add(name="CUST2")
            assert secrets.get(name="nobody") == []
            rows: list[dict[str, str]] = secrets.get(name="CUST1")
            secrets.remove(id="*1")
            assert [row["name"] for row in secrets.get()] == ["CUST2"]
            return rows
        finally:
            pool.disconnect()

    simulator = furnished(profile)
    [row] = await in_thread(work, simulator)
    assert row["name"] == "CUST1"
    assert row["profile"] == "10M"
    assert "comment" not in row
    # It tags every command and says an empty value without the second sign.
    [change] = simulator.trace.commands("/ppp/secret/set")
    assert "=comment" in change
    adds = simulator.trace.commands("/ppp/secret/add")
    assert all(any(word.startswith(".tag=") for word in words) for words in adds)


async def test_routeros_api_sees_a_wrong_password() -> None:
    def work(port: int) -> None:
        pool = pool_of(port)
        try:
            with pytest.raises(
                (RouterOsApiCommunicationError, RouterOsApiConnectionError),
                match="invalid user name or password",
            ):
                pool.get_api()
        finally:
            pool.disconnect()

    await in_thread(work, Simulator("7.18", {"admin": "another"}))


@pytest.fixture(scope="session")
def node_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installed node-routeros and the script that uses it."""
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns("node_modules"))
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        env=_with_node(),
        check=True,
        timeout=120,
    )
    return folder


def _with_node() -> dict[str, str]:
    return {**os.environ, "PATH": f"{NODE}{os.pathsep}{os.environ['PATH']}"}


def by_node(folder: Path, commands: Commands) -> Callable[[int], Any]:
    def work(port: int) -> Any:
        done = subprocess.run(
            ["node", "client.cjs", str(port), json.dumps(commands)],
            cwd=folder,
            env=_with_node(),
            capture_output=True,
            text=True,
            check=False,
            timeout=15,
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    return work


ADD = ["/ppp/secret/add", "=name=CUST1", "=password=pw", "=profile=10M"]


@pytest.mark.parametrize("profile", ["6.42", "6.49", "7.12"])
async def test_node_routeros_writes_reads_and_is_refused(
    profile: str, node_client: Path
) -> None:
    commands = [
        ["/ppp/secret/print"],
        ADD,
        ADD,
        ["/ppp/secret/print", "?name=CUST1", "?name=CUST2", "?#|"],
        ["/ppp/secret/remove", "=.id=*1"],
        ["/ppp/secret/print"],
    ]
    heard = await in_thread(by_node(node_client, commands), furnished(profile))
    empty, added, again, found, removed, after = heard
    assert empty == after == removed == {"rows": []}
    assert added == {"rows": [{"ret": "*1"}]}
    assert again == {"error": "failure: secret with the same name already exists"}
    [row] = found["rows"]
    assert (row["name"], row["profile"], row["disabled"]) == ("CUST1", "10M", "false")


async def test_node_routeros_fails_on_the_empty_reply_of_7_18(
    node_client: Path,
) -> None:
    commands = [["/ppp/profile/print"], ["/ppp/secret/print"]]
    heard = await in_thread(by_node(node_client, commands), furnished("7.18"))
    assert "!empty" in json.dumps(heard)
    assert heard != [{"rows": []}, {"rows": []}]
