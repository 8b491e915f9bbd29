"""Every error a client can get: stable codes, HTTP status, one body.

The tree:

    RangkaError
    ├── BadRequest            400  malformed JSON, query or cursor
    ├── Unauthenticated       401
    ├── Forbidden             403
    ├── NotFound              404  also for what another tenant has
    ├── Conflict              409  the state of the world forbids it
    ├── PreconditionFailed    412  If-Match names an older version
    ├── PayloadTooLarge       413
    ├── UnsupportedMediaType  415  a compressed body
    ├── ValidationFailed      422  the payload does not fit, field by field
    ├── PreconditionRequired  428
    ├── TooManyRequests       429
    ├── BadGateway            502  an external service gave no usable answer
    ├── Unavailable           503  try again later
    └── GatewayTimeout        504  an external service did not answer in time

Codes are listed in docs/error-codes.md, and a test compares both. Raised anywhere in
the engine; turned into a body by `engine/api/problems.py` and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Detail:
    """One finding about one field.

    Attributes:
        field: dotted path into the payload (`lines.0.quantity`); empty for the whole.
        code: stable, snake_case (`required`, `unique`, `max_length`).
        message: a sentence that says what to enter instead.
        params: values the UI needs to word the message in another language.
    """

    field: str
    code: str
    message: str
    params: Mapping[str, Any] | None = None


class RangkaError(Exception):
    """Base of all errors a client can get."""

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Sequence[Detail] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.details = tuple(details)
        self.headers = dict(headers or {})


class BadRequest(RangkaError):
    """The request cannot be read: malformed JSON, unknown parameter, bad cursor."""

    status = 400
    default_code = "BAD_REQUEST"


class Unauthenticated(RangkaError):
    """Who asks is not known: no token, a wrong one, or an expired one."""

    status = 401
    default_code = "UNAUTHENTICATED"


class Forbidden(RangkaError):
    """Who asks is known and may not."""

    status = 403
    default_code = "FORBIDDEN"


class NotFound(RangkaError):
    """There is no such thing for this tenant and user."""

    status = 404
    default_code = "NOT_FOUND"


class Conflict(RangkaError):
    """The request is right in itself, but the present state forbids it."""

    status = 409
    default_code = "CONFLICT"


class PreconditionFailed(RangkaError):
    """Somebody else changed the record since it was read."""

    status = 412
    default_code = "VERSION_CONFLICT"


class PayloadTooLarge(RangkaError):
    """The body is over the limit."""

    status = 413
    default_code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaType(RangkaError):
    """The body is in a form that nothing here reads."""

    status = 415
    default_code = "UNSUPPORTED_MEDIA_TYPE"


class ValidationFailed(RangkaError):
    """The payload was read and does not fit; `details` says where."""

    status = 422
    default_code = "VALIDATION_ERROR"


class PreconditionRequired(RangkaError):
    """The request must say which version it changes."""

    status = 428
    default_code = "PRECONDITION_REQUIRED"


class TooManyRequests(RangkaError):
    """Slow down; `Retry-After` says for how many seconds."""

    status = 429
    default_code = "TOO_MANY_REQUESTS"


class BadGateway(RangkaError):
    """An external service cannot be reached, or its answer cannot be used."""

    status = 502
    default_code = "BAD_GATEWAY"


class GatewayTimeout(RangkaError):
    """An external service did not answer in time."""

    status = 504
    default_code = "GATEWAY_TIMEOUT"


class Unavailable(RangkaError):
    """Something the engine needs does not answer now."""

    status = 503
    default_code = "UNAVAILABLE"
