"""The hot path as an ASGI application of its own: `/api/v1/data/{service}/{entity}/…`.

Turns a request into a call of `records`, `reader` or `transfer` and wraps the bytes
that come back. Holds no rule of its own.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine import payload
from engine.api.entry import PRIMARY, Scope, Send
from engine.api.envelope import encode, failure, success, success_of
from engine.api.http import Request, answer, authenticate, peek, segments
from engine.api.patience import Receive
from engine.api.problems import MethodNotAllowed, client_error
from engine.context import RequestContext
from engine.database_errors import DatabaseError
from engine.errors import BadRequest, NotFound, RangkaError
from engine.freshness import RUNS
from engine.parts import Parts
from engine.record_steps import Written
from metadata.compiled import CompiledEntity


@dataclass(frozen=True, slots=True)
class Call:
    """One request with what was found for it."""

    request: Request
    ctx: RequestContext
    entity: CompiledEntity
    send: Send
    path: str


_ETAG = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')
"""The version of a record, quoted as RFC 9110 writes an entity tag, or bare."""

Handler = Callable[["DataApp", Call, list[str]], Awaitable[None]]


class DataApp:
    """The data routes as one ASGI application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; every error becomes the one error body."""
        request = Request(scope, receive)
        try:
            await self._serve(request, send)
        except Exception as error:  # noqa: BLE001 - the root of the data routes
            problem = client_error(error, request.request_id)
            headers = [
                (name.lower().encode(), value.encode())
                for name, value in problem.headers.items()
            ]
            body = failure(problem, request.request_id)
            await answer(send, problem.status, body, headers)

    async def _serve(self, request: Request, send: Send) -> None:
        identity = self._parts.identity
        ctx = peek(request, identity) or await authenticate(request, identity)
        request.scope["rangka.context"] = ctx
        path = request.scope["rangka.path"]
        parts = segments(request.scope["rangka.data_path"])
        if len(parts) < 2:
            raise NotFound("Name a service and an entity: /data/{service}/{entity}.")
        service, name, *rest = parts
        freshness = self._parts.freshness
        for left in reversed(range(RUNS)):
            mark = freshness.mark
            try:
                await self._dispatch(request, ctx, send, service, name, rest, path)
            except (DatabaseError, RangkaError) as error:
                # It may have been made for a version that was published over; imports
                # run again by themselves, since their body cannot be read twice.
                if (
                    not left
                    or request.is_streamed
                    or not await freshness.is_outdated(error, mark)
                ):
                    raise
            else:
                return

    async def _dispatch(
        self,
        request: Request,
        ctx: RequestContext,
        send: Send,
        service: str,
        name: str,
        rest: list[str],
        path: str,
    ) -> None:
        entity = await self._entity(ctx, service, name)
        handler = _route(request.method, rest)
        request.scope["rangka.route"] = handler.__name__
        await handler(self, Call(request, ctx, entity, send, path), rest)

    async def _entity(
        self, ctx: RequestContext, service: str, name: str
    ) -> CompiledEntity:
        catalog = self._parts.catalog
        if name == PRIMARY:
            found = await catalog.service(ctx.tenant_id, service)
            entity = found.primary if found else None
        else:
            entity = catalog.peek_entity(ctx.tenant_id, service, name)
            if entity is None:
                entity = await catalog.entity(ctx.tenant_id, service, name)
        if entity is None:
            raise NotFound("There is no such service or entity for this tenant.")
        return entity

    # -- handlers ----------------------------------------------------------------

    async def list_records(self, call: Call, _rest: list[str]) -> None:
        """GET a list, or an aggregate of it."""
        data, page = await self._parts.reader.page(
            call.ctx, call.entity, call.request.query
        )
        links = {"self": _with_query(call.path, call.request.query)}
        body = success(data, call.request.request_id, page=page, links=links)
        await answer(call.send, 200, body)

    async def create(self, call: Call, _rest: list[str]) -> None:
        """POST a new record; honours Idempotency-Key."""
        raw = await self._body(call)
        document = payload.decode_object(raw)

        async def run(session: Any) -> tuple[int, dict[str, str], bytes]:
            written = await self._writer(call).create(
                call.ctx, call.entity, document, session=session
            )
            return 201, _created_headers(call, written), _record(call, written)

        await self._once(call, raw, run)

    async def get(self, call: Call, rest: list[str]) -> None:
        """GET one record, with its ETag.

        The tag is the record's version, for If-Match. It tells nothing of what is shown
        beside the record, so only a plain read is ever answered with 304.
        """
        record_id = _id(rest[0])
        body, version = await self._parts.reader.get_for_client(
            call.ctx, call.entity, record_id, call.request.query
        )
        etag = f'"{version}"'
        known = call.request.header(b"if-none-match")
        if known == etag and not call.request.query:
            await answer(call.send, 304, b"", [(b"etag", etag.encode())])
            return
        document = success(body, call.request.request_id, links={"self": call.path})
        await answer(call.send, 200, document, [(b"etag", etag.encode())])

    async def patch(self, call: Call, rest: list[str]) -> None:
        """PATCH some fields of a record."""
        await self._update(call, rest, whole=False)

    async def put(self, call: Call, rest: list[str]) -> None:
        """PUT a whole record."""
        await self._update(call, rest, whole=True)

    async def _update(self, call: Call, rest: list[str], *, whole: bool) -> None:
        document = payload.decode_object(await self._body(call))
        written = await self._writer(call).update(
            call.ctx,
            call.entity,
            _id(rest[0]),
            document,
            expected_version=_expected(call.request),
            whole=whole,
        )
        await answer(call.send, 200, _record(call, written), [_etag(written)])

    async def delete(self, call: Call, rest: list[str]) -> None:
        """DELETE a record."""
        await self._writer(call).delete(
            call.ctx,
            call.entity,
            _id(rest[0]),
            expected_version=_expected(call.request),
        )
        await answer(call.send, 204, b"")

    async def restore(self, call: Call, rest: list[str]) -> None:
        """POST …/{id}/restore."""
        written = await self._parts.records.restore(call.ctx, call.entity, _id(rest[0]))
        await answer(call.send, 200, _record(call, written), [_etag(written)])

    async def history(self, call: Call, rest: list[str]) -> None:
        """GET …/{id}/history."""
        entries, page = await self._parts.history.of(
            call.ctx, call.entity, _id(rest[0]), call.request.query
        )
        body = success_of(entries, call.request.request_id, page=page)
        await answer(call.send, 200, body)

    async def act(self, call: Call, rest: list[str]) -> None:
        """POST an action on the entity or on a record; honours Idempotency-Key."""
        on_record = len(rest) == 3
        record_id = _id(rest[0]) if on_record else None
        raw = await self._body(call)
        document = payload.decode_object(raw) if raw.strip() else {}

        acting: Any = self._parts.records
        if call.entity.is_platform:
            acting = self._parts.platform.actions(call.entity)

        async def run(session: Any) -> tuple[int, dict[str, str], bytes]:
            result, written = await acting.act(
                call.ctx,
                call.entity,
                rest[-1],
                record_id,
                document,
                expected_version=_expected(call.request),
                session=session,
            )
            record = written.body if written else b"null"
            data = b'{"result":' + encode(result) + b',"record":' + record + b"}"
            return 200, {}, success(data, call.request.request_id)

        await self._once(call, raw, run)

    async def bulk(self, call: Call, _rest: list[str]) -> None:
        """POST …/bulk: many writes, together or each by itself."""
        raw = await self._body(call)
        document = payload.decode_object(raw)

        async def run(session: Any) -> tuple[int, dict[str, str], bytes]:
            data = await self._parts.bulk.run(
                call.ctx, call.entity, document, session, self._writer(call)
            )
            return 200, {}, success(data, call.request.request_id)

        await self._once(call, raw, run)

    async def import_file(self, call: Call, _rest: list[str]) -> None:
        """POST …/import: a CSV or JSONL file as the body."""
        report = await self._parts.imports.run(
            call.ctx,
            call.entity,
            call.request.chunks(self._parts.settings.import_limit_bytes),
            content_type=call.request.header(b"content-type") or "",
            query=call.request.query,
        )
        await answer(call.send, 200, success_of(report, call.request.request_id))

    async def import_errors(self, call: Call, rest: list[str]) -> None:
        """GET …/imports/{id}/errors: the rows that failed, as CSV."""
        stream = self._parts.imports.errors(call.ctx, call.entity, _id(rest[1]))
        await _stream(call.send, stream, "text/csv; charset=utf-8", "import-errors.csv")

    async def export(self, call: Call, _rest: list[str]) -> None:
        """GET …/export?format=csv|jsonl|xlsx: the list with its filters, whole."""
        export = await self._parts.exports.start(
            call.ctx,
            call.entity,
            call.request.query,
            call.request.header(b"accept-language"),
        )
        await _stream(call.send, export.chunks, export.content_type, export.file_name)

    # -- shared ------------------------------------------------------------------

    def _writer(self, call: Call) -> Any:
        """Return who writes this entity: the records, or a platform writer."""
        if call.entity.is_platform:
            return self._parts.platform.writer(call.entity)
        return self._parts.records

    async def _body(self, call: Call) -> bytes:
        return await call.request.body(self._parts.settings.body_limit_bytes)

    async def _once(self, call: Call, raw: bytes, run: Any) -> None:
        """Answer a write; with an Idempotency-Key the same answer every time."""
        key = call.request.header(b"idempotency-key")
        if key is None:
            status, headers, body = await run(None)
        else:
            idempotency = self._parts.idempotency
            digest = idempotency.fingerprint(call.request.method, call.path, raw)
            status, headers, body = await idempotency.once(
                call.ctx, key, digest, run, platform=call.entity.is_platform
            )
            self._parts.jobs.ring()
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        await answer(call.send, status, body, pairs)


_COLLECTION: Mapping[str, Handler] = {
    "GET": DataApp.list_records,
    "POST": DataApp.create,
}
_RECORD: Mapping[str, Handler] = {
    "GET": DataApp.get,
    "PATCH": DataApp.patch,
    "PUT": DataApp.put,
    "DELETE": DataApp.delete,
}
_BELOW_COLLECTION: Mapping[str, Mapping[str, Handler]] = {
    "bulk": {"POST": DataApp.bulk},
    "import": {"POST": DataApp.import_file},
    "export": {"GET": DataApp.export},
}
_BELOW_RECORD: Mapping[str, Mapping[str, Handler]] = {
    "history": {"GET": DataApp.history},
    "restore": {"POST": DataApp.restore},
}
_ACTION: Mapping[str, Handler] = {"POST": DataApp.act}
_IMPORT_ERRORS: Mapping[str, Handler] = {"GET": DataApp.import_errors}


def _route(method: str, rest: list[str]) -> Handler:
    match rest:
        case []:
            methods = _COLLECTION
        case [word] if word in _BELOW_COLLECTION:
            methods = _BELOW_COLLECTION[word]
        case [_]:
            methods = _RECORD
        case ["actions", _]:
            methods = _ACTION
        case [_, word] if word in _BELOW_RECORD:
            methods = _BELOW_RECORD[word]
        case [_, "actions", _]:
            methods = _ACTION
        case ["imports", _, "errors"]:
            methods = _IMPORT_ERRORS
        case _:
            raise NotFound("There is nothing at this path.")
    handler = methods.get("GET" if method == "HEAD" else method)
    if handler is None:
        allowed = ", ".join(methods)
        raise MethodNotAllowed(
            f"This path takes {allowed}.", headers={"Allow": allowed}
        )
    return handler


async def _stream(send: Send, chunks: Any, content_type: str, name: str) -> None:
    """Send a download; an error after its first byte cuts the connection short.

    The first piece is made before anything is sent, so that what is wrong with the
    request itself still gets the error body.
    """
    first = await anext(chunks, b"")
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [
                (b"content-type", content_type.encode()),
                (b"content-disposition", f'attachment; filename="{name}"'.encode()),
                (b"cache-control", b"no-store"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": first, "more_body": True})
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("There is no such record; an id is a UUID.") from error


def _expected(request: Request) -> int | None:
    text = request.header(b"if-match")
    if text is None or text == "*":
        return None
    match = _ETAG.fullmatch(text.strip())
    if match is None:
        raise BadRequest('If-Match holds the ETag you got, such as "3".')
    return int(match[1])


def _etag(written: Written) -> tuple[bytes, bytes]:
    return b"etag", f'"{written.version}"'.encode()


def _record(call: Call, written: Written) -> bytes:
    return success(written.body, call.request.request_id)


def _created_headers(call: Call, written: Written) -> dict[str, str]:
    location = f"{call.path.rstrip('/')}/{written.id}"
    return {"etag": f'"{written.version}"', "location": location}


def _with_query(path: str, query: str) -> str:
    return f"{path}?{query}" if query else path
