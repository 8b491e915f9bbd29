"""Documents as services publish them: imported, assigned, filled in, and called."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures import forms
from tests.fixtures.api import World
from tests.fixtures.gateway import outside

CORE = "/api/v1/core"
FOLDER = Path(__file__).parents[1] / "fixtures" / "openapi" / "real"
MAC = "aa:bb:cc:00:11:22"


@dataclass(frozen=True)
class Sent:
    """What is entered, and what the service gets of it."""

    endpoint: str
    values: Mapping[str, Any]
    method: str
    target: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


PET = {
    "name": "Rex",
    "photoUrls": ["https://a.example/1", "b"],
    "tags": [{"id": 1, "name": "x"}],
    "category": {"name": "Dogs"},
    "status": "pending",
}
STAY = {
    "pet": {"name": "Tom", "kind": "cat", "weight": 4.5},
    "from": "2026-01-01",
    "to": "2026-01-09",
    "room": None,
    "currency": "IDR",
    "secret": "s",
}
TEXT = {"type": "text", "to": "6281234567890", "text": {"body": "Halo, dunia"}}
TEMPLATE = {
    "type": "template",
    "to": "6281234567890",
    "template": {"name": "bill", "language": {"code": "id"}, "components": [{"a": 1}]},
}
BLAST = {"message": "Hi", "recipients": ["+6281234567890"], "schedule_at": None}
CHARGE = {
    "payment_type": "bank_transfer",
    "transaction_details": {"order_id": "INV-1", "gross_amount": 150000.5},
    "bank_transfer": {"bank": "bca"},
    "item_details": [{"price": 150000, "quantity": 1, "name": "Plan"}],
    "customer_details": {
        "email": "a@example.com",
        "billing_address": {"city": "Kudus"},
    },
    "metadata": {"k": "v"},
}
MESSAGE = {
    "chat_id": "@town",
    "text": "Halo",
    "reply_markup": {"remove_keyboard": True},
}
INVOICE = {
    "kind": "invoice",
    "customer": 7,
    "due": None,
    "lines": [{"sku": "A", "quantity": 1.5, "price": "10.25", "tax": None}],
}
TICKET = {
    "subject": "No net",
    "priority": 3,
    "channel": "mail",
    "assignee": None,
    "tags": ["vip", "net"],
    "contact": {"company": "PT A", "vat": None},
}
DOCUMENTS: dict[str, list[Sent]] = {
    "pets-3.0.yaml": [
        Sent("add_pet", PET, "POST", "/pet", PET),
        Sent("update_pet", {"id": 9, **PET}, "PUT", "/pet", {"id": 9, **PET}),
        Sent("find_pets_by_status", {"status": "sold"}, "GET",
             "/pet/findByStatus?status=sold"),
        Sent("find_pets_by_tags", {"tags": ["a b", "c&d"]}, "GET",
             "/pet/findByTags?tags=a+b&tags=c%26d"),
        Sent("get_pet_by_id", {"petId": 2**53 - 1}, "GET", "/pet/9007199254740991"),
        Sent("update_pet_with_form", {"petId": 1, "name": "Ré"}, "POST",
             "/pet/1?name=R%C3%A9"),
        Sent("delete_pet", {"petId": 1}, "DELETE", "/pet/1"),
        Sent("get_inventory", {}, "GET", "/store/inventory",
             headers={"api_key": "k-1"}),
    ],
    "pets-3.1.yaml": [
        Sent("list_stays", {"limit": 100, "from": "2026-01-31", "kind": ["cat", "dog"],
                            "X-Trace": "t-1"}, "GET",
             "/stays?limit=100&from=2026-01-31&kind=cat%2Cdog",
             headers={"x-trace": "t-1", "authorization": "Bearer k-1"}),
        Sent("add_stay", STAY, "POST", "/stays", STAY),
        Sent("change_stay", {"id": "0190d2b8-0000-7000-8000-000000000001",
                             "body": {"room": None}}, "PATCH",
             "/stays/0190d2b8-0000-7000-8000-000000000001", {"room": None}),
    ],
    "whatsapp.yaml": [
        Sent("send_message", {"body": TEXT}, "POST", "/messages", TEXT),
        Sent("send_message", {"body": TEMPLATE}, "POST", "/messages", TEMPLATE),
        Sent("list_messages", {"status": ["sent", "read"], "page": 1, "deleted": False,
                               "since": "2026-01-01T00:00:00Z"}, "GET",
             "/messages?status=sent&status=read&since=2026-01-01T00%3A00%3A00Z&page=1"
             "&deleted=false"),
        Sent("blast", {"Idempotency-Key": "12345678", **BLAST}, "POST",
             "/messages/blast", BLAST,
             {"idempotency-key": "12345678", "x-api-key": "k-1"}),
        Sent("device_qr", {"device": "phone 1"}, "GET", "/devices/phone%201/qr"),
    ],
    "payments.yaml": [
        Sent("post_v2_charge", CHARGE, "POST", "/v2/charge", CHARGE,
             {"authorization": "Basic dTprLTE="}),
        Sent("get_v2_order_id_status", {"order_id": "INV.1~a"}, "GET",
             "/v2/INV.1~a/status"),
        Sent("post_v2_order_id_cancel", {"order_id": "1"}, "POST", "/v2/1/cancel"),
        Sent("post_v2_order_id_refund", {"order_id": "1", "amount": 5}, "POST",
             "/v2/1/refund", {"amount": 5}),
        Sent("post_v2_order_id_refund", {"order_id": "1"}, "POST", "/v2/1/refund", {}),
    ],
    "bots.json": [
        Sent("get_updates", {"offset": 3, "allowed_updates": ["a", "b&c"]}, "POST",
             "/getUpdates", "offset=3&allowed_updates=a&allowed_updates=b%26c",
             {"content-type": "application/x-www-form-urlencoded"}),
        Sent("send_message", MESSAGE, "POST", "/sendMessage", MESSAGE),
        Sent("send_message", {**MESSAGE, "chat_id": -10012345}, "POST", "/sendMessage",
             {**MESSAGE, "chat_id": -10012345}),
        Sent("get_me", {}, "GET", "/getMe"),
    ],
    "erp.yaml": [
        Sent("documents_list", {"page_number": 2, "page_size": 50,
                                "sort": ["-date", "number"]}, "GET",
             "/documents?page%5Bnumber%5D=2&page%5Bsize%5D=50&sort=-date%2Cnumber"),
        Sent("documents_create", {"X-Company": 4, "body": INVOICE}, "POST",
             "/documents", INVOICE, {"x-company": "4", "authorization": "Bearer k-1"}),
        Sent("lines_replace", {"number": "IN-0001", "line": 1, "If-Match": '"7"',
                               "sku": "A", "quantity": 2, "tax": 1.5}, "PUT",
             "/documents/IN-0001/lines/1", {"sku": "A", "quantity": 2, "tax": 1.5},
             {"if-match": '"7"'}),
        Sent("documents_bulk", {"body": [{"sku": "A", "quantity": 1}]}, "POST",
             "/documents/bulk", [{"sku": "A", "quantity": 1}]),
    ],
    "files.yaml": [
        Sent("list_files", {"prefix": "a/b c"}, "GET", "/files?prefix=a%2Fb+c"),
        Sent("download", {"path": "x.png", "Range": "bytes=0-9"}, "GET",
             "/files/x.png", headers={"range": "bytes=0-9"}),
        Sent("remove_file", {"path": "x y.png"}, "DELETE", "/files/x%20y.png"),
    ],
    "generated-3.1.json": [
        Sent("read_items_items_get", {"skip": 0, "limit": 10, "q": "null",
                                      "ids": [1, 2], "done": True, "x-token": "t"},
             "GET",
             "/items/?skip=0&limit=10&q=null&ids=1&ids=2&done=true",
             headers={"x-token": "t"}),
        Sent("create_item_items_post",
             {"name": "a", "price": 1, "kind": None, "image": {"url": "https://a.b/"}},
             "POST", "/items/",
             {"name": "a", "price": 1, "kind": None, "image": {"url": "https://a.b/"}}),
        Sent("login_login_post", {"username": "u v", "password": "p=&", "scope": ""},
             "POST", "/login", "username=u+v&password=p%3D%26&scope=",
             {"content-type": "application/x-www-form-urlencoded"}),
        Sent("rate_rate_put", {"stars": 3, "body": "fine"}, "PUT", "/rate?stars=3",
             "fine", {"content-type": "application/json"}),
    ],
    "tickets.yaml": [
        Sent("tickets_create", TICKET, "POST", "/tickets", TICKET),
        Sent("tickets_create", {"subject": "Slow", "priority": 1}, "POST", "/tickets",
             {"subject": "Slow", "priority": 1}, {"authorization": "Bearer k-1"}),
        Sent("tickets_list", {"state": "open", "priority": [1, 3]}, "GET",
             "/tickets?state=open&priority=1&priority=3"),
    ],
    "network.yaml": [
        Sent("show_port", {"site": "Jl. A", "mac": MAC,
                           "port": 7, "verbose": True}, "GET",
             "/sites/Jl.%20A/devices/aa%3Abb%3Acc%3A00%3A11%3A22/ports/7?verbose=true"),
        Sent("change_port", {"site": "s", "mac": MAC, "path_port": 48, "enabled": False,
                             "port": "uplink", "vlans": [1, 20]}, "PATCH",
             "/sites/s/devices/aa%3Abb%3Acc%3A00%3A11%3A22/ports/48",
             {"enabled": False, "port": "uplink", "vlans": [1, 20]}),
        Sent("report", {"site": "s", "format": "pdf"}, "GET", "/sites/s/report.pdf"),
        Sent("link", {"from": "a", "to": "b.c"}, "GET", "/links/a...b.c"),
        Sent("area", {"box": ";box=1,2"}, "GET", "/area/%3Bbox%3D1%2C2"),
    ],
}  # fmt: skip


def connection(security: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an administrator enters, by what the preview told him."""
    if security["kind"] == "api_key" and security["place"] == "header":
        if security["name"] == "Authorization":
            return {"kind": "bearer", "secret": "k-1"}
        settings = {"header": security["name"]}
        return {"kind": "api_key", "settings": settings, "secret": "k-1"}
    if security["kind"] == "basic":
        return {"kind": "basic", "settings": {"username": "u"}, "secret": "k-1"}
    return {"kind": "bearer", "secret": "k-1"}


