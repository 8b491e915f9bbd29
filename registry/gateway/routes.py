"""Which endpoint of an external service a request means, and where it goes.

Owns the reading of raw paths and the match of (method, path) against the templates of
one service version. Never decodes twice and never builds an address by joining what a
client sent: parameters are quoted anew into the template's own text.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from urllib.parse import quote, unquote, urlsplit

from jsonschema_rs import Draft202012Validator

from metadata import endpoint_forms
from metadata.compiled import CompiledService
from metadata.definitions import Endpoint
from registry.gateway.inputs import Inputs

MAX_PATH_BYTES = 4096
_USUAL_PATH_BYTES = 256

_SENT = re.compile(rb"[!-~]*")
_PLAIN = re.compile(rb"[A-Za-z0-9_~-]+(?:/[A-Za-z0-9_~-]+)*")
_PARAMETER = re.compile(r"\{([^{}/]*)\}")
_TWICE = re.compile(r"%(?:2e|2f|5c|25|00)", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_KEPT = "%!$&'()*+,;=:@~"


_NO_VALUES: Mapping[str, str] = {}


class BadPath(Exception):
    """The path could be read in two ways; the message says where."""


class NoRoute(Exception):
    """No endpoint has this path."""


class WrongMethod(Exception):
    """The path is there, the method is not; `allowed` are those that are."""

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(", ".join(allowed))
        self.allowed = tuple(allowed)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One endpoint, ready to be called.

    Attributes:
        base: where the service is, None where its address cannot be used.
        needs_connection: whether calls go out with credentials only.
        key: names the endpoint among those of all services.
        permissions: (resource, action) pairs, all of which a caller needs.
        body: validator of the JSON body, None where it is not checked.
        needs_body: whether a call without a body is refused.
        inputs: what else it takes, None where it describes nothing of itself.
    """

    service: str
    base: "Base | None"
    needs_connection: bool
    key: str
    endpoint: Endpoint
    permissions: tuple[tuple[str, str], ...]
    body: Draft202012Validator | None
    needs_body: bool
    inputs: Inputs | None
    segments: tuple[str, ...]

    def path(self, values: Mapping[str, str]) -> str:
        """Return the path at the service, parameters percent-encoded."""
        if not values:
            return self.endpoint.path
        return "/" + "/".join(
            _PARAMETER.sub(lambda found: quote(values[found[1]], safe="~"), part)
            for part in self.segments
        )


@dataclass(slots=True)
class _Node:
    """A place in the tree of paths."""

    literal: dict[str, "_Node"] = field(default_factory=dict)
    patterns: list[tuple[str, re.Pattern[str], tuple[str, ...], "_Node"]] = field(
        default_factory=list
    )
    routes: dict[str, tuple[Route, tuple[str, ...]]] = field(default_factory=dict)


class Routes:
    """The endpoints of one version of a service."""

    def __init__(self, service: CompiledService) -> None:
        self.endpoints = service.definition.endpoints
        self._base = base_of(service.definition.base_url)
        self._needs_connection = service.definition.auth_type != "none"
        self._root = _Node()
        self._literal: dict[tuple[str, tuple[str, ...]], Route] = {}
        self._declared: list[tuple[str, str]] = []
        for endpoint in self.endpoints:
            self._add(service.name, endpoint)

    @cached_property
    def permissions(self) -> tuple[tuple[str, str], ...]:
        """Return every (resource, action) that an endpoint asks for, once."""
        return tuple(dict.fromkeys(self._declared))

    def match(
        self, method: str, segments: tuple[str, ...]
    ) -> tuple[Route, Mapping[str, str]]:
        """Return the endpoint and the values of its parameters.

        HEAD is taken by what takes GET. A literal segment wins over a parameter.

        Raises:
            NoRoute: no endpoint has this path.
            WrongMethod: endpoints have it, with other methods.
        """
        wanted = "GET" if method == "HEAD" else method
        literal = self._literal.get((wanted, segments))
        if literal is not None:
            return literal, _NO_VALUES
        allowed: dict[str, None] = {}
        found = _find(self._root, segments, 0, (), wanted, allowed)
        if found is not None:
            route, names, values = found
            return route, dict(zip(names, values, strict=True))
        if not allowed:
            raise NoRoute
        raise WrongMethod(list(allowed))

    def _add(self, service: str, endpoint: Endpoint) -> None:
        segments = tuple(endpoint.path[1:].split("/"))
        schema = endpoint_forms.body_schema(endpoint)
        route = Route(
            service,
            self._base,
            self._needs_connection,
            f"{service}:{endpoint.id}",
            endpoint,
            tuple(endpoint_forms.permissions_of(service, endpoint)),
            Draft202012Validator(schema) if schema is not None else None,
            endpoint_forms.needs_body(endpoint),
            Inputs(endpoint) if endpoint.request_schema else None,
            segments,
        )
        self._declared.extend(route.permissions)
        node, names = self._root, list[str]()
        for part in segments:
            found = _PARAMETER.findall(part)
            names += found
            node = _below(node, part, tuple(found))
        node.routes.setdefault(endpoint.method, (route, tuple(names)))
        if not names:
            literal = tuple(unquote(part) for part in segments)
            self._literal.setdefault((endpoint.method, literal), route)


