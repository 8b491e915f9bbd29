"""Generated forms in a browser: checks before sending, and two people at one record."""

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.e2e.test_lists import LIST, make_customer
from tests.e2e.test_shell import log_in
from tests.fixtures.site import Site


def test_what_does_not_fit_is_said_before_anything_is_sent(
    page: Page, site: Site
) -> None:
    log_in(page, site.admin)
    page.goto(f"{LIST}/new")
    page.locator("input[name=name]").fill("Hadi")
    page.locator("input[name=phone]").fill("not a phone")
    sent: list[str] = []
    page.on(
        "request",
        lambda request: sent.append(request.url) if request.method == "POST" else None,
    )
    page.get_by_role("button", name="Save").click()
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("Phone")
    expect(summary).to_be_focused()
    expect(page.locator("input[name=phone]")).to_have_attribute("aria-invalid", "true")
    summary.get_by_role("button", name="Phone").click()
    expect(page.locator("input[name=phone]")).to_be_focused()
    assert sent == []


def test_a_rules_own_message_stands_at_its_field_before_anything_is_sent(
    page: Page, site: Site
) -> None:
    log_in(page, site.admin)
    make_customer(page, f"Ratna {uuid4().hex[:6]}")
    sent: list[str] = []
    page.on(
        "request",
        lambda request: (
            sent.append(request.url) if request.method in {"POST", "PATCH"} else None
        ),
    )
    page.locator("select[name=status]").select_option("active")
    page.get_by_role("button", name="Save", exact=True).click()
    message = "Choose a plan before activating the customer."
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text(f"Plan: {message}")
    plan = page.locator("input[data-field=plan]")
    hint = page.locator(f"[id='{plan.get_attribute('aria-describedby')}']")
    expect(hint).to_have_text(message)
    summary.get_by_role("button", name="Plan").click()
    expect(plan).to_be_focused()
    assert sent == []
    page.locator("select[name=status]").select_option("prospect")
    page.locator("input[name=district]").fill("Beji")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert len(sent) == 1


def test_a_conflict_is_solved_field_by_field(page: Page, site: Site) -> None:
    log_in(page, site.admin)
    make_customer(page, f"Indah {uuid4().hex[:6]}")
    # An untouched form follows what others save; one with edits keeps them.
    page.locator("input[name=district]").fill("Cimanggis")
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("input[name=district]").fill("Beji")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_text("Saved", exact=True)).to_be_visible()

    page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Beji")
    expect(dialog).to_contain_text("Cimanggis")
    dialog.get_by_role("button", name="Save my choice").click()
    expect(dialog).to_have_count(0)
    page.reload()
    expect(page.locator("input[name=district]")).to_have_value("Cimanggis")


def test_a_deleted_record_is_taken_back_by_undo(page: Page, site: Site) -> None:
    name = f"Joko {uuid4().hex[:6]}"
    log_in(page, site.admin)
    make_customer(page, name)
    address = page.url
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("alert").filter(has_text="Deleted")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("cell", name=name, exact=True)).to_be_visible()
    page.goto(address)
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def test_an_amount_is_shown_as_it_was_understood_or_refused(
    page: Page, site: Site
) -> None:
    log_in(page, site.admin)
    page.goto("/s/plans/plans/new")
    page.locator("input[name=name]").fill(f"Rumah {uuid4().hex[:6]}")
    page.locator("input[name=download_rate]").fill("20M")
    page.locator("input[name=upload_rate]").fill("10M")
    price = page.locator("input[name=monthly_price]")
    price.fill("150.000,50")
    page.get_by_role("button", name="Save").click()
    expect(price).to_have_attribute("aria-invalid", "true")
    price.fill("Rp 150.000,00")
    price.blur()
    expect(price).to_have_value("150,000")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("input[name=monthly_price]")).to_have_value("150,000")
    expect(page.get_by_text(re.compile("IDR.150,000")).first).to_be_visible()
