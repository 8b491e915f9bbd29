"""The console in a browser: losing data takes consent, going back, unsaved work."""

import re
from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.e2e.test_lists import serious
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
    expect(page.get_by_text("do not come back")).to_be_visible()
    page.get_by_role("button", name="Publish version 2 again").click()
    expect(page.get_by_text("Version 4 is published")).to_be_visible()
    page.get_by_role("tab", name="Definition").click()
    expect(page.get_by_label("Field name 2")).to_have_value("weight")


DATABASE_WORDS = re.compile(
    r"schema|\btable|row security|constraint|not null|owner role|\bindex|\bDESC\b",
    re.IGNORECASE,
)


def test_a_plan_is_said_in_plain_words_and_its_sql_on_demand(
    page: Page, site: Site
) -> None:
    log_in(page, site.root)
    start(page, f"plain{uuid4().hex[:6]}")
    page.get_by_label("Entity label").fill("Repairs")
    for number, label, kind in (
        ("2", "Customer", "Relation"),
        ("3", "Price", "Money"),
        ("4", "Parts", "Lines"),
    ):
        page.get_by_role("button", name="Add a field").first.click()
        page.get_by_label(f"Label {number}", exact=True).fill(label)
        choose_type(page, number, kind)
        if kind == "Relation":
            choose_target(page, "customers.customers")
    page.get_by_label("Label 4.1").fill("Part")
    page.get_by_role("checkbox", name="Unique 3").check()
    page.get_by_role("button", name="Register a service").click()
    page.get_by_role("button", name="Show the plan").click()
    plan = page.get_by_role("region", name="What publishing will do")
    expect(plan.get_by_text("Make room for the records of “Repairs”")).to_be_visible()
    expect(
        plan.get_by_text("“Repairs” of a tenant have the same Price")
    ).to_be_visible()
    steps = [item.inner_text() for item in plan.get_by_role("listitem").all()]
    assert len(steps) > 10
    assert [step for step in steps if DATABASE_WORDS.search(step)] == []
    expect(plan.get_by_text("CREATE TABLE")).to_have_count(0)
    plan.get_by_role("switch", name="Show SQL").click(force=True)
    expect(plan.get_by_text("CREATE TABLE").first).to_be_visible()


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


def start(page: Page, name: str) -> None:
    """Open the form of a new service with one entity `things`."""
    page.goto("/console/services/new")
    page.get_by_label("Name", exact=False).first.fill(name)
    page.get_by_label("Entity name").fill("things")


def choose_type(page: Page, number: str, name: str) -> None:
    """Choose the type of the field with this number."""
    page.get_by_role("combobox", name=f"Type {number}", exact=True).fill(name)
    page.get_by_role("option", name=re.compile(f"^{name}")).click()


def choose_target(page: Page, name: str) -> None:
    """Choose what the relation whose options are open points at."""
    page.get_by_role("combobox", name="Points at").fill(name)
    page.get_by_role("option", name=name, exact=True).click()


def test_a_relation_requires_its_service_as_long_as_it_points_there(
    page: Page, site: Site
) -> None:
    log_in(page, site.root)
    start(page, f"refs{uuid4().hex[:6]}")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Label 2").fill("Customer")
    choose_type(page, "2", "Relation")
    choose_target(page, "customers.customers")
    code = page.get_by_label("Definition as JSON")
    expect(code).to_contain_text('"requires"')
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    page.get_by_role("button", name="Remove 2").click()
    expect(code).not_to_contain_text('"requires"')


def test_lines_and_formulas_are_made_by_the_form_alone(page: Page, site: Site) -> None:
    name = f"made{uuid4().hex[:6]}"
    log_in(page, site.root)
    start(page, name)
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Label 2").fill("Parts")
    choose_type(page, "2", "Lines")
    page.get_by_label("Label 2.1").fill("Quantity")
    choose_type(page, "2.1", "Whole number")
    lines = page.get_by_role("group", name="Fields of each line")
    lines.get_by_role("combobox", name="Type 2.1").fill("Lines")
    expect(page.get_by_role("option").first).to_be_visible()
    expect(page.get_by_role("option", name=re.compile("^Lines"))).to_have_count(0)
    page.keyboard.press("Escape")

    lines.get_by_role("button", name="Add a field").click()
    lines.get_by_label("Label 2.2").fill("Double")
    choose_type(page, "2.2", "Computed")
    lines.get_by_label("Shown as").select_option("integer")
    formula = lines.get_by_label("Formula")
    formula.fill("quantity * cost")
    expect(lines.get_by_text("At character 12:")).to_contain_text("“cost”")
    formula.fill("quantity * 2")
    expect(lines.get_by_text("At character")).to_have_count(0)
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    page.get_by_role("button", name="Register a service").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    publish(page, 1)


def test_an_expression_without_a_formula_stays_json(page: Page, site: Site) -> None:
    log_in(page, site.root)
    start(page, f"odd{uuid4().hex[:6]}")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Label 2").fill("Odd")
    choose_type(page, "2", "Computed")
    page.get_by_label("Formula").fill("1 + 2")
    code = page.get_by_label("Definition as JSON")
    expect(code).to_contain_text("_add")
    page.get_by_label("Formula").fill("")
    expect(code).not_to_contain_text("_add")
    page.get_by_label("Formula").fill("1 + 2")
    expect(code).to_contain_text("_add")
    text = code.inner_text()
    code.fill(text.replace("_add", "_power"))
    expect(page.get_by_label("Formula")).to_have_count(0)
    expect(page.get_by_role("textbox", name="Expression")).to_have_value(
        '{"_power":[1,2]}'
    )


