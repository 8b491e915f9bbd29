"""An external service in a browser: its document is imported, its form is sent."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.test_lists import serious
from tests.e2e.test_shell import log_in
from tests.fixtures.api import PASSWORD
from tests.fixtures.site import Site


class Upstream(BaseHTTPRequestHandler):
    """Answers what it was sent; a message "refuse" is refused."""

    document: ClassVar[str] = ""
    """What stands at /openapi.json, for everybody."""

    def do_POST(self) -> None:
        """Answer one call."""
        length = int(self.headers.get("content-length", 0))
        sent = json.loads(self.rfile.read(length))
        status = 409 if sent.get("message") == "refuse" else 200
        body = json.dumps({"path": self.path, "sent": sent}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Answer the document, or what was sent to who has the key."""
        is_open = self.path == "/openapi.json"
        status = 200 if is_open or self.headers.get("x-key") == "right" else 401
        sent = [{"to": ["+62812", "+62813"], "sent_at": "2026-11-21T10:00:00+00:00"}]
        text = json.dumps(sent if self.path == "/sent" else {})
        body = (self.document if is_open else text).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def upstream() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def document(url: str, **message: Any) -> str:
    schema = {
        "type": "object",
        "required": ["message"],
        "properties": {
            "message": {
                "type": "string",
                "maxLength": 10,
                "title": "Message",
                **message,
            }
        },
    }
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    post = {
        "operationId": "sendMessage",
        "summary": "Send a message",
        "tags": ["Messages"],
        "parameters": [
            {"name": "to", "in": "path", "required": True, "schema": {"type": "string"}}
        ],
        "requestBody": body,
        "responses": {"200": {"description": "Sent."}},
    }
    found = {
        "openapi": "3.1.0",
        "info": {"title": "Messages", "version": "1"},
        "servers": [{"url": url}],
        "paths": {"/to/{to}": {"post": post}},
    }
    return json.dumps(found)


def publish(page: Page, site: Site, name: str) -> None:
    """Publish the draft and give it to the tenant, as the super admin."""
    login = {"email": site.root, "password": PASSWORD}
    token = page.request.post("/api/v1/auth/login", data=login).json()["data"]
    headers = {"authorization": f"Bearer {token['access_token']}"}
    core = "/api/v1/core"
    tenants = page.request.get(f"{core}/tenants?limit=200", headers=headers).json()
    (tenant,) = [t["id"] for t in tenants["data"] if t["name"] == site.tenant]
    replies = [
        page.request.post(f"{core}/services/{name}/publish", headers=headers),
        page.request.put(f"{core}/tenants/{tenant}/services/{name}", headers=headers),
    ]
    assert all(reply.ok for reply in replies), [reply.text() for reply in replies]


def test_a_document_is_previewed_stored_and_its_form_is_sent(
    page: Page, site: Site, upstream: str
) -> None:
    name = f"msg{uuid4().hex[:6]}"
    log_in(page, site.root)
    page.goto("/console/services/new")
    page.get_by_role("button", name="Import OpenAPI").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("From text or a file").click()
    dialog.get_by_label("Name").fill(name)
    store = dialog.get_by_role("button", name="Store as a draft")
    preview = dialog.get_by_role("button", name="Show what becomes of it")

    dialog.get_by_label("Document", exact=True).fill(
        document(upstream, pattern="(a+)+$")
    )
    preview.click()
    expect(dialog.get_by_role("status")).to_contain_text("message/pattern")
    expect(store).to_be_disabled()

    dialog.get_by_label("Document", exact=True).fill(document(upstream))
    preview.click()
    expect(dialog.get_by_text("POST /to/{to}")).to_be_visible()
    expect(dialog.get_by_text(f"{name}:send_message")).to_be_visible()
    store.click()
    expect(page).to_have_url(f"{site.url}/console/services/{name}")
    expect(page.get_by_role("heading", name="Messages")).to_be_visible()
    publish(page, site, name)

    page.context.clear_cookies()
    log_in(page, site.admin)
    page.goto(f"/x/{name}/send_message")
    expect(page.get_by_role("heading", name="Send a message")).to_be_visible()
    page.locator("input[name=to]").fill("Budi & co")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("input[name=message]").fill("Halo")
    page.get_by_role("button", name="Send").click()
    answer = page.get_by_role("region", name="Answer")
    expect(answer).to_contain_text("200")
    expect(answer).to_contain_text('"message": "Halo"')
    expect(answer).to_contain_text("/to/Budi%20%26%20co")
    expect(page.get_by_role("alert")).to_have_count(0)

    page.locator("input[name=message]").fill("refuse")
    page.get_by_role("button", name="Send").click()
    expect(answer).to_contain_text("409")


