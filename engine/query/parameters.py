"""Query strings of lists and records → frozen queries; pure.

Owns the grammar of the parameters (docs/query-language.md) and their limits; knows no
entity, so whether a field exists is found later, in planning. Equal strings give the
same object, so parsing costs nothing on a repeated query.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from engine import payload
from engine.errors import BadRequest, Detail, ValidationFailed
from metadata.conditions import EVERYTHING, Condition, ConditionError, parse

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_EXPAND_DEPTH = 3
MAX_EXPAND_NODES = 20
MAX_EXPAND_ROWS = 100
MAX_QUERY_LENGTH = 16_384

LIST_PARAMETERS = (
    "filter",
    "sort",
    "limit",
    "cursor",
    "fields",
    "expand",
    "search",
    "count",
    "aggregate",
    "group",
    "actions",
    "deleted",
    "format",
)
GET_PARAMETERS = ("fields", "expand", "actions", "deleted")
FUNCTIONS = ("_count", "_count_distinct", "_sum", "_avg", "_min", "_max")


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order. Without a word on nulls they come last."""

    path: tuple[str, ...]
    descending: bool = False
    nulls_first: bool = False


@dataclass(frozen=True, slots=True)
class Expand:
    """A relation to be shown with the record, and how."""

    fields: tuple[str, ...] = ()
    expand: tuple[tuple[str, "Expand"], ...] = ()
    filter: Condition = EVERYTHING
    sort: tuple[SortKey, ...] = ()
    limit: int = MAX_EXPAND_ROWS


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A named function over a field; `*` counts rows."""

    name: str
    function: str
    path: str


@dataclass(frozen=True, slots=True)
class GetQuery:
    """What of one record is wanted."""

    fields: tuple[str, ...] = ()
    expand: tuple[tuple[str, Expand], ...] = ()
    actions: bool = False
    deleted: str = ""


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which records are wanted, in which order, and what of each.

    Attributes:
        text: what it was read from. Python holds 1 and True for equal, so that without
            it a filter by one would be taken for a filter by the other.
    """

    filter: Condition = EVERYTHING
    sort: tuple[SortKey, ...] = ()
    limit: int = DEFAULT_LIMIT
    cursor: str = ""
    fields: tuple[str, ...] = ()
    expand: tuple[tuple[str, Expand], ...] = ()
    search: str = ""
    count: str = ""
    aggregate: tuple[Aggregate, ...] = ()
    group: tuple[tuple[str, str], ...] = field(default=())
    actions: bool = False
    deleted: str = ""
    format: str = "csv"
    text: str = ""

    @classmethod
    def of(
        cls, condition: Mapping[str, Any], *, sort: Sequence[str] = (), limit: int = 50
    ) -> "ListQuery":
        """Return a query of engine code; raises ConditionError."""
        return cls(
            filter=parse(condition),
            sort=_sort(",".join(sort)),
            limit=limit,
            text=repr(condition),
        )


@lru_cache(maxsize=4096)
def parse_list(query: str) -> ListQuery:
    """Return the query of a list; raises BadRequest naming the parameter."""
    values = _values(query, LIST_PARAMETERS)
    result = ListQuery(
        filter=_filter(values.get("filter", {})),
        sort=_sort(values.get("sort", "")),
        limit=_whole("limit", values.get("limit"), DEFAULT_LIMIT, MAX_LIMIT),
        cursor=values.get("cursor", ""),
        fields=_names(values.get("fields", "")),
        expand=_expand(values.get("expand", "")),
        search=_search(values.get("search", "")),
        count=_word("count", values.get("count", ""), ("exact", "estimated")),
        aggregate=_aggregate(values.get("aggregate", "")),
        group=_group(values.get("group", "")),
        actions=_word("actions", values.get("actions", ""), ("true", "false"))
        == "true",
        deleted=_word("deleted", values.get("deleted", ""), ("only", "with")),
        format=_word("format", values.get("format", ""), ("csv", "jsonl", "xlsx"))
        or "csv",
        text=query,
    )
    if result.group and not result.aggregate:
        result = replace(result, aggregate=(Aggregate("count", "_count", "*"),))
    return result


