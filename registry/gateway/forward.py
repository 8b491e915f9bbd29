"""One call on its way: credentials, identity and signature put on, sent, maybe again.

Owns the order of these steps and the rule of the one retry. Called by
`engine/api/gateway.py` with what has been checked already.
"""

from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from registry.connections import Connection, Connections
from registry.gateway import signing
from registry.gateway.answers import Answer
from registry.gateway.breaker import Breaker
from registry.gateway.credentials import Credentials
from registry.gateway.exchange import lines_of
from registry.gateway.routes import Base
from registry.gateway.signing import Identity, IdentityTokens, Key, Signer
from registry.gateway.upstream import UpstreamClient, UpstreamError

FAILED = frozenset({502, 503, 504})
"""Answers that count as a failure of the service."""

_AGAIN = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class NoConnection(Exception):
    """The service asks for credentials, and the tenant has given none."""


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom calls of one service go out; kept for some seconds.

    Attributes:
        tenant: the tenant's id as text.
        identity: what the signed identity headers say.
        key: signs the calls.
        lines: the headers that are the same in each of his calls, as written: who he
            is, with a token that says so too.
    """

    tenant_id: UUID
    tenant: str
    identity: Identity
    key: Key
    lines: bytes


class Call(msgspec.Struct):
    """What goes out.

    Attributes:
        lines: the client's own headers, filtered, as they are written.
        body: bytes are signed and can be sent again, a stream cannot.
        length: of a body that is a stream, where it is known.
        may_repeat: whether the client said that sending it twice does no harm.
        address: the client's.
        connection: the tenant's, once it is known.
    """

    service: str
    needs_connection: bool
    base: Base
    method: str
    path: str
    query: str
    lines: bytes
    may_repeat: bool
    request_id: str
    trace_parent: str
    address: str | None
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None
    connection: Connection | None = None

    @property
    def can_repeat(self) -> bool:
        """Return whether it may be sent twice."""
        return isinstance(self.body, bytes) and (
            self.may_repeat or self.method in _AGAIN
        )


class Forwarder:
    """Sends calls for all services of this process."""

    def __init__(
        self,
        client: UpstreamClient,
        public: UpstreamClient,
        connections: Connections,
        signer: Signer,
        tokens: IdentityTokens,
    ) -> None:
        self.client = client
        self.connections = connections
        self.credentials = Credentials(client, public)
        self.signer = signer
        self._tokens = tokens

    def caller(
        self, tenant_id: UUID, user_id: UUID, service: str, identity: Identity
    ) -> Caller:
        """Return for whom a user's calls of a service go out.

        Its token is good for half a minute from now on at least.
        """
        token = self._tokens.token(user_id, tenant_id, service)
        always = [
            ("Via", "1.1 rangka"),
            *identity.headers,
            ("X-Gateway-Identity", token),
        ]
        return Caller(
            tenant_id=tenant_id,
            tenant=str(tenant_id),
            identity=identity,
            key=self.signer.key(service, tenant_id),
            lines=lines_of(always),
        )

    async def send(self, call: Call, caller: Caller, breaker: Breaker) -> Answer:
        """Return the answer once its head is there.

        A call that may be repeated is sent once more, within the retry budget, when no
        answer began or a gateway of the service said that it could not.

        Raises:
            NoConnection: the tenant has no credentials for the service.
            CredentialsRefused: its token endpoint gives none.
            UpstreamError: there is no usable answer.
        """
        held = self.connections.peek(caller.tenant_id, call.service)
        if held is not None:
            call.connection = held[1]
        else:
            call.connection = await self.connections.get(caller.tenant_id, call.service)
        if call.connection is None and call.needs_connection:
            raise NoConnection
        try:
            answer = await self._once(call, caller)
        except UpstreamError as error:
            if error.problem not in {"connect", "broken"} or not self._again(
                call, breaker
            ):
                raise
            return await self._once(call, caller)
        if answer.status in FAILED and self._again(call, breaker):
            answer.close()
            return await self._once(call, caller)
        return answer

    def refused(self, call: Call, caller: Caller) -> None:
        """Take note that the service did not take the tenant's credentials."""
        if call.connection is not None:
            self.credentials.refused(caller.tenant_id, call.service, call.connection)

    def _once(self, call: Call, caller: Caller) -> Coroutine[Any, Any, Answer]:
        if call.connection is None:
            return self._sent(call, caller, b"")
        own = self.credentials.kept(call.connection)
        if own is None:
            return self._sent_with_new(call, caller, call.connection)
        return self._sent(call, caller, own)

    async def _sent_with_new(
        self, call: Call, caller: Caller, connection: Connection
    ) -> Answer:
        own = await self.credentials.line(
            caller.tenant_id, call.service, connection, call.base.host
        )
        return await self._sent(call, caller, own)

    def _sent(
        self, call: Call, caller: Caller, own: bytes
    ) -> Coroutine[Any, Any, Answer]:
        """Send a call with the line of its credentials."""
        base, path, body = call.base, f"{call.base.path}{call.path}", call.body
        signature = signing.sign(
            caller.key,
            signing.Message(
                method=call.method,
                authority=base.authority,
                path=path,
                query=call.query,
                body=body if isinstance(body, bytes) else None,
                identity=caller.identity,
                request_id=call.request_id,
            ),
        )
        told = (
            f"X-Request-ID: {call.request_id}\r\n"
            f"traceparent: {call.trace_parent}\r\n{signature}"
        )
        forwarded = _forwarded(call.address) if call.address else b""
        is_bare = not body and call.method in {"GET", "HEAD", "DELETE"}
        return self.client.send(
            call.method,
            base.scheme,
            base.authority,
            f"{path}?{call.query}" if call.query else path,
            b"".join((caller.lines, call.lines, told.encode(), forwarded, own)),
            None if is_bare else body,
            call.length,
        )

    @staticmethod
    def _again(call: Call, breaker: Breaker) -> bool:
        return call.can_repeat and breaker.may_retry()


@lru_cache(maxsize=1024)
def _forwarded(address: str) -> bytes:
    """Return the header of RFC 7239 for the client's address, as written."""
    name = f'"[{address}]"' if ":" in address else address
    return lines_of([("Forwarded", f"for={name}")])
