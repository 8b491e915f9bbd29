"""One entity inside a statement: its rows and fields as the user may see them.

Owns how a grant becomes SQL (row predicate, field masks), how a name becomes a
column, and how a condition becomes a predicate, relations included. Everything that
reads goes through a `Scope`, so list, get, expand, filter, sort, search and aggregate
cannot disagree.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Protocol

import sqlalchemy as sa

from engine.context import Allowance, Grant, full_grant
from engine.errors import BadRequest, Detail
from engine.query.allowances import showing, widest
from engine.query.binding import Binder, Slot
from engine.query.operands import operands
from engine.query.system_fields import SYSTEM
from metadata.compiled import CompiledEntity, CompiledField
from metadata.conditions import (
    EVERYTHING,
    And,
    Comparison,
    Condition,
    Not,
    Or,
    Quantified,
)
from metadata.fields.base import FieldDefinition, FieldType

MAX_PATH = 3
MAX_WALKS = 40
"""Relations that one request may walk, each filter and sort key by itself: PostgreSQL
does each of them for each row."""

Predicate = sa.ColumnElement[bool]


class Pointer(Protocol):
    """A relation seen from its target."""

    @property
    def entity(self) -> str:
        """Return the key of the entity that points."""

    @property
    def field(self) -> str:
        """Return the name of its relation field."""


class Directory(Protocol):
    """What planning may look up."""

    def entity(self, key: str) -> CompiledEntity | None:
        """Return an entity of the tenant by `service.entity`."""

    def inverses(self, key: str) -> Mapping[str, Pointer]:
        """Return the to-many back references of an entity by name."""

    def grant(self, entity: CompiledEntity, action: str) -> Grant:
        """Return what the user may do there."""


class Build:
    """What the scopes of one statement share."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.binder = Binder()
        self.numbers = count()
        self.used: list[tuple[CompiledEntity, str, Grant]] = []
        self._walks = 0

    def walk(self) -> None:
        """Count a walk over a relation that the user asked for; raises BadRequest."""
        self._walks += 1
        if self._walks > MAX_WALKS:
            raise BadRequest(
                f"This walks more than {MAX_WALKS} relations; ask for less at once.",
                code="INVALID_QUERY",
            )

    def grant(self, entity: CompiledEntity, action: str) -> Grant:
        """Return a grant and note that the statement depends on it."""
        if entity.parent is not None:
            owner = self._owner(entity)
            if owner is None:
                return Grant(entity.resource, action, allowed=False)
            entity = owner
            grant = self.directory.grant(entity, action)
            self.used.append((entity, action, grant))
            return Grant(
                grant.resource,
                action,
                allowed=grant.allowed,
                allowances=(Allowance(),),
                shape="*",
            )
        grant = self.directory.grant(entity, action)
        self.used.append((entity, action, grant))
        return grant

    def whole(self, entity: CompiledEntity) -> Grant:
        """Return a grant for every row and field, for the rules of grants.

        Notes that the statement depends on the entity, and on nobody's grant.
        """
        grant = full_grant(entity.resource, "read")
        owner = self._owner(entity) if entity.parent is not None else entity
        if owner is not None:
            self.used.append((owner, "", grant))
        return grant

    def _owner(self, lines: CompiledEntity) -> CompiledEntity | None:
        return self.directory.entity(".".join(lines.key.split(".")[:2]))


