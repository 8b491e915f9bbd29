"""Generated lists in a browser: filter, select, columns, keys, width and contrast."""

import csv
import re
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4
from zipfile import ZipFile

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.test_shell import log_in
from tests.fixtures.site import Site

AXE = Path(__file__).parents[2] / "ui-shell/node_modules/axe-core/axe.min.js"
LIST = "/s/customers/customers"


def new_phone() -> str:
    """Return a number that no other customer has."""
    return f"08{uuid4().int % 10**10:010}"


def make_customer(page: Page, name: str) -> None:
    """Make a customer through the form and wait for its page."""
    page.goto(f"{LIST}/new")
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=phone]").fill(new_phone())
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def serious(page: Page) -> list[str]:
    """Return what axe calls serious or critical on this page."""
    page.evaluate(AXE.read_text())
    only = "{resultTypes: ['violations']}"
    found = page.evaluate(f"axe.run({only})")["violations"]
    return [
        f"{item['id']}: {item['nodes'][0]['html']}"
        for item in found
        if item["impact"] in {"serious", "critical"}
    ]


def test_a_filter_is_built_shown_as_a_chip_and_taken_away(
    page: Page, site: Site
) -> None:
    name = f"Sari {uuid4().hex[:6]}"
    log_in(page, site.admin)
    make_customer(page, name)
    page.goto(LIST)
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Field").select_option("name")
    page.get_by_label("Value").fill("nobody-has-this-name")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Remove filter").click()
    expect(page.get_by_role("cell", name=name).first).to_be_visible()


def test_a_range_that_ends_before_it_begins_is_said_at_the_filter(
    page: Page, site: Site
) -> None:
    log_in(page, site.admin)
    page.goto(LIST)
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Field").select_option("installed_on")
    page.get_by_label("Comparison").select_option("_between")
    page.get_by_label("From: A date…").fill("2026-03-31")
    page.get_by_label("To: A date…").fill("2026-03-01")
    said = page.get_by_role("alert")
    expect(said).to_have_text("“From” is after “To”. Swap them: nothing lies between.")
    expect(page.get_by_role("button", name="Apply")).to_be_disabled()
    assert serious(page) == []
    page.get_by_label("To: A date…").fill("2026-04-30")
    expect(said).to_have_count(0)
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("2026-04-30"))

    # An address may hold what the editor refuses.
    backwards = '{"installed_on":{"_between":["2026-03-31","2026-03-01"]}}'
    page.goto(f"{LIST}?filter={quote(backwards)}")
    expect(said).to_contain_text("begins after it ends, so nothing can match")
    assert serious(page) == []


def test_selected_rows_are_deleted_together_and_others_stay(
    page: Page, site: Site
) -> None:
    mark = uuid4().hex[:6]
    log_in(page, site.admin)
    for who in ("Adi", "Budi", "Citra"):
        make_customer(page, f"{who} {mark}")
    page.goto(f"{LIST}?q={mark}")
    page.get_by_label(f"Select Adi {mark}").check()
    page.get_by_label(f"Select Budi {mark}").check()
    bar = page.get_by_role("region", name="Selected rows")
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete 2 records").click()
    expect(page.get_by_role("row").filter(has_text=mark)).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text=mark)).to_contain_text("Citra")


def test_an_undone_bulk_delete_gives_back_every_record(page: Page, site: Site) -> None:
    mark = uuid4().hex[:6]
    log_in(page, site.admin)
    for who in ("Adi", "Budi"):
        make_customer(page, f"{who} {mark}")
    page.goto(f"{LIST}?q={mark}")
    page.get_by_label("Select all rows").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete 2 records").click()
    notice = page.get_by_role("alert").filter(has_text="2 deleted")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    notice.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 restored")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text=mark)).to_have_count(2)


def test_a_refused_bulk_change_names_the_field_and_what_is_wrong(
    page: Page, site: Site
) -> None:
    mark = uuid4().hex[:6]
    log_in(page, site.admin)
    make_customer(page, f"Citra {mark}")
    page.goto(f"{LIST}?q={mark}")
    page.get_by_label("Select all rows").check()
    page.get_by_role("button", name="Change a field").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Field").select_option("due_day")
    dialog.get_by_label("Value").fill("31")
    dialog.get_by_role("button", name="Change 1 record").click()
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text(
        "0 changed, 1 refused: Due day of the month: Enter at most 28."
    )
    expect(notice.get_by_role("button", name="Undo")).to_have_count(0)