@lru_cache(maxsize=1024)
def parse_get(query: str) -> GetQuery:
    """Return the query of one record; raises BadRequest naming the parameter."""
    values = _values(query, GET_PARAMETERS)
    return GetQuery(
        fields=_names(values.get("fields", "")),
        expand=_expand(values.get("expand", "")),
        actions=values.get("actions", "") == "true",
        deleted=_word("deleted", values.get("deleted", ""), ("with",)),
    )


def wrong(parameter: str, message: str, code: str = "INVALID_QUERY") -> NoReturn:
    """Raise BadRequest about one parameter."""
    raise BadRequest(
        message, code=code, details=[Detail(parameter, "invalid", message)]
    )


def _values(query: str, known: Sequence[str]) -> dict[str, Any]:
    if len(query) > MAX_QUERY_LENGTH:
        wrong("", f"The query is longer than {MAX_QUERY_LENGTH} characters.")
    values: dict[str, Any] = {}
    brackets: list[tuple[list[str], str]] = []
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.startswith("filter["):
            brackets.append(([part.rstrip("]") for part in name.split("[")[1:]], value))
        elif name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            wrong(name, f"There is no parameter {name}.{hint}", "UNKNOWN_PARAMETER")
        elif name in values:
            wrong(name, f"{name} stands twice; keep one of them.")
        else:
            values[name] = value
    if brackets:
        if "filter" in values:
            wrong("filter", "Write filter as JSON or in brackets, not both.")
        values["filter"] = _nest(brackets)
    return values


def _nest(brackets: list[tuple[list[str], str]]) -> dict[str, Any]:
    """Return `filter[status][_eq]=active` as the object it stands for."""
    tree: dict[str, Any] = {}
    for path, value in brackets:
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                wrong("filter", f"filter names {part} in two ways.")
        operator = path[-1]
        if operator in {"_in", "_nin", "_between"}:
            node[operator] = [_scalar(part) for part in value.split(",")]
        else:
            node[operator] = _scalar(value)
    return tree


def _scalar(text: str) -> Any:
    if text in {"true", "false"}:
        return text == "true"
    return text


def _filter(raw: Any) -> Condition:
    if isinstance(raw, str):
        raw = _json("filter", raw)
    try:
        return parse(raw)
    except ConditionError as error:
        detail = Detail(f"filter{error.path}", "condition", error.message)
        raise BadRequest(
            f"filter: {error.message}.", code="INVALID_FILTER", details=[detail]
        ) from error


def _json(name: str, text: str) -> Any:
    if not text:
        return {}
    try:
        return payload.parse(text, name)
    except BadRequest as error:
        example = '{"status": {"_eq": "active"}}'
        wrong(name, f"{error.message} {name} is JSON such as {example}.")
    except ValidationFailed as error:
        details = [replace(d, field=f"{name}.{d.field}") for d in error.details]
        raise BadRequest(
            error.message, code="INVALID_QUERY", details=details
        ) from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(part.strip() for part in text.split(",") if part.strip())
    )


def _sort(text: str) -> tuple[SortKey, ...]:
    keys = []
    for part in _names(text):
        name, _, nulls = part.partition(":")
        if nulls not in {"", "nulls_first", "nulls_last"}:
            wrong("sort", f"{nulls} is neither nulls_first nor nulls_last.")
        path = tuple(name.lstrip("-").split("."))
        keys.append(SortKey(path, name.startswith("-"), nulls == "nulls_first"))
    if len(keys) > 8:
        wrong("sort", "Sort by at most 8 fields.")
    return tuple(keys)


def _whole(name: str, text: str | None, default: int, most: int) -> int:
    if text is None:
        return default
    # The length goes first: int() itself refuses thousands of digits.
    digits = text.isascii() and text.isdigit() and len(text) <= 18
    if not digits or not 1 <= int(text) <= most:
        wrong(name, f"{name} is a whole number from 1 to {most}.")
    return int(text)


