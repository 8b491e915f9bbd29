"""Open pages follow what others change, in a browser and over a real WebSocket."""

from uuid import uuid4

from playwright.sync_api import Page, expect

from tests.e2e.test_lists import LIST, new_phone, serious
from tests.e2e.test_shell import log_in
from tests.fixtures.api import PASSWORD
from tests.fixtures.site import Site

DATA = "/api/v1/data/customers/customers"


class Somebody:
    """Another user of the same tenant, at the API."""

    def __init__(self, page: Page, site: Site) -> None:
        self._request = page.request
        credentials = {"email": site.admin, "password": PASSWORD}
        found = self._request.post("/api/v1/auth/login", data=credentials).json()
        token = found["data"]["access_token"]
        self._headers = {"Authorization": f"Bearer {token}"}
        page.context.clear_cookies()

    def creates(self, name: str) -> str:
        values = {"name": name, "phone": new_phone()}
        made = self._request.post(DATA, data=values, headers=self._headers)
        assert made.status == 201, made.text()
        return str(made.json()["data"]["id"])

    def changes(self, record_id: str, **values: object) -> None:
        path = f"{DATA}/{record_id}"
        done = self._request.patch(path, data=values, headers=self._headers)
        assert done.status == 200, done.text()

    def deletes(self, record_id: str) -> None:
        done = self._request.delete(f"{DATA}/{record_id}", headers=self._headers)
        assert done.status == 204, done.text()


def test_an_open_list_follows(page: Page, site: Site) -> None:
    somebody, mark = Somebody(page, site), uuid4().hex[:8]
    log_in(page, site.admin)
    page.goto(f"{LIST}?q={mark}")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    made = somebody.creates(f"Ketut {mark}")
    expect(page.get_by_text(f"Ketut {mark}")).to_be_visible()
    somebody.changes(made, name=f"Nyoman {mark}")
    expect(page.get_by_text(f"Nyoman {mark}")).to_be_visible()
    somebody.deletes(made)
    expect(page.get_by_text(f"Nyoman {mark}")).to_have_count(0)


def test_an_open_form_follows_until_somebody_types(page: Page, site: Site) -> None:
    somebody, mark = Somebody(page, site), uuid4().hex[:8]
    made = somebody.creates(f"Made {mark}")
    log_in(page, site.admin)
    page.goto(f"{LIST}/{made}")
    name = page.get_by_role("textbox", name="Name").first
    expect(name).to_have_value(f"Made {mark}")
    somebody.changes(made, name=f"Gede {mark}")
    expect(name).to_have_value(f"Gede {mark}")
    name.fill(f"Mine {mark}")
    somebody.changes(made, name=f"Theirs {mark}")
    told = page.get_by_text("Somebody else has changed this record")
    expect(told).to_be_visible()
    expect(name).to_have_value(f"Mine {mark}")
    assert serious(page) == []
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(f"Theirs {mark}")).to_be_visible()
    expect(dialog.get_by_text(f"Mine {mark}")).to_be_visible()


def test_a_page_that_was_cut_off_catches_up(page: Page, site: Site) -> None:
    somebody, mark = Somebody(page, site), uuid4().hex[:8]
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    log_in(page, site.admin)
    page.goto(f"{LIST}?q={mark}")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.context.set_offline(True)
    page.wait_for_timeout(200)
    page.context.set_offline(False)
    somebody.creates(f"Komang {mark}")
    expect(page.get_by_text(f"Komang {mark}")).to_be_visible(timeout=20_000)
    assert all(url.endswith("/api/v1/realtime") for url in sockets)
    assert "token" not in "".join(sockets)
