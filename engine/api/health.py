"""`/health` and `/metrics`: is the process alive, started, able to serve; how busy.

`/health` says what every dependency answered; it holds no address and no name of a
tenant. `/metrics` answers the networks of `RANGKA_METRICS_NETWORKS` only.
"""

import ipaddress
from typing import Any

from litestar import Response, get

from engine.api.envelope import JSON, encode
from engine.api.requests import AnyRequest, parts_of
from engine.errors import NotFound
from engine.health import Finding, State
from engine.proxies import networks

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@get("/live")
async def live() -> Response[bytes]:
    """Answer 200 as long as the process answers at all."""
    return _status(200, {"status": "live"})


@get("/startup")
async def startup(request: AnyRequest) -> Response[bytes]:
    """Answer 200 once every phase of the start is through, 503 before."""
    health = parts_of(request).health
    is_up = health.state not in {State.STARTING, State.INITIALIZING, State.FAILED}
    phases = [{"name": p.name, "seconds": p.seconds} for p in health.phases]
    body = {"status": "started" if is_up else "starting", "phases": phases}
    return _status(200 if is_up else 503, body)


@get("/ready")
async def ready(request: AnyRequest) -> Response[bytes]:
    """Answer 200 when requests may come here, 503 otherwise."""
    health = parts_of(request).health
    is_ready, found = await health.is_ready()
    body = {
        "status": "ready" if is_ready else "not ready",
        "state": health.state,
        "dependencies": _told(found),
    }
    return _status(200 if is_ready else 503, body)


@get("/")
async def report(request: AnyRequest) -> Response[bytes]:
    """Answer how everything is: 200 healthy or degraded, 503 unhealthy."""
    health = parts_of(request).health
    status, found = await health.report()
    body = {"status": status, "state": health.state, "dependencies": _told(found)}
    return _status(503 if status == "unhealthy" else 200, body)


@get("/metrics", media_type=METRICS_TYPE)
async def metrics(request: AnyRequest) -> Response[bytes]:
    """Answer the figures in Prometheus' text format; 404 to everybody else."""
    parts = parts_of(request)
    allowed = networks(parts.settings.metrics_networks)
    peer = request.client.host if request.client else ""
    if not any(ipaddress.ip_address(peer) in network for network in allowed):
        raise NotFound("There is nothing at this path.")
    gauges = await parts.dependencies.gauges()
    text = request.app.state.metrics.text(gauges)
    return Response(text, media_type=METRICS_TYPE)


HANDLERS = [live, startup, ready, report]


def _told(found: dict[str, Finding]) -> dict[str, Any]:
    return {
        name: {
            "state": finding.state,
            "milliseconds": finding.milliseconds,
            **finding.details,
        }
        for name, finding in found.items()
    }


def _status(code: int, body: dict[str, Any]) -> Response[bytes]:
    return Response(encode(body), status_code=code, media_type=JSON)
