"""What PostgreSQL refused, as one tree of exceptions for both drivers.

    DatabaseError
    ├── ConnectionLost         the server is gone, refuses or is shutting down
    ├── PoolTimeout            no connection became free in time
    ├── StalePlan              a prepared statement no longer fits; prepare it again
    ├── SchemaChanged
    │   ├── UndefinedColumn    42703
    │   ├── UndefinedTable     42P01
    │   └── VersionChanged     RG001, raised by rangka.same_version
    ├── IntegrityError         class 23
    │   ├── UniqueViolation    23505
    │   ├── ForeignKeyViolation 23503, 23001 (ON DELETE RESTRICT since PostgreSQL 18)
    │   ├── NotNullViolation   23502
    │   ├── CheckViolation     23514
    │   └── ExclusionViolation 23P01
    ├── InvalidValue           class 22: a value does not fit its type
    ├── InsufficientPrivilege  42501, row level security included
    ├── TransactionConflict    the same transaction may succeed when run again
    │   ├── SerializationFailure 40001
    │   └── Deadlock           40P01
    ├── StatementTimeout       57014: over statement_timeout, or cancelled
    └── LockTimeout            55P03

Raised by `engine/driver.py`, `engine/driver_pool.py` and `engine/database.py`; knows
no HTTP. SQLSTATEs are those of PostgreSQL's appendix "Error Codes".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import psycopg_pool
from psycopg import pq
from psycopg.pq.abc import PGresult

_STALE_PLAN_FUNCTION = "RevalidateCachedQuery"
"""The only place of the server that says "cached plan must not change result type".

Its SQLSTATE 0A000 has many other causes and its message is translated."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the server said about one error; empty text where it said nothing."""

    message: str = ""
    sqlstate: str = ""
    detail: str = ""
    hint: str = ""
    schema: str = ""
    table: str = ""
    column: str = ""
    constraint: str = ""
    source_function: str = ""


