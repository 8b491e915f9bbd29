"""The short body that registers an external service → a definition; pure.

Callers write camelCase, a form as `formSchema.fields[]` and a menu as
`menuSchema.items[]`. Says everything wrong at once, in the caller's own words and
paths. Called by the registration route, never for definitions.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from metadata.checks import Finding
from metadata.definitions import Endpoint, Menu, MenuItem, Role, RoleRule, Service
from metadata.fields.base import Json
from metadata.registration_bodies import Call, Item, Registration
from metadata.registration_forms import request_form

SIGNS = frozenset(
    {
        "apiKeyRequired",
        "authType",
        "baseUrl",
        "contactEmail",
        "displayName",
        "documentationUrl",
        "formSchema",
        "healthCheckUrl",
        "menuSchema",
    }
)
"""Keys that only this body has; a definition has none of them."""


def is_registration(document: Mapping[str, Any]) -> bool:
    """Return whether a body is this short one rather than a definition."""
    if document.keys() & {"$schema", "definition", "entities"}:
        return False
    kind = document.get("type")
    return bool(document.keys() & SIGNS) or (isinstance(kind, str) and kind.isupper())


def read_registration(document: Any) -> tuple[Service | None, list[Finding]]:
    """Return the definition that a body stands for, or None and everything wrong."""
    try:
        body = Registration.model_validate(document)
    except ValidationError as error:
        return None, [_finding(item) for item in error.errors(include_url=False)]
    findings = list(_contradictions(body))
    return (None, findings) if findings else (_service(body), [])


_REMEDIES = {
    "missing": "Add it.",
    "extra_forbidden": "Take it out, or correct its spelling.",
}


def _finding(item: Any) -> Finding:
    path = "".join(f"/{part}" for part in item["loc"] if _is_place(part))
    message = str(item["msg"]).removeprefix("Value error, ")
    remedy = _REMEDIES.get(item["type"], "Correct the value.")
    return Finding("error", path, str(item["type"]), message, remedy)


def _is_place(part: int | str) -> bool:
    """Return whether a part of a location is the caller's, not a union's name."""
    return isinstance(part, int) or not part.startswith(
        ("dict[", "constrained-", "str")
    )


def _contradictions(body: Registration) -> Iterator[Finding]:
    """Yield what no part of the body shows by itself."""
    yield from _twice("/endpoints", "name", [c.name for c in body.endpoints])
    calls = [f"{c.method} {c.path}" for c in body.endpoints]
    yield from _twice("/endpoints", "path", calls)
    form = body.form_schema
    if form is None:
        return
    place = "/formSchema/fields"
    if not form.fields:
        yield Finding("error", place, "required", "the form is empty", "Add a field.")
    yield from _twice(place, "name", [field.name for field in form.fields])
    for index, field in enumerate(form.fields):
        if field.type == "select" and not field.options:
            yield Finding(
                "error",
                f"{place}/{index}/options",
                "required",
                f"{field.name} has nothing to choose from",
                "List its options.",
            )
    names = [call.name for call in body.endpoints]
    if form.endpoint is not None and form.endpoint not in names:
        yield Finding(
            "error",
            "/formSchema/endpoint",
            "unknown_endpoint",
            f'there is no endpoint "{form.endpoint}"',
            f"There are: {', '.join(names) or 'none'}.",
        )
    elif body.endpoints and _taker(body) is None:
        yield Finding(
            "error",
            "/formSchema/endpoint",
            "required",
            "no endpoint could take the form: each has a requestSchema of its own",
            "Name the endpoint that takes it.",
        )


def _twice(path: str, key: str, values: Iterable[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Finding(
                "error",
                f"{path}/{index}/{key}",
                "duplicate",
                f'"{value}" stands twice',
                f"Give each a {key} of its own.",
            )
        seen.add(value)


def _service(body: Registration) -> Service:
    endpoints = _endpoints(body)
    taker = next((call for call in endpoints if call.request_ui), None)
    # Of two methods at one path the one with the form is the page.
    pages = {call.path: call.name for call in reversed(endpoints)}
    pages |= {taker.path: taker.name} if taker else {}
    permissions = dict.fromkeys(
        [
            *(item.permission for item in _all(body.menu_schema.items)),
            *(p for call in endpoints for p in call.required_permissions),
        ]
    )
    rules = tuple(RoleRule(permission=p) for p in permissions if p is not None)
    slug = body.name.replace("-", "_")
    role = Role(name=f"{slug}_user", label=body.display_name, rules=rules)
    auth = "api_key" if body.api_key_required else body.auth_type
    return Service(
        id=body.name,
        name=body.name,
        label=body.display_name,
        description=body.description,
        type="external",
        category=body.category,
        icon=body.icon,
        visibility=body.visibility,
        version=body.version,
        documentation_url=body.documentation_url,
        contact_email=body.contact_email,
        base_url=body.base_url,
        auth_type=body.auth_type if body.auth_type != "none" else auth,
        health_check_url=body.health_check_url,
        endpoints=endpoints,
        menu=Menu(items=_items(body.menu_schema.items, pages, set())),
        roles=(role,) if rules else (),
    )


def _taker(body: Registration) -> Call | None:
    """Return the endpoint that takes the form: the named one, else the first free."""
    form = body.form_schema
    for call in body.endpoints:
        named = form is not None and form.endpoint == call.name
        free = call.method in {"POST", "PUT", "PATCH"} and not call.request_schema
        if named or (form is not None and form.endpoint is None and free):
            return call
    return None


def _endpoints(body: Registration) -> tuple[Endpoint, ...]:
    """Return the endpoints; a body that names none has those its menu leads to."""
    form, calls = body.form_schema, body.endpoints
    if form is not None and not calls:
        calls = _calls_of_menu(body)
        body = body.model_copy(update={"endpoints": calls})
    taker = _taker(body)
    found = []
    for call in calls:
        schema, ui = dict(call.request_schema), dict[str, Json]()
        if form is not None and call is taker:
            schema, ui = request_form(field.model_dump() for field in form.fields)
        values = call.model_dump(exclude={"display_name", "request_schema"})
        found.append(
            Endpoint(
                **values,
                id=call.name[:40],
                label=call.display_name,
                request_schema=schema,
                request_ui=ui,
            )
        )
    return tuple(found)


def _calls_of_menu(body: Registration) -> tuple[Call, ...]:
    """Return an endpoint for every page of the menu: the first takes the form.

    Each is named after its page, asks for its permission and lies at its path; the
    others are read with GET. The draft can be corrected.
    """
    pages = [item for item in _all(body.menu_schema.items) if item.path[:1] == "/"]
    if not pages:
        return (Call(name="submit", path="/"),)
    found: dict[str, Call] = {}
    for item in pages:
        path = _bare(item.path)
        name = slug_of(path.rpartition("/")[2])
        if path in {call.path for call in found.values()}:
            continue
        while name in found:
            name = f"{name[:36]}_{len(found) + 1}"
        found[name] = Call(
            name=name,
            displayName=item.label or item.name,
            path=path,
            method="GET" if found else "POST",
            requiredPermissions=(item.permission,) if item.permission else (),
        )
    return tuple(found.values())


def _bare(path: str) -> str:
    """Return the path of a link without its query and fragment."""
    return path.partition("?")[0].partition("#")[0]


def _all(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        yield from _all(item.children)


def _items(
    items: Iterable[Item], pages: Mapping[str, str], seen: set[str]
) -> tuple[MenuItem, ...]:
    """Return the menu; `pages` are the endpoints by path, which open their forms."""
    found = []
    for item in items:
        name = slug_of(item.name)
        unique, number = name, 2
        while unique in seen:
            unique, number = f"{name[:36]}_{number}", number + 1
        seen.add(unique)
        found.append(
            MenuItem(
                id=unique,
                name=unique,
                label=item.label or item.name,
                icon=item.icon,
                category=item.category,
                sort_order=item.sort_order,
                path=item.path,
                endpoint=pages.get(_bare(item.path)),
                permission=item.permission,
                children=_items(item.children, pages, seen),
            )
        )
    return tuple(found)


def slug_of(text: str) -> str:
    """Return a text as a name: lower case, words joined by `_`, at most 40 signs."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in text.lower())
    slug = "_".join(words.split())[:40]
    return slug if slug[:1].isalpha() else f"item_{slug}"[:40].rstrip("_")
