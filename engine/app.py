"""The composition root of the server: settings → parts → routes → ASGI application."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, Response, Router

from engine import logs
from engine.api import (
    assignments,
    auth,
    connections,
    console,
    describe,
    health,
    import_openapi,
    openapi,
    overlays,
    pages,
)
from engine.api.data import DataApp
from engine.api.entry import AsgiApp, Entry
from engine.api.envelope import JSON, failure
from engine.api.gateway import GatewayApp
from engine.api.problems import client_error
from engine.api.realtime import PATH as REALTIME
from engine.api.realtime import RealtimeApp
from engine.api.requests import AnyRequest, request_id_of
from engine.api.traced import TracedApp
from engine.draining import Draining
from engine.metrics import Metrics
from engine.parts import open_parts
from engine.proxies import Proxies, networks
from engine.settings import Settings
from engine.tracing import configure


def create() -> AsgiApp:
    """Return the application for the settings of the environment."""
    settings = Settings.from_environment()
    logs.configure(settings.log_level)
    # Requests leave no cycles behind: looked for after 700 new objects as usual, they
    # cost a call of the gateway 3 % of its instructions (docs/performance.md).
    gc.set_threshold(10_000, 10, 10)
    return build(settings, ends_at_signal=True)


def build(settings: Settings, *, ends_at_signal: bool = False) -> AsgiApp:
    """Return the application; its parts open when the server starts it."""
    draining = Draining(
        notice_seconds=settings.notice_seconds, drain_seconds=settings.drain_seconds
    )

    tracing = configure()
    # Not Litestar's state, whose look-up costs a call of the gateway 1 % of its time.
    raw: dict[str, AsgiApp] = {}

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_parts(settings) as parts:
            app.state.parts = parts
            raw["data"] = DataApp(parts)
            raw["gateway"] = GatewayApp(parts)
            raw["realtime"] = RealtimeApp(parts, parts.hub, draining.closing)
            parts.jobs.runner.tracing = tracing
            await parts.jobs.start(work=settings.worker == "embedded")
            await parts.gateway.start()
            ends: list[asyncio.Task[None]] = []

            def begin_to_end() -> None:
                parts.health.stopping()
                # Jobs have the same time as requests, so they end beside them.
                ends.append(asyncio.create_task(parts.jobs.stop()))

            draining.on_begin(begin_to_end)
            if ends_at_signal:
                draining.listen()
            try:
                yield
            finally:
                draining.stop()
                await parts.gateway.stop()
                await (ends[0] if ends else parts.jobs.stop())

    api = Router(
        "/api/v1",
        route_handlers=[
            Router("/auth", route_handlers=auth.HANDLERS),
            *assignments.HANDLERS,
            *connections.HANDLERS,
            *overlays.HANDLERS,
            *console.HANDLERS,
            *import_openapi.HANDLERS,
            *describe.HANDLERS,
            *openapi.HANDLERS,
        ],
    )
    app = Litestar(
        route_handlers=[
            api,
            Router("/health", route_handlers=health.HANDLERS),
            health.metrics,
            *pages.handlers(),
        ],
        lifespan=[lifespan],
        exception_handlers={Exception: answer_problem},
        openapi_config=None,
        request_max_body_size=settings.body_limit_bytes,
        logging_config=None,
    )
    metrics = app.state.metrics = Metrics()
    proxies = Proxies(networks(settings.trusted_proxies or ""))
    served = Entry(
        app,  # type: ignore[arg-type]
        lambda: raw["data"],
        proxies,
        metrics,
        gateway=lambda: raw["gateway"],
        sockets={REALTIME: lambda: raw["realtime"]},
        draining=draining,
    )
    return served if tracing is None else TracedApp(served, tracing)


def answer_problem(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Return the one error body for any exception of a handler."""
    request_id = request_id_of(request)
    problem = client_error(error, request_id)
    return Response(
        failure(problem, request_id),
        status_code=problem.status,
        media_type=JSON,
        headers=problem.headers,
    )
