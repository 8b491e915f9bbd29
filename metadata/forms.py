"""Entity → form: JSON Schema says what is valid, the UI schema how it is shown; pure.

Fields a user may not read are absent from both; fields he may not write are
`readOnly`. The UI schema uses the vocabulary of JSON Forms: VerticalLayout,
HorizontalLayout, Control.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from metadata.compiled import CompiledAction, CompiledEntity, CompiledField
from metadata.form_rules import Reader, carried_rules, for_clients, for_shell
from metadata.labels import locale_map, words_of

Allowed = Callable[[str], bool]
TitleOf = Callable[[str], str | None]
"""Gives the title field of a relation's target by its key."""

FULL_WIDTH = frozenset(
    {"long_text", "rich_text", "json", "lines", "tags", "multi_choice", "geo_point"}
)


def entity_form(
    entity: CompiledEntity,
    *,
    form: str = "default",
    readable: Allowed,
    writable: Allowed,
    preset: Collection[str] = (),
    title_of: TitleOf | None = None,
) -> dict[str, Any]:
    """Return `{"schema", "ui", "rules", "rule_fields"}` of a form.

    `default` always exists; it shows every field in the author's order. `preset` are
    the fields that the user's role sets; `title_of` says what relations are shown by.
    Raises KeyError when there is no such form.
    """
    definition = entity.forms.get(form)
    if definition is None and form != "default":
        raise KeyError(form)
    names = list(entity.fields)
    if definition is not None and definition.fields is not None:
        names = list(definition.fields)
    shown = [entity.fields[name] for name in names if readable(name)]
    edited = {f.name for f in shown if f.writable and writable(f.name)}
    sees = {f.name for f in shown}
    carried = carried_rules(entity, Reader(sees, edited, preset))
    schema = _schema(entity, shown, edited)
    clauses = for_clients(entity, carried)
    if clauses:
        schema["allOf"] = clauses
    ui: Mapping[str, Any] = layout(shown, edited, title_of)
    if definition is not None and definition.ui:
        ui = _pruned(definition.ui, sees) or {"type": "VerticalLayout"}
    rules, rule_fields = for_shell(entity, carried)
    return {"schema": schema, "ui": ui, "rules": rules, "rule_fields": rule_fields}


def action_form(
    action: CompiledAction, title_of: TitleOf | None = None
) -> dict[str, Any] | None:
    """Return `{"schema", "ui"}` of an action's input, None when it takes none."""
    if not action.input_fields:
        return None
    fields = list(action.input_fields.values())
    names = {field.name for field in fields}
    schema = {
        "type": "object",
        "properties": {f.name: _property(f, f.name in names) for f in fields},
        "required": [f.name for f in fields if f.definition.required],
        "additionalProperties": False,
    }
    return {"schema": schema, "ui": layout(fields, names, title_of)}


def layout(
    fields: Iterable[CompiledField],
    edited: set[str],
    title_of: TitleOf | None = None,
) -> dict[str, Any]:
    """Return the generated UI schema: short inputs two a row, long ones alone."""
    elements: list[dict[str, Any]] = []
    row: list[dict[str, Any]] = []
    for field in fields:
        element = control(field, edited=field.name in edited, title_of=title_of)
        if field.type.name in FULL_WIDTH:
            elements.extend(_row(row))
            row = []
            elements.append(element)
            continue
        row.append(element)
        if len(row) == 2:
            elements.extend(_row(row))
            row = []
    elements.extend(_row(row))
    return {"type": "VerticalLayout", "elements": elements}


def _row(controls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "HorizontalLayout", "elements": controls}] if controls else []


def control(
    field: CompiledField, *, edited: bool, title_of: TitleOf | None = None
) -> dict[str, Any]:
    """Return the control of a field with all its widget needs."""
    definition = field.definition
    options: dict[str, Any] = {
        "widget": field.type.widget,
        "type": field.type.name,
        "required": definition.required and edited,
        "readonly": not edited,
        **field.type.options(definition),
    }
    if field.target is not None and title_of is not None:
        options["title_field"] = title_of(field.target)
    if definition.help is not None:
        options["help"] = dict(locale_map(definition.help, ""))
    if definition.immutable:
        options["immutable"] = True
    if field.lines is not None:
        options["columns"] = [
            control(child, edited=edited and child.writable, title_of=title_of)
            for child in field.lines.fields.values()
        ]
    return {
        "type": "Control",
        "scope": f"#/properties/{field.name}",
        "label": dict(label_of(field)),
        "options": options,
    }


def label_of(field: CompiledField) -> Mapping[str, str]:
    """Return a field's label by locale; made from its name when it has none."""
    return locale_map(field.definition.label, words_of(field.name))


def _schema(
    entity: CompiledEntity, shown: list[CompiledField], edited: set[str]
) -> dict[str, Any]:
    source = entity.create_schema
    return {
        "type": "object",
        "properties": {f.name: _property(f, f.name in edited) for f in shown},
        "required": [name for name in source.get("required", ()) if name in edited],
        "additionalProperties": False,
    }


def _property(field: CompiledField, edited: bool) -> dict[str, Any]:
    definition = field.definition
    schema = dict(field.schema)
    schema["title"] = label_of(field).get("en", field.name)
    if definition.default is not None:
        schema["default"] = definition.default
    if not edited:
        schema["readOnly"] = True
    if not definition.required:
        schema = _nullable(schema)
    return schema


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("type")
    if kinds is None or "enum" in schema or "const" in schema:
        said = {"title", "default", "readOnly"}
        kept = {key: value for key, value in schema.items() if key in said}
        inner = {key: value for key, value in schema.items() if key not in said}
        return {"anyOf": [inner, {"type": "null"}], **kept} if inner else kept
    listed = [kinds] if isinstance(kinds, str) else list(kinds)
    return {**schema, "type": [*listed, "null"]}


def _pruned(element: Mapping[str, Any], shown: set[str]) -> dict[str, Any] | None:
    """Return a designed UI element without controls the user may not see.

    A rule over a hidden field goes too: it could not be decided, and would tell what
    the field may hold.
    """
    scope = element.get("rule", {}).get("condition", {}).get("scope", "")
    if scope and str(scope).rsplit("/", 1)[-1] not in shown:
        element = {key: value for key, value in element.items() if key != "rule"}
    if element.get("type") == "Control":
        name = str(element.get("scope", "")).rsplit("/", 1)[-1]
        return dict(element) if name in shown else None
    if "elements" not in element:
        return dict(element)
    kept = [e for child in element["elements"] if (e := _pruned(child, shown))]
    return {**element, "elements": kept} if kept else None
