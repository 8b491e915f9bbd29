"""Relations seen from their targets: who points at an entity, and under which name.

Pure. The catalog looks inverses up here, publishing and assigning look for two that
could not be told apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from metadata.definitions import Service
from metadata.fields.relations import RelationField

Found = tuple[str, str, str, str]
"""Path, code, message and remedy, as `checks.py` takes them."""


@dataclass(frozen=True, slots=True)
class Inverse:
    """A relation seen from its target.

    Attributes:
        target: key `service.entity` of what is pointed at.
        name: under which the target lists the records that point.
        entity: key of the entity that points, by its relation `field`.
        path: JSON Pointer to the name in the definition of the service that points.
    """

    target: str
    name: str
    entity: str
    field: str
    path: str = ""


def inverses_of(service: Service) -> tuple[Inverse, ...]:
    """Return the inverses that the relations of a service declare, in their order."""
    found = []
    for index, entity in enumerate(service.entities):
        for place, field in enumerate(entity.fields):
            if isinstance(field, RelationField) and field.inverse:
                path = f"/entities/{index}/fields/{place}/inverse"
                key = f"{service.name}.{entity.name}"
                found.append(Inverse(field.to, field.inverse, key, field.name, path))
    return tuple(found)


def shared(service: Service, other: Service) -> list[tuple[Inverse, Inverse]]:
    """Return the inverses of two services that one target would not tell apart."""
    theirs = {(each.target, each.name): each for each in inverses_of(other)}
    return [
        (each, theirs[each.target, each.name])
        for each in inverses_of(service)
        if (each.target, each.name) in theirs
    ]


def doubled(service: Service) -> Iterator[Found]:
    """Yield each inverse that stands twice in one service."""
    known: dict[tuple[str, str], Inverse] = {}
    for each in inverses_of(service):
        first = known.setdefault((each.target, each.name), each)
        if first is not each:
            place = f"listed as {each.name} in {each.target} already"
            yield (
                each.path,
                "duplicate_inverse",
                f"{first.entity}.{first.field} is {place}",
                "Choose another name for one of them.",
            )