def parted(target: str) -> tuple[str, list[str]]:
    """Return path and query; in which order names stand in it is nobody's matter."""
    path, _, query = target.partition("?")
    return path, sorted(query.split("&"), key=lambda pair: pair.partition("=")[0])


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_what_is_entered_in_a_form_reaches_the_service(
    world: World, document: str
) -> None:
    name, text = f"real{uuid4().hex[:8]}", (FOLDER / document).read_text("utf-8")
    async with outside() as there:
        made = await world.root.post(
            f"{CORE}/services/import-openapi",
            {"text": text, "name": name, "base_url": f"{there.url}/base"},
        )
        assert made.status == 201, made.body
        assert (await world.root.post(f"{CORE}/services/{name}/publish")).status == 200
        place = f"{CORE}/tenants/{world.ours}/services/{name}"
        assert (await world.root.request("PUT", place)).status == 200
        security = made.data["security"]
        if security["kind"] is not None:
            kept = await world.admin.request(
                "PUT", f"{place}/connection", connection(security)
            )
            assert kept.status == 200, kept.body
        for sent in DOCUMENTS[document]:
            reply = await forms.send(world.admin, name, sent.endpoint, sent.values)
            assert reply.status == 200, (sent, reply.body)
            seen = there.seen[-1]
            assert seen.method == sent.method
            assert parted(seen.target) == parted(f"/base{sent.target}")
            got = {**seen.headers, "content-type": seen.headers.get("content-type", "")}
            assert {k: got.get(k) for k in sent.headers} == dict(sent.headers), sent
            if isinstance(sent.body, str) and "form" in got["content-type"]:
                assert seen.body.decode() == sent.body
            elif sent.body is None:
                assert seen.body == b""
            else:
                assert got["content-type"] == "application/json"
                assert json.loads(seen.body) == sent.body
        assert len(there.seen) == len(DOCUMENTS[document])


def test_every_document_is_tried() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(DOCUMENTS)
