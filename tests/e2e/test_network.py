"""A router in a browser: its state changes by itself, its plan is read in words."""

import re
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_lists import serious
from tests.e2e.test_shell import log_in
from tests.fixtures.api import PASSWORD
from tests.fixtures.site import Site

DATA = "/api/v1/data/network"


@pytest.fixture
def router_port() -> Iterator[int]:
    """Run a simulated router with nothing on it."""
    command = [sys.executable, "-m", "connectors.mikrotik.simulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r" on 127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert found is not None
            yield int(found[1])
        finally:
            process.terminate()


def test_a_plan_is_read_in_words_and_applied_before_the_eyes(
    page: Page, site: Site, router_port: int
) -> None:
    credentials = {"email": site.admin, "password": PASSWORD}
    session = page.request.post("/api/v1/auth/login", data=credentials).json()["data"]
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    page.context.clear_cookies()

    def make(entity: str, **values: object) -> str:
        made = page.request.post(f"{DATA}/{entity}", data=values, headers=headers)
        assert made.status == 201, made.text()
        return str(made.json()["data"]["id"])

    mark = uuid4().hex[:6]
    router = make(
        "routers", name=f"Tower {mark}", address="127.0.0.1", port=router_port,
        tls="plain", username="admin", password="rangka", takes_new=False,
        applies_itself=False,
    )  # fmt: skip
    log_in(page, site.admin)
    page.goto(f"/s/network/routers/{router}")
    heading = page.get_by_role("heading", name=f"Tower {mark}").locator("..")
    expect(heading).to_contain_text("Online", timeout=20_000)
    expect(page.locator("input[name=port]")).to_have_value(str(router_port))
    make("pools", name=f"pool-{mark}", router=router, ranges="10.9.0.2-10.9.0.9")

    page.get_by_role("button", name="Show differences").click()
    asked = page.get_by_role("dialog")
    asked.get_by_role("button", name="Show differences").click()
    expect(page.get_by_text("Show differences: under way")).to_be_visible()
    page.goto("/s/network/reconcile_runs")
    expect(page.get_by_role("button", name="New")).to_have_count(0)
    row = page.locator("tr[data-row]").filter(has_text=f"Tower {mark}").first
    expect(row).to_contain_text("Waits for approval", timeout=20_000)
    row.click()
    main = page.get_by_role("main")
    expect(main).to_contain_text(f"Add address pool pool-{mark}")
    expect(main).to_contain_text("addresses: 10.9.0.2-10.9.0.9")
    assert '{"' not in main.inner_text()
    assert serious(page) == []

    speak(page, "Bahasa Indonesia")
    said = page.get_by_label("Ringkasan", exact=True)
    expect(said).to_have_text(re.compile(r"^\d+ ditambah(, \d+ bukan milik kita)?$"))
    expect(main.get_by_role("heading", level=1)).to_contain_text("ditambah")
    speak(page, "English")
    said = page.get_by_label("Summary", exact=True)
    expect(said).to_have_text(re.compile(r"^\d+ to add(, \d+ not ours)?$"))
    page.get_by_role("button", name="Apply this plan").click()
    question = page.get_by_role("dialog")
    question.get_by_role("button", name="Apply this plan").click()
    expect(main.get_by_text("Applied", exact=True).first).to_be_visible(timeout=20_000)
    expect(main).to_contain_text(re.compile(r"Done \(\d+\)"))
    expect(page.get_by_role("button", name="Apply this plan")).to_have_count(0)


def test_why_a_router_stopped_is_said_in_the_language_of_the_page(
    page: Page, site: Site, router_port: int
) -> None:
    credentials = {"email": site.admin, "password": PASSWORD}
    session = page.request.post("/api/v1/auth/login", data=credentials).json()["data"]
    page.context.clear_cookies()
    name = f"Tower {uuid4().hex[:6]}"
    made = page.request.post(
        f"{DATA}/routers",
        data={
            "name": name, "address": "127.0.0.1", "port": router_port, "tls": "plain",
            "username": "admin", "password": "wrong", "takes_new": False,
        },
        headers={"Authorization": f"Bearer {session['access_token']}"},
    )  # fmt: skip
    assert made.status == 201, made.text()
    log_in(page, site.admin)
    page.goto("/s/network/routers")
    row = page.locator("tr[data-row]").filter(has_text=name)
    english = "the router refused the log-in: invalid user name or password"
    indonesian = "router menolak login: nama pengguna atau kata sandi salah"
    expect(row).to_contain_text(english, timeout=20_000)
    speak(page, "Bahasa Indonesia")
    expect(row).to_contain_text(indonesian)
    row.click()
    shown = page.get_by_label("Kesalahan terakhir", exact=True)
    expect(shown).to_contain_text(indonesian)
    expect(page.get_by_role("main")).not_to_contain_text(english)
    speak(page, "English")
    expect(page.get_by_label("Last error", exact=True)).to_contain_text(english)


def speak(page: Page, language: str) -> None:
    """Choose the language of the page."""
    page.get_by_role("button", name=re.compile("^(Your menu|Menu Anda)$")).click()
    page.get_by_role("menuitem", name=language).click()