class Scope:
    """An entity under an alias, as one grant shows it."""

    def __init__(self, build: Build, entity: CompiledEntity, grant: Grant) -> None:
        self.build = build
        self.entity = entity
        self.grant = grant
        self.table = entity.table.alias(f"t{next(build.numbers)}")

    # -- rows ----------------------------------------------------------------------

    def rows(self, *, deleted: str = "") -> list[Predicate]:
        """Return what every read of the entity demands: tenant, live, reached."""
        demands: list[Predicate] = []
        if self.entity.tenant_column is not None:
            demands.append(self.table.c.tenant_id == self.build.binder.tenant())
        if self.entity.soft_delete and deleted != "with":
            column = self.table.c.deleted_at
            demands.append(
                column.is_not(None) if deleted == "only" else column.is_(None)
            )
        demands.extend(self.reached(self.grant))
        return demands

    def reached(self, grant: Grant) -> list[Predicate]:
        """Return the row rules of a grant as predicates that must all hold."""
        if not grant.allowed:
            return [sa.false()]
        demands: list[Predicate] = []
        if not any(a.unrestricted_rows for a in grant.allowances):
            demands.append(self._any_of(grant.allowances))
        demands.extend(
            sa.not_(sa.func.coalesce(self.where(condition, trusted=True), sa.false()))
            for condition in grant.denied
        )
        return demands

    def _any_of(self, allowances: Sequence[Allowance]) -> Predicate:
        return sa.or_(sa.false(), *(self.allowance(a) for a in widest(allowances)))

    def allowance(self, allowance: Allowance) -> Predicate:
        """Return the predicate for the rows one allowance reaches."""
        parts: list[Predicate] = []
        binder = self.build.binder
        if allowance.scope == "own":
            parts.append(self.table.c.created_by == binder.user())
        elif allowance.scope == "team":
            parts.append(self._of_team())
        if allowance.filter != EVERYTHING:
            parts.append(self.where(allowance.filter, trusted=True))
        return sa.and_(sa.true(), *parts)

    def _of_team(self) -> Predicate:
        binder = self.build.binder
        members = sa.table(
            "memberships",
            sa.column("tenant_id", sa.Uuid()),
            sa.column("user_id", sa.Uuid()),
            sa.column("team_id", sa.Uuid()),
            schema="rangka",
        ).alias(f"t{next(self.build.numbers)}")
        mates = sa.select(members.c.user_id).where(
            members.c.tenant_id == binder.tenant(), members.c.team_id == binder.team()
        )
        own = self.table.c.created_by == binder.user()
        return sa.or_(own, self.table.c.created_by.in_(mates))

    # -- fields --------------------------------------------------------------------

    def field(self, name: str) -> CompiledField | None:
        """Return a field that the grant shows on some row, or None."""
        found = self.entity.fields.get(name)
        if found is None or not self.grant.reaches_field(name):
            return None
        return found

    def mask(self, name: str, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the value, null on rows where the grant does not show the field."""
        places = showing(self.grant, name)
        if places is None:
            return value
        condition = self._any_of([self.grant.allowances[place] for place in places])
        return sa.case((condition, value), else_=sa.null())

    def stored(
        self, name: str, *, trusted: bool = False
    ) -> tuple[FieldDefinition, FieldType[Any], sa.ColumnElement[Any]]:
        """Return definition, type and (masked) column of a name; raises BadRequest.

        A field that the user may not read is as unknown as one that does not exist.
        `trusted` is for the rules of grants, which look at every field.
        """
        if name in self.entity.system_columns:
            definition, kind = SYSTEM[name]
            return definition, kind, self.table.c[name]
        item = self.entity.fields.get(name) if trusted else self.field(name)
        if item is None:
            raise unknown_field(name)
        column = self.column(item)
        if column is None:
            raise BadRequest(
                f"{name} cannot be filtered or sorted by.",
                code="UNKNOWN_FIELD",
                details=[Detail(name, "not_comparable", "Leave this field out.")],
            )
        return (
            item.definition,
            item.type,
            column if trusted else self.mask(name, column),
        )

    def column(self, item: CompiledField) -> sa.ColumnElement[Any] | None:
        """Return the SQL value of a field, None where it has no single one."""
        if item.custom:
            text = self.table.c.custom.op("->>")(sa.literal_column(_string(item.id)))
            return sa.cast(text, item.type.sql_type(item.definition))
        return None if item.column is None else self.table.c[item.column]

    # -- conditions ------------------------------------------------------------------

    def where(self, condition: Condition, *, trusted: bool = False) -> Predicate:
        """Return a condition over this entity as SQL; raises BadRequest."""
        match condition:
            case Comparison(path, operator, value):
                return self._comparison(path, operator, value, trusted=trusted)
            case And(parts):
                inner = (self.where(part, trusted=trusted) for part in parts)
                return sa.and_(sa.true(), *inner)
            case Or(parts):
                inner = (self.where(part, trusted=trusted) for part in parts)
                return sa.or_(sa.false(), *inner)
            case Not(part):
                return sa.func.coalesce(self.where(part, trusted=trusted), False).is_(
                    sa.false()
                )
            case Quantified(path, some, inner_condition):
                return self._quantified(path, some, inner_condition, trusted=trusted)
        raise TypeError(f"not a condition: {condition!r}")

    def _comparison(
        self, path: Sequence[str], operator: str, value: Any, *, trusted: bool
    ) -> Predicate:
        definition, kind, column = self.value(path, trusted=trusted)
        if operator == "_null":
            return column.is_(None) if value else column.is_not(None)
        if operator not in kind.operators:
            name = ".".join(path)
            raise BadRequest(
                f"{name} does not answer {operator}.",
                code="INVALID_FILTER",
                details=[
                    Detail(
                        name,
                        "operator",
                        f"Use one of: {', '.join(sorted(kind.operators))}.",
                    )
                ],
            )
        if value is None or (isinstance(value, Slot) and value.null):
            return column.is_(None) if operator == "_eq" else column.is_not(None)
        given = operands(self.build.binder, definition, kind, operator, value)
        return kind.compare(definition, operator, column, given)

    def value(
        self, path: Sequence[str], *, trusted: bool = False
    ) -> tuple[FieldDefinition, FieldType[Any], sa.ColumnElement[Any]]:
        """Return the value at a path; behind relations it is a scalar subquery."""
        name, *rest = path
        if not rest:
            return self.stored(name, trusted=trusted)
        if len(path) > MAX_PATH + 1:
            raise BadRequest(
                f"{'.'.join(path)} walks more than {MAX_PATH} relations.",
                code="INVALID_FILTER",
            )
        target = self.related(name, trusted=trusted)
        definition, kind, column = target.value(rest, trusted=trusted)
        tie = target.join_to_one(self, name, trusted=trusted)
        query = sa.select(column).where(*tie)
        return definition, kind, query.correlate(self.table).scalar_subquery()

    def related(self, name: str, *, trusted: bool = False) -> "Scope":
        """Return the scope of a to-one relation's target; raises BadRequest."""
        item = self.entity.fields.get(name) if trusted else self.field(name)
        key = item.target if item is not None else None
        target = self.build.directory.entity(key) if key else None
        if target is None:
            raise unknown_field(name)
        return self._beside(target, trusted=trusted)

    def _beside(self, entity: CompiledEntity, *, trusted: bool) -> "Scope":
        """Return the scope of a related entity, as the user or as a rule sees it.

        A rule sees it whole: a deny whose relation were hidden from its holder would
        be met by no row, and so show what it takes away.
        """
        build = self.build
        if trusted:
            return Scope(build, entity, build.whole(entity))
        build.walk()
        return Scope(build, entity, build.grant(entity, "read"))

    def join_to_one(
        self, source: "Scope", name: str, *, trusted: bool = False
    ) -> list[Predicate]:
        """Return what ties this target to the relation of the source row."""
        item = source.entity.fields[name]
        column = source.table.c[str(item.column)]
        pointer = column if trusted else source.mask(name, column)
        return [*self.rows(), self.table.c.id == pointer]

    def to_many(
        self, name: str, *, trusted: bool = False
    ) -> tuple["Scope", list[Predicate]]:
        """Return the scope behind a to-many name and what ties it to this row.

        A `lines` field, or the declared inverse of a relation of another entity.
        Raises BadRequest for any other name.
        """
        item = self.entity.fields.get(name) if trusted else self.field(name)
        if item is not None and item.lines is not None:
            child = self._beside(item.lines, trusted=trusted)
            tie = [*child.rows(), child.table.c.parent_id == self.table.c.id]
            return child, tie
        pointer = self.build.directory.inverses(self.entity.key).get(name)
        source = self.build.directory.entity(pointer.entity) if pointer else None
        if pointer is None or source is None:
            raise unknown_field(name)
        child = self._beside(source, trusted=trusted)
        column = child.entity.fields[pointer.field].column
        if child.field(pointer.field) is None:
            raise unknown_field(name)
        masked = child.mask(pointer.field, child.table.c[str(column)])
        return child, [*child.rows(), masked == self.table.c.id]

    def _quantified(
        self, path: Sequence[str], some: bool, condition: Condition, *, trusted: bool
    ) -> Predicate:
        if len(path) != 1:
            raise BadRequest(
                f"{'.'.join(path)}: _some and _none stand directly below a list.",
                code="INVALID_FILTER",
            )
        child, tie = self.to_many(path[0], trusted=trusted)
        inner = child.where(condition, trusted=trusted)
        found = sa.exists(
            sa.select(sa.literal_column("1"))
            .select_from(child.table)
            .where(*tie, inner)
            .correlate(self.table)
        )
        return found if some else sa.not_(found)


def unknown_field(name: str) -> BadRequest:
    """Return the error for a field that is not there, or not for this user."""
    return BadRequest(
        f'There is no field "{name}".',
        code="UNKNOWN_FIELD",
        details=[Detail(name, "unknown_field", "Check its spelling.")],
    )


def _string(text: str) -> str:
    """Return an SQL string; only names of compiled definitions come here."""
    return "'" + text.replace("'", "''") + "'"
