"""Log lines and spans of a job say whose it is, as a request's do; nothing of it."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from job_world import JobWorld, fresh_name, open_job_world, until, working
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from engine.logs import JsonFormatter
from engine.settings import Settings
from engine.tracing import Tracing
from registry.service import JobHost, Payload, Service


@pytest.fixture
async def world(own: Settings) -> AsyncIterator[JobWorld]:
    async with open_job_world(own) as opened:
        yield opened


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged, as `rangka` writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel("INFO")
    yield written
    root.removeHandler(handler)
    root.setLevel(before)


async def test_every_line_of_a_job_names_tenant_user_request_and_job(
    world: JobWorld, lines: io.StringIO
) -> None:
    code = Service(fresh_name())
    own_log = logging.getLogger("somebody.service")

    @code.job("speak", max_attempts=2)
    async def speak(host: JobHost, payload: Payload) -> None:
        own_log.info("the router was asked")
        if host.attempt == 1:
            raise RuntimeError("no answer")

    await world.publish(code.name)
    world.run_code(code)
    tenant = await world.tenant(code.name)
    async with working(world):
        await world.enqueue(tenant, code.name, "speak", payload={"note": "kopi"})

        async def done() -> bool:
            return await world.states(tenant) == ["done"]

        await until(done)
    (job,) = await world.jobs(tenant)
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    of_job = [line for line in logged if line.get("job_id") == str(job["id"])]
    said = [(line["message"].partition(":")[0], line["attempt"]) for line in of_job]
    assert said == [
        ("the router was asked", 1),
        ("job", 1),
        ("attempt 1 of 2 failed", 1),
        ("the router was asked", 2),
        ("job", 2),
    ]
    for line in of_job:
        assert (line["tenant_id"], line["service"]) == (str(tenant), code.name)
        assert (line["job"], line["request_id"]) == ("speak", "req_jobs")
        assert line["user_id"] == str(job["created_by"])
        assert "kopi" not in json.dumps(line)
    ends = [line["raised"] for line in of_job if line["message"] == "job"]
    assert ends == ["RuntimeError", None]
    # Other applications of this process may run jobs and answer requests meanwhile.
    others = [
        line
        for line in logged
        if line["logger"].startswith("rangka.jobs") and "job_id" not in line
    ]
    assert not any("tenant_id" in line for line in others)


async def test_an_attempt_is_a_span_without_what_was_said(world: JobWorld) -> None:
    code = Service(fresh_name())

    @code.job("speak", max_attempts=2)
    async def speak(host: JobHost, payload: Payload) -> None:
        if host.attempt == 1:
            raise RuntimeError(f"no answer to {payload['note']}")

    await world.publish(code.name)
    world.run_code(code)
    tenant = await world.tenant(code.name)
    spans, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    world.parts.jobs.runner.tracing = Tracing(provider)
    async with working(world):
        await world.enqueue(tenant, code.name, "speak", payload={"note": "kopi"})

        async def done() -> bool:
            return await world.states(tenant) == ["done"]

        await until(done)
    first, second = spans.get_finished_spans()
    known = {"rangka.request_id": "req_jobs", "rangka.tenant": str(tenant)}
    assert (first.name, second.name) == (f"job {code.name}.speak",) * 2
    assert dict(first.attributes or {}) == {
        **known,
        "rangka.attempt": 1,
        "error.type": "RuntimeError",
    }
    assert dict(second.attributes or {}) == {**known, "rangka.attempt": 2}
    assert (first.status.status_code, second.status.status_code) == (
        StatusCode.ERROR,
        StatusCode.UNSET,
    )
    assert "kopi" not in first.to_json() + second.to_json()
