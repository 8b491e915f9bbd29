"""The life of a process: phases in order, states, and what makes it unready."""

import asyncio

import pytest

from engine import health
from engine.health import PHASES, Finding, Health, State


async def well() -> Finding:
    return Finding("ok", {"size": 3})


async def down() -> Finding:
    return Finding("down", {"reason": "refused"})


async def late() -> Finding:
    return Finding("degraded")


async def broken() -> Finding:
    raise RuntimeError("secret-dsn")


async def started() -> Health:
    found = Health()
    for name in PHASES:
        async with found.phase(name):
            assert found.state is State.INITIALIZING
    found.started()
    return found


async def test_a_start_goes_through_every_phase() -> None:
    found = Health()
    assert found.state is State.STARTING
    found = await started()
    assert found.state is State.READY
    assert [phase.name for phase in found.phases] == list(PHASES)
    assert all(p.seconds is not None and p.failure is None for p in found.phases)


async def test_a_phase_that_fails_ends_the_start() -> None:
    found = Health()
    with pytest.raises(OSError, match="no route"):
        async with found.phase("foundation"):
            raise OSError("no route")
    assert found.state is State.FAILED
    assert found.phases[0].failure == "OSError: no route"
    assert (await found.is_ready())[0] is False


@pytest.mark.parametrize(
    ("needed", "useful", "ready", "status"),
    [
        (well, well, True, "healthy"),
        (well, late, True, "degraded"),
        (well, down, True, "degraded"),
        (well, broken, True, "degraded"),
        (late, well, True, "degraded"),
        (down, well, False, "unhealthy"),
        (broken, well, False, "unhealthy"),
    ],
)
async def test_only_what_is_needed_keeps_requests_away(
    needed: health.Question, useful: health.Question, ready: bool, status: str
) -> None:
    found = await started()
    found.needs("database", needed)
    found.uses("jobs", useful)
    assert (await found.is_ready())[0] is ready
    told, answers = await found.report()
    assert told == status
    assert set(answers) == {"database", "jobs"}
    assert "secret-dsn" not in repr(answers)
    assert found.state is (State.HEALTHY if ready else State.UNHEALTHY)


async def test_it_gets_well_again() -> None:
    found = await started()
    answers = iter(["down", "ok"])

    async def question() -> Finding:
        return Finding(next(answers))

    found.needs("database", question)
    assert (await found.is_ready())[0] is False
    assert (await found.is_ready())[0] is True


async def test_who_does_not_answer_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ASK_SECONDS", 0.01)

    async def silent() -> Finding:
        await asyncio.sleep(60)
        return Finding("ok")

    found = await started()
    found.needs("database", silent)
    ready, answers = await found.is_ready()
    assert not ready
    assert answers["database"].state == "down"


async def test_a_process_that_stops_wants_no_more_requests() -> None:
    found = await started()
    found.needs("database", well)
    assert (await found.is_ready())[0] is True
    found.stopping()
    assert (await found.is_ready())[0] is False
    assert found.state is State.SHUTTING_DOWN
