"""`/health`: is the process alive, started, and able to serve."""

from litestar import Response, get

from engine.api.envelope import JSON, encode
from engine.api.requests import AnyRequest, parts_of
from engine.database_errors import DatabaseError
from engine.driver import Statement

_ONE = Statement("select 1")


@get("/live")
async def live() -> Response[bytes]:
    """Answer 200 as long as the process answers at all."""
    return _status(200, {"status": "live"})


@get(["/ready", "/startup", "/"])
async def ready(request: AnyRequest) -> Response[bytes]:
    """Answer 200 when the database answers, 503 otherwise."""
    try:
        await parts_of(request).database.fetch(None, _ONE, [], idempotent=True)
    except DatabaseError:
        return _status(503, {"status": "not ready", "database": "unreachable"})
    return _status(200, {"status": "ready", "database": "ok"})


HANDLERS = [live, ready]


def _status(code: int, body: dict[str, str]) -> Response[bytes]:
    return Response(encode(body), status_code=code, media_type=JSON)
