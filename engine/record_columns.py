"""Checked JSON values → what the statements of a write bind.

Owns the last step before SQL: PostgreSQL text input of each column, own fields of the
tenant as one JSON document, sealed secrets, the numbers of sequences, the rows of
owned lines, and the field-by-field changes for the log.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from uuid_utils.compat import uuid7

from engine.context import RequestContext
from engine.errors import Detail, ValidationFailed
from engine.record_sql import SequenceNumber
from engine.secrets import SecretBox
from metadata.compiled import CompiledEntity, CompiledField
from metadata.fields.base import InvalidValue
from metadata.fields.sequences import PLACEHOLDER, counter_period, render

MASK = "•••"

Row = dict[str, str | None]
Line = Mapping[str, Any]
"""A row of a `lines` field in JSON values, `id` included where it has one."""


@dataclass(slots=True)
class Columns:
    """Everything one write binds.

    Attributes:
        values: the JSON values as checked, for the log.
        texts: PostgreSQL text input by field name.
        custom: own fields of the tenant: PostgreSQL text input by field id, as a
            column of theirs would have got it.
        lines: child entity and its rows, `id` included.
    """

    entity: CompiledEntity
    values: Mapping[str, Any]
    texts: Row = field(default_factory=dict)
    custom: dict[str, str | None] = field(default_factory=dict)
    sequences: list[SequenceNumber] = field(default_factory=list)
    lines: list[tuple[CompiledEntity, list[Row]]] = field(default_factory=list)

    def changes(self, old: Mapping[str, Any] | None) -> dict[str, list[Any]]:
        """Return `{field id: [old, new]}` for the log, secrets masked."""
        fields = self.entity.fields
        if old is not None:
            return {
                fields[name].id: _pair(fields[name], old, value)
                for name, value in self.values.items()
            }
        places = _places(self.entity)
        return {
            places[name].id: [
                None,
                value if places[name].as_it_is else _logged(fields[name], value),
            ]
            for name, value in self.values.items()
            if value is not None
        }


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the values of one field go.

    Attributes:
        to_parameter: a value as PostgreSQL text input; raises InvalidValue.
        is_column: whether they go into a column as that text, and nowhere else.
        as_it_is: whether the log keeps them as they are.
    """

    id: str
    to_parameter: Callable[[Any], str | None]
    is_column: bool
    as_it_is: bool


def _places(entity: CompiledEntity) -> Mapping[str, _Place]:
    """Return the places of an entity's fields, kept with its compiled version."""
    known: Mapping[str, _Place] | None = entity.plans.get("places")
    if known is None:
        known = entity.plans["places"] = {
            name: _Place(
                item.id,
                partial(item.type.to_parameter, item.definition),
                item.column is not None
                and item.lines is None
                and not item.custom
                and not item.type.secret,
                item.lines is None and not item.type.secret,
            )
            for name, item in entity.fields.items()
        }
    return known


