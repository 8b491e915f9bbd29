"""A service that is imported again: what changes, what breaks, and what is kept; pure.

An endpoint is the same while its id is, which comes from the operationId; or else while
method and path are. Called by the route that imports.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from metadata.definitions import Endpoint, Menu, MenuItem, Role, Service

_LOOKED_AT = (
    "name", "method", "path", "request_schema", "response_schema",
    "required_permissions",
)  # fmt: skip

_SAID = (
    "label", "description", "contact_email", "base_url", "auth_type",
    "documentation_url", "version",
)  # fmt: skip
"""What a document says of the service as a whole."""


@dataclass(frozen=True, slots=True)
class Break:
    """Something that an import would leave without what it leans on.

    Attributes:
        kind: `form`, `menu`, `role`, or `tenants` where roles that tenants have give
            what nothing asks for.
        code: what the message says, for pages in another language; stable.
        params: what the message holds.
    """

    kind: str
    name: str
    endpoint: str
    code: str
    message: str
    params: Mapping[str, str | int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as the preview shows it."""
        return {
            "kind": self.kind,
            "name": self.name,
            "endpoint": self.endpoint,
            "code": self.code,
            "message": self.message,
            "params": dict(self.params),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """What an import would change of a service.

    Attributes:
        changed: endpoint before and after.
    """

    added: Sequence[Endpoint]
    removed: Sequence[Endpoint]
    changed: Sequence[tuple[Endpoint, Endpoint]]
    breaks: Sequence[Break]

    def as_json(self) -> dict[str, Any]:
        """Return it as the preview shows it."""
        return {
            "added": [_said(call) for call in self.added],
            "removed": [_said(call) for call in self.removed],
            "changed": [
                {**_said(after), "before": _said(before), **_inputs(before, after)}
                for before, after in self.changed
            ],
            "breaks": [item.as_json() for item in self.breaks],
        }


def gone(before: Service, after: Service) -> Mapping[str, str]:
    """Return each permission that nothing asks for any more, and what asked for it."""
    asked = {word for call in after.endpoints for word in call.required_permissions}
    return {
        word: call.name
        for call in before.endpoints
        for word in call.required_permissions
        if word not in asked
    }


def difference(
    before: Service,
    after: Service,
    holders: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> Difference:
    """Return what changes between two definitions of an external service.

    `holders` are (roles, tenants) that give a permission which is gone.
    """
    pairs = {id(new): old for old, new in _pairs(before, after)}
    added = [call for call in after.endpoints if id(call) not in pairs]
    kept = {call.id for call in pairs.values()}
    removed = [call for call in before.endpoints if call.id not in kept]
    changed = [
        (old, new)
        for new in after.endpoints
        if (old := pairs.get(id(new))) is not None and _changed(old, new)
    ]
    breaks = [
        *_forms(changed),
        *_menu(before, removed),
        *_roles(before, after),
        *_tenants(before, after, holders),
    ]
    return Difference(added, removed, changed, breaks)


def updated(before: Service, imported: Service) -> Service:
    """Return an imported service with what its document does not say kept.

    That is whatever an operator has set: limits of endpoints, icon, category,
    visibility, settings, own roles, and menu items that lead elsewhere.
    """
    known = {id(new): old for old, new in _pairs(before, imported)}
    endpoints = tuple(
        call.model_copy(
            update={
                "rate_limit": old.rate_limit,
                "timeout_ms": old.timeout_ms,
                "requires_auth": old.requires_auth,
            }
        )
        if (old := known.get(id(call))) is not None
        else call
        for call in imported.endpoints
    )
    made = {role.name for role in imported.roles}
    roles = (*imported.roles, *(r for r in before.roles if r.name not in made))
    ids = {item.id for item in _every(imported.menu.items)}
    own = [item for item in before.menu.items if _is_own(item, ids)]
    values = {
        key: getattr(imported, key)
        for key in _SAID
        if key in imported.model_fields_set and getattr(imported, key) is not None
    }
    return before.model_copy(
        update={
            **values,
            "endpoints": endpoints,
            "roles": roles,
            "menu": Menu(items=(*imported.menu.items, *own)),
        }
    )


def _is_own(item: MenuItem, taken: set[str]) -> bool:
    """Return whether a menu item leads to no endpoint at all."""
    every = list(_every([item]))
    leads = any(each.path or each.entity for each in every)
    return leads and not any(each.endpoint or each.id in taken for each in every)


def _pairs(before: Service, after: Service) -> Iterator[tuple[Endpoint, Endpoint]]:
    by_id = {call.id: call for call in before.endpoints}
    ids = {call.id for call in after.endpoints}
    by_place = {
        (call.method, call.path): call
        for call in before.endpoints
        if call.id not in ids
    }
    for call in after.endpoints:
        old = by_id.get(call.id) or by_place.get((call.method, call.path))
        if old is not None:
            yield old, call


def _changed(before: Endpoint, after: Endpoint) -> bool:
    return any(getattr(before, key) != getattr(after, key) for key in _LOOKED_AT)


def _said(call: Endpoint) -> dict[str, Any]:
    return {"endpoint": call.name, "method": call.method, "path": call.path}


def _inputs(before: Endpoint, after: Endpoint) -> dict[str, Any]:
    old, new = _properties(before), _properties(after)
    demanded = set(_required(after)) - set(_required(before))
    return {
        "what": [k for k in _LOOKED_AT if getattr(before, k) != getattr(after, k)],
        "inputs_added": [name for name in new if name not in old],
        "inputs_removed": [name for name in old if name not in new],
        "inputs_changed": [n for n in new if n in old and new[n] != old[n]],
        "inputs_required": sorted(demanded),
    }


def _forms(
    changed: Sequence[tuple[Endpoint, Endpoint]],
) -> Iterator[Break]:
    for before, after in changed:
        said = _inputs(before, after)
        for name in said["inputs_removed"]:
            message = "The input is gone."
            yield Break("form", name, after.name, "input_gone", message)
        for name in said["inputs_required"]:
            message = "The input has to be given now."
            yield Break("form", name, after.name, "input_required", message)


def _menu(before: Service, removed: Sequence[Endpoint]) -> Iterator[Break]:
    gone = {call.name for call in removed}
    for item in _every(before.menu.items):
        if item.endpoint in gone:
            message = "What it opens is gone."
            yield Break("menu", item.name, item.endpoint or "", "menu_gone", message)


def _roles(before: Service, after: Service) -> Iterator[Break]:
    """Yield the rules of roles that give what nothing asks for any more."""
    was = gone(before, after)
    kept: Mapping[str, Role] = {role.name: role for role in after.roles}
    for role in before.roles:
        for rule in role.rules:
            word = rule.permission
            now = kept.get(role.name)
            if word not in was:
                continue
            if now is None or any(each.permission == word for each in now.rules):
                yield Break(
                    "role",
                    role.name,
                    was[word],
                    "permission_unused",
                    f"Nothing asks for {word} any more.",
                    {"permission": word},
                )


def _tenants(
    before: Service, after: Service, holders: Mapping[str, tuple[int, int]]
) -> Iterator[Break]:
    """Yield what roles that tenants have give in vain; how many, and never whose."""
    for word, call in gone(before, after).items():
        roles, tenants = holders.get(word, (0, 0))
        if roles:
            who = f"{_counted(roles, 'role')} of {_counted(tenants, 'tenant')}"
            yield Break(
                "tenants",
                word,
                call,
                "permission_given_unused",
                f"Given by {who}; nothing asks for it any more.",
                {"roles": roles, "tenants": tenants},
            )


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _every(items: Sequence[MenuItem]) -> Iterator[MenuItem]:
    for item in items:
        yield item
        yield from _every(item.children)


def _properties(call: Endpoint) -> Mapping[str, Any]:
    found: Mapping[str, Any] = call.request_schema.get("properties", {})
    return found


def _required(call: Endpoint) -> Sequence[str]:
    found: Sequence[str] = call.request_schema.get("required", ())
    return found