def test_the_bin_holds_what_was_deleted_and_gives_it_back(
    page: Page, site: Site
) -> None:
    mark = uuid4().hex[:6]
    log_in(page, site.admin)
    for who in ("Adi", "Budi", "Citra"):
        make_customer(page, f"{who} {mark}")
        if who != "Citra":
            page.get_by_role("button", name="Delete").click()
            page.get_by_role("dialog").get_by_role("button", name="Delete").click()
            expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    page.goto(f"{LIST}?q={mark}")
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(1)
    expect(rows.get_by_role("button", name="Restore")).to_have_count(0)

    page.get_by_role("tab").last.click()
    expect(page.get_by_role("tab", name="Deleted")).to_have_attribute(
        "aria-selected", "true"
    )
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="Citra")).to_have_count(0)
    assert serious(page) == []
    page.get_by_label("Select all rows").check()
    bar = page.get_by_role("region", name="Selected rows")
    expect(bar.get_by_role("button", name="Restore")).to_be_visible()
    expect(bar.get_by_role("button", name="Delete")).to_have_count(0)
    expect(bar.get_by_role("button", name="Change a field")).to_have_count(0)

    page.get_by_role("button", name=f"Restore Adi {mark}").click()
    expect(rows).to_have_count(1)
    expect(bar).to_contain_text("1 selected")
    bar.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("tab", name="All").click()
    expect(rows).to_have_count(3)


def test_rows_that_are_there_are_not_shown_as_deleted_while_the_bin_loads(
    page: Page, site: Site
) -> None:
    mark = uuid4().hex[:6]
    log_in(page, site.admin)
    make_customer(page, f"Adi {mark}")
    page.goto(f"{LIST}?q={mark}")
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(1)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile("deleted=only"), hold)
    page.get_by_role("tab", name="Deleted").click()
    expect(page.get_by_role("status", name="Loading…")).to_be_visible()
    expect(rows).to_have_count(0)
    for route in held:
        route.continue_()
    expect(page.get_by_text("Nothing matches")).to_be_visible()


def test_a_deleted_record_is_read_only_until_it_is_restored(
    page: Page, site: Site
) -> None:
    name = f"Dian {uuid4().hex[:6]}"
    log_in(page, site.admin)
    make_customer(page, name)
    record = page.url
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    page.goto(record)
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert serious(page) == []
    for action in ("Save", "Delete", "Activate", "Terminate"):
        expect(page.get_by_role("button", name=action)).to_have_count(0)
    expect(page.locator("[data-field=name]")).to_have_text(name)
    expect(page.locator("input[name=name]")).to_have_count(0)
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_be_visible()
    expect(page.locator("input[name=name]")).to_be_editable()


def test_a_list_is_searched_as_one_types_and_the_focus_stays(
    page: Page, site: Site
) -> None:
    mark = uuid4().hex[:6]
    log_in(page, site.admin)
    for who in ("Adi", "Budi"):
        make_customer(page, f"{who} {mark}")
    before = page.url
    page.get_by_role("link", name="Customers", exact=True).last.click()
    box = page.get_by_role("searchbox", name="Search")
    box.fill(f"adi {mark}")
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"Adi {mark}")
    expect(box).to_be_focused()
    box.press_sequentially("x")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    expect(page).to_have_url(re.compile(rf"q=adi(\+|%20){mark}x"))
    expect(box).to_be_focused()
    page.get_by_role("button", name="Clear filters").click()
    expect(box).to_have_value("")
    expect(rows.filter(has_text=mark)).to_have_count(2)
    # A search replaces the one before it: back leads past all of them at once.
    page.go_back()
    expect(box).to_have_value(f"adi {mark}x")
    page.go_back()
    expect(page).to_have_url(before)