class ColumnWriter:
    """Turns values into columns; holds what sealing secrets needs."""

    def __init__(self, secrets: SecretBox) -> None:
        self._secrets = secrets

    def of(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        values: Mapping[str, Any],
        *,
        creating: bool,
    ) -> Columns:
        """Return the columns of a write; raises ValidationFailed on unfit values."""
        columns = Columns(entity, values)
        details: list[Detail] = []
        places, texts = _places(entity), columns.texts
        for name, value in values.items():
            place = places[name]
            if not place.is_column:
                self._place(ctx, columns, record_id, name, value, details)
                continue
            try:
                texts[name] = None if value is None else place.to_parameter(value)
            except InvalidValue as error:
                details.append(Detail(name, error.code, error.message))
        if details:
            count = "1 field does" if len(details) == 1 else f"{len(details)} fields do"
            raise ValidationFailed(f"{count} not fit.", details=details)
        if creating and entity.has_sequences:
            columns.sequences.extend(sequences_of(ctx, entity, values))
        return columns

    def only_changed(
        self, entity: CompiledEntity, old: Mapping[str, Any], values: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the values that differ from the stored record, spelling aside."""
        return {
            name: value
            for name, value in values.items()
            if _differs(entity.fields[name], old.get(name), value)
        }

    def removed(
        self, entity: CompiledEntity, old: Mapping[str, Any]
    ) -> dict[str, list[Any]]:
        """Return the log's changes of a record that goes away for good."""
        if entity.soft_delete:
            return {}
        return {
            item.id: [_logged(item, old[name]), None]
            for name, item in entity.fields.items()
            if old.get(name) is not None
        }

    def _place(
        self,
        ctx: RequestContext,
        columns: Columns,
        record_id: UUID,
        name: str,
        value: Any,
        details: list[Detail],
    ) -> None:
        item = columns.entity.fields[name]
        try:
            if item.lines is not None:
                rows = self._rows(ctx, item.lines, value or [], name)
                columns.lines.append((item.lines, rows))
            elif item.custom:
                text = self._text(ctx, columns, item, record_id, value)
                columns.custom[item.id] = text
            elif item.column is not None:
                columns.texts[name] = self._text(ctx, columns, item, record_id, value)
        except InvalidValue as error:
            details.append(Detail(name, error.code, error.message))
        except ValidationFailed as error:
            details.extend(error.details)

    def _text(
        self,
        ctx: RequestContext,
        columns: Columns,
        item: CompiledField,
        record_id: UUID,
        value: Any,
    ) -> str | None:
        if value is None:
            return None
        text: str | None = item.type.to_parameter(item.definition, value)
        if text is None or not item.type.secret:
            return text
        return self._secrets.seal(
            text,
            tenant_id=ctx.tenant_id,
            place=f"{columns.entity.key}.{item.id}",
            record_id=record_id,
        )

    def _rows(
        self,
        ctx: RequestContext,
        child: CompiledEntity,
        lines: Sequence[Mapping[str, Any]],
        name: str,
    ) -> list[Row]:
        rows: list[Row] = []
        details: list[Detail] = []
        for index, line in enumerate(lines):
            line_id = UUID(line["id"]) if line.get("id") else uuid7()
            own = {k: v for k, v in line.items() if k in child.fields}
            try:
                columns = self.of(ctx, child, line_id, own, creating=False)
            except ValidationFailed as error:
                details.extend(
                    Detail(f"{name}.{index}.{d.field}", d.code, d.message, d.params)
                    for d in error.details
                )
                continue
            rows.append({"id": str(line_id), **columns.texts})
        if details:
            raise ValidationFailed("Some lines do not fit.", details=details)
        return rows


def sequences_of(
    ctx: RequestContext, entity: CompiledEntity, values: Mapping[str, Any]
) -> list[SequenceNumber]:
    """Return the numbers that a new record takes, dates filled in."""
    local = ctx.now.astimezone(ZoneInfo(ctx.time_zone))
    numbers = []
    for name, item in entity.fields.items():
        if item.type.name != "sequence" or values.get(name) is not None:
            continue
        definition: Any = item.definition
        period = counter_period(definition.pattern, local)
        numbers.append(
            SequenceNumber(
                field=item,
                key=f"{entity.id}.{item.id}.{period}",
                pattern=_dated(definition.pattern, local),
                start=definition.start,
            )
        )
    return numbers


def _dated(pattern: str, when: datetime) -> str:
    """Return the pattern with its date filled in and `{n}` left for the statement."""
    for match in PLACEHOLDER.finditer(pattern):
        if match["name"] == "n":
            before, after = pattern[: match.start()], pattern[match.end() :]
            return render(before, 0, when) + match[0] + render(after, 0, when)
    raise ValueError(f"the pattern {pattern!r} has no {{n}}")


def _differs(item: CompiledField, old: Any, new: Any) -> bool:
    if item.type.secret:
        return new is not None or _is_set(old)
    if old is None or new is None:
        return old is not new
    if item.lines is not None or (item.column is None and not item.custom):
        return bool(old != new)
    try:
        return bool(
            item.type.to_parameter(item.definition, old)
            != item.type.to_parameter(item.definition, new)
        )
    except InvalidValue:
        return True


def _pair(item: CompiledField, old: Mapping[str, Any] | None, new: Any) -> list[Any]:
    before = old.get(item.name) if old is not None else None
    if item.lines is not None and before and new:
        new = _with_kept_secrets(item.lines, before, new)
    return [_logged(item, before), _logged(item, new)]


def _logged(item: CompiledField, value: Any) -> Any:
    """Return a value as the log may keep it: secrets masked, those of lines too."""
    if item.type.secret:
        return MASK if _is_set(value) else None
    if item.lines is None or value is None:
        return value
    fields = item.lines.fields
    return [
        {
            name: _logged(fields[name], each) if name in fields else each
            for name, each in line.items()
        }
        for line in value
    ]


def _is_set(value: Any) -> bool:
    """Return whether a secret is there, as it is sent or as a record shows it."""
    return bool(value.get("set")) if isinstance(value, Mapping) else value is not None


def _with_kept_secrets(
    child: CompiledEntity, old: Sequence[Line], new: Sequence[Line]
) -> list[Line]:
    """Return the lines with the secrets that stay because they were not sent."""
    secrets = [name for name, item in child.fields.items() if item.type.secret]
    stored = {line["id"]: line for line in old}
    found: list[Line] = []
    for line in new:
        known = stored.get(str(line.get("id")).lower(), {})
        kept = {name: known[name] for name in secrets if name in known}
        found.append({**kept, **line})
    return found
