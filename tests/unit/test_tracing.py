"""What a span of a request holds, what it does not, and how it goes on."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from engine import tracing
from engine.api.traced import TracedApp

CALLER = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traces(spans: InMemorySpanExporter) -> tracing.Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return tracing.Tracing(provider)


async def called(
    traces: tracing.Tracing, status: int = 200, **headers: bytes
) -> MutableMapping[str, Any]:
    """Return the scope that the application inside got."""
    seen: MutableMapping[str, Any] = {}

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.update(scope)
        scope["rangka.status"] = status
        scope["rangka.route"] = "list_records"
        scope["rangka.request_id"] = "req_1"

    async def nothing(*_: Any) -> Any:
        """Neither send nor receive."""

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/customers",
        "query_string": b"search=secret",
        "headers": [
            (b"authorization", b"Bearer t"),
            *((k.encode(), v) for k, v in headers.items()),
        ],
    }
    await TracedApp(app, traces)(scope, nothing, nothing)
    return seen


async def test_a_span_says_what_was_answered_and_nothing_that_was_sent(
    traces: tracing.Tracing, spans: InMemorySpanExporter
) -> None:
    await called(traces)
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind) == ("GET list_records", SpanKind.SERVER)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "list_records",
        "http.response.status_code": 200,
        "rangka.request_id": "req_1",
        "rangka.tenant": "",
    }
    assert "secret" not in span.to_json()


async def test_a_callers_trace_goes_on_and_further(
    traces: tracing.Tracing, spans: InMemorySpanExporter
) -> None:
    seen = await called(traces, traceparent=CALLER)
    (span,) = spans.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == CALLER.split(b"-")[1].decode()
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == CALLER.split(b"-")[2].decode()
    passed = [value for name, value in seen["headers"] if name == b"traceparent"]
    own = f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-01"
    assert passed == [own.encode()]


async def test_nonsense_begins_a_trace_of_its_own(
    traces: tracing.Tracing, spans: InMemorySpanExporter
) -> None:
    await called(traces, traceparent=b"00-zz\xff-1")
    (span,) = spans.get_finished_spans()
    assert span.parent is None


async def test_an_error_of_the_server_is_marked(
    traces: tracing.Tracing, spans: InMemorySpanExporter
) -> None:
    await called(traces, status=503)
    await called(traces, status=404)
    codes = [span.status.status_code for span in spans.get_finished_spans()]
    assert codes == [StatusCode.ERROR, StatusCode.UNSET]


def test_nothing_is_loaded_without_an_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tracing.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    assert tracing.configure() is None


def test_an_endpoint_that_is_gone_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(tracing.ENDPOINTS[0], "http://127.0.0.1:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    made = tracing.configure()
    assert made is not None
    with made.request([]):
        assert made.parent() is not None
    made.close()
