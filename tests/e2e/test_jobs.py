"""The pages of jobs in a browser: how they go, why they failed, what may be done."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from uuid_utils.compat import uuid7

from engine.parts import open_parts
from engine.settings import Settings
from tests.e2e.test_lists import serious
from tests.e2e.test_shell import log_in
from tests.fixtures.site import Site

AddJob = Callable[..., str]
_ADD = """
INSERT INTO rangka.jobs (tenant_id, id, kind, service, name, payload, state, attempts,
    max_attempts, run_at, error, error_code, request_id, actor_name)
SELECT tenant.id, %(id)s, 'job', 'customers', 'nothing', '{"customers": ["a", "b"]}',
    %(state)s, %(attempts)s, 8, now() + interval '1 hour', %(error)s, %(code)s, 'req',
    'Admin'
FROM rangka.tenants tenant WHERE tenant.name = %(tenant)s
"""


@pytest.fixture
def add_job(settings: Settings, site: Site) -> AddJob:
    """Return what adds a job that nobody runs, in a state, and answers its page."""

    async def add(job: UUID, state: str, attempts: int, error: str | None) -> None:
        async with open_parts(settings) as parts, parts.database.system() as connection:
            values = {"id": job, "state": state, "attempts": attempts, "error": error}
            code = "timeout" if error else None
            await connection.execute(
                _ADD, {**values, "code": code, "tenant": site.tenant}
            )

    def made(state: str, attempts: int = 0, error: str | None = None) -> str:
        job = uuid7()
        # The browser's loop runs in this thread.
        with ThreadPoolExecutor(1) as other:
            other.submit(asyncio.run, add(job, state, attempts, error)).result()
        return f"/admin/jobs/{job}"

    return made


def test_a_failed_job_says_why_and_what_helps(
    page: Page, site: Site, add_job: AddJob
) -> None:
    path = add_job("failed", 8, "The mail server is silent.\nAsk its operator.")
    log_in(page, site.admin)
    page.goto(path)
    expect(page.get_by_text("Failed after 8 of 8 attempts")).to_be_visible()
    expect(page.get_by_text("The mail server is silent.").first).to_be_visible()
    expect(page.get_by_text("longer than the job allows")).to_be_visible()
    expect(page.get_by_text("a, b", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    assert serious(page) == []
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_role("button", name="Run again")).to_have_count(0)


def test_a_waiting_job_is_cancelled_only_after_a_question(
    page: Page, site: Site, add_job: AddJob
) -> None:
    path = add_job("waiting")
    log_in(page, site.admin)
    page.goto(path)
    heading = page.get_by_role("heading", name="nothing").locator("..")
    expect(heading).to_contain_text("Waiting")
    page.get_by_role("button", name="Cancel").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("What it has done already stays")
    expect(question.get_by_role("button", name="No")).to_be_focused()
    question.get_by_role("button", name="Cancel").click()
    expect(heading).to_contain_text("Cancelled")
    page.goto("/admin/jobs")
    expect(page.get_by_role("button", name="New")).to_have_count(0)