def segments_of(raw: bytes) -> tuple[str, ...]:
    """Return the segments of a raw path (no leading slash), decoded once.

    Raises:
        BadPath: the path is no ASCII, holds a control sign, a backslash, an encoded
            slash, an empty or dot segment, or what a second decoding would make one.
    """
    if len(raw) <= _USUAL_PATH_BYTES:
        return _kept_segments(raw)
    if len(raw) > MAX_PATH_BYTES:
        raise BadPath(f"is longer than {MAX_PATH_BYTES} bytes")
    return _segments(raw)


def _segments(raw: bytes) -> tuple[str, ...]:
    if _PLAIN.fullmatch(raw):
        # As nearly every path is: nothing to decode and nothing to doubt.
        return tuple(raw.decode("ascii").split("/"))
    if not _SENT.fullmatch(raw):
        raise BadPath("holds a byte that must be percent-encoded")
    parts = raw.decode("ascii").split("/")
    found = []
    for index, part in enumerate(parts):
        if not part and index < len(parts) - 1:
            raise BadPath("holds an empty segment")
        found.append(_decoded(part))
    return tuple(found)


_kept_segments = lru_cache(maxsize=1024)(_segments)
"""The last ones, of usual length: 8 MiB at most."""


def _decoded(part: str) -> str:
    if re.search(r"%(?![0-9a-fA-F]{2})", part):
        raise BadPath("holds a percent sign that begins no escape")
    try:
        text = unquote(part, errors="strict")
    except UnicodeDecodeError as error:
        raise BadPath("holds an escape that is no UTF-8") from error
    if "/" in text or "\\" in text or _CONTROL.search(text):
        raise BadPath("holds a slash, a backslash or a control sign in a segment")
    if _TWICE.search(text):
        raise BadPath("is encoded twice")
    # Some servers fold look-alikes of dots and slashes before they read a path.
    folded = unicodedata.normalize("NFKC", text)
    if folded.strip() in {".", ".."} or "/" in folded or "\\" in folded:
        raise BadPath("holds a dot segment")
    # A parameter of the segment (RFC 3986, 3.3) is cut off by some servers.
    if folded.partition(";")[0] in {".", ".."}:
        raise BadPath("holds a dot segment")
    return text


def _below(node: _Node, part: str, names: tuple[str, ...]) -> _Node:
    if not names:
        return node.literal.setdefault(unquote(part), _Node())
    for text, _, _, below in node.patterns:
        if text == part:
            return below
    pieces = _PARAMETER.split(part)
    pattern = "".join(
        "(.+?)" if index % 2 else re.escape(unquote(piece))
        for index, piece in enumerate(pieces)
    )
    below = _Node()
    node.patterns.append((part, re.compile(pattern, re.DOTALL), names, below))
    return below


def _find(
    node: _Node,
    segments: Sequence[str],
    index: int,
    values: tuple[str, ...],
    method: str,
    allowed: dict[str, None],
) -> tuple[Route, tuple[str, ...], tuple[str, ...]] | None:
    if index == len(segments):
        found = node.routes.get(method)
        if found is None:
            allowed.update(dict.fromkeys(node.routes))
            return None
        return *found, values
    part = segments[index]
    below = node.literal.get(part)
    if below is not None:
        match = _find(below, segments, index + 1, values, method, allowed)
        if match is not None:
            return match
    for _, pattern, _, under in node.patterns:
        matched = pattern.fullmatch(part)
        if matched is None:
            continue
        more = (*values, *matched.groups())
        match = _find(under, segments, index + 1, more, method, allowed)
        if match is not None:
            return match
    return None


@dataclass(frozen=True, slots=True)
class Base:
    """Where a service is: scheme, authority (host and port), path without its end."""

    scheme: str
    authority: str
    path: str
    host: str


def base_of(url: str | None) -> Base | None:
    """Return the parts of a base URL, None where it cannot be used."""
    try:
        parts = urlsplit(url or "")
        usable = parts.hostname and parts.port != 0
    except ValueError:
        return None
    if not usable or "@" in parts.netloc or parts.query or parts.fragment:
        return None
    if parts.scheme not in {"http", "https"} or not parts.netloc.isascii():
        return None
    path = quote(parts.path.rstrip("/"), safe=f"/{_KEPT}")
    return Base(parts.scheme, parts.netloc, path, parts.hostname or "")
