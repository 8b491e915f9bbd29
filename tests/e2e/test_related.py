"""Related records in a browser: shown by their titles, or said not to be visible."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_lists import LIST, new_phone, serious
from tests.e2e.test_shell import log_in
from tests.fixtures.api import PASSWORD
from tests.fixtures.site import Site


def related(page: Page, site: Site, *rules: str) -> tuple[str, dict[str, str]]:
    """Make a customer with a plan, and a user whose only role has these permissions.

    Returns the user's e-mail and of the records `customer`, `plan` and `name`.
    """
    mark = uuid4().hex[:8]
    log_in_data = {"email": site.admin, "password": PASSWORD}
    found = page.request.post("/api/v1/auth/login", data=log_in_data).json()
    headers = {"Authorization": f"Bearer {found['data']['access_token']}"}

    def make(path: str, body: dict[str, object]) -> str:
        reply = page.request.post(f"/api/v1/{path}", data=body, headers=headers)
        assert reply.status == 201, reply.text()
        return str(reply.json()["data"]["id"])

    rates = {"download_rate": 1_000_000, "upload_rate": 1_000_000, "monthly_price": 1}
    name = f"Rumah {mark}"
    plan = make("plans", {"name": name, **rates})
    who = {"name": f"Wayan {mark}", "phone": new_phone(), "plan": plan}
    customer = make("customers", who)
    permissions = [{"permission": rule} for rule in rules]
    make("core/roles", {"name": f"r{mark}", "label": "Clerk", "rules": permissions})
    email = f"{mark}@example.com"
    user = {"name": "Clerk", "email": email, "role_names": [f"r{mark}"]}
    make("core/users", {**user, "password": PASSWORD})
    page.context.clear_cookies()
    return email, {"customer": customer, "plan": plan, "name": name}


def test_a_related_record_is_named_and_reached_where_nothing_can_be_changed(
    page: Page, site: Site
) -> None:
    email, made = related(page, site, "customers:read", "plans:read")
    log_in(page, email)
    page.goto(f"{LIST}/{made['customer']}")
    shown = page.get_by_label("Plan", exact=True)
    expect(shown).to_have_text(made["name"])
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    expect(page.get_by_text("Read only: these fields cannot")).to_be_visible()
    expect(page.get_by_text(made["plan"])).to_have_count(0)
    assert serious(page) == []
    shown.get_by_role("link").click()
    expect(page.get_by_role("heading", name=made["name"])).to_be_visible()
    page.goto(f"{LIST}/new")
    expect(page.get_by_text("You may not create records here.")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_have_count(0)


@pytest.mark.parametrize(
    "rules", [("customers:read",), ("customers:read", "customers:update")]
)
def test_what_a_role_may_not_read_is_said_so_and_never_shown_by_its_id(
    page: Page, site: Site, rules: tuple[str, ...]
) -> None:
    email, made = related(page, site, *rules)
    log_in(page, email)
    page.goto(LIST)
    row = page.locator("tr[data-row]").filter(has_text="Wayan").first
    expect(row.get_by_role("cell", name="Not visible to you")).to_be_visible()
    expect(page.get_by_text(made["plan"])).to_have_count(0)
    page.goto(f"{LIST}/{made['customer']}")
    shown = page.get_by_label("Plan", exact=True)
    if "customers:update" in rules:
        expect(shown).to_have_value("Not visible to you")
    else:
        expect(shown).to_have_text("Not visible to you")
        expect(shown.get_by_role("link")).to_have_count(0)
    assert made["plan"] not in page.get_by_role("main").inner_text()
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("menuitem", name="Bahasa Indonesia").click()
    main = page.get_by_role("main")
    expect(main.get_by_role("link", name="Pelanggan", exact=True)).to_be_visible()
    expect(main.get_by_role("heading", level=1).locator("..")).to_contain_text("Calon")
    shown = page.get_by_label("Paket", exact=True)
    if "customers:update" in rules:
        expect(shown).to_have_value("Tidak terlihat bagi Anda")
    else:
        expect(shown).to_have_text("Tidak terlihat bagi Anda")


def test_a_record_leads_to_what_belongs_to_it(page: Page, site: Site) -> None:
    email, made = related(
        page, site, "customers:read", "customers:create", "plans:read"
    )
    log_in(page, email)
    page.goto(f"/s/plans/plans/{made['plan']}")
    links = page.get_by_role("navigation", name="What belongs to it")
    link = links.get_by_role("link")
    expect(link).to_have_text("Customers 1")
    assert serious(page) == []
    link.click()
    # There is only one, so the way leads to it.
    expect(page).to_have_url(re.compile(f"/customers/customers/{made['customer']}$"))
    page.go_back()
    expect(link).to_have_text("Customers 1")
    data = {"email": email, "password": PASSWORD}
    token = page.request.post("/api/v1/auth/login", data=data).json()["data"]
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    other = {"name": "Made", "phone": new_phone(), "plan": made["plan"]}
    reply = page.request.post("/api/v1/customers", data=other, headers=headers)
    assert reply.status == 201, reply.text()
    expect(link).to_have_text("Customers 2")
    link.click()
    expect(page.get_by_text(f"Plan is {made['name']}")).to_be_visible()
    expect(page.locator("tr[data-row]")).to_have_count(2)
    # What is made from here belongs to it too.
    page.get_by_role("button", name="New").click()
    expect(page.get_by_label("Plan", exact=True)).to_have_value(made["name"])
    page.get_by_label("Name *").fill("Ketut")
    page.get_by_label("Phone").fill(new_phone())
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Ketut")).to_be_visible()
    page.goto(f"/s/plans/plans/{made['plan']}")
    expect(link).to_have_text("Customers 3")