def _search(text: str) -> str:
    if "\0" in text:
        wrong("search", "search holds a character (NUL) that no text can hold.")
    return text.strip()[:200]


def _word(name: str, text: str, words: Sequence[str]) -> str:
    if text and text not in words:
        wrong(name, f"{name} is one of: {', '.join(words)}.")
    return text


def _expand(text: str) -> tuple[tuple[str, Expand], ...]:
    if text.startswith("{"):
        tree = _expand_tree(_json("expand", text), 1)
    else:
        nested: dict[str, Any] = {}
        for path in _names(text):
            node = nested
            for part in path.split("."):
                node = node.setdefault(part, {})
        tree = _expand_paths(nested, 1)
    if _count_nodes(tree) > MAX_EXPAND_NODES:
        wrong("expand", f"Expand at most {MAX_EXPAND_NODES} relations.")
    return tree


def _expand_paths(
    nested: Mapping[str, Any], depth: int
) -> tuple[tuple[str, Expand], ...]:
    _check_depth(depth, nested)
    return tuple(
        (name, Expand(expand=_expand_paths(below, depth + 1)))
        for name, below in nested.items()
    )


def _expand_tree(raw: Any, depth: int) -> tuple[tuple[str, Expand], ...]:
    if not isinstance(raw, dict):
        wrong("expand", 'expand is {"plan": {}} or plan,lines.')
    _check_depth(depth, raw)
    found = []
    for name, options in raw.items():
        if not isinstance(options, dict):
            wrong("expand", f"The options of {name} are an object.")
        unknown = sorted(set(options) - {"fields", "expand", "filter", "sort", "limit"})
        if unknown:
            wrong("expand", f"{name} has no option {unknown[0]}.")
        fields = options.get("fields", [])
        limit = options.get("limit", MAX_EXPAND_ROWS)
        if type(limit) is not int or not 1 <= limit <= MAX_EXPAND_ROWS:
            wrong("expand", f"limit of {name} is from 1 to {MAX_EXPAND_ROWS}.")
        if not isinstance(fields, list) or not all(isinstance(f, str) for f in fields):
            wrong("expand", f"fields of {name} is a list of names.")
        below = _expand_tree(options.get("expand", {}), depth + 1)
        found.append(
            (
                name,
                Expand(
                    tuple(fields),
                    below,
                    _filter(options.get("filter", {})),
                    _sort(str(options.get("sort", ""))),
                    limit,
                ),
            )
        )
    return tuple(found)


def _check_depth(depth: int, below: Mapping[str, Any]) -> None:
    if below and depth > MAX_EXPAND_DEPTH:
        wrong("expand", f"Expand at most {MAX_EXPAND_DEPTH} levels.")


def _count_nodes(tree: tuple[tuple[str, Expand], ...]) -> int:
    return sum(1 + _count_nodes(node.expand) for _, node in tree)


def _aggregate(text: str) -> tuple[Aggregate, ...]:
    raw = _json("aggregate", text)
    if not isinstance(raw, dict) or len(raw) > 20:
        wrong("aggregate", 'aggregate is {"total": {"_sum": "amount"}}.')
    found = []
    for name, call in raw.items():
        if not isinstance(call, dict) or len(call) != 1 or not name.isidentifier():
            wrong("aggregate", f'{name} is written {{"_sum": "amount"}}.')
        ((function, path),) = call.items()
        if function not in FUNCTIONS or not isinstance(path, str):
            wrong("aggregate", f"A function is one of: {', '.join(FUNCTIONS)}.")
        found.append(Aggregate(name, function, path))
    return tuple(found)


def _group(text: str) -> tuple[tuple[str, str], ...]:
    found = []
    for part in _names(text):
        head, paren, rest = part.partition("(")
        if not paren:
            found.append(("", part))
            continue
        if head not in {"year", "month", "week", "day"} or not rest.endswith(")"):
            wrong("group", "Group by a field or year(), month(), week(), day() of one.")
        found.append((head, rest[:-1]))
    return tuple(found)
