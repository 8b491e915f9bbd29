"""`/health` and `/metrics` of the running application."""

import dataclasses
import re
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from engine.dependencies import Dependencies
from engine.health import Health
from engine.metrics import Metrics
from engine.settings import Settings
from tests.fixtures.api import Client, World
from tests.fixtures.gateway import endpoint, publish


async def test_the_four_answers(world: World) -> None:
    anyone = world.anonymous
    assert (await anyone.get("/health/live")).json == {"status": "live"}
    started = (await anyone.get("/health/startup")).json
    assert started["status"] == "started"
    assert [p["name"] for p in started["phases"]] == [
        "foundation",
        "core",
        "infrastructure",
        "security",
        "realtime",
        "monitoring",
    ]
    ready = await anyone.get("/health/ready")
    assert (ready.status, ready.json["status"]) == (200, "ready")
    assert ready.json["dependencies"]["database"]["state"] == "ok"
    whole = (await anyone.get("/health")).json
    assert whole["status"] in {"healthy", "degraded"}
    assert {"database", "jobs", "events"} <= set(whole["dependencies"])


async def test_health_tells_nobody_where_things_are(world: World) -> None:
    for path in ("/health", "/health/ready", "/health/startup"):
        body = (await world.anonymous.get(path)).body.decode()
        for word in ("postgres", "password", "/var/", "rangka_app", "127.0.0.1"):
            assert word not in body


async def test_without_a_database_it_is_not_ready(world: World) -> None:
    health = world.app._app.state.parts.health
    asked = health._needed["database"]

    async def unreachable() -> Any:
        raise OSError("no route to host")

    health.needs("database", unreachable)
    try:
        ready = await world.anonymous.get("/health/ready")
        whole = await world.anonymous.get("/health")
        live = await world.anonymous.get("/health/live")
    finally:
        health.needs("database", asked)
    assert (ready.status, whole.status, live.status) == (503, 503, 200)
    assert whole.json["status"] == "unhealthy"
    assert (await world.anonymous.get("/health/ready")).status == 200


async def test_redis_that_is_gone_is_told_and_takes_nobody_out_of_service(
    world: World,
) -> None:
    parts = world.app._app.state.parts
    settings = dataclasses.replace(parts.settings, redis_url="redis://127.0.0.1:1/0")
    lost = Dependencies(settings, parts.database, parts.hub)
    health = Health()
    lost.tell(health)
    health.started()
    assert (await health.is_ready())[0] is True
    status, found = await health.report()
    assert (status, found["redis"].state) == ("degraded", "down")
    await lost.close()


async def test_external_services_are_counted_and_never_named(
    world: World, settings: Settings
) -> None:
    await world.app._app.state.parts.gateway.health.stop()
    shown = [endpoint("show", "/show")]
    name = await publish(
        world, "https://api.example", shown, health_check_url="http://10.0.0.1/up"
    )
    with psycopg.connect(settings.system_database_url, autocommit=True) as system:
        system.execute("delete from rangka.service_health")
        for state, told in (
            ("unknown", "ok"),
            ("healthy", "ok"),
            ("unhealthy", "degraded"),
        ):
            system.execute(
                "insert into rangka.service_health (service, state, message) "
                "values (%s, %s, 'No answer from 10.0.0.1.') "
                "on conflict (service) do update set state = excluded.state",
                (name, state),
            )
            reply = await world.anonymous.get("/health")
            found = reply.json["dependencies"]["external_services"]
            del found["milliseconds"]
            counts = {"healthy": 0, "unhealthy": 0, "unknown": 0}
            assert found == {"state": told, **counts, state: 1}
            assert reply.status == 200
            for word in (name, "10.0.0.1", "example"):
                assert word not in reply.body.decode()
            assert (await world.anonymous.get("/health/ready")).status == 200
        text = (await world.anonymous.get("/metrics")).body.decode()
        assert 'rangka_external_services{state="unhealthy"} 1.0' in text
        assert name not in text
        system.execute("delete from rangka.service_health")
    assert reply.json["status"] == "degraded"


async def test_metrics_count_by_handler_and_never_by_path(world: World) -> None:
    missing = "/api/v1/data/lab/samples/0190a0a0-0000-7000-8000-00000000beef"
    await world.operator.get("/api/v1/data/lab/samples")
    await world.operator.get(missing)
    await world.operator.request("BREW", "/api/v1/data/lab/samples")
    await world.anonymous.get("/nothing/here")
    reply = await world.anonymous.get("/metrics")
    text = reply.body.decode()
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert count(text, route="list_records", method="GET", status="2xx") >= 1
    assert count(text, route="get", method="GET", status="4xx") >= 1
    assert 'method="OTHER"' in text
    assert re.search(r'^rangka_jobs\{state="failed"\} ', text, re.MULTILINE)
    assert re.search(r"^rangka_events_waiting ", text, re.MULTILINE)
    assert re.search(r'^rangka_tenants\{state="active"\} ', text, re.MULTILINE)
    assert "rangka_http_requests_in_progress 1.0" in text
    for word in ("lab", "beef", "BREW", str(world.ours), "@"):
        assert word not in text


def count(text: str, **labels: str) -> float:
    """Return the value of a counter of the histogram with these labels."""
    for line in text.splitlines():
        if line.startswith("rangka_http_request_seconds_count{") and all(
            f'{name}="{value}"' in line for name, value in labels.items()
        ):
            return float(line.rsplit(" ", 1)[1])
    return 0.0


async def test_metrics_are_for_their_networks_only(world: World) -> None:
    reply = await Client(stranger(world.app)).get("/metrics")
    assert reply.status == 404


def stranger(app: Any) -> Any:
    """Return the application as a peer elsewhere reaches it."""

    async def called(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": ("203.0.113.9", 1)}, receive, send)

    return called


@pytest.mark.parametrize("rounds", [3])
def test_processes_count_in_one_place(tmp_path: Any, rounds: int) -> None:
    code = (
        "import asyncio, sys; from engine import metrics\n"
        "async def count():\n"
        "    made = metrics.Metrics()\n"
        "    made.begun(); made.answered('get', 'GET', 200, 0.01)\n"
        "    made.begun(); sys.stdout.write(made.text({}).decode())\n"
        "asyncio.run(count())"
    )
    from engine.metrics import share

    environment = share(tmp_path / "metrics")
    for _ in range(rounds):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PATH": "/usr/bin", **environment},
            capture_output=True,
            text=True,
            check=True,
        )
    assert count(done.stdout, route="get") == rounds
    # Those that have ended, however it was, are doing nothing any more.
    assert "rangka_http_requests_in_progress 1.0\n" in done.stdout
    # A new start begins at nothing.
    share(tmp_path / "metrics")
    assert list((tmp_path / "metrics").iterdir()) == []
    assert count(Metrics().text({}).decode(), route="get") == 0
