"""The service that is measured, and the rows in it.

One entity of thirteen fields; fifty of its records are about 16 KB of JSON.
"""

from typing import Any

from metadata.definitions import Service

TENANTS = 100
ROWS = 200_000
TABLE = "svc_bench.items"

FIELDS: list[dict[str, Any]] = [
    {"name": "code", "type": "text", "required": True, "max_length": 20},
    {"name": "name", "type": "text", "required": True, "search": True},
    {"name": "email", "type": "email"},
    {"name": "phone", "type": "text", "max_length": 20},
    {"name": "city", "type": "text", "max_length": 40},
    {"name": "status", "type": "choice", "options": ["new", "active", "closed"]},
    {"name": "quantity", "type": "integer"},
    {"name": "balance", "type": "money", "currency": "IDR"},
    {"name": "joined_on", "type": "date"},
    {"name": "seen_at", "type": "datetime"},
    {"name": "is_active", "type": "boolean"},
    {"name": "address", "type": "ip"},
    {"name": "extra", "type": "json"},
]


def service(name: str = "bench", entities: int = 1) -> Service:
    """Return a service of so many entities like the measured one."""
    return Service.model_validate(
        {
            "id": name,
            "name": name,
            "entities": [
                {
                    "id": f"item{number or ''}",
                    "name": f"items{number or ''}",
                    "title_field": "name",
                    "fields": [{"id": f["name"], **f} for f in FIELDS],
                }
                for number in range(entities)
            ],
        }
    )


FILL = f"""
insert into {TABLE} (tenant_id, id, created_by, updated_by, created_at, updated_at,
    code, name, email, phone, city, status, quantity, balance, joined_on, seen_at,
    is_active, address, extra)
select %(tenant)s, gen_random_uuid(), %(user)s, %(user)s, made, made,
    'CUST' || lpad(n::text, 5, '0'),
    'Customer number ' || n, 'customer' || n || '@example.com',
    '+62812' || lpad(n::text, 8, '0'),
    (array['Bandung', 'Surabaya', 'Medan', 'Makassar'])[1 + n %% 4],
    (array['new', 'active', 'closed'])[1 + n %% 3],
    n %% 50, n * 1500, date '2020-01-01' + (n %% 2000)::int, made,
    n %% 2 = 0, ('10.0.' || (n / 250) %% 250 || '.' || n %% 250)::inet,
    jsonb_build_object('odp', 'ODP-' || n %% 40, 'port', n %% 8)
from (
    select n, timestamptz '2026-01-01' + n * interval '61 seconds' as made
    from generate_series(1, %(rows)s) n
) made
"""
"""Rows of one tenant; `%(user)s` owns them all."""
