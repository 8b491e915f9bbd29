"""The smallest shared table there is, and the ways to it, for the driver's tests."""

from dataclasses import dataclass
from uuid import UUID

import psycopg

from engine.settings import Settings

TENANT_A = UUID("aaaaaaaa-0000-4000-8000-000000000001")
TENANT_B = UUID("bbbbbbbb-0000-4000-8000-000000000002")

SCHEMA = """
create schema shop;
grant usage on schema shop to rangka_app, rangka_system;
create table shop.items (
    tenant_id uuid not null,
    id int not null check (id >= 0),
    name text not null,
    parent int,
    primary key (tenant_id, id),
    foreign key (tenant_id, parent) references shop.items (tenant_id, id)
        deferrable initially immediate,
    constraint items_name_key unique (tenant_id, name) deferrable initially deferred
);
alter table shop.items enable row level security;
alter table shop.items force row level security;
create policy tenant on shop.items using (
    tenant_id = (select nullif(current_setting('rangka.tenant', true), ''))::uuid
);
grant select, insert, update, delete on shop.items to rangka_app, rangka_system;
"""


@dataclass(frozen=True)
class Shop:
    """The database that holds `shop.items`."""

    settings: Settings

    @property
    def app_dsn(self) -> str:
        return self.settings.app_database_url

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        assert self.settings.admin_database_url is not None
        return psycopg.connect(
            self.settings.admin_database_url,
            dbname=self.settings.database_name,
            autocommit=True,
        )

    def terminate_app(self) -> None:
        """Kill every connection of the app role, and return when they are dead.

        Those of the application that other tests share are among them: it must not
        notice.
        """
        with self.admin() as admin:
            admin.execute(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where usename = 'rangka_app' and datname = current_database()"
            )
