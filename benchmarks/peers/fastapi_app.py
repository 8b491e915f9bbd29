"""FastAPI, SQLAlchemy's async ORM and Pydantic, as their manuals show it.

A token is checked, every query names the tenant; no row security, no log.
"""

import os
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict, IPvAnyAddress
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import INET, JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_SECRET = os.environ.get("BENCH_SECRET", "0" * 32)
db = create_async_engine(
    os.environ["BENCH_DSN"].replace("postgresql://", "postgresql+psycopg://"),
    pool_size=6,
    max_overflow=0,
)
sessions = async_sessionmaker(db, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    """Declarative base."""


class Item(Base):
    """The measured table."""

    __tablename__ = "items"
    __table_args__ = {"schema": "svc_bench"}  # noqa: RUF012 - SQLAlchemy's way
    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    code: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    city: Mapped[str | None]
    status: Mapped[str | None]
    quantity: Mapped[int | None]
    balance: Mapped[int | None]
    joined_on: Mapped[date | None]
    seen_at: Mapped[datetime | None]
    is_active: Mapped[bool | None]
    address: Mapped[Any] = mapped_column(INET, nullable=True)
    extra: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default="now()")
    updated_at: Mapped[datetime] = mapped_column(server_default="now()")
    created_by: Mapped[UUID]
    updated_by: Mapped[UUID]
    version: Mapped[int] = mapped_column(server_default="1")


class ItemIn(BaseModel):
    """What a client sends."""

    code: str
    name: str
    email: str | None = None
    phone: str | None = None
    city: str | None = None
    status: str | None = None
    quantity: int | None = None
    balance: int | None = None
    joined_on: date | None = None
    seen_at: datetime | None = None
    is_active: bool | None = None
    address: IPvAnyAddress | None = None
    extra: dict[str, Any] | None = None


class ItemOut(ItemIn):
    """What a client gets."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    created_at: datetime
    updated_at: datetime
    version: int


async def session() -> AsyncIterator[AsyncSession]:
    """Yield a session a request."""
    async with sessions() as opened:
        yield opened


async def tenant(authorization: Annotated[str, Header()]) -> UUID:
    """Return the tenant of a valid token."""
    try:
        claims = jwt.decode(authorization[7:], _SECRET, algorithms=["HS256"])
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    return UUID(claims["tenant"])


Session = Annotated[AsyncSession, Depends(session)]
Tenant = Annotated[UUID, Depends(tenant)]


@app.get("/items")
async def items(opened: Session, owner: Tenant) -> list[ItemOut]:
    """Answer the fifty newest."""
    rows = await opened.scalars(
        select(Item)
        .where(Item.tenant_id == owner)
        .order_by(Item.created_at.desc(), Item.id.desc())
        .limit(50)
    )
    return [ItemOut.model_validate(row) for row in rows]


@app.get("/items/{item_id}")
async def item(item_id: UUID, opened: Session, owner: Tenant) -> ItemOut:
    """Answer one."""
    found = await opened.get(Item, (owner, item_id))
    if found is None:
        raise HTTPException(404)
    return ItemOut.model_validate(found)


@app.post("/items", status_code=201)
async def create(body: ItemIn, opened: Session, owner: Tenant) -> ItemOut:
    """Add one."""
    values = body.model_dump()
    values["address"] = str(body.address) if body.address else None
    made = Item(
        tenant_id=owner, id=uuid4(), created_by=owner, updated_by=owner, **values
    )
    opened.add(made)
    await opened.commit()
    await opened.refresh(made)
    return ItemOut.model_validate(made)
