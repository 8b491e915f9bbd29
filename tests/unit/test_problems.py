"""Which error a client gets for what went wrong below the handlers."""

import pytest

from engine import database_errors as db
from engine.api.problems import client_error
from engine.errors import RangkaError

SAID = "relation rangka.users of 10.0.0.7"
CASES: list[tuple[Exception, int, str]] = [
    (db.InvalidValue(SAID), 422, "VALIDATION_ERROR"),
    (db.ConnectionLost(SAID), 503, "UNAVAILABLE"),
    (db.PoolTimeout(SAID), 503, "UNAVAILABLE"),
    (db.StatementTimeout(SAID), 503, "UNAVAILABLE"),
    (db.Deadlock(SAID), 409, "BUSY"),
    (db.LockTimeout(SAID), 409, "BUSY"),
    (db.DatabaseError(SAID), 500, "INTERNAL_ERROR"),
    (RuntimeError(SAID), 500, "INTERNAL_ERROR"),
]


@pytest.mark.parametrize(
    ("error", "status", "code"), CASES, ids=lambda item: type(item).__name__
)
def test_the_client_gets_a_code_and_no_word_of_the_server(
    error: Exception, status: int, code: str
) -> None:
    problem = client_error(error, "req_1")
    assert isinstance(problem, RangkaError)
    assert (problem.status, problem.code) == (status, code)
    assert not set(SAID.split()) & set(problem.message.split()) - {"of"}
    assert problem.details == ()
