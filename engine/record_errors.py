"""What the database refused, as the field error a client can act on."""

from engine.database_errors import (
    CheckViolation,
    DatabaseError,
    Deadlock,
    ForeignKeyViolation,
    InvalidValue,
    LockTimeout,
    NotNullViolation,
    PoolTimeout,
    SerializationFailure,
    StatementTimeout,
    UniqueViolation,
)
from engine.errors import Conflict, Detail, RangkaError, Unavailable, ValidationFailed
from metadata.compiled import CompiledEntity
from metadata.identifiers import foreign_key_name, unique_name


def as_client_error(
    error: DatabaseError, entity: CompiledEntity, action: str
) -> RangkaError | DatabaseError:
    """Return the client's error for a refused write, or the error itself.

    A unique key answers with each of its fields, a foreign key with the relation that
    points at nothing, or, on delete, with what still uses the record.
    """
    match error:
        case UniqueViolation():
            return _unique(error, entity)
        case ForeignKeyViolation():
            if action == "delete":
                return Conflict(
                    "Other records still use this one; change or delete them first.",
                    code="IN_USE",
                    details=[Detail("", "in_use", f"Used by {error.table}.")],
                )
            return _missing_target(error, entity)
        case NotNullViolation():
            return ValidationFailed(
                "1 field does not fit.",
                details=[Detail(error.column, "required", "Enter a value.")],
            )
        case CheckViolation() | InvalidValue():
            return _unfit(error, entity)
        case SerializationFailure() | Deadlock() | LockTimeout():
            return Conflict("Another write was in the way; try again.", code="BUSY")
        case PoolTimeout() | StatementTimeout():
            return Unavailable(
                "The database is too busy right now; try again in a moment.",
                headers={"Retry-After": "2"},
            )
    return error


def _unique(error: UniqueViolation, entity: CompiledEntity) -> ValidationFailed:
    for names in unique_sets(entity):
        if unique_name(entity.definition, names) == error.constraint:
            if len(names) == 1:
                message = "Another record already has this value."
            else:
                message = f"Another record already has these: {', '.join(names)}."
            details = [Detail(name, "unique", message) for name in names]
            return ValidationFailed("This value is taken.", details=details)
    return ValidationFailed(
        "This value is taken.",
        details=[Detail("", "unique", "Another record already has these values.")],
    )


def unique_sets(entity: CompiledEntity) -> list[tuple[str, ...]]:
    """Return every set of fields that no two records of a tenant share."""
    single = [
        (name,)
        for name, item in entity.fields.items()
        if item.definition.unique or item.type.name == "sequence"
    ]
    return [*single, *entity.definition.unique]


def _missing_target(
    error: ForeignKeyViolation, entity: CompiledEntity
) -> ValidationFailed:
    for name, item in entity.fields.items():
        if item.target and foreign_key_name(entity.definition, name) == (
            error.constraint
        ):
            detail = Detail(name, "not_found", "There is no such record to choose.")
            return ValidationFailed("1 field does not fit.", details=[detail])
    detail = Detail("", "not_found", "A record this one refers to does not exist.")
    return ValidationFailed("1 field does not fit.", details=[detail])


def _unfit(error: DatabaseError, entity: CompiledEntity) -> ValidationFailed:
    named = [
        name
        for name, item in entity.fields.items()
        if item.column and error.constraint and f"_{item.column}_" in error.constraint
    ]
    details = [
        Detail(name, "invalid", "This value is not allowed here.") for name in named
    ] or [Detail(error.column, "invalid", "A value is not allowed here.")]
    return ValidationFailed("1 field does not fit.", details=details)
