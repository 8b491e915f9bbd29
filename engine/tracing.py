"""Traces of requests and jobs for OpenTelemetry, when an endpoint is set.

`OTEL_EXPORTER_OTLP_ENDPOINT` (and the other variables of the OpenTelemetry
specification) say where they go. Without it nothing is loaded and nothing is done.
A span holds the name of the handler or job, how it ended, the request id and the
tenant's id; never a path, a query, a body, a header or a payload.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Tracing:
    """Makes spans; `configure` gives one where traces are wanted."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace.propagation.tracecontext import (
            TraceContextTextMapPropagator,
        )

        self._provider = provider
        self._tracer = provider.get_tracer("rangka")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, headers: Iterable[tuple[bytes, bytes]]) -> Iterator["Span"]:
        """Yield the span of a request, a child of its caller (W3C Trace Context)."""
        from opentelemetry.trace import SpanKind

        carrier = {
            name.decode(): value.decode("latin-1")
            for name, value in headers
            if name in {b"traceparent", b"tracestate"}
        }
        parent = self._propagator.extract(carrier)
        with self._tracer.start_as_current_span(
            "request", context=parent, kind=SpanKind.SERVER
        ) as span:
            yield span

    @contextmanager
    def job(
        self, name: str, request_id: str, tenant: str, attempt: int
    ) -> Iterator["Span"]:
        """Yield the span of one attempt of a job, `service.job`."""
        from opentelemetry.trace import SpanKind

        with self._tracer.start_as_current_span(
            f"job {name}",
            kind=SpanKind.CONSUMER,
            attributes={
                "rangka.request_id": request_id,
                "rangka.tenant": tenant,
                "rangka.attempt": attempt,
            },
            # The text of an exception may hold what was read.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def parent(self) -> str | None:
        """Return the `traceparent` to pass on from here, None outside a span."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get("traceparent")

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def raised(span: "Span", error: str) -> None:
    """Write down that an attempt of a job failed, by the name of its exception."""
    from opentelemetry.trace import StatusCode

    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR)


def answered(
    span: "Span", route: str, method: str, status: int, request_id: str, tenant: str
) -> None:
    """Write down how a request ended (HTTP semantic conventions of OpenTelemetry)."""
    from opentelemetry.trace import StatusCode

    span.update_name(f"{method} {route}")
    span.set_attributes(
        {
            "http.request.method": method,
            "http.route": route,
            "http.response.status_code": status,
            "rangka.request_id": request_id,
            "rangka.tenant": tenant,
        }
    )
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def configure() -> Tracing | None:
    """Return what makes spans when an endpoint is set, else None.

    Spans are sent in batches by a thread of their own; an endpoint that is gone costs
    the traces and nothing else.
    """
    if not any(os.environ.get(name) for name in ENDPOINTS):
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "rangka")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)
