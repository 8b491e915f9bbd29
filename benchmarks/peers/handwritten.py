"""The least that can be written: ASGI, psycopg's pool, SQL that builds the JSON.

One fixed entity, no tenants, no permissions, no validation beyond what SQL does; the
create writes the log row and the outbox id as well.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from psycopg_pool import AsyncConnectionPool

_COLUMNS = (
    "id, code, name, email, phone, city, status, quantity, balance, joined_on, "
    "seen_at, is_active, address, extra, created_at, updated_at, version"
)
_LIST = f"""select json_agg(row_to_json(r))::text from (
    select {_COLUMNS} from svc_bench.items where tenant_id = %s
    order by created_at desc, id desc limit 50) r"""
_GET = f"""select row_to_json(r)::text from (
    select {_COLUMNS} from svc_bench.items where tenant_id = %s and id = %s) r"""
_CREATE = f"""with r as (
    insert into svc_bench.items (tenant_id, id, created_by, updated_by, code, name,
        email, phone, city, status, quantity, balance, joined_on, is_active, address,
        extra)
    select %(tenant)s, gen_random_uuid(), %(tenant)s, %(tenant)s, x.code, x.name,
        x.email, x.phone, x.city, x.status, x.quantity, x.balance, x.joined_on,
        x.is_active, x.address, x.extra
    from jsonb_to_record(%(body)s::jsonb) as x(code text, name text, email text,
        phone text, city text, status text, quantity integer, balance bigint,
        joined_on date, is_active boolean, address inet, extra jsonb)
    returning {_COLUMNS}),
l as (insert into rangka.log (tenant_id, id, actor_id, actor_name, service, entity,
        record_id, action, record_version, changes, request_id)
    select %(tenant)s, gen_random_uuid(), %(tenant)s, '', 'bench', 'items', r.id,
        'create', 1, %(body)s::jsonb, '' from r returning id),
o as (insert into rangka.outbox (tenant_id, log_id) select %(tenant)s, l.id from l)
select row_to_json(r)::text from r"""

_TENANT = os.environ.get("BENCH_TENANT", "")
_pool: AsyncConnectionPool | None = None

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve `/items`, `/items/{id}` and lifespan."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    path = scope["path"]
    status = 200
    if path == "/items" and scope["method"] == "POST":
        body, status = await _create((await receive())["body"]), 201
    elif path == "/items":
        body = await _one(_LIST, (_TENANT,))
    else:
        body = await _one(_GET, (_TENANT, path.removeprefix("/items/")))
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"data":' + body + b"}"})


async def _create(raw: bytes) -> bytes:
    msgspec.json.decode(raw)
    return await _one(_CREATE, {"tenant": _TENANT, "body": raw.decode()})


async def _one(query: str, values: Any) -> bytes:
    assert _pool is not None
    async with _pool.connection() as connection:
        row = await (await connection.execute(query, values)).fetchone()
    return str(row[0] if row else "null").encode()


async def _lifespan(receive: Receive, send: Send) -> None:
    global _pool  # noqa: PLW0603 - the whole program is this file
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _pool = AsyncConnectionPool(
                os.environ["BENCH_DSN"],
                kwargs={"autocommit": True, "prepare_threshold": 0},
                min_size=6,
                max_size=6,
                open=False,
            )
            await _pool.open(wait=True)
            await send({"type": "lifespan.startup.complete"})
        else:
            if _pool is not None:
                await _pool.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
