"""Every page that a menu leads to, and those behind it: readable for all, on phones."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_lists import make_customer, serious
from tests.e2e.test_shell import log_in
from tests.fixtures.site import Site

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}

TABS = ("definition", "versions", "tenants")
CONSOLE = [f"/console/services/plans?tab={tab}" for tab in TABS]


def links(page: Page) -> list[str]:
    """Return where the main menu leads, all of its groups open."""
    menu = page.get_by_role("navigation", name="Main menu")
    expect(menu.get_by_role("link", name="Users")).to_be_visible()
    found = menu.locator("a[href]").evaluate_all(
        "all => all.map(each => each.getAttribute('href'))"
    )
    return list(dict.fromkeys(str(each) for each in found))


def settle(page: Page) -> None:
    """Wait until nothing moves any more: a colour on its way has no contrast yet."""
    page.evaluate(
        """async () => {
          for (let quiet = 0, frames = 0; quiet < 5 && frames < 120; frames++) {
            await new Promise(requestAnimationFrame);
            const moves = document
              .getAnimations()
              .some((one) => one instanceof CSSTransition);
            quiet = moves ? 0 : quiet + 1;
          }
        }"""
    )


def faults(page: Page, path: str) -> list[str]:
    """Open a page; return what is wrong with it, light at a desk, dark on a phone."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.set_viewport_size(DESK)
    page.goto(path)
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    settle(page)
    found = [f"{path}: {each}" for each in serious(page)]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size(PHONE)
    settle(page)
    if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
        found.append(f"{path}: wider than a phone")
    return found + [f"{path} on a phone: {each}" for each in serious(page)]


@pytest.mark.parametrize("who", ["root", "admin"])
def test_every_page_of_the_menu_is_accessible_and_fits_a_phone(
    page: Page, site: Site, who: str
) -> None:
    log_in(page, getattr(site, who))
    if who == "admin":
        make_customer(page, "Wulan")
    wrong: list[str] = []
    paths = links(page)
    assert len(paths) > 5
    if who == "root":
        paths += ["/console/services/new", *CONSOLE]
    for path in paths:
        wrong += faults(page, path)
        page.set_viewport_size(DESK)
        row = page.locator("tr[data-row]").first
        if row.count():
            row.click()
            page.wait_for_url(re.compile(r"/[0-9a-f-]{36}$"))
            wrong += faults(page, page.url)
        if path.startswith(("/s/", "/admin/")) and "?" not in path:
            wrong += faults(page, f"{path}/new")
    assert wrong == []
