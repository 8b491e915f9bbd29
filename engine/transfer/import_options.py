"""How a file is to be imported: the parameters of `POST …/import`, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from engine.errors import BadRequest
from engine.record_errors import unique_sets
from metadata.compiled import CompiledEntity

PARAMETERS = ("format", "dry_run", "on_error", "existing", "key", "force")
_FLAG = ("true", "false")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the caller wants.

    Attributes:
        skip_errors: keep the rows that fit; otherwise one bad row undoes all.
        skip_existing: leave out rows whose `key` a record has already.
        force: import a file again that was imported before.
    """

    format: str
    dry_run: bool
    skip_errors: bool
    skip_existing: bool
    key: tuple[str, ...]
    force: bool


def parse_options(
    query: str, content_type: str, entity: CompiledEntity
) -> ImportOptions:
    """Return the options of a query string; raises BadRequest.

    A word that is not known is refused, never taken for "no": `dry_run=1` must not
    write what it was to try.
    """
    values = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(set(values) - set(PARAMETERS))
    if unknown:
        raise BadRequest(
            f"An import has no parameter {unknown[0]}; there are: "
            f"{', '.join(PARAMETERS)}.",
            code="UNKNOWN_PARAMETER",
        )
    kind = "jsonl" if "json" in content_type else "csv"
    skip_existing = _word(values, "existing", ("refuse", "skip")) == "skip"
    key = tuple(part for part in values.get("key", "").split(",") if part)
    if skip_existing or key:
        _check_key(entity, key, skip_existing=skip_existing)
    return ImportOptions(
        format=_word(values, "format", ("csv", "jsonl"))
        if "format" in values
        else kind,
        dry_run=_word(values, "dry_run", _FLAG[::-1]) == "true",
        skip_errors=_word(values, "on_error", ("abort", "skip")) == "skip",
        skip_existing=skip_existing,
        key=key,
        force=_word(values, "force", _FLAG[::-1]) == "true",
    )


def _word(values: Mapping[str, str], name: str, words: Sequence[str]) -> str:
    """Return the value of a parameter, the first of its words when it is not given."""
    given = values.get(name, words[0])
    if given not in words:
        raise BadRequest(f"{name} is one of: {', '.join(sorted(words))}.")
    return given


def _check_key(
    entity: CompiledEntity, key: tuple[str, ...], *, skip_existing: bool
) -> None:
    """Raise BadRequest unless the key says which record a row is."""
    keys = [
        names for names in unique_sets(entity) if set(names) <= entity.stored.keys()
    ]
    listed = "; ".join(",".join(names) for names in keys) or "none"
    if not skip_existing:
        raise BadRequest("key belongs to existing=skip; leave it out, or add that.")
    if key not in keys:
        raise BadRequest(
            f"With existing=skip, key names fields that are unique: {listed}."
        )