def test_places_are_named_by_labels(page: Page, site: Site) -> None:
    log_in(page, site.root)
    name = f"labs{uuid4().hex[:6]}"
    start(page, name)
    page.get_by_label("Entity label").fill("Repairs")
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Label 2").fill("Price")
    page.get_by_label("Field name 2").fill("Not a name!")
    place = page.get_by_role("listitem").filter(has_text="Repairs → Price")
    expect(place).to_contain_text("/entities/0/fields/1")
    page.get_by_label("Field name 2").fill("price")
    page.get_by_role("button", name="Register a service").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    publish(page, 1)
    page.get_by_role("checkbox", name="Required 2").check()
    publish(page, 2)
    page.get_by_role("tab", name="Versions").click()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Repairs → Price → Required")).to_be_visible()


def test_a_service_is_a_draft_until_published_and_its_list_opens_once_assigned(
    page: Page, site: Site
) -> None:
    name = f"next{uuid4().hex[:6]}"
    log_in(page, site.root)
    start(page, name)
    page.get_by_label("Label", exact=True).fill("Next steps")
    page.get_by_role("button", name="Register a service").click()
    expect(page.get_by_role("heading", name="Next steps")).to_be_visible()
    main = page.get_by_role("main")
    expect(main.get_by_text("Draft", exact=True)).to_be_visible()
    expect(main.get_by_text("Active", exact=True)).to_have_count(0)
    expect(page.get_by_text("Show the plan first")).to_be_visible()
    publish(page, 1)
    expect(page.get_by_text("Active", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Assign it to tenants")).to_be_visible()
    expect(page.get_by_role("link", name="Open the list")).to_have_count(0)


def test_records_that_are_empty_are_to_be_filled_or_given_a_default(
    page: Page, site: Site
) -> None:
    name = f"void{uuid4().hex[:6]}"
    log_in(page, site.root)
    start(page, name)
    page.get_by_role("button", name="Add a field").click()
    page.get_by_label("Label 2").fill("Weight")
    page.get_by_role("button", name="Register a service").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    publish(page, 1)
    page.get_by_role("link", name="Assign it to tenants").click()
    page.get_by_role("switch", name=site.tenant).click(force=True)
    page.context.clear_cookies()
    log_in(page, site.admin)
    page.goto(f"/s/{name}/things/new")
    page.locator("input[name=name]").fill("Stone")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Stone")).to_be_visible()

    page.context.clear_cookies()
    log_in(page, site.root)
    page.goto(f"/console/services/{name}")
    page.get_by_role("checkbox", name="Required 2").check()
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_text("1 record does not fit")).to_be_visible()
    expect(page.get_by_text("give the field a default")).to_be_visible()
    expect(page.get_by_role("cell", name="(empty)")).to_have_count(1)
    expect(page.get_by_text("Correct what the plan says")).to_be_visible()
    expect(page.get_by_role("button", name="Publish")).to_be_disabled()


def choose_status(page: Page, status: str, button: str) -> None:
    """Change the status of the service whose page is open, with the keyboard alone."""
    page.get_by_role("button", name="Change the status").press("Enter")
    dialog = page.get_by_role("dialog", name="Status of")
    expect(dialog.get_by_role("radio", name="(now)")).to_be_focused()
    expect(dialog.get_by_role("button", name="Change the status")).to_be_disabled()
    assert serious(page) == []
    while not dialog.get_by_role("radio", name=status, exact=True).is_checked():
        page.keyboard.press("ArrowDown")
    dialog.get_by_role("button", name=button).press("Enter")


def test_a_service_is_put_under_maintenance_out_of_use_and_back(
    page: Page, site: Site
) -> None:
    name = f"rest{uuid4().hex[:6]}"
    log_in(page, site.root)
    start(page, name)
    page.get_by_role("button", name="Register a service").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("button", name="Change the status")).to_have_count(0)
    publish(page, 1)
    main = page.get_by_role("main")
    for status, button, told in (
        ("Under maintenance", "Put under maintenance", "answered with 503"),
        ("Inactive", "Put out of use", "gone from menus and API"),
    ):
        choose_status(page, status, button)
        expect(main.get_by_text(status, exact=True)).to_be_visible()
        expect(main.get_by_text(told)).to_contain_text("All data stays")
        page.goto("/console/services")
        row = page.get_by_role("row").filter(has_text=name)
        expect(row.get_by_text(status, exact=True)).to_be_visible()
        row.get_by_role("link").click()
    choose_status(page, "Active", "Put in use")
    expect(main.get_by_text("Active", exact=True)).to_be_visible()
    expect(main.get_by_text("All data stays")).to_have_count(0)


def test_a_status_that_is_refused_says_so_and_stays(page: Page, site: Site) -> None:
    log_in(page, site.root)
    register(page, f"held{uuid4().hex[:6]}")
    page.route("**/core/services/*/status", lambda route: route.abort())
    choose_status(page, "Inactive", "Put out of use")
    dialog = page.get_by_role("dialog", name="Status of")
    expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("main").get_by_text("Active", exact=True)).to_be_visible()