def test_an_export_holds_the_columns_that_are_shown_or_all_of_them(
    page: Page, site: Site
) -> None:
    mark = uuid4().hex[:6]
    log_in(page, site.admin)
    for who in ("Adi", "Budi", "Citra"):
        make_customer(page, f"{who} {mark}")
    page.goto(f"{LIST}?q=budi+{mark}")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="District").uncheck()
    page.get_by_role("button", name="Columns", exact=True).click()

    def exported(entry: str) -> Path:
        page.get_by_role("button", name="Export").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=entry, exact=True).click()
        return download.value.path()

    shown = ["Code", "Name", "Phone (WhatsApp)", "Plan", "Status"]
    assert page.get_by_role("columnheader").all_inner_texts()[1:] == shown
    with exported("As CSV").open(newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file)
    assert header == ["code", "name", "phone", "plan", "status"]
    assert [row[1] for row in rows] == [f"Budi {mark}"]
    # The page's language heads the columns of a sheet, whatever the tenant's is.
    with ZipFile(exported("As XLSX")) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    heading = re.findall(r"<row .*?</row>", sheet)[0]
    assert re.findall(r"<t[^>]*>([^<]*)</t>", heading) == shown
    with exported("As CSV, all fields").open(newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file)
    assert {"code", "district", "notes", "created_at"} <= set(header)
    assert len(rows) == 1


def test_a_hidden_column_stays_hidden_on_the_next_visit(page: Page, site: Site) -> None:
    log_in(page, site.admin)
    make_customer(page, f"Dewi {uuid4().hex[:6]}")
    page.goto(LIST)
    header = page.get_by_role("columnheader", name="District")
    expect(header).to_be_visible()
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="District").uncheck()
    expect(header).to_have_count(0)
    page.reload()
    expect(page.get_by_role("columnheader", name="Name")).to_be_visible()
    expect(header).to_have_count(0)


def test_the_keyboard_alone_makes_finds_and_opens_a_record(
    page: Page, site: Site
) -> None:
    name = f"Eka {uuid4().hex[:6]}"
    log_in(page, site.admin)
    make_customer(page, f"Fajar {uuid4().hex[:6]}")
    page.goto(LIST)
    expect(page.get_by_role("heading", name="Customers")).to_be_visible()
    page.keyboard.press("n")
    page.locator("input[name=name]").focus()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(new_phone())
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    page.goto(LIST)
    expect(page.locator("tr[data-row]").first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.keyboard.press("Tab")
    page.locator("body").evaluate("() => document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/customers/[0-9a-f-]{36}$"))


def test_a_file_corrected_on_disk_is_asked_for_again_and_then_read(
    page: Page, site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("name,phone\nGilang,not a phone\n")
    log_in(page, site.admin)
    page.goto(LIST)
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_role("button", name="Check the file").click()
    expect(dialog.get_by_role("status")).to_contain_text("1 has errors")

    file.write_text(f"name,phone\nGilang,{new_phone()}\n")
    dialog.get_by_role("button", name="Check the file").click()
    expect(dialog.get_by_role("alert")).to_have_text(
        "The file changed since it was chosen; choose it again."
    )
    expect(dialog.get_by_role("button", name="Check the file")).to_be_disabled()
    # A browser fires no change for the file that the input names already.
    assert dialog.locator("input[type=file]").input_value() == ""
    dialog.locator("input[type=file]").set_input_files(file)
    expect(dialog.get_by_role("alert")).to_have_count(0)
    assert dialog.locator("input[type=file]").input_value() == ""
    dialog.get_by_role("button", name="Check the file").click()
    expect(dialog.get_by_role("status")).to_contain_text("1 fits, 0 have errors")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_list_and_form_are_accessible_and_fit_a_phone(
    page: Page, site: Site, theme: str
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto("/login")
    expect(page.get_by_label("E-mail")).to_be_visible()
    assert serious(page) == []
    log_in(page, site.admin)
    make_customer(page, f"Gita {uuid4().hex[:6]}")
    assert serious(page) == []
    page.goto(LIST)
    expect(page.locator("tr[data-row]").first).to_be_visible()
    assert serious(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (LIST, f"{LIST}/new"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
