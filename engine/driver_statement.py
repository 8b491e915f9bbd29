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


class Result:
    """What one statement gave, in PostgreSQL's text format; read when it is asked for.

    A value costs as much to take out as a request has time for a hundred of, so a
    list takes only those it tells.
    """

    __slots__ = ("_pg", "_rows")

    def __init__(self, pg: PGresult) -> None:
        self._pg = pg
        self._rows: list[Row] | None = None

    def __len__(self) -> int:
        """Return how many rows there are."""
        return self._pg.ntuples

    @property
    def rows(self) -> list[Row]:
        """Return every row with all its columns."""
        if self._rows is None:
            self._rows = [self.row(index) for index in range(self._pg.ntuples)]
        return self._rows

    def row(self, index: int) -> Row:
        """Return one row; raises IndexError where there is none."""
        if not 0 <= index < self._pg.ntuples:
            raise IndexError(f"there is no row {index}")
        value = self._pg.get_value
        return tuple([value(index, column) for column in range(self._pg.nfields)])

    def column(self, column: int, most: int) -> list[bytes | None]:
        """Return the values of a column in the first rows, `most` at most."""
        value = self._pg.get_value
        return [value(row, column) for row in range(min(most, self._pg.ntuples))]

    @property
    def command_tag(self) -> str:
        """Return `SELECT 3`, `UPDATE 1`, as the server words it."""
        return (self._pg.command_status or b"").decode()

    @property
    def affected(self) -> int:
        """Return how many rows came back or changed; 0 for what counts none."""
        return self._pg.command_tuples or 0


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
