"""Security schemes of a document → how a tenant's connection proves itself; pure.

The credentials themselves are each tenant's. Called by `documents.py`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from registry.gateway.headers import is_free
from registry.openapi.notes import Notes, short, token
from registry.openapi.operations import Operation

AuthType = Literal["none", "api_key", "jwt", "oauth"]


@dataclass(frozen=True, slots=True)
class Security:
    """What a connection needs.

    Attributes:
        auth_type: the word of the definition.
        scheme: name of the scheme in the document, None when nothing is needed.
        kind: `api_key`, `bearer`, `basic`, `oauth2`, `other` or None.
        place, name: of an API key: `header` or `query`, and what it is called there.
        token_url: of OAuth 2 client credentials.
    """

    auth_type: AuthType = "none"
    scheme: str | None = None
    kind: str | None = None
    place: str | None = None
    name: str | None = None
    token_url: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as the preview shows it."""
        return asdict(self)


def security_of(
    document: Mapping[str, Any], operations: Iterable[Operation], notes: Notes
) -> Security:
    """Return what the most operations of a document ask for, of what can be used."""
    components = document.get("components")
    schemes = (
        components.get("securitySchemes") if isinstance(components, Mapping) else None
    )
    known = schemes if isinstance(schemes, Mapping) else {}
    asked: Counter[str] = Counter()
    for operation in operations:
        asked.update(set(_names(operation.security)))
    unknown = [name for name in asked if name not in known]
    for name in unknown:
        notes.error(
            "/components/securitySchemes", "unknown_security",
            f'there is no security scheme "{short(name)}"',
            f"There are: {short(', '.join(known)) or 'none'}.",
        )  # fmt: skip
    used = [name for name, _ in asked.most_common() if name in known]
    used.sort(key=lambda name: not _is_usable(known[name]))
    if not used:
        return Security()
    if len(used) > 1:
        notes.warning(
            f"/components/securitySchemes/{token(used[1])}", "security",
            f'the connection uses "{short(used[0])}" alone',
            "Check that it is enough; a service has one way to prove itself.",
        )  # fmt: skip
    return _scheme(used[0], known[used[0]], notes)


def _is_usable(raw: Any) -> bool:
    """Return whether a connection can prove itself this way, as it is."""
    if not isinstance(raw, Mapping):
        return False
    flows = raw.get("flows")
    return (
        (
            raw.get("type") == "apiKey"
            and raw.get("in") == "header"
            and _is_sent(raw.get("name"))
        )
        or raw.get("type") == "http"
        or (isinstance(flows, Mapping) and "clientCredentials" in flows)
    )


def _is_sent(name: Any) -> bool:
    """Return whether a connection can set a header of this name."""
    return isinstance(name, str) and is_free(name)


def _names(security: Any) -> Iterable[str]:
    """Yield the schemes of any alternative; none when it works without."""
    for each in security if isinstance(security, list) else ():
        if isinstance(each, Mapping):
            yield from each


def _scheme(name: str, raw: Any, notes: Notes) -> Security:
    path = f"/components/securitySchemes/{token(name)}"
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    if kind == "apiKey":
        place, key = raw.get("in"), raw.get("name")
        if place != "header":
            notes.warning(
                path, "security", f"an API key in the {short(place)} is not sent",
                "Ask the service for a key in a header: the gateway sends no other.",
            )  # fmt: skip
        elif not _is_sent(key):
            notes.warning(
                path, "security", f'the gateway sets no header "{short(key)}"',
                "Ask the service for a key in a header of another name.",
            )  # fmt: skip
        return Security("api_key", name, "api_key", str(place), short(key))
    if kind == "http":
        scheme = str(raw.get("scheme", "")).lower()
        if scheme == "bearer":
            return Security("jwt", name, "bearer")
        if scheme == "basic":
            return Security("api_key", name, "basic")
    if kind in {"oauth2", "openIdConnect"}:
        flows = raw.get("flows")
        flow = flows.get("clientCredentials") if isinstance(flows, Mapping) else None
        url = flow.get("tokenUrl") if isinstance(flow, Mapping) else None
        if kind == "oauth2" and flow is None:
            notes.warning(
                path, "security", "it has no flow of client credentials",
                "Ask the service for one: no person is there to log in.",
            )  # fmt: skip
        found = short(url, 490) if isinstance(url, str) else None
        return Security("oauth", name, "oauth2", token_url=found)
    notes.warning(
        path, "security", f"a scheme of type {short(kind)} cannot be used",
        "Set a header on the connection when that is enough.",
    )  # fmt: skip
    return Security("api_key", name, "other")
