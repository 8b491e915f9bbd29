"""The console in a browser: losing data takes consent, going back, unsaved work."""

from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.e2e.test_shell import log_in
from tests.fixtures.site import Site


def register(page: Page, name: str) -> None:
    """Register, plan and publish a service with one entity `things`."""
    page.goto("/console/services/new")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Entity name").fill("things")
    page.get_by_role("button", name="Register a service").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    publish(page, 1)


def publish(page: Page, version: int) -> None:
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("button", name="Publish")).to_be_enabled()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text(f"Version {version} is published")).to_be_visible()


def test_a_new_service_is_not_scolded_before_anything_was_typed(
    page: Page, site: Site
) -> None:
    log_in(page, site.root)
    page.goto("/console/services/new")
    expect(page.get_by_label("Entity name")).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.get_by_text("This is empty.")).to_have_count(0)
    page.get_by_label("Entity name").fill("Not a name!")
    expect(page.get_by_text("cannot be used as a name").first).to_be_visible()


def test_data_is_lost_only_by_consent_and_an_older_version_comes_back(
    page: Page, site: Site
) -> None:
    log_in(page, site.root)
    register(page, f"loss{uuid4().hex[:6]}")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Label 2").fill("Weight")
    publish(page, 2)

    page.get_by_role("button", name="Remove 2").click()
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_text("This destroys data")).to_be_visible()
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()
    page.get_by_role("checkbox", name="weight").check()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("Version 3 is published")).to_be_visible()

    page.get_by_role("tab", name="Versions").click()
    row = page.get_by_role("row").filter(
        has=page.get_by_role("cell", name="2", exact=True)
    )
    row.get_by_role("button", name="Go back to this version").click()
    page.get_by_role("button", name="Publish version 2 again").click()
    expect(page.get_by_text("Version 4 is published")).to_be_visible()
    page.get_by_role("tab", name="Definition").click()
    expect(page.get_by_label("Field name 2")).to_have_value("weight")


def test_unsaved_changes_are_asked_about(page: Page, site: Site) -> None:
    log_in(page, site.root)
    register(page, f"kept{uuid4().hex[:6]}")
    page.get_by_label("Entity label").fill("Kept things")
    menu = page.get_by_role("navigation", name="Main menu")
    menu.get_by_role("link", name="Users").click()
    page.get_by_role("button", name="Stay").click()
    expect(page.get_by_label("Entity label")).to_have_value("Kept things")
    menu.get_by_role("link", name="Users").click()
    page.get_by_role("button", name="Discard changes").click()
    expect(page.get_by_role("heading", name="Users")).to_be_visible()
