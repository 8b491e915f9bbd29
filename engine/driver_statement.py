"""What goes into the driver and what comes out: statements, parameters, results.

Pure values and the two checks at their edges; does no I/O. Used by
`engine/driver.py` and by everyone who compiles SQL for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from psycopg.pq.abc import PGresult

from engine.database_errors import Diagnosis, InvalidValue

Row = tuple[bytes | None, ...]

_MAX_PARAMETERS = 65535
"""The wire protocol counts parameters in 16 bits."""


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text with `$1`..`$n`, prepared by each connection at its first use.

    Attributes:
        name: the server's name for it; made from the text, so equal text is prepared
            once.
    """

    text: str
    name: bytes = field(default=b"", kw_only=True)

    def __post_init__(self) -> None:
        if not self.name:
            digest = sha256(self.text.encode()).hexdigest()[:32]
            object.__setattr__(self, "name", b"r_" + digest.encode())


@dataclass(frozen=True, slots=True)
class Result:
    """What one statement gave, in PostgreSQL's text format.

    Attributes:
        command_tag: `SELECT 3`, `UPDATE 1`, as the server words it.
        affected: rows returned or changed; 0 for commands that count none.
    """

    rows: list[Row]
    command_tag: str
    affected: int


Call = tuple[Statement, Sequence[bytes | None]]

SET_TENANT = Statement("select pg_catalog.set_config('rangka.tenant', $1, true)")
"""Transaction-local: the setting is gone when the Sync is answered."""


def check_params(params: Sequence[bytes | None]) -> None:
    """Refuse what libpq would cut off or what would spoil the pipeline."""
    if len(params) > _MAX_PARAMETERS:
        raise InvalidValue(
            f"{len(params)} parameters were given, PostgreSQL takes at most "
            f"{_MAX_PARAMETERS}; split the statement or pass arrays"
        )
    # libpq takes text parameters as C strings and would drop the rest silently.
    if b"\0" not in b"".join(filter(None, params)):
        return
    for index, value in enumerate(params, 1):
        if value is not None and b"\0" in value:
            raise InvalidValue(
                f"parameter ${index} holds a NUL character, which PostgreSQL text "
                "cannot store; remove it",
                Diagnosis("NUL character in a parameter", sqlstate="22021"),
            )


def convert_result(result: PGresult) -> Result:
    """Return the values of a libpq result as Python bytes."""
    value = result.get_value
    columns = range(result.nfields)
    rows = [
        tuple([value(row, column) for column in columns])
        for row in range(result.ntuples)
    ]
    tag = result.command_status or b""
    return Result(rows, tag.decode(), result.command_tuples or 0)
