"""Plausible customers of Indonesian neighbourhood ISPs, made from lists of words.

Deterministic: the same seed gives the same file. No row describes a real person; the
phone numbers stand in a range that repeats no operator's real numbering in order.
"""

import csv
import io
import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

FIRST = [
    "Agus",
    "Ahmad",
    "Andi",
    "Anisa",
    "Ayu",
    "Bambang",
    "Bayu",
    "Budi",
    "Citra",
    "Dedi",
    "Dewi",
    "Dian",
    "Dimas",
    "Eka",
    "Eko",
    "Endang",
    "Fajar",
    "Fitri",
    "Galih",
    "Hadi",
    "Hendra",
    "Indah",
    "Irfan",
    "Joko",
    "Kartika",
    "Kurnia",
    "Lestari",
    "Lina",
    "Made",
    "Maya",
    "Mega",
    "Nanda",
    "Novi",
    "Nur",
    "Putri",
    "Rahmat",
    "Ratna",
    "Rina",
    "Rizky",
    "Rudi",
    "Sari",
    "Sinta",
    "Siti",
    "Slamet",
    "Sri",
    "Sugeng",
    "Surya",
    "Taufik",
    "Teguh",
    "Tri",
    "Udin",
    "Wahyu",
    "Wati",
    "Wawan",
    "Yani",
    "Yusuf",
]
LAST = [
    "Adiputra",
    "Anggraini",
    "Aritonang",
    "Basuki",
    "Firmansyah",
    "Gunawan",
    "Hakim",
    "Handayani",
    "Harahap",
    "Hartono",
    "Hidayat",
    "Iskandar",
    "Kurniawan",
    "Kusuma",
    "Lubis",
    "Maulana",
    "Nasution",
    "Nugroho",
    "Permana",
    "Pratama",
    "Purnomo",
    "Puspita",
    "Rahayu",
    "Rahmawati",
    "Ramadhan",
    "Safitri",
    "Santoso",
    "Saputra",
    "Setiawan",
    "Siregar",
    "Sitorus",
    "Suharto",
    "Sulistyo",
    "Suryadi",
    "Susanti",
    "Sutrisno",
    "Utami",
    "Wibowo",
    "Widodo",
    "Wijaya",
    "Wulandari",
    "Yulianto",
]
STREETS = [
    "Melati",
    "Mawar",
    "Kenanga",
    "Anggrek",
    "Flamboyan",
    "Cempaka",
    "Merdeka",
    "Pahlawan",
    "Sudirman",
    "Diponegoro",
    "Kartini",
    "Gajah_Mada",
    "Veteran",
    "Pemuda",
    "Kebon_Jeruk",
    "Rawa_Bambu",
    "Sawo",
    "Mangga",
    "Durian",
]
DISTRICTS = [
    "Cimanggis",
    "Sukmajaya",
    "Beji",
    "Pancoran_Mas",
    "Cilodong",
    "Tapos",
    "Limo",
    "Cinere",
    "Sawangan",
    "Bojongsari",
    "Cipayung",
    "Bekasi_Timur",
    "Rawalumbu",
    "Jatiasih",
    "Pondok_Gede",
]
PREFIXES = ("0812", "0813", "0821", "0852", "0857", "0878", "0895")
STATUSES = (
    ("active",) * 84 + ("suspended",) * 7 + ("prospect",) * 6 + ("terminated",) * 3
)

CUSTOMER_COLUMNS = (
    "name",
    "phone",
    "email",
    "address",
    "district",
    "plan.name",
    "status",
    "installed_on",
    "due_day",
)
PLAN_COLUMNS = (
    "name",
    "download_rate",
    "upload_rate",
    "monthly_price",
    "router_profile",
)
INVOICE_COLUMNS = ("customer.phone", "description", "amount", "due_on")
PAID_OF = 8
"""Of so many active customers one has an invoice of before, which is paid."""


def plans(count: int) -> bytes:
    """Return a CSV of internet plans, slowest first."""
    rows: list[tuple[object, ...]] = []
    for index in range(count):
        speed = 5 * (index + 1)
        kind = ("Rumah", "Keluarga", "Usaha")[index % 3]
        price = 75_000 + 12_500 * index
        rows.append(
            (
                f"{kind} {speed} Mbps",
                f"{speed}M",
                f"{max(speed // 2, 2)}M",
                price,
                f"{speed}mbps_profile",
            )
        )
    return _csv(PLAN_COLUMNS, rows)


def customers(count: int, plan_names: list[str], seed: int) -> bytes:
    """Return a CSV of customers; each has a plan, a phone number of its own."""
    return _csv(CUSTOMER_COLUMNS, _customers(count, plan_names, seed))


def plan_names(count: int) -> list[str]:
    """Return the names of the plans that `plans` makes."""
    return [row["name"] for row in _read(plans(count))]


def invoices(customers: bytes, plans: bytes, today: date) -> bytes:
    """Return a CSV of invoices of the customers in these files.

    Everybody who is served owes for his plan. Who is suspended owes what was due
    before, too; of those who are active some do, and are to pay it.
    """
    prices = {row["name"]: row["monthly_price"] for row in _read(plans)}
    rows: list[tuple[object, ...]] = []
    for number, row in enumerate(_read(customers)):
        if row["status"] not in {"active", "suspended"}:
            continue
        due = _next_due(int(row["due_day"]), today)
        dues = [due]
        if row["status"] == "suspended" or number % PAID_OF == 0:
            before = due.replace(day=1) - timedelta(days=1)
            dues.append(before.replace(day=due.day))
        phone, plan = row["phone"], row["plan.name"]
        rows.extend((phone, plan, prices[plan], day.isoformat()) for day in dues)
    return _csv(INVOICE_COLUMNS, rows)


def _next_due(day: int, today: date) -> date:
    """Return the next date with this day of the month, at most the 28th."""
    month = today if day >= today.day else today.replace(day=28) + timedelta(days=4)
    return month.replace(day=day)


def _read(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.decode())))


def _customers(
    count: int, plan_names: list[str], seed: int
) -> Iterator[tuple[object, ...]]:
    chance = random.Random(seed)  # noqa: S311 - demo data, not a secret
    for number in range(count):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        street = chance.choice(STREETS).replace("_", " ")
        district = chance.choice(DISTRICTS).replace("_", " ")
        block = f"RT {chance.randint(1, 12):02}/RW {chance.randint(1, 15):02}"
        house = f"No. {chance.randint(1, 150)}"
        year, month, day = (
            chance.randint(2021, 2026),
            chance.randint(1, 10),
            chance.randint(1, 28),
        )
        with_mail = chance.random() < 0.4
        yield (
            f"{first} {last}",
            f"{chance.choice(PREFIXES)}{10_000_000 + number * 37 % 89_999_999:08}",
            f"{first}.{last}{number}@example.id".lower() if with_mail else "",
            f"Jl. {street} {house}, {block}, {district}",
            district,
            chance.choice(plan_names),
            chance.choice(STATUSES),
            f"{year}-{month:02}-{day:02}",
            chance.randint(1, 28),
        )


def _csv(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> bytes:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue().encode()