class DatabaseError(Exception):
    """Base of everything PostgreSQL, or the way to it, can refuse."""

    def __init__(self, message: str, diagnosis: Diagnosis | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.diagnosis = diagnosis or Diagnosis(message)

    @property
    def sqlstate(self) -> str:
        """Return the five-character code, empty when the server sent none."""
        return self.diagnosis.sqlstate

    @property
    def detail(self) -> str:
        """Return the DETAIL line; it may hold values of rows, so never show it."""
        return self.diagnosis.detail

    @property
    def schema(self) -> str:
        """Return the schema of the table the error is about."""
        return self.diagnosis.schema

    @property
    def table(self) -> str:
        """Return the table the error is about."""
        return self.diagnosis.table

    @property
    def column(self) -> str:
        """Return the column the error is about."""
        return self.diagnosis.column

    @property
    def constraint(self) -> str:
        """Return the constraint that was violated."""
        return self.diagnosis.constraint


class ConnectionLost(DatabaseError):
    """The connection is gone; whether a write was committed is not known.

    Attributes:
        received: a result of the request had arrived before the loss. When False and
            the request only reads, it may be sent again.
    """

    def __init__(
        self,
        message: str,
        diagnosis: Diagnosis | None = None,
        *,
        received: bool = False,
    ) -> None:
        super().__init__(message, diagnosis)
        self.received = received


class PoolTimeout(DatabaseError):
    """No connection became free in time: the database is slow, or the pool small."""


class StalePlan(DatabaseError):
    """A prepared statement was dropped, or DDL changed what it returns."""


class SchemaChanged(DatabaseError):
    """The statement names something that is not, or no longer, in the catalogue."""


class UndefinedColumn(SchemaChanged):
    """The statement names a column that does not exist."""


class UndefinedTable(SchemaChanged):
    """The statement names a table that does not exist."""


class VersionChanged(SchemaChanged):
    """The write was made for another version of the service than is published."""


class IntegrityError(DatabaseError):
    """A constraint forbids the write; `constraint` says which."""


class UniqueViolation(IntegrityError):
    """Another row has the same key."""


class ForeignKeyViolation(IntegrityError):
    """The row referred to is missing, or this row is still referred to."""


class NotNullViolation(IntegrityError):
    """A required column, named by `column`, would be null."""


class CheckViolation(IntegrityError):
    """A CHECK constraint is not met."""


class ExclusionViolation(IntegrityError):
    """The row overlaps another one, which an exclusion constraint forbids."""


class InvalidValue(DatabaseError):
    """A value cannot be read as its type, or is out of its range."""


class InsufficientPrivilege(DatabaseError):
    """The role may not do this, or the row belongs to another tenant."""


class TransactionConflict(DatabaseError):
    """Two transactions collided; run the same transaction again."""


class SerializationFailure(TransactionConflict):
    """The transaction cannot be placed in a serial order."""


class Deadlock(TransactionConflict):
    """Two transactions waited for each other and this one was chosen to end."""


class StatementTimeout(DatabaseError):
    """The statement ran longer than `statement_timeout`, or was cancelled."""


class LockTimeout(DatabaseError):
    """A lock was not granted within `lock_timeout`, or at once with NOWAIT."""


_BY_SQLSTATE: dict[str, type[DatabaseError]] = {
    "22": InvalidValue,
    "23": IntegrityError,
    "23502": NotNullViolation,
    "23001": ForeignKeyViolation,
    "23503": ForeignKeyViolation,
    "23505": UniqueViolation,
    "23514": CheckViolation,
    "23P01": ExclusionViolation,
    "26000": StalePlan,
    "40001": SerializationFailure,
    "40P01": Deadlock,
    "42501": InsufficientPrivilege,
    "42703": UndefinedColumn,
    "42P01": UndefinedTable,
    "3F000": UndefinedTable,
    "55P03": LockTimeout,
    "57014": StatementTimeout,
    "RG001": VersionChanged,
    "08": ConnectionLost,
    "25P03": ConnectionLost,
    "53300": ConnectionLost,
    "57P01": ConnectionLost,
    "57P02": ConnectionLost,
    "57P03": ConnectionLost,
    "57P05": ConnectionLost,
}
"""Whole SQLSTATE first, then its class of two characters."""

_FIELDS = {
    "message": pq.DiagnosticField.MESSAGE_PRIMARY,
    "sqlstate": pq.DiagnosticField.SQLSTATE,
    "detail": pq.DiagnosticField.MESSAGE_DETAIL,
    "hint": pq.DiagnosticField.MESSAGE_HINT,
    "schema": pq.DiagnosticField.SCHEMA_NAME,
    "table": pq.DiagnosticField.TABLE_NAME,
    "column": pq.DiagnosticField.COLUMN_NAME,
    "constraint": pq.DiagnosticField.CONSTRAINT_NAME,
    "source_function": pq.DiagnosticField.SOURCE_FUNCTION,
}


def may_be_outdated(error: DatabaseError) -> bool:
    """Return whether the statement may have been made for tables as they were before.

    Besides names that are gone: types that do not meet (class 42) and values that do
    not fit a column's type any more (class 22). A write that gets further than that
    is refused with `VersionChanged` before any constraint is looked at.
    """
    if isinstance(error, InsufficientPrivilege):
        return False
    return isinstance(error, SchemaChanged) or error.sqlstate[:2] in {"22", "42"}


def error_from_diagnosis(diagnosis: Diagnosis) -> DatabaseError:
    """Return the exception of the tree that fits what the server said."""
    state = diagnosis.sqlstate
    if state == "0A000" and diagnosis.source_function == _STALE_PLAN_FUNCTION:
        return StalePlan(diagnosis.message, diagnosis)
    kind = _BY_SQLSTATE.get(state) or _BY_SQLSTATE.get(state[:2]) or DatabaseError
    return kind(diagnosis.message, diagnosis)


def error_from_result(result: PGresult) -> DatabaseError:
    """Return the exception for a libpq result whose status is FATAL_ERROR."""
    values = {
        name: (result.error_field(code) or b"").decode(errors="replace")
        for name, code in _FIELDS.items()
    }
    if not values["sqlstate"]:
        # libpq makes such a result itself when the connection breaks.
        text = result.error_message.decode(errors="replace").strip()
        return ConnectionLost(text or "the connection to PostgreSQL was lost")
    return error_from_diagnosis(Diagnosis(**values))


def error_from_psycopg(error: psycopg.Error) -> DatabaseError:
    """Return the exception of the tree for one of psycopg's."""
    if isinstance(error, psycopg_pool.PoolTimeout):
        return PoolTimeout(str(error))
    if error.sqlstate is None:
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return ConnectionLost(str(error))
        if isinstance(error, psycopg.DataError):
            return InvalidValue(str(error))
        return DatabaseError(str(error))
    diag = error.diag
    return error_from_diagnosis(
        Diagnosis(
            message=diag.message_primary or str(error),
            sqlstate=error.sqlstate,
            detail=diag.message_detail or "",
            hint=diag.message_hint or "",
            schema=diag.schema_name or "",
            table=diag.table_name or "",
            column=diag.column_name or "",
            constraint=diag.constraint_name or "",
            source_function=diag.source_function or "",
        )
    )


@contextmanager
def translate_errors() -> Iterator[None]:
    """Let psycopg's exceptions leave the block as `DatabaseError`."""
    try:
        yield
    except psycopg.Error as error:
        raise error_from_psycopg(error) from error
