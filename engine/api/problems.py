"""Any exception → the error a client gets. The only place where that is decided.

What is not expected becomes INTERNAL_ERROR with the request id, and its traceback
goes to the log; the client never sees an exception's own text.
"""

import logging

from litestar.exceptions import HTTPException

from engine.database_errors import (
    ConnectionLost,
    DatabaseError,
    Deadlock,
    InvalidValue,
    LockTimeout,
    PoolTimeout,
    SerializationFailure,
    StatementTimeout,
)
from engine.errors import (
    BadRequest,
    Conflict,
    Detail,
    Forbidden,
    NotFound,
    PayloadTooLarge,
    RangkaError,
    Unauthenticated,
    Unavailable,
    ValidationFailed,
)
from registry.catalog import ServiceUnavailable
from registry.publishing import PublishError
from registry.service import Refused

logger = logging.getLogger("rangka.api")

_RETRY = {"Retry-After": "2"}


class MethodNotAllowed(RangkaError):
    """The path exists, the method does not."""

    status = 405
    default_code = "METHOD_NOT_ALLOWED"


def client_error(error: BaseException, request_id: str) -> RangkaError:
    """Return the error to answer with; logs what nobody expected."""
    if isinstance(error, RangkaError):
        return error
    if isinstance(error, Refused):
        detail = Detail(error.field, error.code, error.message)
        return ValidationFailed(error.message, details=[detail])
    if isinstance(error, ServiceUnavailable):
        return Unavailable(
            f"The service {error} is under maintenance; try again later.",
            code="MAINTENANCE",
            headers={"Retry-After": "60"},
        )
    if isinstance(error, HTTPException):
        return _framework_error(error)
    if isinstance(error, DatabaseError):
        return _database_error(error, request_id)
    return _unexpected(error, request_id)


def _unexpected(error: BaseException, request_id: str) -> RangkaError:
    logger.error(
        "unexpected error", exc_info=error, extra={"fields": {"request_id": request_id}}
    )
    return RangkaError(
        "Something went wrong here. It was logged; name the request id when you ask."
    )


def _database_error(error: DatabaseError, request_id: str) -> RangkaError:
    if isinstance(error, ConnectionLost):
        return Unavailable("The database does not answer now.", headers=_RETRY)
    if isinstance(error, PoolTimeout | StatementTimeout):
        return Unavailable(
            "The database is too busy right now; try again in a moment.",
            headers=_RETRY,
        )
    if isinstance(error, SerializationFailure | Deadlock | LockTimeout):
        return Conflict("Another write was in the way; try again.", code="BUSY")
    if isinstance(error, InvalidValue):
        # Whoever writes checks its fields first; this is for what no check foresaw.
        logger.warning(
            "a value that PostgreSQL does not take",
            exc_info=error,
            extra={"fields": {"request_id": request_id}},
        )
        return ValidationFailed(
            "A value is out of its range or of another kind than what it is for; "
            "check the numbers and dates that were sent."
        )
    return _unexpected(error, request_id)


def _framework_error(error: HTTPException) -> RangkaError:
    match error.status_code:
        case 400:
            return BadRequest("The request cannot be read; check its parameters.")
        case 401:
            return Unauthenticated("Log in first.")
        case 403:
            return Forbidden("You may not do this.")
        case 404:
            return NotFound("There is nothing at this path.")
        case 405:
            return MethodNotAllowed(
                "This path does not take that method.",
                headers=dict(error.headers or {}),
            )
        case 413:
            return PayloadTooLarge("The body is too large.")
    return BadRequest("The request cannot be answered.")


def publish_error(error: PublishError) -> RangkaError:
    """Return the client's error for a publish that cannot go ahead."""
    if error.code == "unknown_version":
        return NotFound(error.message)
    details = []
    if error.plan is not None:
        details = [
            Detail(finding.path, finding.code, f"{finding.message}. {finding.remedy}")
            for finding in error.plan.findings
            if finding.severity == "error"
        ]
        if error.code == "needs_consent":
            details = [
                Detail(name, "needs_consent", "Accept this loss by its name.")
                for name in error.plan.losses
            ]
    if error.code == "findings":
        return ValidationFailed(error.message, details=details)
    return Conflict(error.message, code=error.code.upper(), details=details)
