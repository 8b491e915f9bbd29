"""Entity → list view: columns, filters, views, as the user may see them; pure."""

from collections.abc import Callable, Iterable
from typing import Any

from metadata.compiled import CompiledEntity, CompiledField
from metadata.conditions import comparisons, parse
from metadata.definitions import Column
from metadata.fields import FIELD_TYPES
from metadata.forms import label_of
from metadata.labels import locale_map, words_of

Allowed = Callable[[str], bool]

SYSTEM: dict[str, tuple[str, dict[str, str]]] = {
    "id": ("uuid", {"en": "Id", "id": "Id"}),
    "version": ("integer", {"en": "Version", "id": "Versi"}),
    "created_at": ("datetime", {"en": "Created", "id": "Dibuat"}),
    "created_by": ("uuid", {"en": "Created by", "id": "Dibuat oleh"}),
    "updated_at": ("datetime", {"en": "Changed", "id": "Diubah"}),
    "updated_by": ("uuid", {"en": "Changed by", "id": "Diubah oleh"}),
    "deleted_at": ("datetime", {"en": "Deleted", "id": "Dihapus"}),
}
DEFAULT_COLUMNS = 6


def entity_list(
    entity: CompiledEntity,
    *,
    readable: Allowed,
    title_of: Callable[[str], str | None] = lambda _key: None,
) -> dict[str, Any]:
    """Return the list of an entity as `/forms` answers it.

    `title_of` gives the title field of a relation's target, for showing its name.
    """
    view = entity.list
    chosen = [c if isinstance(c, Column) else Column(field=c) for c in view.columns]
    if not chosen:
        chosen = [Column(field=name) for name in _default_columns(entity)]
    names = [name for name in entity.fields if readable(name)]
    system = [name for name in entity.system_columns if name in SYSTEM]
    return {
        "columns": [
            _column(entity, column, title_of)
            for column in chosen
            if _is_readable(entity, column.field, readable)
        ],
        "available": [
            _column(entity, Column(field=name), title_of) for name in (*names, *system)
        ],
        "sort": _shown(entity, view.sort, readable),
        "filters": [
            name for name in view.filters if _is_readable(entity, name, readable)
        ],
        "views": [
            {
                "name": item.name,
                "label": dict(locale_map(item.label, words_of(item.name))),
                "filter": item.filter,
                "sort": _shown(entity, item.sort, readable),
                "columns": _shown(entity, item.columns, readable),
            }
            for item in view.views
            # A filter by a hidden field would tell what is in it.
            if all(
                _is_readable(entity, comparison.path[0], readable)
                for comparison in comparisons(parse(item.filter))
            )
        ],
        "search": any(readable(name) for name in entity.search),
    }


def _is_readable(entity: CompiledEntity, path: str, readable: Allowed) -> bool:
    head = path.partition(":")[0].partition(".")[0]
    return head in entity.system_columns or (head in entity.fields and readable(head))


def _shown(
    entity: CompiledEntity, paths: Iterable[str], readable: Allowed
) -> list[str]:
    """Return the columns or sort keys without those of hidden fields."""
    return [path for path in paths if _is_readable(entity, path.lstrip("-"), readable)]


def _default_columns(entity: CompiledEntity) -> Iterable[str]:
    first = [entity.title_field]
    others = [
        name
        for name, field in entity.stored.items()
        if name not in first and not field.type.secret
    ]
    return [*first, *others][:DEFAULT_COLUMNS]


def _column(
    entity: CompiledEntity,
    column: Column,
    title_of: Callable[[str], str | None],
) -> dict[str, Any]:
    head = column.field.partition(".")[0]
    field = entity.fields.get(head)
    answer = _system_column(head) if field is None else _field_column(field, title_of)
    answer["field"] = column.field
    if column.label is not None:
        answer["label"] = dict(locale_map(column.label, column.field))
    if column.width is not None:
        answer["width"] = column.width
    return answer


def _system_column(name: str) -> dict[str, Any]:
    kind_name, label = SYSTEM[name]
    kind = FIELD_TYPES[kind_name]
    return {
        "label": label,
        "type": kind_name,
        "renderer": kind.renderer,
        "sortable": True,
        "operators": sorted(kind.operators),
        "options": {},
    }


def _field_column(
    field: CompiledField, title_of: Callable[[str], str | None]
) -> dict[str, Any]:
    options = dict(field.type.options(field.definition))
    if field.target is not None:
        options["title_field"] = title_of(field.target)
    return {
        "label": dict(label_of(field)),
        "type": field.type.name,
        "renderer": field.type.renderer,
        "sortable": field.type.sortable and field.lines is None,
        "operators": sorted(field.type.operators),
        "options": options,
    }
