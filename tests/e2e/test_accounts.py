"""Accounts in a browser: an administrator adds a user, who changes the password."""

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.e2e.test_lists import serious
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
    page.get_by_role("option", name="Pembaca").click()
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


def test_a_user_without_a_role_is_warned_about_before_and_after_saving(
    page: Page, site: Site
) -> None:
    warning = page.get_by_text("Without a role this user can log in, but sees nothing.")
    log_in(page, site.admin)
    menu = page.get_by_role("navigation", name="Main menu")
    menu.get_by_role("link", name="Users").click()
    page.get_by_role("button", name="New").click()
    page.locator("input[name=name]").fill("Nyoman Sari")
    page.locator("input[name=email]").fill(f"{uuid4().hex[:8]}@example.com")
    page.locator("input[name=password]").fill(PASSWORD)
    expect(warning).to_be_visible()
    assert serious(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Nyoman Sari")).to_be_visible()
    expect(warning).to_be_visible()
    page.get_by_role("combobox", name="Roles").click()
    page.get_by_role("option", name="Pembaca").click()
    expect(warning).to_have_count(0)


def test_the_teams_are_reached_from_the_menu(page: Page, site: Site) -> None:
    log_in(page, site.admin)
    menu = page.get_by_role("navigation", name="Main menu")
    menu.get_by_role("link", name="Teams").click()
    expect(page).to_have_url(re.compile("/admin/teams$"))
    expect(page.get_by_role("heading", name="Teams")).to_be_visible()


def test_a_tenant_can_be_switched_to_as_soon_as_it_is_made_and_renamed(
    page: Page, site: Site
) -> None:
    mark = uuid4().hex[:6]
    log_in(page, site.root)
    page.goto("/admin/tenants/new")
    page.locator("input[name=name]").fill(f"Melati {mark}")
    page.locator("input[name=slug]").fill(f"melati-{mark}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=f"Melati {mark}")).to_be_visible()
    switcher = page.get_by_role("button", name="Switch tenant")
    switcher.click()
    expect(
        page.get_by_role("menuitem", name=f"Melati {mark}", exact=True)
    ).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("input[name=name]").fill(f"Mawar {mark}")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name=f"Mawar {mark}")).to_be_visible()
    switcher.click()
    expect(
        page.get_by_role("menuitem", name=f"Mawar {mark}", exact=True)
    ).to_be_visible()
    expect(page.get_by_role("menuitem", name=f"Melati {mark}")).to_have_count(0)


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


def test_built_in_roles_are_left_out_of_what_is_done_with_rows(
    page: Page, site: Site
) -> None:
    name = f"Sales {uuid4().hex[:6]}"
    log_in(page, site.admin)
    page.goto("/admin/roles/new")
    page.locator("input[name=label]").fill(name)
    page.locator("input[name=name]").fill(name.replace(" ", "_"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_be_visible()

    page.goto("/admin/roles")
    chosen = page.get_by_role("region", name="Selected rows")
    page.get_by_role("checkbox", name="Select Pembaca").check()
    expect(chosen).to_contain_text("Built-in roles stay as they are")
    expect(chosen.get_by_role("button")).to_have_text(["Clear selection"])
    page.get_by_role("checkbox", name=f"Select {name}").check()
    expect(chosen).to_contain_text("1 is left out")
    chosen.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete 1 record").click()
    expect(page.get_by_text("1 deleted")).to_be_visible()
    expect(page.get_by_role("cell", name=name, exact=True)).to_have_count(0)

    page.get_by_role("cell", name="Pembaca", exact=True).click()
    expect(page.get_by_role("heading", name="Pembaca")).to_be_visible()
    expect(page.get_by_text("Built-in roles stay as they are")).to_be_visible()
    for button in ("Save", "Delete"):
        expect(page.get_by_role("button", name=button)).to_have_count(0)
