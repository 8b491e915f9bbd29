"""The web page in a browser: log in, use a generated list and form, publish."""

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.fixtures.api import PASSWORD
from tests.fixtures.site import Site


def log_in(page: Page, email: str) -> None:
    """Log in and wait for the menu."""
    page.goto("/")
    page.get_by_label("E-mail").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("navigation", name="Main menu")).to_be_visible()


def test_a_wrong_password_is_said_and_lets_nobody_in(page: Page, site: Site) -> None:
    page.goto("/s/customers/customers")
    page.get_by_label("E-mail").fill(site.admin)
    page.locator("input[name=password]").fill("wrong-password-here")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("navigation", name="Main menu")).to_have_count(0)


def test_a_record_is_refused_at_its_field_then_made_and_found(
    page: Page, site: Site
) -> None:
    name = f"Rina {uuid4().hex[:6]}"
    log_in(page, site.admin)
    menu = page.get_by_role("navigation", name="Main menu")
    menu.get_by_role("link", name="Customers").click()
    page.get_by_role("button", name="New").click()
    page.locator("input[name=name]").fill(name)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Phone")
    expect(page.locator("input[name=phone]")).to_have_attribute("aria-invalid", "true")

    page.locator("input[name=phone]").fill("081234567890")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"/s/customers/customers/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", name=name)).to_be_visible()

    page.goto("/s/customers/customers")
    page.get_by_role("searchbox", name="Search").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name=name, exact=True)).to_be_visible()
    page.get_by_role("searchbox", name="Search").fill("nobody has this name")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(page.get_by_role("cell", name=name)).to_have_count(0)


def test_a_service_is_registered_published_assigned_and_opened(
    page: Page, site: Site
) -> None:
    name = f"tools{uuid4().hex[:6]}"
    log_in(page, site.root)
    page.goto("/console/services/new")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Entity name").fill("tools")
    page.get_by_role("button", name="Register a service").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()

    publish = page.get_by_role("button", name="Publish")
    expect(publish).to_be_disabled()
    page.get_by_role("button", name="Show the plan").click()
    page.get_by_role("switch", name="Show SQL").click(force=True)
    expect(
        page.get_by_text(re.compile("create table", re.IGNORECASE)).first
    ).to_be_visible()
    publish.click()
    expect(page.get_by_text("Version 1 is published")).to_be_visible()

    page.get_by_role("tab", name="Tenants").click()
    switch = page.get_by_role("switch", name=site.tenant)
    switch.click(force=True)
    expect(switch).to_be_checked()
    page.context.clear_cookies()
    log_in(page, site.admin)
    page.goto(f"/s/{name}/tools")
    expect(page.get_by_role("heading", name="Tools")).to_be_visible()
    expect(page.get_by_text("Nothing here yet")).to_be_visible()
