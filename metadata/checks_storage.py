"""What a definition says that its tables, or other services, could not live with.

Called by `checks.py`, which owns findings; here each is (path, code, message, remedy).
"""

from collections.abc import Iterator, Mapping, Sequence

from metadata import identifiers
from metadata.definitions import Entity, Service
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition
from metadata.inverses import doubled

Found = tuple[str, str, str, str]


def storage_findings(
    service: Service, others: Mapping[str, Service]
) -> Iterator[Found]:
    """Yield what is wrong; `others` are the other published services by name."""
    yield from _dependants(service, others)
    yield from _shared_tables(service)
    yield from doubled(service)
    for index, entity in enumerate(service.entities):
        yield from _expressions(entity.fields, f"/entities/{index}/fields")


def _dependants(service: Service, others: Mapping[str, Service]) -> Iterator[Found]:
    own = {entity.name for entity in service.entities}
    for other in others.values():
        for path, key in other.relations:
            name, _, target = key.partition(".")
            if name == service.name and target not in own:
                yield (
                    "/entities",
                    "still_used",
                    f"{path} points at {target}, which would be gone",
                    f"Change {other.name} first.",
                )


def _shared_tables(service: Service) -> Iterator[Found]:
    """Yield lines whose table would have the name of another one."""
    taken = {identifiers.table_name(e.name): e.name for e in service.entities}
    for index, entity in enumerate(service.entities):
        for place, field in _lines(entity):
            name = identifiers.lines_table_name(entity.name, field.name)
            if name in taken:
                yield (
                    f"/entities/{index}/fields/{place}/name",
                    "collision",
                    f"{entity.name}.{field.name} and {taken[name]} would share a table",
                    "Choose another name for one of them.",
                )
            taken[name] = f"{entity.name}.{field.name}"


def _lines(entity: Entity) -> Iterator[tuple[int, FieldDefinition]]:
    for place, field in enumerate(entity.fields):
        if field.type == "lines":
            yield place, field


def _expressions(fields: Sequence[FieldDefinition], path: str) -> Iterator[Found]:
    """Yield what is wrong with computed fields, given those beside them."""
    by_name = {field.name: field for field in fields}
    for index, field in enumerate(fields):
        judge = getattr(FIELD_TYPES[field.type], "findings_among", None)
        for option, message in judge(field, by_name) if judge else ():
            yield (
                f"{path}/{index}/{option}",
                "expression",
                f"{field.name}: {message}",
                "Name fields of the same entity; docs/field-types.md has the language.",
            )
        inner = getattr(field, "fields", ())
        yield from _expressions(inner, f"{path}/{index}/fields")
