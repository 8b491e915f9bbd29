"""When schedules are due, and declarations that cannot be meant."""

from datetime import UTC, datetime

import pytest

from engine.jobs.runner import pause_after
from engine.jobs.schedules import latest_slot
from registry.service import JobHost, Service


async def _run(host: JobHost) -> None:
    return None


def slot(now: str, zone: str = "UTC", **when: object) -> str | None:
    service = Service("some")
    service.schedule("it", **when)(_run)  # type: ignore[arg-type] # from the table
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = latest_slot(service.schedules["it"], zone, at)
    return None if found is None else found.strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("now", "zone", "cron", "expected"),
    [
        ("2026-05-01 02:00:00", "UTC", "0 2 * * *", "2026-05-01 02:00"),
        ("2026-05-01 01:59:59", "UTC", "0 2 * * *", "2026-04-30 02:00"),
        ("2026-05-01 19:00:30", "Asia/Jakarta", "0 2 * * *", "2026-05-01 19:00"),
        # 8 March 2026, New York: 02:00 to 03:00 is skipped; it runs at 03:00.
        ("2026-03-08 07:00:00", "America/New_York", "30 2 * * *", "2026-03-08 07:00"),
        ("2026-03-08 06:59:00", "America/New_York", "30 2 * * *", "2026-03-07 07:30"),
        # 1 November 2026: 01:00 to 02:00 comes twice; it runs the first time.
        ("2026-11-01 06:45:00", "America/New_York", "30 1 * * *", "2026-11-01 05:30"),
        ("2026-05-01 00:00:00", "No/Where", "0 * * * *", "2026-05-01 00:00"),
    ],
)
def test_a_cron_slot_is_the_latest_in_the_tenants_time(
    now: str, zone: str, cron: str, expected: str | None
) -> None:
    assert slot(now, zone, cron=cron) == expected


def test_an_interval_is_the_same_in_every_zone() -> None:
    found = {
        slot("2026-05-01 00:07:59", zone, every_minutes=5)
        for zone in ("UTC", "Asia/Kathmandu")
    }

    assert found == {"2026-05-01 00:05"}


@pytest.mark.parametrize(
    "when",
    [
        {},
        {"cron": "0 2 * * *", "every_minutes": 5},
        {"cron": "0 25 * * *"},
        {"cron": "tomorrow"},
        {"cron": "0 0 30 2 *"},
        {"every_minutes": 0},
        {"every_minutes": 7},
        {"every_minutes": 1441},
        {"every_minutes": 5, "max_attempts": 0},
        {"every_minutes": 5, "timeout_seconds": 0},
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(when: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^some\.it: "):
        slot("2026-05-01 00:00:00", **when)


@pytest.mark.parametrize(("minutes", "near"), [(7, 6), (100, 96), (1000, 720)])
def test_minutes_that_do_not_divide_a_day_get_a_remedy(minutes: int, near: int) -> None:
    with pytest.raises(ValueError, match=rf"every_minutes is {minutes}.*Take {near}, "):
        slot("2026-05-01 00:00:00", every_minutes=minutes)


@pytest.mark.parametrize("minutes", [1, 90, 720, 1440])
def test_the_first_slot_of_a_day_is_at_midnight(minutes: int) -> None:
    assert slot("2026-05-01 00:00:59", every_minutes=minutes) == "2026-05-01 00:00"


def test_one_name_is_not_given_twice() -> None:
    service = Service("some")
    service.schedule("it", every_minutes=5)(_run)

    with pytest.raises(ValueError, match="it names two"):
        service.job("it")(lambda host, payload: _run(host))


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    for attempts, middle in ((1, 2), (2, 4), (5, 32), (9, 512), (10, 900), (99, 900)):
        for _ in range(20):
            assert 0.8 * middle <= pause_after(attempts) <= 1.2 * middle
