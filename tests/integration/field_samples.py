"""Sample values of every field type; the contract test reads nothing else.

A new type adds one entry here. `good` pairs an input with what the API answers, in
ascending order where the type sorts; values compare by `key`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address, ip_network
from typing import Any

from metadata.fields.durations import seconds_of

UUID_A = "0190a5c0-7b1e-7cc0-9b57-4f2b1f1f7a10"
UUID_B = "f190a5c0-7b1e-7cc0-9b57-4f2b1f1f7a11"


def same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Samples:
    """`refused`: by the JSON Schema; `unfit`: by `to_parameter`, with the code;
    `slips`: texts the column's type takes and its CHECK must refuse; `csv`: texts and
    the API values they mean; `search`: operands of `_contains` and its like."""

    good: Sequence[tuple[Any, Any]]
    refused: Sequence[Any]
    unfit: Sequence[tuple[Any, str]] = ()
    slips: Sequence[str] = ()
    options: dict[str, Any] = field(default_factory=dict)
    csv: Sequence[tuple[str, Any]] = ()
    bad_csv: Sequence[str] = ()
    search: Sequence[Any] = ()
    key: Callable[[Any], Any] = same
    contains: Callable[[Any, Any], bool] | None = None
    csv_loses: bool = False


WORDS = ["fiber", "radio"]
TEXT_SEARCH = ["a", "B", "50%", "_", "\\", "%", ""]

SAMPLES: dict[str, Samples] = {
    "text": Samples(
        good=[
            ("  50% of_x  ", "50% of_x"),
            ("a\tb\r\nc", "a b c"),
            ("back\\slash", "back\\slash"),
            ("é" * 30, "é" * 30),
        ],
        refused=[3, True, ["a"], "x" * 31],
        unfit=[("a\x00b", "characters"), ("\ud800", "characters")],
        slips=["x" * 31],
        options={"max_length": 30},
        search=TEXT_SEARCH,
    ),
    "long_text": Samples(
        good=[("a\r\nb", "a\nb"), ("b" * 40, "b" * 40)],
        refused=[1, "x" * 41, "x"],
        unfit=[("a\x00b", "characters"), ("  x  ", "min_length")],
        slips=["x" * 41, "x"],
        options={"max_length": 40, "min_length": 3},
        search=["a\nb", "B"],
    ),
    "rich_text": Samples(
        good=[
            ("<p>Hi <b>you</b></p>", "<p>Hi <b>you</b></p>"),
            ('<p onclick="x()">a</p><script>x()</script>', "<p>a</p>"),
            (
                '<a href="javascript:x()">b</a>',
                '<a rel="noopener noreferrer">b</a>',
            ),
        ],
        refused=[5, "x" * 101],
        unfit=[("a\x00", "characters"), ("&" * 60, "max_length")],
        slips=["x" * 101],
        options={"max_length": 100},
        search=["you", "HI", "%"],
    ),
    "email": Samples(
        good=[("Ana@Example.com", "ana@example.com"), ("b.c+d@x.co", "b.c+d@x.co")],
        refused=["no", 1, "a@" + "b" * 260, "a b@c.de"],
        unfit=[("a@localhost", "email"), ("a@[127.0.0.1]", "email")],
        slips=["no", "a b@c", "a@" + "b" * 260],
        search=["example", "EXAMPLE", "_"],
    ),
    "phone": Samples(
        good=[
            ("+62 812-3456-7890", "+6281234567890"),
            ("0812 3456 789", "08123456789"),
            ("(021) 555.1234", "0215551234"),
        ],
        refused=["abc", "12", 812, "0812;0813", "+62+8123456"],
        unfit=[("1234567890123456", "phone"), ("12-3456-", "phone")][:1],
        slips=["081-234-567", "12345", "++12345678"],
        search=["812", "0"],
        csv=[("0812 3456 789", "08123456789")],
        bad_csv=["x"],
    ),
    "url": Samples(
        good=[
            ("HTTPS://Example.com/Path?q=1", "https://example.com/Path?q=1"),
            ("http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/"),
        ],
        refused=["ftp://x.de", "javascript:alert(1)", "http://a b", 1, "http://u@h/"],
        unfit=[('http://"x"/', "url")],
        slips=["javascript:alert(1)", "http://" + "x" * 2000],
        search=["example", "Path", "PATH"],
        bad_csv=["example.com"],
    ),
    "integer": Samples(
        good=[(-(2**53 - 1), -(2**53 - 1)), (0, 0), (7.0, 7), (99, 99)],
        refused=[100, "7", 1.5, True, -(2**53)],
        unfit=[("7", "type"), (True, "type"), (100, "maximum"), (1.5, "type")],
        slips=["100", str(-(2**53))],
        options={"max": 99},
        csv=[("-12", -12), ("+3", 3)],
        bad_csv=["1.5", "one", "9" * 50],
    ),
    "decimal": Samples(
        good=[("-1.5", "-1.500"), (0.07, "0.070"), ("3", "3.000"), (19.99, "19.990")],
        refused=["1,5", "x", "1.2345", True, 100.5, "12345.0"],
        unfit=[
            ("1.2345", "scale"),
            ("1234", "precision"),
            ("100.5", "maximum"),
            (0.1 + 0.2, "scale"),
            ("NaN", "type"),
            (True, "type"),
        ],
        slips=["NaN", "100.5"],
        options={"precision": 6, "scale": 3, "max": 100},
        csv=[("2.5", "2.5")],
        bad_csv=["2,5", "x"],
        key=Decimal,
    ),
    "money": Samples(
        good=[(-5, -5), (0, 0), (1234567, 1234567)],
        refused=["5", 1.5, 2**53],
        unfit=[("5", "type"), (True, "type")],
        slips=[str(2**53)],
        options={"currency": "USD"},
        csv=[("12.34", 1234), ("0.5", 50)],
        bad_csv=["12.345", "Rp 5", "1,000"],
    ),
    "percent": Samples(
        good=[("0", "0.00"), (12.5, "12.50"), ("100", "100.00")],
        refused=["12%", True, 101],
        unfit=[("101", "maximum"), ("1.001", "scale")],
        slips=["101", "NaN"],
        options={"max": 100},
        bad_csv=["12%"],
        key=Decimal,
    ),
    "boolean": Samples(
        good=[(False, False), (True, True)],
        refused=["true", 1, 0],
        unfit=[("true", "type"), (1, "type")],
        csv=[("ya", True), ("No", False), ("1", True)],
        bad_csv=["maybe"],
    ),
    "date": Samples(
        good=[("0001-01-01", "0001-01-01"), ("2024-02-29", "2024-02-29")],
        refused=["2023-02-29", "20240229", "29/02/2024", 5, "2024-02-29T00:00:00Z"],
        unfit=[("2024-W01-1", "date"), ("0000-01-01", "date"), (5, "date")],
        bad_csv=["29/02/2024"],
    ),
    "datetime": Samples(
        good=[
            ("2026-03-31T08:00:00+07:00", "2026-03-31T01:00:00+00:00"),
            ("2026-03-31T01:00:00.120Z", "2026-03-31T01:00:00.12+00:00"),
            ("2026-12-31t23:59:59z", "2026-12-31T23:59:59+00:00"),
        ],
        refused=["2026-03-31", "2026-03-31T08:00:00", 5, "2026-02-30T00:00:00Z"],
        unfit=[("2016-12-31T23:59:60Z", "datetime"), ("x", "datetime")],
        csv=[("2026-03-31 08:00", "2026-03-31T08:00:00+00:00")],
        bad_csv=["31.3.2026"],
        key=datetime.fromisoformat,
    ),
    "time": Samples(
        good=[("00:00", "00:00:00"), ("08:30", "08:30:00"), ("23:59:59", "23:59:59")],
        refused=["24:00", "8:30", "08:60", 5],
        unfit=[("24:00", "time"), (5, "time")],
        bad_csv=["noon"],
    ),
    "duration": Samples(
        good=[
            ("PT0S", "PT0S"),
            ("PT90M", "PT1H30M"),
            ("PT36H1S", "P1DT12H1S"),
            ("P1W", "P7D"),
        ],
        refused=["P1M", "P1Y", "P", "PT", "90", 5, "P1DT"],
        unfit=[("P11D", "maximum"), ("P", "duration"), ("P1Y", "duration")],
        slips=["-1", str(11 * 86_400)],
        options={"max": 10 * 86_400},
        csv=[("1:30", "PT1H30M"), ("0:00:05", "PT5S"), ("pt1h", "PT1H")],
        bad_csv=["1h"],
        key=seconds_of,
    ),
    "choice": Samples(
        good=[("active", "active"), ("it's", "it's"), ("new", "new")],
        refused=["gone", "", 1, "Active"],
        unfit=[("gone", "choice"), (1, "choice")],
        slips=["gone", ""],
        options={
            "options": [
                "new",
                {"value": "active", "label": {"en": "On", "id": "Aktif"}},
                "it's",
            ]
        },
        csv=[("Aktif", "active"), ("NEW", "new")],
        bad_csv=["gone"],
    ),
    "multi_choice": Samples(
        good=[(["radio", "fiber"], WORDS), (["radio"], ["radio"]), ([], [])],
        refused=["radio", ["x"], ["radio", "radio"], [1]],
        unfit=[(["x"], "choice"), (["radio", "radio"], "unique_items"), ("a", "type")],
        slips=["{x}", "{NULL}"],
        options={"options": [*WORDS, 'say "hi" \\']},
        csv=[("Radio, fiber", WORDS)],
        bad_csv=["copper"],
        search=["radio", "fib", 'say "hi" \\'],
        contains=lambda value, operand: operand in value,
    ),
    "tags": Samples(
        good=[([" vip ", "vip", "jl. x"], ["vip", "jl. x"]), (['"q" \\', "{}"],) * 2],
        refused=["vip", ["a;b"], [""], [1], ["x"] * 21],
        unfit=[(["a,b"], "characters"), ([" "], "characters"), ("a", "type")],
        slips=["{NULL}", "{" + ",".join("abcdefghijklmnopqrstu") + "}"],
        csv=[("a; b;a", ["a", "b"])],
        search=["vip", "v", "{}"],
        contains=lambda value, operand: operand in value,
    ),
    "relation": Samples(
        good=[(UUID_A.upper(), UUID_A), (UUID_B, UUID_B)],
        refused=["x", 1, UUID_A[:-1]],
        unfit=[("x", "uuid"), (UUID_A.replace("-", ""), "uuid")],
        options={"to": "plans.plans"},
        bad_csv=["x"],
    ),
    "uuid": Samples(
        good=[(UUID_A.upper(), UUID_A), (UUID_B, UUID_B)],
        refused=["x", 1],
        unfit=[("x", "uuid"), (5, "uuid")],
        bad_csv=["x"],
    ),
    "lines": Samples(
        good=[([{"q": 1}], [{"q": 1}])],
        refused=[{}, [1], [{}, {}, {}], []],
        unfit=[({}, "type")],
        options={
            "fields": [{"id": "q", "name": "q", "type": "integer"}],
            "min": 1,
            "max": 2,
        },
        bad_csv=["{}", "x"],
    ),
    "json": Samples(
        good=[
            ({"a": [1, "é", None]}, {"a": [1, "é", None]}),
            ([], []),
            ("x\\u0000y", "x\\u0000y"),
            (1.5, 1.5),
        ],
        refused=[None],
        unfit=[({"a": "b\x00"}, "characters"), ("\ud800", "type")],
        slips=["null"],
        csv=[('{"a": 1}', {"a": 1})],
        bad_csv=["{a}"],
    ),
    "sequence": Samples(
        good=[("CUST00001", "CUST00001"), ("CUST00002", "CUST00002")],
        refused=[1, "x" * 121],
        unfit=[(1, "type")],
        slips=["x" * 121],
        options={"pattern": "CUST{n:05}"},
        search=["CUST", "2", "%"],
    ),
    "ip": Samples(
        good=[
            ("9.0.0.1", "9.0.0.1"),
            ("10.20.0.1", "10.20.0.1"),
            ("2001:DB8:0:0::1", "2001:db8::1"),
        ],
        refused=["256.0.0.1", "x", "10.0.0.0/8", 5, "01.2.3.4"],
        unfit=[("::1%eth0", "ip"), (":::", "ip"), ("10.0.0.0/8", "ip")],
        slips=["10.0.0.0/8", "2001:db8::/32"],
        bad_csv=["10.0.0"],
        search=["10.20.0.0/16", "10.20.0.1", "2001:db8::/32"],
        key=lambda value: (ip_address(value).version, ip_address(value)),
        contains=lambda value, net: ip_address(value) in ip_network(net),
    ),
    "cidr": Samples(
        good=[
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.20.0.0/16", "10.20.0.0/16"),
        ],
        refused=["10.0.0.0", "x/8", 5, "2001:db8::/32"],
        unfit=[("10.0.0.1/8", "cidr"), ("10.0.0.0/33", "cidr"), ("1.2.3.4", "cidr")],
        slips=["2001:db8::/32"],
        options={"version": "4"},
        bad_csv=["10.0.0.1/8"],
        search=["10.20.0.5", "10.20.0.0/24", "11.0.0.1"],
        key=ip_network,
        contains=lambda value, net: ip_network(net).subnet_of(ip_network(value)),
    ),
    "mac": Samples(
        good=[
            ("02-8F-5A-12-34-56", "02:8f:5a:12:34:56"),
            ("488f.5a12.3456", "48:8f:5a:12:34:56"),
            ("ff8f5a123456", "ff:8f:5a:12:34:56"),
        ],
        refused=["48:8f", 5, "zz:8f:5a:12:34:56", "48:8f-5a:12:34:56"],
        unfit=[("48:8f-5a:12:34:56", "mac"), (5, "mac")],
        bad_csv=["x"],
    ),
    "geo_point": Samples(
        good=[
            ({"lat": -6.2088, "lng": 106.8456}, {"lat": -6.2088, "lng": 106.8456}),
            ({"lat": 90, "lng": -180}, {"lat": 90, "lng": -180}),
            ({"lat": 1e-9, "lng": 0.123456789}, {"lat": 0, "lng": 0.1234568}),
        ],
        refused=[[1, 2], {"lat": 91, "lng": 0}, {"lat": 1}, {"lat": "1", "lng": 2}],
        unfit=[({"lat": 91, "lng": 0}, "range"), ({"lat": 1}, "type")],
        slips=['{"lat": 91, "lng": 0}', "{}", '{"lat": "x", "lng": 1}', "5"],
        csv=[("-6.2088, 106.8456", {"lat": -6.2088, "lng": 106.8456})],
        bad_csv=["x", "1", "1,2,3", "91,0"],
    ),
    "colour": Samples(
        good=[("#22AA66", "#22aa66"), ("#ffffff", "#ffffff")],
        refused=["22aa66", "#fff", 5, "#22aa6g"],
        unfit=[("#fff", "colour"), (5, "colour")],
        slips=["#22AA66", "red"],
        bad_csv=["red"],
    ),
    "rate": Samples(
        good=[(0, 0), (512_000, 512_000), (10_000_000, 10_000_000)],
        refused=[-1, "10M", 2**53],
        unfit=[(-1, "minimum"), ("10M", "type")],
        slips=["-1"],
        csv=[("10M", 10_000_000), ("512k", 512_000), ("1.5 Gbps", 1_500_000_000)],
        bad_csv=["fast", "1.5", "10 X"],
    ),
    "bytes": Samples(
        good=[(0, 0), (10 * 2**20, 10 * 2**20)],
        refused=[-1, "1"],
        unfit=[(-1, "minimum"), ("1", "type")],
        slips=["-1"],
        csv=[("10 MiB", 10 * 2**20), ("2GB", 2 * 10**9), ("7", 7)],
        bad_csv=["big", "0.1"],
    ),
    "computed": Samples(
        good=[("-1", "-1.00"), (0.5, "0.50")],
        refused=["x", "1.005"],
        unfit=[("x", "type"), ("1.005", "scale")],
        options={"result": {"type": "decimal"}, "expression": {"_add": [1, 2]}},
        key=Decimal,
    ),
    "secret": Samples(
        good=[(" p@ss ", {"set": True}), ("x", {"set": True})],
        refused=["", 5, "x" * 4001],
        unfit=[("", "max_length"), ("a\x00", "characters")],
        csv_loses=True,
    ),
}
