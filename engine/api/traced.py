"""The application inside spans, where traces are wanted (`engine/tracing.py`).

Stands outside the entry, so that a server without traces pays nothing. What is called
further (the gateway's upstream) becomes a child: the request's `traceparent` is
replaced by the span's own.
"""

from engine.api.entry import AsgiApp, Scope, Send, route_of
from engine.api.patience import Receive
from engine.tracing import Tracing, answered


class TracedApp:
    """An ASGI application whose requests are spans."""

    def __init__(self, app: AsgiApp, tracing: Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request inside its span; what is left is sent at the end."""
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            finally:
                self._tracing.close()
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._tracing.request(scope["headers"]) as span:
            parent = (self._tracing.parent() or "").encode()
            others = [pair for pair in scope["headers"] if pair[0] != b"traceparent"]
            scope["headers"] = [*others, (b"traceparent", parent)]
            try:
                await self._app(scope, receive, send)
            finally:
                ctx = scope.get("rangka.context")
                answered(
                    span,
                    route_of(scope),
                    scope["method"],
                    scope.get("rangka.status", 500),
                    scope.get("rangka.request_id", ""),
                    str(ctx.tenant_id) if ctx else "",
                )
