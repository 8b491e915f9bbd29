"""An OpenAPI 3.0 or 3.1 document → the definition of an external service; pure.

A document is in or out as a whole: with one error there is no definition, and every
finding is told. Called by the route that imports, never for requests of tenants.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from metadata.checks import Finding, check_service, read_service
from metadata.definitions import (
    Endpoint,
    Menu,
    MenuItem,
    Role,
    RoleRule,
    Service,
    as_json,
)
from metadata.identifiers import shorten
from registry.openapi.names import name_of
from registry.openapi.notes import Notes, short, token
from registry.openapi.operations import Operation, Operations
from registry.openapi.reading import fits, read_text
from registry.openapi.schemas import DIALECTS, Schemas
from registry.openapi.security import Security, security_of

MAX_DEFINITION_BYTES = 8 * 1024 * 1024
_PAGE = re.compile(r"https?://[^\s]{1,490}")
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){2}")
_DATA = frozenset({"example", "examples", "default", "enum", "const"})


@dataclass(frozen=True, slots=True)
class Imported:
    """What a document became.

    Attributes:
        service: None when a finding is an error.
        title: the document's own name of the service.
    """

    service: Service | None
    findings: Sequence[Finding]
    title: str = ""
    security: Security | None = None


def import_text(
    text: str,
    *,
    name: str | None = None,
    base_url: str | None = None,
    location: str | None = None,
) -> Imported:
    """Return what a document in JSON or YAML becomes; see `import_document`.

    `location` is the address it came from, against which that of a server is read
    (OpenAPI 3.1.1, 4.6); nothing is fetched.
    """
    notes = Notes()
    value = read_text(text, notes)
    return _import(value, notes, name, base_url, location)


def import_document(
    document: Any, *, name: str | None = None, base_url: str | None = None
) -> Imported:
    """Return what a decoded document becomes.

    `name` is that of the service, by default made from the title; `base_url` takes the
    place of the document's first server.
    """
    notes = Notes()
    fits(document, notes)
    return _import(document, notes, name, base_url)


def _import(
    document: Any,
    notes: Notes,
    name: str | None,
    base_url: str | None,
    location: str | None = None,
) -> Imported:
    if notes.has_errors:
        return Imported(None, notes.all())
    if not isinstance(document, Mapping):
        _wrong(notes, "", "the document is an object")
        return Imported(None, notes.all())
    is_30 = _version(document, notes)
    if is_30 is None:
        return Imported(None, notes.all())
    _remote_references(document, notes)
    info = document.get("info")
    if not isinstance(info, Mapping):
        _wrong(notes, "/info", "info is an object with title and version")
        info = {}
    title = info.get("title")
    title = short(title.strip(), 200) if isinstance(title, str) else ""
    schemas = Schemas(document, notes, is_30=is_30)
    _components(document, schemas, notes)
    operations = Operations(document, schemas, notes).read()
    security = security_of(document, operations, notes)
    url = base_url or _server(document, notes, location)
    if notes.has_errors or url is None:
        return Imported(None, notes.all(), title, security)
    service = _service(name or _service_name(title), title, info, operations)
    service["base_url"], service["auth_type"] = url, security.auth_type
    service |= _about(document, info)
    return _checked(service, notes, title, security)


def _checked(
    raw: Mapping[str, Any], notes: Notes, title: str, security: Security
) -> Imported:
    """Return a definition that could be published, or what keeps it from that."""
    definition, findings = read_service(raw)
    if definition is not None:
        findings = check_service(definition, others={})
        size = len(json.dumps(as_json(definition)))
        if size > MAX_DEFINITION_BYTES:
            notes.error(
                "", "too_large",
                f"the service has {size:,} bytes with its schemas written out",
                "Leave out the operations that are not needed.",
            )  # fmt: skip
    for finding in findings:
        notes.error(finding.path, finding.code, finding.message, finding.remedy)
    if notes.has_errors:
        return Imported(None, notes.all(), title, security)
    return Imported(definition, notes.all(), title, security)


def _version(document: Mapping[str, Any], notes: Notes) -> bool | None:
    """Return whether the document is 3.0; None when it is neither 3.0 nor 3.1."""
    version = str(document.get("openapi", ""))
    for begin, is_30 in (("3.0", True), ("3.1", False)):
        if version == begin or version.startswith(f"{begin}."):
            dialect = document.get("jsonSchemaDialect")
            if dialect is not None and dialect not in DIALECTS:
                notes.error(
                    "/jsonSchemaDialect", "dialect",
                    "only JSON Schema 2020-12 is read here",
                    "Leave jsonSchemaDialect out.",
                )  # fmt: skip
            return is_30
    said = f"swagger {short(document['swagger'])}" if "swagger" in document else version
    notes.error(
        "/openapi", "openapi_version",
        f"only OpenAPI 3.0 and 3.1 are read, this is {short(said) or 'neither'}",
        "Convert it to OpenAPI 3.0 or 3.1; editors of OpenAPI can.",
    )  # fmt: skip
    return None


def _remote_references(document: Mapping[str, Any], notes: Notes) -> None:
    """Note every reference out of the document, also where nothing else is read."""
    ahead: list[tuple[str, Any]] = [("", document)]
    while ahead:
        path, value = ahead.pop()
        if isinstance(value, Mapping):
            ref = value.get("$ref")
            if isinstance(ref, str) and not (ref == "#" or ref.startswith("#/")):
                notes.error(
                    f"{path}/$ref", "remote_ref",
                    f"{short(ref)} leads out of this document",
                    "Copy what it names into components and write #/components/….",
                )  # fmt: skip
            ahead += [
                (f"{path}/{token(word)}", child)
                for word, child in value.items()
                if word not in _DATA
            ]
        elif isinstance(value, list):
            ahead += [(f"{path}/{index}", child) for index, child in enumerate(value)]


def _components(document: Mapping[str, Any], schemas: Schemas, notes: Notes) -> None:
    """Read every named schema, so that one nobody uses is checked too."""
    components = document.get("components", {})
    named = components.get("schemas", {}) if isinstance(components, Mapping) else None
    if not isinstance(named, Mapping):
        _wrong(notes, "/components", "components and its schemas are objects")
        return
    for name in named:
        ref = {"$ref": f"#/components/schemas/{_escaped(name)}"}
        schemas.read(ref, f"/components/schemas/{token(name)}", "response")


def _escaped(name: str) -> str:
    return token(name).replace("%", "%25")


def _server(
    document: Mapping[str, Any], notes: Notes, location: str | None
) -> str | None:
    """Return the first address of a server that could be called."""
    servers = document.get("servers")
    listed = servers if isinstance(servers, list) and servers else [{"url": "/"}]
    for server in listed:
        url = _filled(server)
        if location is not None:
            url = _joined(location, url or "/")
        url = url.rstrip("/")
        if is_address(url):
            return url
    given = _filled(listed[0]) if servers else ""
    notes.error(
        "/servers/0/url", "base_url",
        f"{short(given) or 'no server'} is no address that could be called",
        "Give base_url beside the document, beginning with https://.",
    )  # fmt: skip
    return None


def _filled(server: Any) -> str:
    """Return the address of a server with its variables filled in."""
    if not isinstance(server, Mapping):
        return ""
    url, variables = server.get("url"), server.get("variables")
    if not isinstance(url, str):
        return ""
    for name, variable in variables.items() if isinstance(variables, Mapping) else ():
        default = variable.get("default", "") if isinstance(variable, Mapping) else ""
        url = url.replace(f"{{{name}}}", str(default))
    return url


def _joined(location: str, url: str) -> str:
    """Return an address that may be relative to the document's own."""
    try:
        return urljoin(location, url)
    except ValueError:
        return url


