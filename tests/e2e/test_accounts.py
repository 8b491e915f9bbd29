"""Accounts in a browser: an administrator adds a user, who changes the password."""

from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.e2e.test_shell import log_in
from tests.fixtures.api import PASSWORD
from tests.fixtures.site import Site


def test_a_user_is_added_with_a_role_and_changes_the_password(
    page: Page, site: Site
) -> None:
    email = f"{uuid4().hex[:8]}@example.com"
    log_in(page, site.admin)
    page.goto("/admin/users/new")
    page.locator("input[name=name]").fill("Made Sari")
    page.locator("input[name=email]").fill(email)
    page.get_by_role("combobox", name="Roles").click()
    page.get_by_role("option", name="Viewer").click()
    page.keyboard.press("Escape")
    page.locator("input[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Made Sari")).to_be_visible()

    page.context.clear_cookies()
    log_in(page, email)
    menu = page.get_by_role("navigation", name="Main menu")
    expect(menu.get_by_role("link", name="Customers")).to_be_visible()
    expect(menu.get_by_role("link", name="Users")).to_have_count(0)

    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("menuitem", name="Change password").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Current password").fill("not-this-one-at-all")
    dialog.get_by_label("New password").fill("a-new-long-password")
    dialog.get_by_role("button", name="Change password").click()
    expect(dialog.get_by_text("This is not your password.")).to_be_visible()
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("Your password is changed")).to_be_visible()


def test_only_the_actions_of_its_state_are_offered_and_asked_about(
    page: Page, site: Site
) -> None:
    log_in(page, site.admin)
    page.goto("/s/customers/customers/new")
    page.locator("input[name=name]").fill(f"Ketut {uuid4().hex[:6]}")
    page.locator("input[name=phone]").fill(f"08{uuid4().int % 10**10:010}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Activate")).to_be_visible()
    expect(page.get_by_role("button", name="Suspend")).to_have_count(0)
    page.get_by_role("button", name="Terminate").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Activate")).to_be_visible()
    page.get_by_role("button", name="Terminate").click()
    dialog.get_by_role("button", name="Terminate").click()
    expect(page.get_by_role("button", name="Activate")).to_have_count(0)
