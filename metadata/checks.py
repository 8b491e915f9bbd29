"""What is wrong with a definition: every finding at once, with a path and a remedy.

Pydantic says whether a document has the right shape; here stands whether it makes
sense: names, references, conditions, defaults, and whether other published services
would still work.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeVar

from jsonschema_rs import Draft202012Validator
from pydantic import ValidationError

from metadata import identifiers
from metadata.checks_conditions import (
    SYSTEM_FIELDS,
    Surroundings,
    own_condition_findings,
)
from metadata.checks_shown import shown_findings
from metadata.checks_storage import storage_findings
from metadata.definitions import Definition, Entity, Service
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition, InvalidValue

API_WORDS = frozenset(
    {
        "audit",
        "auth",
        "core",
        "data",
        "docs",
        "forms",
        "gateway",
        "health",
        "jobs",
        "menus",
        "metrics",
        "openapi",
        "platform",
        "realtime",
        "role",
        "service",
        "system",
        "team",
        "tenant",
        "user",
    }
)
"""First words of API paths and of the platform's permissions."""

PLATFORM_TARGETS = frozenset({"platform.users"})
MAX_COLUMNS = 1500

D = TypeVar("D", bound=Definition)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `path` is a JSON Pointer into the definition."""

    severity: Literal["error", "warning"]
    path: str
    code: str
    message: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """Return the finding as the API shows it."""
        return asdict(self)


def read_service(raw: Any) -> tuple[Service | None, list[Finding]]:
    """Return the definition, or None and what is wrong with its shape."""
    return read(Service, raw)


def read(model: type[D], raw: Any) -> tuple[D | None, list[Finding]]:
    """Return a definition of any kind, or None and what is wrong with its shape."""
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        return None, [_shape_finding(item) for item in error.errors(include_url=False)]


def _shape_finding(item: Any) -> Finding:
    """Return what Pydantic says of a value, in the words of an author."""
    path = "".join(f"/{part}" for part in _location(item["loc"]))
    message = str(item["msg"]).removeprefix("Value error, ")
    remedy = "Correct the value; docs/field-types.md lists each type's options."
    pattern = (item.get("ctx") or {}).get("pattern", "")
    if item["type"] == "missing":
        message, remedy = "This must be given.", "Add it."
    elif item["type"] == "extra_forbidden":
        message = "Nothing of this name belongs here."
        remedy = "Take it out, or correct its spelling."
    elif item["input"] == "":
        message, remedy = "This is empty.", "Enter a value."
    elif pattern.startswith("^[a-z][a-z0-9_"):
        message = f'"{str(item["input"])[:80]}" cannot be used as a name.'
        dash = ", _ and -" if pattern.startswith("^[a-z][a-z0-9_-]") else " and _"
        remedy = f"Use a to z, 0 to 9{dash} only, and begin with a letter."
    return Finding("error", path, str(item["type"]), message, remedy)


def _location(parts: Sequence[int | str]) -> Iterator[int | str]:
    """Yield the parts of a path without the names Pydantic gives to unions."""
    for index, part in enumerate(parts):
        is_tag = part in FIELD_TYPES and index > 0 and isinstance(parts[index - 1], int)
        if not is_tag:
            yield part


def check_service(
    definition: Service, *, others: Mapping[str, Service]
) -> list[Finding]:
    """Return every finding of a definition, errors and warnings.

    `others` are the other published services; a change that breaks one of their
    relations is an error that names it.
    """
    checker = _Checker(definition, others)
    checker.run()
    return checker.findings


class _Checker:
    def __init__(self, service: Service, others: Mapping[str, Service]) -> None:
        self.findings: list[Finding] = []
        self._service = service
        self._others = others
        self._around = Surroundings(service, others)

    def run(self) -> None:
        service = self._service
        if service.name in API_WORDS:
            self._error(
                "/name",
                "reserved",
                f'"{service.name}" is a word of the API',
                "Choose another name for the service.",
            )
        self._same_schema()
        self._twice("/entities", "id", (e.id for e in service.entities))
        self._twice("/entities", "name", (e.name for e in service.entities))
        names = [entity.name for entity in service.entities]
        if service.primary_entity and service.primary_entity not in names:
            self._missing("/primary_entity", service.primary_entity, "entity", names)
        for required in service.requires:
            if required not in self._others:
                self._error(
                    "/requires",
                    "unknown_service",
                    f'the required service "{required}" is not published',
                    f"Publish {required} first, or take it out of requires.",
                )
        for index, entity in enumerate(service.entities):
            self._entity(entity, f"/entities/{index}")
        for found in shown_findings(self._around):
            self._error(*found)
        for found in storage_findings(service, self._others):
            self._error(*found)
        if service.type == "external" and service.base_url is None:
            self._error(
                "/base_url",
                "required",
                "an external service has an address",
                "Enter the base URL of its API.",
            )

    def _same_schema(self) -> None:
        own = identifiers.schema_name(self._service.name)
        for name in self._others:
            if identifiers.schema_name(name) == own:
                self._error(
                    "/name",
                    "collision",
                    f'"{self._service.name}" and "{name}" would share a schema',
                    "Choose a name that differs in more than - and _.",
                )

    def _entity(self, entity: Entity, path: str) -> None:
        fields = {field.name: field for field in entity.fields}
        self._twice(f"{path}/fields", "id", (f.id for f in entity.fields))
        self._twice(f"{path}/fields", "name", (f.name for f in entity.fields))
        for index, field in enumerate(entity.fields):
            self._field(field, f"{path}/fields/{index}")
            for name in self._inner_names(field):
                self._column_name(name, f"{path}/fields/{index}")
        if len(entity.fields) > MAX_COLUMNS:
            self._error(
                f"{path}/fields",
                "too_many",
                f"more than {MAX_COLUMNS} fields",
                "Split the entity in two with a relation between them.",
            )
        if entity.title_field and entity.title_field not in fields:
            self._missing(f"{path}/title_field", entity.title_field, "field", fields)
        for index, names in enumerate(entity.unique):
            for name in names:
                self._stored(name, fields, f"{path}/unique/{index}")
        for index, names in enumerate(entity.indexes):
            for name in names:
                if name not in SYSTEM_FIELDS:
                    self._stored(name, fields, f"{path}/indexes/{index}")
        self._rules(entity, fields, path)
        self._actions(entity, fields, path)

    def _rules(
        self, entity: Entity, fields: Mapping[str, FieldDefinition], path: str
    ) -> None:
        for index, rule in enumerate(entity.rules):
            self._condition(rule.if_, entity, f"{path}/rules/{index}/if")
            if rule.then.check is not None:
                self._condition(
                    rule.then.check, entity, f"{path}/rules/{index}/then/check"
                )
            for name in (*rule.then.required, *rule.then.readonly):
                if name not in fields:
                    self._missing(f"{path}/rules/{index}/then", name, "field", fields)

    def _actions(
        self, entity: Entity, fields: Mapping[str, FieldDefinition], path: str
    ) -> None:
        for name, action in entity.actions.items():
            self._condition(action.when, entity, f"{path}/actions/{name}/when")
            for target in action.set:
                if target not in fields:
                    self._missing(f"{path}/actions/{name}/set", target, "field", fields)

    def _field(self, field: FieldDefinition, path: str) -> None:
        kind = FIELD_TYPES[field.type]
        for option, message in kind.findings(field):
            place = option.replace(".", "/")
            self._error(
                f"{path}/{place}",
                "option",
                f"{field.name}: {option} {message}",
                "See docs/field-types.md for this type's options.",
            )
        self._column_name(field.name, f"{path}/name")
        if field.unique and not kind.stored:
            self._error(
                f"{path}/unique",
                "not_stored",
                f"{field.name} has no column",
                "Remove unique.",
            )
        target = getattr(field, "to", None)
        if isinstance(target, str):
            self._target(field, target, path)
        if field.default is not None:
            self._default(field, path)
        for index, inner in enumerate(getattr(field, "fields", ())):
            self._field(inner, f"{path}/fields/{index}")

    def _inner_names(self, field: FieldDefinition) -> Iterable[str]:
        return (inner.name for inner in getattr(field, "fields", ()))

    def _column_name(self, name: str, path: str) -> None:
        if name in identifiers.SYSTEM_COLUMN_NAMES:
            self._error(
                path,
                "reserved",
                f'"{name}" is a column of the engine itself',
                f"Choose another name, such as {name}_value.",
            )

    def _target(self, field: FieldDefinition, target: str, path: str) -> None:
        service, _, entity = target.partition(".")
        if target in PLATFORM_TARGETS:
            return
        if service == self._service.name:
            found = any(e.name == entity for e in self._service.entities)
        else:
            other = self._others.get(service)
            found = other is not None and any(e.name == entity for e in other.entities)
            if found and service not in self._service.requires:
                self._error(
                    "/requires",
                    "not_required",
                    f"{field.name} points into the service {service}",
                    f'Add "{service}" to requires.',
                )
        if not found:
            self._error(
                f"{path}/to",
                "unknown_entity",
                f"there is no entity {target}",
                "Point at an entity of this service or of a published one.",
            )

    def _default(self, field: FieldDefinition, path: str) -> None:
        value, kind = field.default, FIELD_TYPES[field.type]
        if isinstance(value, str) and value.startswith("$"):
            return
        fits = Draft202012Validator(
            kind.json_schema(field), validate_formats=True
        ).is_valid(value)
        if fits:
            try:
                kind.to_parameter(field, value)
            except InvalidValue:
                fits = False
        if not fits:
            self._error(
                f"{path}/default",
                "default",
                f"the default of {field.name} does not fit",
                "Give a value that a user could enter, or remove the default.",
            )

    def _condition(self, raw: Mapping[str, Any], entity: Entity, path: str) -> None:
        for below, code, message, remedy in own_condition_findings(
            raw, entity, self._around
        ):
            self._error(f"{path}{below}", code, message, remedy)

    def _stored(
        self, name: str, fields: Mapping[str, FieldDefinition], path: str
    ) -> None:
        field = fields.get(name)
        if field is None:
            self._missing(path, name, "field", fields)
        elif not FIELD_TYPES[field.type].stored:
            self._error(
                path, "not_stored", f"{name} has no column", f"Leave {name} out."
            )

    def _twice(self, path: str, what: str, values: Iterable[str]) -> None:
        seen: set[str] = set()
        for value in values:
            if value in seen:
                self._error(
                    path,
                    "duplicate",
                    f'the {what} "{value}" stands twice',
                    f"Give each its own {what}.",
                )
            seen.add(value)

    def _missing(self, path: str, name: str, what: str, known: Iterable[str]) -> None:
        words = ", ".join(sorted(known)) or "none"
        self._error(
            path,
            f"unknown_{what}",
            f'there is no {what} "{name}"',
            f"There are: {words}.",
        )

    def _error(self, path: str, code: str, message: str, remedy: str) -> None:
        self.findings.append(Finding("error", path, code, message, remedy))