def is_address(url: str) -> bool:
    """Return whether a base URL has a scheme, a host, and no user, query or braces."""
    if not url.startswith(("https://", "http://")) or len(url) > 490:
        return False
    if any(sign in url for sign in " {}\\\t\r\n?#"):
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def _service(
    name: str, title: str, info: Mapping[str, Any], operations: Sequence[Operation]
) -> dict[str, Any]:
    endpoints = [
        operation.endpoint.model_copy(
            update={"required_permissions": (f"{name}:{operation.endpoint.name}",)}
        )
        for operation in operations
    ]
    about = info.get("description")
    contact = info.get("contact")
    email = contact.get("email") if isinstance(contact, Mapping) else None
    return {
        "id": name[:40],
        "name": name,
        "label": title or None,
        "description": short(about, 490) if isinstance(about, str) and about else None,
        "type": "external",
        "contact_email": email[:255] if isinstance(email, str) else None,
        "endpoints": endpoints,
        "menu": Menu(items=tuple(_menu(operations))),
        "roles": tuple(_roles(name, title, endpoints)),
    }


def _about(document: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
    """Return where more is told of the service, and its version, where they fit."""
    outer = document.get("externalDocs")
    url = outer.get("url") if isinstance(outer, Mapping) else None
    version = info.get("version")
    found = {}
    if isinstance(url, str) and _PAGE.fullmatch(url):
        found["documentation_url"] = url
    if isinstance(version, str) and _VERSION.fullmatch(version):
        found["version"] = version
    return found


def _service_name(title: str) -> str:
    """Return the name of a service for a title: `Pet Store API` → `pet-store-api`."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in title.lower())
    slug = "-".join(words.split())[:40].rstrip("-")
    return slug if slug[:1].isalpha() else f"api-{slug}"[:40].rstrip("-")


def _menu(operations: Iterable[Operation]) -> Iterator[MenuItem]:
    """Yield a group for each tag, and what has no tag beside the groups.

    What the document calls deprecated, and what no form can send, can be called but is
    not in the menu.
    """
    groups: dict[str | None, list[MenuItem]] = {}
    for operation in operations:
        if operation.deprecated or not operation.has_form:
            continue
        endpoint = operation.endpoint
        tag = operation.tags[0] if operation.tags else None
        item = MenuItem(
            id=endpoint.id,
            name=endpoint.name,
            label=endpoint.label,
            endpoint=endpoint.name,
            sort_order=10 * (len(groups.get(tag, ())) + 1),
        )
        groups.setdefault(tag, []).append(item)
    names: set[str] = set()
    for index, (tag, items) in enumerate(groups.items(), start=1):
        if tag is None:
            yield from items
            continue
        slug = name_of(f"tag {tag}")
        while slug in names:
            slug = f"{slug[:37]}_{len(names)}"
        names.add(slug)
        yield MenuItem(
            id=f"{slug[:36]}-tag",
            name=slug,
            label=short(tag, 100),
            sort_order=100 * index,
            children=tuple(items),
        )


def _roles(name: str, title: str, endpoints: Sequence[Endpoint]) -> Iterator[Role]:
    """Yield a role for everything, and one for what only reads."""
    slug = name.replace("-", "_")
    label = title or name
    reading = [call for call in endpoints if call.method == "GET"]
    for suffix, calls in (("user", endpoints), ("reader", reading)):
        if not calls:
            continue
        rules = tuple(
            RoleRule(permission=call.required_permissions[0]) for call in calls
        )
        yield Role(
            name=shorten(f"{slug}_{suffix}"), label=f"{label} ({suffix})", rules=rules
        )


def _wrong(notes: Notes, path: str, message: str) -> None:
    notes.error(path, "openapi", message, "Write it as the OpenAPI Specification says.")