def test_what_is_missing_is_said_and_entered_where_it_is_missed(
    page: Page, site: Site, upstream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"msg{uuid4().hex[:6]}"
    found = json.loads(document(upstream))
    found["components"] = {
        "securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}}
    }
    found["security"] = [{"k": []}]
    schema = {"type": "array", "items": {"type": "object"}}
    content = {"application/json": {"schema": schema}}
    answers = {"200": {"description": "Sent.", "content": content}}
    found["paths"]["/sent"] = {"get": {"operationId": "listSent", "responses": answers}}
    log_in(page, site.root)
    page.goto("/console/services/new")
    page.get_by_role("button", name="Import OpenAPI").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    address = dialog.get_by_label("Address of the document")
    address.fill(f"{upstream}/nothing")
    dialog.get_by_role("button", name="Show what becomes of it").click()
    expect(dialog.get_by_role("status")).to_contain_text("/url")
    monkeypatch.setattr(Upstream, "document", json.dumps(found))
    address.fill(f"{upstream}/openapi.json")
    dialog.get_by_role("button", name="Show what becomes of it").click()
    dialog.get_by_role("button", name="Store as a draft").click()
    expect(page.get_by_label("Address", exact=False).first).to_have_value(upstream)
    publish(page, site, name)

    page.context.clear_cookies()
    log_in(page, site.admin)
    page.goto(f"/x/{name}/list_sent")
    refusal = page.get_by_role("alert")
    expect(refusal).to_contain_text("no credentials for this service")
    assert serious(page) == []
    refusal.get_by_role("button", name="Connection").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Save and test").click()
    expect(dialog).to_contain_text("Enter the secret.")
    dialog.get_by_label("Header").fill("X-Key")
    dialog.locator("input[type=password]").fill("right")
    dialog.get_by_role("button", name="Save and test").click()
    expect(dialog.get_by_role("status")).to_contain_text("The service answers")
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show", exact=True).click()
    answer = page.get_by_role("region", name="Answer")
    expect(answer.get_by_role("cell", name="+62812, +62813")).to_be_visible()
    expect(answer.get_by_role("columnheader", name="Sent at")).to_be_visible()


def test_what_a_second_import_breaks_is_said_in_the_language_of_the_page(
    page: Page, site: Site, upstream: str
) -> None:
    name = f"msg{uuid4().hex[:6]}"
    login = {"email": site.root, "password": PASSWORD}
    token = page.request.post("/api/v1/auth/login", data=login).json()["data"]
    headers = {"authorization": f"Bearer {token['access_token']}"}
    made = page.request.post(
        "/api/v1/core/services/import-openapi",
        headers=headers,
        data={"name": name, "text": document(upstream)},
    )
    assert made.ok, made.text()
    log_in(page, site.root)
    page.get_by_role("button", name="Your menu").click()
    page.get_by_role("menuitem", name="Bahasa Indonesia").click()
    page.goto(f"/console/services/{name}")
    page.get_by_role("button", name="Impor OpenAPI").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Dari teks atau berkas").click()
    later = document(upstream).replace("sendMessage", "postMessage")
    later = later.replace('"message"', '"words"')
    dialog.get_by_label("Dokumen", exact=True).fill(later)
    dialog.get_by_role("button", name="Tampilkan hasilnya").click()
    broken = dialog.get_by_role("status").filter(has_text="Ini merusak")
    expect(broken).to_contain_text("message: Isian ini sudah tidak ada.")
    expect(broken).to_contain_text("words: Isian ini sekarang wajib diisi.")
    expect(broken).not_to_contain_text("The input")
