"""Services to publish, rows to keep, and the ways to both, for publishing's tests."""

from typing import Any
from uuid import UUID, uuid4

from engine.database import Database
from engine.settings import Settings
from metadata.definitions import Service
from registry.publishing import Plan, Publisher
from registry.publishing_drift import drift

NAME = {"id": "f1", "name": "name", "type": "text", "required": True, "max_length": 50}
NOTE = {"id": "f2", "name": "note", "type": "text", "max_length": 80}


def fresh_name() -> str:
    return f"s{uuid4().hex[:12]}"


def entity(name: str, *fields: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "fields": list(fields), **options}


def service(name: str, *entities: dict[str, Any], **options: Any) -> Service:
    return Service.model_validate(
        {"id": name, "name": name, "entities": list(entities), **options}
    )


def items(name: str, *fields: dict[str, Any], **options: Any) -> Service:
    """Return a service with the one entity `items`."""
    return service(name, entity("items", *fields, **options))


class Shelf:
    """A database with services in it."""

    def __init__(self, settings: Settings, publisher: Publisher | None = None) -> None:
        self.database = Database(
            app_dsn=settings.app_database_url,
            system_dsn=settings.system_database_url,
            owner_dsn=settings.owner_database_url,
        )
        self.publisher = publisher or Publisher()
        self.tenant = uuid4()

    async def publish(self, definition: Service, **options: Any) -> int:
        async with self.database.owner() as connection:
            version, _ = await self.publisher.publish(connection, definition, **options)
        return version

    async def plan(self, definition: Service) -> Plan:
        async with self.database.owner() as connection:
            return await self.publisher.plan(connection, definition)

    async def insert(self, table: str, /, **values: Any) -> UUID:
        """Add a record of the tenant to `service.entity`; returns its id."""
        values = {"tenant_id": self.tenant, "id": uuid4(), **values}
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(["%s"] * len(values))
        async with self.database.owner() as connection:
            await connection.execute(
                f"INSERT INTO {place(table)} ({names}) VALUES ({marks})".encode(),
                list(values.values()),
            )
        return UUID(str(values["id"]))

    async def read(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        rows = await self.run(f"SELECT {columns} FROM {place(table)} ORDER BY id")
        return [tuple(row.values()) for row in rows]

    async def run(self, statement: str) -> list[dict[str, Any]]:
        """Run SQL as the owner; returns its rows, if it has any."""
        async with self.database.owner() as connection:
            found = await connection.execute(statement.encode())
            return list(await found.fetchall()) if found.description else []

    async def drift(self, name: str) -> list[str]:
        async with self.database.owner() as connection:
            return [str(item) for item in await drift(connection, name)]


def place(table: str) -> str:
    name, _, entity_name = table.partition(".")
    return f'"svc_{name}"."{entity_name}"'
